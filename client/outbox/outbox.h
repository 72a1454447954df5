// An Outbox is the logs of a device, one per priority class, and what became of them: every intent
// that this device recorded, in count order, less nothing; receipts lie beside them. What has no
// receipt waits to be pushed. An intent_id names one intent over all logs.
//
// Thread-safe. Appends that come at the same time share one durable write, into whichever logs: the
// first of them leads, writes for all in count order, and wakes the others. Settle takes its turn
// among them.
//
//   ASSIGN_OR_RETURN(AppendResult done, outbox->Append(intents, /*durable=*/true));   // on disk
//   RETURN_IF_ERROR(outbox->Settle(settling, batch, commit, &settled));               // receipts
//
// After the first failed write nothing is appended, settled or pushed until the folder is opened
// again: what of the failed write survives is unknown, and the counts in it must not be given
// twice.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/lanes.h"
#include "client/outbox/rows.h"
#include "client/sync/reconcile.h"
#include "eventlog/log/chain.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/schema/entity.h"
#include "eventlog/store/store.h"

namespace intentlog {

struct OutboxOptions {
  // One durable write takes at most this; what waits goes into the next.
  size_t group_bytes_max = 1 << 20;
  // Lanes kept in memory: about 200 bytes each.
  size_t lane_cache_entities = 4096;
};

// An intent ready to be written.
struct EncodedIntent {
  IntentId id;
  bool id_given = false;  // by the application: may be a retry
  Entity entity;
  std::string bytes;  // serialized Intent
  Position closes{};  // the open event that a Resolve, Amend or Dismiss is about; 0: it is a record
};

struct AppendResult {
  Count first;
  bool repeated = false;  // recorded before, with the same content
};

// An event in the feed that closes an open one, or turns a parked one into a conflicted or rejected
// one.
struct SettlementSeen {
  Position position;  // its own
  Position of;        // of the open event
  Decision decision = DECISION_UNSPECIFIED;
  Reason reason;
  bool resolved = false;  // a person asked for it
  bool turned = false;    // not closed: open with this decision
  Entity entity;
};

struct Settling {
  std::vector<Outcome> outcomes;  // as Reconcile returned them for these logs
  std::vector<SettlementSeen> settlements;
};

// What Settle found besides: open intents of this device that are closed now, or were parked and
// are not any more.
struct Settled {
  std::vector<LogPlace> closed;
};

// What a restored server does not have of this device any more.
struct LostReceipts {
  std::string epoch_id;  // the last one whose history this device knew
  uint32_t epoch_number = 0;
  bool places_kept = true;                   // where they stood goes to the server with them
  Position shared;                           // through here that history is the server's
  std::array<Count, kClasses> highest = {};  // what the server has of each log
};

// Of intents; last = synced + pending + failed + conflicted.
struct OutboxCounts {
  uint64_t recorded = 0, synced = 0, pending = 0, failed = 0, conflicted = 0;
  uint64_t parked = 0;  // of the pending ones
};

class Outbox {
 public:
  // DATA_LOSS if rows contradict each other.
  static absl::StatusOr<std::unique_ptr<Outbox>> Open(Store& store, const Clock& clock,
                                                      const OutboxOptions& options);

  // Writes `intents` as one batch with consecutive counts into one log. ALREADY_EXISTS if an id was
  // recorded with other content. RESOURCE_EXHAUSTED: the disk is full, and nothing was written
  // unless the store failed. UNAVAILABLE: unknown whether it happened. REQUIRES: not empty;
  // entities of a type are always in the same log.
  absl::StatusOr<AppendResult> Append(absl::Span<const EncodedIntent> intents, bool durable,
                                      PriorityClass priority = kPlainClass);
  // Makes everything appended so far survive a power cut.
  absl::Status Sync();

