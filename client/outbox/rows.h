// Keys and rows of the outbox. Pure. Numbers in keys are big-endian, in rows little-endian.
//
//   kLog    'i' class (1) first count (8)   → append row: what one Append wrote, in count order
//   kIndex  'd' intent_id (16)              → class (1) count (8)             an id that the app
//   gave
//           'D' first intent_id (16)        → last intent_id (16) class (1) first count (8)
//                                             ids that Append made: ranges that never overlap
//           'e' entity type NUL entity id   → LaneState
//           'p' class (1) first count (8)   → ReceiptRun: the first decision of consecutive counts
//           's' class (1) count (8)         → ReceiptRun: the last settlement of an open one
//           'o' position (8)                → class (1) count (8) decision (1): an own one that is
//                                             conflicted, rejected or parked
//           't' position (8)                → ReceiptRun: a settlement that came before its
//                                             receipt
//           'h' class (1) count (8)         → rolling hash before this count (32), where it is not
//                                             what the append row says: the log has another name
//                                             from some count on, and hashes begin anew there
//           'v' position (8)                → class (1) count (8): the last Resolve, Amend or
//                                             Dismiss of it that this device recorded
//           'w' class (1) first count (8)   → LostRun: where pending ones stood before the server
//                                             lost them
//   kMeta   "counts" class (1)              → receipted prefix, receipts, synced, failed,
//   conflicted,
//                                             parked, bytes of the log's rows, through which count
//                                             (8 each)
//           "retry" class (1)               → RetryState
//           "log" class (1)                 → DeviceLogState
//           "class" entity type             → class (1): where its intents are; none: 0
//
//   append row := n (4) attempts (8) rolling hash before (32) { length (4) } × n { intent } × n
//
// Lanes need no class: all intents of an entity type are in the log of one class ("class" rows).
//
// A row of 'i' is never changed. `attempts` is RetryState.attempts_ever at the append.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/outbox/log_place.h"
#include "eventlog/log/chain.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "proto/event.pb.h"

namespace intentlog {

std::string CountKey(char kind, PriorityClass priority, Count count);
// The count in such a key.
Count CountOf(std::string_view key);
std::string CountPrefix(char kind, PriorityClass priority);
std::string PositionKey(char kind, Position position);
Position PositionOf(std::string_view key);  // in such a key
std::string GivenIdKey(const IntentId& id);
std::string MadeIdKey(const IntentId& first);
std::string LaneKey(std::string_view entity_type, std::string_view entity_id);
std::string ClassKey(std::string_view name, PriorityClass priority);

std::string PlaceBytes(const LogPlace& place);
std::optional<LogPlace> ParsePlace(std::string_view bytes);

struct MadeIds {
  IntentId last;
  LogPlace first;
};
std::string MadeIdsBytes(const MadeIds& ids);
std::optional<MadeIds> ParseMadeIds(std::string_view bytes);

struct OpenIntent {
  LogPlace place;
  Decision decision = DECISION_UNSPECIFIED;
};
// What ReceiptRun.pointer says in the row of a settlement.
inline constexpr uint64_t kSettlementDone = 1;    // closed: nobody's attention is needed any more
inline constexpr uint64_t kSettlementTurned = 2;  // not closed

// Not closed: somebody must decide, or something before it. `resolved` is IntentOutcome::resolved.
inline bool IsOpen(Decision decision, bool resolved) {
  return decision == CONFLICTED || decision == PARKED || (decision == REJECTED && !resolved);
}
std::string OpenIntentBytes(const OpenIntent& open);
std::optional<OpenIntent> ParseOpenIntent(std::string_view bytes);

// Of one device log, so that opening it does not walk all receipts.
struct ReceiptCounts {
  uint64_t prefix = 0;    // every count up to here has a receipt
  uint64_t receipts = 0;  // with those above the prefix
  uint64_t synced = 0, failed = 0, conflicted = 0, parked = 0;
  // Of the log's rows through a count, so that opening it does not walk them.
  uint64_t log_bytes = 0, log_bytes_through = 0;

  friend bool operator==(const ReceiptCounts&, const ReceiptCounts&) = default;
};
std::string ReceiptCountsBytes(const ReceiptCounts& counts);
std::optional<ReceiptCounts> ParseReceiptCounts(std::string_view bytes);

// An append row, read in place.
class AppendRow {
 public:
  // DATA_LOSS if the layout is wrong.
  static absl::StatusOr<AppendRow> Parse(std::string_view bytes);

  uint32_t size() const { return size_; }
  uint64_t attempts() const { return attempts_; }
  const ChainValue& hash_before() const { return hash_before_; }
  // Bytes of all intents.
  size_t intent_bytes() const { return body_.size(); }
  // Calls use(index, intent bytes) for each, in order.
  template <class Use>
  void ForEach(Use use) const {
    size_t at = 0;
    for (uint32_t i = 0; i < size_; ++i) {
      const uint32_t length = LengthOf(i);
      use(i, body_.substr(at, length));
      at += length;
    }
  }
  // REQUIRES: index < size().
  std::string_view intent(uint32_t index) const;
  // Between two intents: a walk forward costs nothing but the steps.
  struct Place {
    uint32_t index = 0;
    size_t offset = 0;
  };
  // The intent at `index`; moves `place` behind it. REQUIRES: place.index <= index < size().
  std::string_view Walk(uint32_t index, Place* place) const;

 private:
  uint32_t LengthOf(uint32_t index) const;

  uint32_t size_ = 0;
  uint64_t attempts_ = 0;
  ChainValue hash_before_ = {};
  std::string_view lengths_;
  std::string_view body_;
};

// Key and row of an append of so many intents with so many bytes.
inline constexpr size_t AppendBytes(size_t intents, size_t intent_bytes) {
  constexpr size_t kKey = 2 + 8;
  constexpr size_t kHead = 4 + 8 + 32;
  return kKey + kHead + 4 * intents + intent_bytes;
}

class AppendRowBuilder {
 public:
  void Start(uint32_t size, uint64_t attempts, const ChainValue& hash_before);
  void Add(std::string_view intent);  // REQUIRES: as often as `size` says
  // Valid until the next Start.
  std::string_view bytes();

 private:
  std::string head_;
  std::string body_;
};

}  // namespace intentlog
