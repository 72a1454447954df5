#include "client/device_logs.h"

#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

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

LogBranch* FindBranch(DeviceLogState& log, std::string_view log_id) {
  for (LogBranch& branch : *log.mutable_branches()) {
    if (branch.log_id() == log_id) return &branch;
  }
  return nullptr;
}

// What is needed of `left` when `log` goes on in it again.
void Remember(DeviceLogState& left, DeviceLogState& log) {
  if (!left.named_by_chance() && left.branches().empty()) return;
  LogBranch* branch = FindBranch(log, left.log_id());
  if (branch == nullptr) branch = log.add_branches();
  branch->set_log_id(left.log_id());
  branch->set_left_at(left.counts_before());
  branch->set_named_by_chance(left.named_by_chance());
  branch->mutable_branches()->Swap(left.mutable_branches());
}

DeviceLogs::Named ToNamed(PriorityClass priority, const DeviceLogState& log) {
  DeviceLogs::Named named;
  named.priority = priority;
  named.id = LogId::FromBytes(log.log_id());
  named.before = Count(log.counts_before());
  if (!log.continues_log_id().empty()) {
    named.continues = LogId::FromBytes(log.continues_log_id());
    named.continues_count = Count(log.continues_count());
  }
  for (const LogBranch& branch : log.branches()) {
    const Count at(branch.left_at());
    if (branch.named_by_chance() && (!named.until || at < *named.until)) named.until = at;
  }
  return named;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceLogs>> DeviceLogs::Open(Store& store, const Classes& wished,
                                                             NewId new_id) {
  std::unique_ptr<DeviceLogs> logs(new DeviceLogs(store));
  RETURN_IF_ERROR(logs->Load());
  RETURN_IF_ERROR(logs->Wish(wished));
  if (logs->logs_[kPlainClass]) return logs;
  StoreBatch batch;
  DeviceLogState log = logs->MakeLog(kPlainClass, new_id, batch);
  RETURN_IF_ERROR(store.Commit(batch, Sync::kDurable));
  logs->logs_[kPlainClass] = std::move(log);
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
  logs_[priority] = std::move(log);
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

DeviceLogState DeviceLogs::MakeLog(PriorityClass priority, NewId new_id, StoreBatch& batch) const {
  DeviceLogState log;
  log.set_log_id(new_id());
  INTENTLOG_CHECK(log.log_id().size() == LogId::kSize);
  log.set_priority_class(priority);
  batch.Put(Space::kMeta, ClassKey("log", priority), log.SerializeAsString());
  return log;
}

PriorityClass DeviceLogs::ClassOf(std::string_view entity_type) const {
  const auto found = classes_.find(entity_type);
  return found == classes_.end() ? kPlainClass : found->second;
}

absl::StatusOr<PriorityClass> DeviceLogs::Use(std::string_view entity_type, NewId new_id) {
  const PriorityClass priority = ClassOf(entity_type);
  if (priority == kPlainClass) return priority;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (written_classes_.count(entity_type) > 0 && logs_[priority]) return priority;
  StoreBatch batch;
  std::optional<DeviceLogState> made;
  if (!logs_[priority]) made = MakeLog(priority, new_id, batch);
  batch.Put(Space::kMeta, Cat(kClassPrefix, entity_type),
            std::string(1, static_cast<char>(priority)));
  // Not synced: whatever survives of the log was written after this.
  RETURN_IF_ERROR(store_.Commit(batch, Sync::kBuffered));
  if (made) logs_[priority] = std::move(made);
  written_classes_.emplace(entity_type);
  return priority;
}

std::vector<DeviceLogs::Named> DeviceLogs::All() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Named> logs;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    if (logs_[priority]) logs.push_back(ToNamed(priority, *logs_[priority]));
  }
  return logs;
}

std::vector<DeviceLogs::Named> DeviceLogs::Former() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Named> logs;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    const auto& log = logs_[priority];
    if (!log || log->former().empty()) continue;
    logs.push_back(ToNamed(priority, *log->former().rbegin()));
  }
  return logs;
}

std::optional<DeviceLogState> DeviceLogs::StateOf(PriorityClass priority) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return logs_[priority];
}

bool DeviceLogs::IsOwn(std::string_view log_id, uint64_t count) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& log : logs_) {
    if (!log) continue;
    if (log->log_id() == log_id) return true;
    // Each is left at the count that the next one names.
    const DeviceLogState* next = &*log;
    for (auto former = log->former().rbegin(); former != log->former().rend(); ++former) {
      if (former->log_id() == log_id) return count <= next->continues_count();
      next = &*former;
    }
  }
  return false;
}

LogId DeviceLogs::plain() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return LogId::FromBytes(logs_[kPlainClass]->log_id());
}

DeviceLogState DeviceLogs::Continue(const Continuation& how, StoreBatch& batch) const {
  DeviceLogState left;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    INTENTLOG_CHECK(logs_[how.priority].has_value());
    left = *logs_[how.priority];
  }
  DeviceLogState log;
  log.set_log_id(std::string(how.id.bytes()));
  log.set_priority_class(how.priority);
  log.set_continues_log_id(left.log_id());
  log.set_continues_count(how.last.value() - left.counts_before());
  log.set_counts_before(how.last.value());
  log.set_continues_why(how.why);
  log.set_continued_at_us(how.now_us);
  log.set_named_by_chance(how.by_chance);
  log.set_begun_in_epoch(how.begun_in_epoch);
  const LogBranch* const again = FindBranch(left, log.log_id());
  if (again != nullptr) *log.mutable_branches() = again->branches();
  log.mutable_former()->Swap(left.mutable_former());
  *log.add_former() = std::move(left);
  batch.Put(Space::kMeta, ClassKey("log", how.priority), log.SerializeAsString());
  return log;
}

DeviceLogState DeviceLogs::GoBack(PriorityClass priority, StoreBatch& batch) const {
  DeviceLogState left;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    INTENTLOG_CHECK(logs_[priority].has_value() && !logs_[priority]->former().empty());
    left = *logs_[priority];
  }
  DeviceLogState log = *left.former().rbegin();
  left.mutable_former()->RemoveLast();
  log.mutable_former()->Swap(left.mutable_former());
  Remember(left, log);
  batch.Put(Space::kMeta, ClassKey("log", priority), log.SerializeAsString());
  return log;
}

void DeviceLogs::Continued(const DeviceLogState& log) {
  const std::lock_guard<std::mutex> lock(mutex_);
  logs_[log.priority_class()] = log;
}

}  // namespace intentlog