  // Adds receipts and settlements to `batch` and calls `commit` with it, in turn with the appends,
  // so `commit` must write it. Nothing changes if `commit` fails, but the outbox fails with it,
  // unless the disk is full and the store did not fail.
  using CommitBatch = absl::FunctionRef<absl::Status(StoreBatch&)>;
  absl::Status Settle(const Settling& settling, StoreBatch& batch, CommitBatch commit,
                      Settled* settled);

  // Receipts above the highest counts are void: those intents are pending again, and where they
  // stood is kept, unless that says nothing (lost_runs.h). Settlements above the shared position
  // are void: what they closed is open again. What was trimmed stays as it is. `batch` and `commit`
  // as with Settle.
  absl::Status Lose(const LostReceipts& lost, StoreBatch& batch, CommitBatch commit);

  // Removes whole appends from the front of a log, `bytes` of them or little more, as long as
  // each intent in them `is_safe`; the last append stays. Returns the bytes that
  // went.
  using IsSafe = absl::FunctionRef<bool(const IntentOutcome& outcome, const IntentView& intent)>;
  absl::StatusOr<uint64_t> Trim(PriorityClass priority, uint64_t bytes, IsSafe is_safe);
  // Of all logs, as they lie in the store before it compresses them.
  uint64_t log_bytes() const;

  // What has no receipt, from `first` on, is of a new device log from now on, whose counts begin
  // there; its places here stay. Calls `commit`, in turn with the appends, with a batch that it
  // must write, to which it adds the name of the log. `mark` is the same on all copies of this
  // folder that move the same first intent, and on no other; where nothing moves, on those that end
  // alike. FAILED_PRECONDITION, and nothing changes, unless all before `first` have receipts and
  // nothing from there on has.
  struct Moving {
    ChainValue mark = {};
    uint64_t intents = 0;  // that move
  };
  using CommitMove = absl::FunctionRef<absl::Status(const Moving& moving, StoreBatch& batch)>;
  absl::Status Continue(PriorityClass priority, Count first, CommitMove commit);
  // What a log has from `first` on, its first count, is of the one before it again, as if it had
  // never been continued. `commit` as with Continue. NOT_FOUND if what comes before is not kept.
  absl::Status GoBack(PriorityClass priority, Count first, CommitMove commit);
  // The last count before the first whose receipt names a position above `shared`; the greatest of
  // all where none does.
  absl::StatusOr<Count> ReceiptedWithin(PriorityClass priority, Position shared) const;

  // `pushed` is left 0: it belongs to a session.
  OutboxView view(PriorityClass priority) const;
  OutboxCounts counts(PriorityClass priority) const;
  OutboxCounts counts() const;  // of all logs together
  absl::Status failed() const;
  Store& store() const { return store_; }

  // The place of an intent. NOT_FOUND if this device never recorded it.
  absl::StatusOr<LogPlace> Find(const IntentId& id) const;

  // In byte order: where something of this device is open, so that its settlement is awaited.
  absl::StatusOr<std::vector<std::string>> OpenScopes() const;
  // What of this device is open, in the order of positions, from the first one above `after` on,
  // until `each` returns false.
  struct OpenAt {
    Position position;
    Decision decision = DECISION_UNSPECIFIED;
    std::string_view scope;  // valid during the call
  };
  absl::Status ForEachOpen(Position after, absl::FunctionRef<bool(const OpenAt& open)> each) const;

  // Called by the leader after each write, in count order, before Append returns.
  using AppendListener =
      std::function<void(LogPlace first, absl::Span<const EncodedIntent> intents)>;
  // REQUIRES: nothing is being appended.
  void OnAppend(AppendListener listener) { listener_ = std::move(listener); }
  // Called by whoever wrote, after each write, for each entity whose record state changed by it.
  // REQUIRES: nothing is being written.
  void OnStateChange(Lanes::StateListener listener) { lanes_.OnStateChange(std::move(listener)); }
  // Attempts ever made to bring a log to the server: noted with each append, so that its own can be
  // told later.
  void set_attempts_ever(PriorityClass priority, uint64_t attempts) {
    attempts_ever_[priority] = attempts;
  }

