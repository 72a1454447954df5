// A Client is an application's door to its device: it records what the user did, durably and
// offline, reads read models with that work in them, and keeps them in step with a server when
// there is one.
//
// Safe to use from any thread. One Client per folder; a folder in use is refused.
//
//   ASSIGN_OR_RETURN(auto client, Client::Open(options));
//   OrderLineAdded line; …
//   ASSIGN_OR_RETURN(Appended done, client->Append(line));     // on disk, whatever happens now
//   ASSIGN_OR_RETURN(auto row, client->Get("orders", "581482"));  // sees it at once
//   client->StartSync(connector);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/conditions/blocked_by.h"
#include "client/conditions/conditions.h"
#include "client/conditions/sync_policy.h"
#include "client/conflict.h"
#include "client/device.h"
#include "client/outbox/log_place.h"
#include "client/row_stream.h"
#include "client/sync/channel.h"
#include "client/sync/slice.h"
#include "client/sync/syncer.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/runtime.h"
#include "eventlog/schema/entity.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/read_models.h"

namespace rocksdb {
class Env;
}

namespace intentlog {

class MemoryDisk;

struct ClientOptions {
  std::string dir;
  // Kept from the first Open on; a later one may leave them empty, and may not change tenant or
  // device.
  std::string tenant;               // "default" for a new folder
  std::string device;               // the host's name for a new folder
  std::vector<std::string> scopes;  // subscribed to; "shared" for a new folder
  bool all_scopes = false;          // every scope of the tenant, also future ones (head office)
  std::string write_scope;          // where Append writes; the first of `scopes` for a new folder

  std::shared_ptr<const Schema> schema;
  Projections projections;
  Runtime runtime;               // its executor owns the sync session
  rocksdb::Env* env = nullptr;   // the file system; null: the machine's
  MemoryDisk* memory = nullptr;  // for tests: StoreOptions::memory
  bool create_if_missing = true;

  // Limits. Batches: what the server accepts at most (DESIGN: 2,048 intents, 512 KiB).
  uint32_t batch_intents_max = 2048;
  size_t batch_bytes_max = 512 << 10;
  // One Push frame; also at most one batch.
  size_t push_frame_bytes = 256 << 10;
  // Feed that may be on its way: bounds memory of a device that folds slower than it downloads.
  // What one commit folds and what comes meanwhile, packed. 2 MiB here and 6 MiB for
  // write_buffer_bytes make a device that catches up a tenth faster at most, for 7 MiB.
  uint64_t feed_credit_bytes = 1 << 20;
  // Memory of the store: unflushed writes, and uncompressed blocks.
  size_t write_buffer_bytes = 4 << 20;
  size_t block_cache_bytes = 2 << 20;
  // Whether scopes may begin at a snapshot instead of their first event. Without, a device has the
  // whole feed, and takes as long as that takes.
  bool take_snapshots = true;
  // Of the device's log; past it nothing is recorded (RESOURCE_EXHAUSTED).
  LogQuota quota;
  uint64_t table_rows_min = 10'000;  // of a snapshot's view: see DeviceOptions
  // Back-off after a failed session: full jitter in [0, min(cap, base << attempts)].
  absl::Duration retry_base = absl::Milliseconds(500);
  absl::Duration retry_cap = absl::Minutes(5);
  // A session without any frame for this long is cut.
  absl::Duration silence_max = absl::Seconds(45);
  // How own intents ended in scopes that are not followed is asked for this often.
  absl::Duration ask_interval = absl::Seconds(30);
  // What may be synced when, and the priority class of each entity type.
  SyncPolicy policy = NormalPolicy();
  // Queue health goes to the server when it has changed, at most this often.
  absl::Duration report_interval = absl::Seconds(5);
  // How far wall time and passed time may part before it counts as a step of the wall clock.
  absl::Duration clock_step_min = absl::Seconds(2);
  // Receipts awaited at a time: each is looked at whenever the session has news.
  size_t awaited_max = 10000;
  // Sent to the server with Hello, for its operators.
  std::string app_version;
};

enum class Durability : uint8_t {
  kDurable,   // survives a power cut when Append returns
  kBuffered,  // survives a crash of the process; a power cut may take it. Not pushed before it is
              // synced
};

struct AppendOptions {
  IntentId intent_id;  // nil: one is made. Give one to make a retry after a crash safe
  std::string scope;   // empty: the client's write scope
  std::optional<HistoryPoint> based_on;  // default: the cursor of the scope
  Durability durability = Durability::kDurable;
};

// One of a batch. Without an id of its own it gets one made from AppendOptions::intent_id, if that
// is given: so one id makes the retry of a whole batch safe.
struct NewIntent {
  const google::protobuf::Message* event = nullptr;
  IntentId intent_id;
  std::string scope;
};

struct Appended {
  IntentId intent_id;
  Count count;  // among those of its class on this device
  PriorityClass priority = kPlainClass;
  bool repeated = false;  // this intent_id was recorded before, with the same bytes
};

enum class RecordState { kSynced, kPending, kFailed, kConflicted };

struct StateCounts {  // of intents; recorded = synced + pending + failed + conflicted
  uint64_t recorded = 0, synced = 0, pending = 0, failed = 0, conflicted = 0;
  uint64_t parked = 0;  // of the pending ones: with the server, waiting behind another
};

// A name under which a device log goes, or went, to the server.
struct LogName {
  LogId log_id;
  Count after;  // of this device's counts it has those above, as 1, 2, 3 …
  // Of one that goes on from another: why, and since when.
  std::string why;
  absl::Time since;
};

struct LogStatus {
  PriorityClass priority = kPlainClass;
  LogId log_id;
  std::vector<LogName> names;  // oldest first; the last one is of now
  StateCounts counts;
  BlockedBy blocked_by;
};

struct ScopeStatus {
  std::string scope;
  Position cursor;
  Position held_after;  // the feed is kept from here on
  bool anew = false;    // it begins again with the next sync; until then its rows stay as they are
};

struct ClientStatus {
  std::string tenant, device;
  LogId log_id;                 // of class 0
  StateCounts counts;           // of all logs together
  std::vector<LogStatus> logs;  // those that were ever used; class 0 always
  absl::Duration oldest_pending_age;
  bool syncing = false;    // StartSync was called
  bool connected = false;  // Welcome received
  bool held = false;       // the policy lets nothing go now
  Position server_head;    // as of the last Welcome or feed
  std::vector<ScopeStatus> scopes;
  BlockedBy blocked_by;                       // of the most urgent log that has something to say
  uint64_t log_bytes = 0, log_bytes_max = 0;  // intents and feed that are kept here, and the quota
  uint32_t clock_steps = 0;                   // of the wall clock, that this installation noted
  uint64_t digests_equal = 0, digests_unequal = 0;  // compared with the server's, since Open
  std::string last_error;
};

class Client {
 public:
  // INVALID_ARGUMENT, FAILED_PRECONDITION (in use, other role, newer format), NOT_FOUND, DATA_LOSS.
  static absl::StatusOr<std::unique_ptr<Client>> Open(ClientOptions options);
  ~Client();  // stops sync; nothing that was acknowledged is lost

