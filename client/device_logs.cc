#include "client/device_logs.h"

#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/store.pb.h"

namespace intentlog {
namespace {

constexpr std::string_view kClassPrefix = "class";

absl::StatusOr<bool> HasLanes(const Store& store, std::string_view entity_type) {
  const std::string prefix = LaneKey(entity_type, "");
  const auto row = store.Scan(Space::kIndex);
  row->Seek(prefix);
  const bool found = row->Valid() && row->key().substr(0, prefix.size()) == prefix;
  RETURN_IF_ERROR(row->status());
  return found;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceLogs>> DeviceLogs::Open(Store& store, const Classes& wished,
                                                             NewId new_id) {
  std::unique_ptr<DeviceLogs> logs(new DeviceLogs(store));
  RETURN_IF_ERROR(logs->Load());
  RETURN_IF_ERROR(logs->Wish(wished));
  if (logs->ids_[kPlainClass]) return logs;
  StoreBatch batch;
  LogId id;
  RETURN_IF_ERROR(logs->MakeLog(kPlainClass, new_id, batch, &id));
  RETURN_IF_ERROR(store.Commit(batch, Sync::kDurable));
  logs->ids_[kPlainClass] = id;
  return logs;
}

absl::Status DeviceLogs::Load() {
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    RETURN_IF_ERROR(LoadLog(priority));
  }
  return LoadClasses();
}

absl::Status DeviceLogs::LoadLog(PriorityClass priority) {
  std::string value;
  ASSIGN_OR_RETURN(const bool found, store_.Get(Space::kMeta, ClassKey("log", priority), &value));
  if (!found) return absl::OkStatus();
  DeviceLogState log;
  if (!log.ParseFromString(value) || log.log_id().size() != LogId::kSize) {
    return DataLoss(store_.dir(), ": the name of its device log does not parse");
  }
  ids_[priority] = LogId::FromBytes(log.log_id());
  return absl::OkStatus();
}

absl::Status DeviceLogs::LoadClasses() {
  const auto row = store_.Scan(Space::kMeta);
  row->Seek(kClassPrefix);
  for (; row->Valid() && row->key().substr(0, kClassPrefix.size()) == kClassPrefix; row->Next()) {
    const std::string entity_type(row->key().substr(kClassPrefix.size()));
    const std::string_view value = row->value();
    if (value.size() != 1 || static_cast<uint8_t>(value[0]) >= kClasses) {
      return DataLoss(store_.dir(), ": the class of ", entity_type, " does not parse");
    }
    classes_[entity_type] = static_cast<PriorityClass>(value[0]);
    written_classes_.insert(entity_type);
  }
  return row->status();
}

// What was recorded before stays where it is.
absl::Status DeviceLogs::Wish(const Classes& wished) {
  for (const auto& [entity_type, priority] : wished) {
    INTENTLOG_CHECK(priority < kClasses);
    if (priority == kPlainClass || classes_.count(entity_type) > 0) continue;
    ASSIGN_OR_RETURN(const bool recorded, HasLanes(store_, entity_type));
    if (!recorded) classes_[entity_type] = priority;
  }
  return absl::OkStatus();
}

absl::Status DeviceLogs::MakeLog(PriorityClass priority, NewId new_id, StoreBatch& batch,
                                 LogId* id) const {
  const std::string bytes = new_id();
  INTENTLOG_CHECK(bytes.size() == LogId::kSize);
  *id = LogId::FromBytes(bytes);
  DeviceLogState log;
  log.set_log_id(bytes);
  log.set_priority_class(priority);
  batch.Put(Space::kMeta, ClassKey("log", priority), log.SerializeAsString());
  return absl::OkStatus();
}

PriorityClass DeviceLogs::ClassOf(std::string_view entity_type) const {
  const auto found = classes_.find(entity_type);
  return found == classes_.end() ? kPlainClass : found->second;
}

absl::StatusOr<PriorityClass> DeviceLogs::Use(std::string_view entity_type, NewId new_id) {
  const PriorityClass priority = ClassOf(entity_type);
  if (priority == kPlainClass) return priority;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (written_classes_.count(entity_type) > 0 && ids_[priority]) return priority;
  StoreBatch batch;
  LogId id = ids_[priority].value_or(LogId());
  if (!ids_[priority]) RETURN_IF_ERROR(MakeLog(priority, new_id, batch, &id));
  batch.Put(Space::kMeta, Cat(kClassPrefix, entity_type),
            std::string(1, static_cast<char>(priority)));
  // Not synced: whatever survives of the log was written after this.
  RETURN_IF_ERROR(store_.Commit(batch, Sync::kBuffered));
  ids_[priority] = id;
  written_classes_.emplace(entity_type);
  return priority;
}

std::vector<DeviceLogs::Named> DeviceLogs::All() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Named> logs;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    if (ids_[priority]) logs.push_back({priority, *ids_[priority]});
  }
  return logs;
}

std::optional<PriorityClass> DeviceLogs::Find(std::string_view log_id) const {
  for (const Named& log : All()) {
    if (log.id.bytes() == log_id) return log.priority;
  }
  return std::nullopt;
}

LogId DeviceLogs::plain() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return *ids_[kPlainClass];
}

}  // namespace intentlog
