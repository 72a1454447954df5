// A Block is a run of events as stored, sent and replayed: about 64 KiB, checksummed, with a
// directory that lets a reader skip by scope without parsing. The byte layout is drawn in
// FORMAT.md.
//
// In the server's log a block holds dense positions. In a Feed, and on devices, it holds the events
// of one scope only, so positions have holes.
//
//   ASSIGN_OR_RETURN(BlockView block, BlockView::Parse(bytes));
//   for (size_t i = 0; i < block.size(); ++i) Use(block.event(i));
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/log/chain.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

// One event's bytes in a block, borrowed from it.
struct EventRef {
  Position position;
  std::string_view scope;
  bool in_feed = false;     // effective, conflicted, or a settlement: devices see it
  std::string_view header;  // serialized Header
  std::string_view intent;  // serialized Intent
};

// Immutable; borrows the bytes it was parsed from. Safe to share.
class BlockView {
 public:
  // DATA_LOSS, naming the first position where that can be read, if checksum or layout are wrong;
  // a block without events is none.
  // Never reads outside `bytes`, whatever they hold.
  static absl::StatusOr<BlockView> Parse(std::string_view bytes);
  // The same block in a copy of its bytes, which were checked. REQUIRES: `copy` equals bytes().
  BlockView In(std::string_view copy) const;

  size_t size() const { return count_; }
  EventRef event(size_t index) const;     // REQUIRES: index < size()
  Position position(size_t index) const;  // of that event
  // What event() says of scope and in_feed, without its bytes. `scope` is an index into scopes().
  struct Place {
    uint32_t scope;
    bool in_feed;
  };
  Place place(size_t index) const;
  std::optional<uint32_t> FindScope(std::string_view scope) const;  // its index
  Position first() const { return first_; }
  Position last() const { return last_; }
  // Chain value at last().
  const ChainValue& chain() const { return chain_; }
  const std::vector<std::string_view>& scopes() const { return scopes_; }
  std::string_view bytes() const { return bytes_; }

 private:
  friend class BlockBuilder;
  bool DirectoryIsSound() const;
  size_t BodyBegin(size_t index) const;  // where the event's bytes begin in body_

  std::string_view bytes_;
  Position first_, last_;
  uint32_t count_ = 0;  // never 0
  bool dense_ = false;
  std::vector<std::string_view> scopes_;
  std::string_view directory_;
  std::string_view body_;
  ChainValue chain_;
};

// Builds one block. Thread-compatible.
class BlockBuilder {
 public:
  // Finish leaves `room` bytes in front of the block, for what it is sent behind.
  explicit BlockBuilder(size_t room = 0) : room_(room) {}
  // REQUIRES: position above the last one added; views need to live only during the call.
  void Add(const EventRef& event);
  // The events [begin, end) of `block`, as Add would one by one, their bytes in one piece.
  // REQUIRES: begin < end <= block.size().
  void Add(const BlockView& block, size_t begin, size_t end);
  // So many bytes are to come: memory is taken once.
  void Reserve(size_t bytes);
  size_t size() const { return count_; }
  size_t bytes() const;  // of the block that Finish would return
  const std::vector<std::string>& scopes() const { return scopes_; }
  // The room and the block, with `chain` as the chain value at its last event; the builder is empty
  // again. REQUIRES: size() > 0.
  std::string Finish(const ChainValue& chain);

 private:
  uint32_t ScopeIndex(std::string_view scope);
  void Begin(Position first);
  bool dense() const;

  size_t body_at() const { return room_ + kHeadBytes; }

  static constexpr size_t kHeadBytes = 72;
  size_t room_;
  uint32_t count_ = 0;
  Position first_, last_;
  std::vector<std::string> scopes_;
  std::vector<uint64_t> scope_hashes_;
  size_t scope_bytes_ = 0;
  std::string block_;      // room; head, filled by Finish; body
  std::string directory_;  // without deltas
  std::string deltas_;     // position - first_, dropped from a dense block
};

}  // namespace intentlog