  // ---- recording. INVALID_ARGUMENT names the field that breaks a rule, ALREADY_EXISTS an
  // intent_id with other bytes, RESOURCE_EXHAUSTED the limit or the full disk. After UNAVAILABLE
  // the outcome is unknown until the folder is opened again: append with the same intent_id then.
  absl::StatusOr<Appended> Append(const google::protobuf::Message& event,
                                  const AppendOptions& options = {});
  // One batch: durable as one, decided as one, atomic in every read model of a scope. All of it is
  // of one priority class.
  absl::StatusOr<std::vector<Appended>> AppendAll(absl::Span<const NewIntent> intents,
                                                  const AppendOptions& options = {});
  // Makes everything appended so far survive a power cut.
  absl::Status Flush();

  // ---- reading: confirmed rows and this device's own pending work. kConfirmed: without the
  // latter.
  enum class Reading { kOptimistic, kConfirmed };
  absl::StatusOr<std::optional<Row>> Get(std::string_view view, std::string_view key,
                                         Reading reading = Reading::kOptimistic) const;
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(std::string_view view,
                                                  std::string_view from_key = {},
                                                  Reading reading = Reading::kOptimistic) const;
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(std::string_view view, const RowRange& range,
                                                  Reading reading = Reading::kOptimistic) const;
  // A page of a range; RowPage::more is the place where the next one begins.
  absl::StatusOr<RowPage> Page(std::string_view view, const PageWanted& wanted,
                               Reading reading = Reading::kOptimistic) const;
  absl::StatusOr<std::vector<ScopeState>> Digests(std::string_view view) const;

  // Tells of rows of `view` whose key begins with `prefix` that may have changed, each time they
  // do, on the client's executor, until Unwatch.
  using WatchId = uint64_t;
  using RowWatcher = std::function<void(const std::string& key)>;
  WatchId Watch(std::string view, std::string prefix, RowWatcher watcher);
  void Unwatch(WatchId watch);
  // The rows themselves: all that are there, then each that changes, in bounded memory; `ready` is
  // called on the client's executor when there is something to take. NOT_FOUND names an unknown
  // view.
  absl::StatusOr<std::unique_ptr<RowStream>> WatchRows(const std::string& view, std::string prefix,
                                                       std::function<void()> ready,
                                                       const RowWatchLimits& limits = {},
                                                       Reading reading = Reading::kOptimistic);

  // ---- deciding. Each records an intent on the lane of what it closes: durable, offline, pending
  // until the server has it. What it puts in place comes with the feed. FAILED_PRECONDITION says
  // what is so instead (settled already, not a conflict, a decision on its way), INVALID_ARGUMENT
  // what is wrong with a replacement, NOT_FOUND that nothing is known of it here.

