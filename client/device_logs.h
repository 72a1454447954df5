// DeviceLogs are the names of a device's logs, one for each priority class that was ever used, and
// which of them the intents of an entity type are in. All intents of one entity type lie in one
// log for good: the class in which the first of them was recorded. What is wished later holds for
// entity types that were never recorded here.
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
#include "eventlog/store/store.h"

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
  };
  std::vector<Named> All() const;  // in the order of their classes
  std::optional<PriorityClass> Find(std::string_view log_id) const;
  LogId plain() const;  // of class 0

 private:
  explicit DeviceLogs(Store& store) : store_(store) {}
  absl::Status Load();
  absl::Status LoadLog(PriorityClass priority);
  absl::Status LoadClasses();
  absl::Status Wish(const Classes& wished);
  absl::Status MakeLog(PriorityClass priority, NewId new_id, StoreBatch& batch, LogId* id) const;

  Store& store_;
  Classes classes_;  // constant after Open

  mutable std::mutex mutex_;
  std::array<std::optional<LogId>, kClasses> ids_;      // protected by mutex_
  std::set<std::string, std::less<>> written_classes_;  // protected by mutex_
};

}  // namespace intentlog