 private:
  struct Writer;
  struct Group;
  class Turn;

  // One log, as far as it is written.
  struct Log {
    OutboxView view;         // `last` grows only in a turn
    ReceiptCounts receipts;  // changed only in a turn
    uint64_t bytes = 0;      // of its rows
  };

  Outbox(Store& store, const Clock& clock, const OutboxOptions& options);
  absl::Status Load(PriorityClass priority);
  absl::Status LoadBytes(Log& log);
  absl::Status LoadIslands(OutboxView& view);
  absl::Status LoadIds();

  // ---- leading a group; `append.cc`
  std::vector<Writer*> TakeGroup();  // REQUIRES: mutex_ is held
  void WriteGroup(absl::Span<Writer* const> writers);
  absl::Status Place(Group& group, Writer& writer);
  absl::StatusOr<bool> FindRepeated(Writer& writer);
  absl::Status CheckRepeat(const Writer& writer, LogPlace first) const;
  absl::StatusOr<std::optional<LogPlace>> Lookup(const IntentId& id) const;
  absl::StatusOr<std::optional<LogPlace>> LookupMade(const IntentId& id) const;
  absl::Status AddRows(Group& group, Writer& writer);
  void AddIds(Group& group, const Writer& writer);
  absl::Status CommitGroup(Group& group);
  void NotWritten(const absl::Status& status);
  void Fail(const absl::Status& status);

  // ---- settling; `settle.cc`
  struct SettleWork;
  static void PutCounts(absl::Span<Log> logs, SettleWork& work);
  absl::Status AddOutcome(const Outcome& outcome, SettleWork& work);
  absl::Status AddOneOutcome(Count count, std::string_view intent, const Outcome& outcome,
                             SettleWork& work);
  absl::Status AddSettlement(const SettlementSeen& settlement, SettleWork& work);
  absl::Status NoteEarly(const SettlementSeen& seen, SettleWork& work);
  absl::StatusOr<std::optional<OpenIntent>> FindOpen(const SettlementSeen& seen, SettleWork& work);
  absl::StatusOr<std::optional<OpenIntent>> FindOldRejected(Position position) const;
  absl::Status Close(Position of, const OpenIntent& open, const ReceiptRun& settlement,
                     SettleWork& work);

  absl::Status CommitMoved(PriorityClass priority, const ChainValue& hash, const Moving& moving,
                           StoreBatch& batch, CommitMove commit);  // `continue.cc`

  // ---- losing; `lose.cc`
  absl::Status LoseLog(const LostReceipts& lost, Log& log, StoreBatch& batch);
  absl::Status LoseReceipts(const LostReceipts& lost, Count highest, Log& log, StoreBatch& batch);
  absl::Status LoseOne(Count count, std::string_view intent, const IntentOutcome& outcome, Log& log,
                       StoreBatch& batch);
  absl::Status Reopen(const LostReceipts& lost, Count highest, Log& log, StoreBatch& batch);
  absl::Status DropAbove(char kind, Position shared, StoreBatch& batch);

  // Constant after Open.
  Store& store_;
  const Clock& clock_;
  const OutboxOptions options_;
  AppendListener listener_;
  std::array<std::atomic<uint64_t>, kClasses> attempts_ever_ = {};

  // Belong to whoever is first in queue_.
  Lanes lanes_;
  std::array<ChainValue, kClasses> hashes_ = {};  // rolling, at the last count
  AppendRowBuilder row_;

  mutable std::mutex mutex_;
  std::deque<Writer*> queue_;       // protected by mutex_; the first one writes
  std::array<Log, kClasses> logs_;  // protected by mutex_
  IntentId made_max_;               // protected by mutex_; greatest id in a 'D' row
  absl::Status failure_;            // protected by mutex_
};

}  // namespace intentlog
