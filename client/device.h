// A Device is what a client's folder holds, opened: identity, device log, read models, cursors, and
// the optimistic view over them. It knows neither network nor time-outs.
//
// Each part says how it may be shared; Apply belongs to one thread at a time (the sync session's).
//
//   kMeta  "device" → DeviceIdentity
//          "durable" → position (8) that the server's backups cover
//          "history" → EpochList: of the server that this device knows
//   kLog   'f' scope NUL last position (8) → block of the scope's feed, as received
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/conditions/clock_watch.h"
#include "client/conflict_rows.h"
#include "client/device_logs.h"
#include "client/feed_event_finder.h"
#include "client/outbox/outbox.h"
#include "client/overlay/overlay.h"
#include "client/sync/scope_cursors.h"
#include "eventlog/log/epochs.h"
#include "eventlog/runtime/runtime.h"
#include "eventlog/schema/schema.h"
#include "eventlog/store/store.h"
#include "projections/engine/read_models.h"
#include "proto/store.pb.h"

namespace rocksdb {
class Env;
}

namespace intentlog {

// How much of intents and feed a device keeps, as they are before the store compresses them.
struct LogQuota {
  // Years of a shop's work, and little of a disk.
  uint64_t bytes_max = uint64_t{1} << 30;
  // What is safe elsewhere is trimmed from this share on, down to the other: so it happens seldom.
  double begin = 0.8;
  double end = 0.6;
};

struct DeviceOptions {
  std::string dir;
  DeviceIdentity identity;  // what is empty is kept, or gets its default in a new folder
  std::shared_ptr<const Schema> schema;
  Projections projections;
  DeviceLogs::Classes classes;  // of entity types; class 0 of those that are not named
  const Clock* clock = nullptr;
  Random* random = nullptr;
  ClockWatchOptions clock_watch;
  rocksdb::Env* env = nullptr;
  MemoryDisk* memory = nullptr;
  size_t write_buffer_bytes = 4 << 20;
  size_t block_cache_bytes = 2 << 20;
  LogQuota quota;
  // So many rows of a view that come in a snapshot are put there as one table: less writing, but a
  // table and three syncs for each.
  uint64_t table_rows_min = 10'000;
  bool create_if_missing = true;
};

// What one commit brings from the server, besides the rows that are in its batch already.
struct DeviceChange {
  Settling settling;
  std::vector<ConflictChange> conflicts;
  std::vector<std::pair<std::string, ScopeCursor>> cursors;
  bool folded = false;   // the batch holds what ReadModels finished
  bool rewound = false;  // a cursor goes back, or begins anew
  // That changed besides what was folded.
  std::vector<std::pair<const Projection*, std::string>> replaced_rows;
};

struct Device {
  static absl::StatusOr<std::unique_ptr<Device>> Open(const DeviceOptions& options);

  // Writes `batch` with receipts, settlements and cursors, all or nothing, then lets readers see
  // rows and overlay change in one step. Survives the process; Sync makes it survive a power cut.
  absl::Status Apply(DeviceChange change, StoreBatch& batch);
  absl::Status Sync() { return store->SyncLog(); }
  // Of intents and feed, as they are before the store compresses them.
  uint64_t held_bytes() const { return outbox->log_bytes() + cursors->held_bytes(); }
  // The server's backups cover everything through `position`: noted here, and in `batch`, if that
  // is more than before. It only grows, and is told again: a batch that is lost costs nothing.
  void NoteDurable(Position position, StoreBatch& batch);
  // What a restored server lost, all or nothing: receipts and settlements are void, the scopes
  // `lost_scopes` begin anew, and `history` is the server's from now on. Durable.
  absl::Status Lose(const LostReceipts& lost, const std::vector<std::string>& lost_scopes,
                    const EpochsOnWire& history);
  void PutHistory(const EpochsOnWire& history, StoreBatch& batch);

  DeviceIdentity identity;
  std::shared_ptr<const Schema> schema;
  std::unique_ptr<Store> store;
  std::unique_ptr<DeviceLogs> logs;
  std::unique_ptr<FeedEventFinder> feed_events;
  std::unique_ptr<ReadModels> models;  // find parked events in those of the feed
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<ScopeCursors> cursors;
  std::unique_ptr<ClockWatch> clock;
  std::unique_ptr<Overlay> overlay;
  // Held by who folds, loads or trims.
  std::mutex folding;
  std::atomic<uint64_t> durable_through{0};
  EpochsOnWire history;  // of the server that it knows; of the sync session's thread
  LogQuota quota;
  uint64_t table_rows_min = 0;
  std::atomic<uint64_t> trim_again_at{0};  // held bytes from which trimming is tried again
  // Of the sync session's thread: scopes whose snapshot turned out wrong.
  std::set<std::string, std::less<>> feed_only;
  // Of the same: classes whose logs get another name once all of them has receipts, and why; and
  // how often another session took over from this process.
  std::map<PriorityClass, std::string> leaving;
  int superseded = 0;

  // Set once somebody watches rows: then each confirmed change is told, with the overlay locked.
  std::atomic<bool> watched{false};
  Overlay::KeyListener on_row_change;  // set before `watched`
};

}  // namespace intentlog