  // Open ones of all followed scopes and of this device, in position order; reads the feed blocks
  // once.
  absl::StatusOr<std::vector<Conflict>> Conflicts() const;
  // One of them; where there is none, what is so instead.
  absl::StatusOr<Conflict> ConflictAt(Position position) const;
  absl::StatusOr<Appended> Resolve(Position conflict, Verdict verdict,
                                   const DecideOptions& options = {});
  // Of a rejected intent of this device: `event` takes effect in its place, or nothing does.
  absl::StatusOr<Appended> Amend(const IntentId& intent, const google::protobuf::Message& event,
                                 const DecideOptions& options = {});
  absl::StatusOr<Appended> Dismiss(const IntentId& intent, const DecideOptions& options = {});

  // ---- honest answers
  // NOT_FOUND if this device never recorded anything for the entity.
  absl::StatusOr<RecordState> StateOf(const Entity& entity) const;
  ClientStatus Status() const;
  // Why an intent, or an entity, is not synced. NOT_FOUND if unknown here.
  absl::StatusOr<BlockedBy> Why(const IntentId& intent) const;
  absl::StatusOr<BlockedBy> Why(const Entity& entity) const;
  struct RecordedIntent {
    Count count;
    PriorityClass priority = kPlainClass;
    LogPlace place() const { return {priority, count}; }
    LogPlace next() const { return {priority, count.Next()}; }  // where List goes on
    Intent intent;
    RecordState state = RecordState::kPending;
    Position position;                         // 0 while it has none
    Decision decision = DECISION_UNSPECIFIED;  // as it stands
    Decision first_decision = DECISION_UNSPECIFIED;
    Reason reason;            // of `decision`; of a refused Resolve, Amend or Dismiss: why
    uint64_t pointer = 0;     // of a duplicate: the first; of a parked one: what it waits behind
    Position settled_at;      // of the settlement that closed or turned it; 0: none
    bool is_control = false;  // a Resolve, Amend or Dismiss: no record of the application
    bool trimmed = false;     // `intent` has nothing but its id: it is not kept here any more
  };
  absl::StatusOr<RecordedIntent> Find(const IntentId& intent) const;
  absl::StatusOr<Safety> SafetyOf(const IntentId& intent) const;
  // Calls back once, on the client's executor, when the server has decided on it: at once, if it
  // has already. NOT_FOUND if unknown here; RESOURCE_EXHAUSTED if too many are awaited. Not called
  // after the client is gone.
  using ReceiptCallback = std::function<void(const RecordedIntent& intent)>;
  absl::Status AwaitReceipt(const IntentId& intent, ReceiptCallback callback);
  // The same, blocking: DEADLINE_EXCEEDED after `timeout` of real time. Not for the executor's
  // thread.
  absl::StatusOr<RecordedIntent> WaitForReceipt(const IntentId& intent, absl::Duration timeout);
  // Tells of entities whose record state changed, with the state, on the client's executor, until
  // UnwatchStates.
  using StateWatcher = std::function<void(const Entity& entity, RecordState state)>;
  WatchId WatchStates(StateWatcher watcher);
  void UnwatchStates(WatchId watch);
  // Intents that are kept, from `from` on: class by class, in count order. After the last of a
  // class comes the first of the next.
  absl::StatusOr<std::vector<RecordedIntent>> List(LogPlace from, size_t limit) const;
  absl::StatusOr<std::vector<RecordedIntent>> List(Count from, size_t limit) const {
    return List(LogPlace{kPlainClass, from}, limit);
  }

  // ---- syncing
  // Connects through `connector` now and again after each failure, until StopSync. The connector
  // must outlive the sync.
  absl::Status StartSync(Connector& connector);
  void StopSync();
  // What the device has to sync with now. Holds at once, also for a session that is open. Until it
  // is called, nothing stands in the way.
  void SetConditions(const Conditions& conditions);
  // A person asks: tries now instead of after the back-off, though not before a time that the
  // server set. kAnyway: whatever the policy says, until all is synced that was there or the next
  // failure. FAILED_PRECONDITION unless StartSync was called.
  absl::Status SyncNow(Ask ask = Ask::kAnyway);
  // Syncs until nothing waits or the budget is spent, then stops by itself. `done` is called once,
  // on the client's executor, unless the client is gone. FAILED_PRECONDITION if sync is running.
  absl::Status SyncSlice(Connector& connector, const SliceBudget& budget, SliceDone done);
  // Called on the client's executor at each change of Status that matters: connected or not, all
  // pending settled, cursor at the server's head.
  void OnStatusChange(std::function<void()> callback);

  Store& store() const;
  const ReadModels& models() const;
  std::shared_ptr<const Schema> schema() const;

 private:
  struct Rep;
  explicit Client(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
