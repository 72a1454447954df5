// DeviceLogs are the names of a device's logs, one for each priority class that was ever used, and
// which of them the intents of an entity type are in. All intents of one entity type lie in one
// class for good: that in which the first of them was recorded. What is wished later holds for
// entity types that were never recorded here.
//
// A log may go on under a new name, because another copy of this folder writes to the old one. The
// device counts on over all names of a class; on the wire each begins at 1:
//
//   device   1 2 3 4 5 6 7 8 9       former log: (0, 4]    before = 0
//   wire     1 2 3 4 1 2 3 4 5       log now:    (4, …     before = 4, continues the former at 4
//
// Thread-safe.
//
//   kMeta  "log" class (1)      → DeviceLogState
//          "class" entity type  → class (1); where there is none: class 0
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/outbox/log_place.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "proto/store.pb.h"

namespace intentlog {

class DeviceLogs {
 public:
  using Classes = std::map<std::string, PriorityClass, std::less<>>;  // by entity type
  using NewId = absl::FunctionRef<std::string()>;                     // 16 random bytes

  // Makes the log of class 0 in a new folder. DATA_LOSS if a row does not parse.
  static absl::StatusOr<std::unique_ptr<DeviceLogs>> Open(Store& store, const Classes& wished,
                                                          NewId new_id);

  // Where intents of this entity type are, or would be.
  PriorityClass ClassOf(std::string_view entity_type) const;
  // The same, before one is recorded: what of it is not on disk yet is written first.
  absl::StatusOr<PriorityClass> Use(std::string_view entity_type, NewId new_id);

  struct Named {
    PriorityClass priority = kPlainClass;
    LogId id;
    Count before;  // what the device counted in former logs
    // Of the log that it goes on from; nil: none.
    LogId continues;
    Count continues_count;
    // It has gone back from a name by chance that it took after this count, and takes it there
    // again.
    std::optional<Count> until;

    uint64_t OnWire(Count count) const { return count.Since(before); }  // REQUIRES: not below
  };
  std::vector<Named> All() const;  // those of now, in the order of their classes
  // The newest former log of each class that has one.
  std::vector<Named> Former() const;
  // As it is written; nothing if the class has no log.
  std::optional<DeviceLogState> StateOf(PriorityClass priority) const;
  // Whether this device recorded what that log has at this count of the wire.
  bool IsOwn(std::string_view log_id, uint64_t count) const;
  LogId plain() const;  // of class 0

  // The log of this class goes on as `id` from the count after `last` of the device: adds the row
  // that says so; Continued once that is written.
  struct Continuation {
    PriorityClass priority = kPlainClass;
    LogId id;
    Count last;
    std::string why;  // one sentence
    int64_t now_us = 0;
    bool by_chance = false;      // nothing moves
    std::string begun_in_epoch;  // id of the server's; empty: none was met
  };
  DeviceLogState Continue(const Continuation& how, StoreBatch& batch) const;
  // The log of this class is the former one again, which remembers names by chance: what was
  // recorded under one may be on the server under it. REQUIRES: there is one.
  DeviceLogState GoBack(PriorityClass priority, StoreBatch& batch) const;
  void Continued(const DeviceLogState& log);

 private:
  explicit DeviceLogs(Store& store) : store_(store) {}
  absl::Status Load();
  absl::Status LoadLog(PriorityClass priority);
  absl::Status LoadClasses();
  absl::Status Wish(const Classes& wished);
  DeviceLogState MakeLog(PriorityClass priority, NewId new_id, StoreBatch& batch) const;

  Store& store_;
  Classes classes_;  // constant after Open

  mutable std::mutex mutex_;
  std::array<std::optional<DeviceLogState>, kClasses> logs_;  // protected by mutex_
  std::set<std::string, std::less<>> written_classes_;        // protected by mutex_
};

}  // namespace intentlog
