// What the operator's desk needs of a server. FleetOf gives the real one; tests write small ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/schema.h"
#include "proto/admin.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

// A device that the server knows.
struct KnownDevice {
  DeviceRecord record;  // with its queue's health as reported last
  bool live = false;    // it has a session now
  // Intents that it had when it reported its health, and that the server has not got since.
  uint64_t undecided = 0;
};

// Any thread. NOT_FOUND names an unknown tenant; UNAVAILABLE while the server opens its stores
// again.
class FleetBackend {
 public:
  virtual ~FleetBackend() = default;

  // All of them, ascending by name.
  virtual absl::StatusOr<std::vector<KnownDevice>> Devices(std::string_view tenant) const = 0;
  // Up to `limit` events that nothing has closed yet, the first after `after`, ascending.
  virtual absl::StatusOr<std::vector<OpenEvent>> OpenEvents(std::string_view tenant, Position after,
                                                            size_t limit) const = 0;
  virtual absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const = 0;
  // By which the server decides.
  virtual std::shared_ptr<const Schema> schema() const = 0;
  virtual int64_t now_us() const = 0;

  // An operator's Resolve, Amend or Dismiss. `done` is called once it is durable, on any thread;
  // never, if the server stops before.
  using Settled = std::function<void(absl::StatusOr<SettleReply>)>;
  virtual void Settle(const SettleRequest& request, Settled done) = 0;
  // `done` as of Settle; the action is over then, but for a rebuild, which has begun.
  using Operated = std::function<void(absl::StatusOr<OperateViewReply>)>;
  virtual void OperateView(const OperateViewRequest& request, Operated done) = 0;
  // `done` as of Settle.
  using SnapshotsOperated = std::function<void(absl::StatusOr<OperateSnapshotsReply>)>;
  virtual void OperateSnapshots(const OperateSnapshotsRequest& /*request*/,
                                SnapshotsOperated done) {
    done(absl::UnimplementedError("there are no snapshots here"));
  }
  // `done` as of Settle; the backup is verified then.
  using BackedUp = std::function<void(absl::StatusOr<TakeBackupReply>)>;
  virtual void TakeBackup(const TakeBackupRequest& /*request*/, BackedUp done) {
    done(absl::UnimplementedError("there are no backups here"));
  }
  using WentOn = std::function<void(absl::StatusOr<GoOnHealingReply>)>;
  virtual void GoOnHealing(const GoOnHealingRequest& /*request*/, WentOn done) {
    done(absl::UnimplementedError("nothing was ever restored here"));
  }
};

}  // namespace intentlog
