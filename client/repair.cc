#include "client/repair.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/lanes.h"
#include "client/outbox/rows.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/salvage.h"
#include "eventlog/store/store.h"
#include "proto/store.pb.h"

namespace intentlog {
namespace {

constexpr size_t kCommitBytes = 1 << 20;
constexpr size_t kLaneCacheEntities = 4096;

StoreOptions DeviceStore() {
  StoreOptions options;
  options.role = "device";
  return options;
}

// Whether something of the store cannot be read.
absl::StatusOr<bool> IsDamaged(const std::string& dir) {
  StoreOptions options = DeviceStore();
  options.create_if_missing = false;
  options.read_only = true;
  const auto store = Store::Open(dir, options);
  if (absl::IsDataLoss(store.status())) return true;
  RETURN_IF_ERROR(store.status());
  for (int space = 0; space < kSpaces; ++space) {
    const auto row = (*store)->Scan(static_cast<Space>(space));
    for (row->Seek(""); row->Valid();) row->Next();
    if (absl::IsDataLoss(row->status())) return true;
    RETURN_IF_ERROR(row->status());
  }
  return false;
}

// ---- what is taken over

// Commits what it is given, some at a time.
class Writer {
 public:
  explicit Writer(Store& store) : store_(store) {}
  void Put(Space space, std::string_view key, std::string_view value) {
    batch_.Put(space, key, value);
    if (batch_.bytes() > kCommitBytes) Flush().IgnoreError();  // told at the end
  }
  void Delete(Space space, std::string_view key) { batch_.Delete(space, key); }
  StoreBatch& batch() { return batch_; }
  absl::Status Flush() {
    if (!batch_.empty()) status_.Update(store_.Commit(batch_, Sync::kBuffered));
    batch_.Clear();
    return status_;
  }

 private:
  Store& store_;
  StoreBatch batch_;
  absl::Status status_;
};

// What of the damaged folder's small rows is used, the best of what was found.
struct Found {
  std::string identity;
  std::array<std::optional<DeviceLogState>, kClasses> logs;
  std::array<uint64_t, kClasses> receipted = {};  // the server had all through here
};

bool HasClassKey(std::string_view key, std::string_view name, PriorityClass* priority) {
  if (key.size() != name.size() + 1 || !key.starts_with(name)) return false;
  *priority = static_cast<PriorityClass>(key.back());
  return *priority < kClasses;
}

void NoteMeta(std::string_view key, std::string_view value, Found& found, Writer& to) {
  PriorityClass priority = kPlainClass;
  DeviceIdentity identity;
  if (key == "device" && identity.ParseFromString(std::string(value))) {
    found.identity = std::string(value);
  } else if (HasClassKey(key, "log", &priority)) {
    DeviceLogState log;
    if (!log.ParseFromString(std::string(value)) || log.log_id().size() != LogId::kSize) return;
    auto& best = found.logs[priority];
    if (!best || best->former_size() <= log.former_size()) best = std::move(log);
  } else if (HasClassKey(key, "counts", &priority)) {
    const auto counts = ParseReceiptCounts(value);
    if (counts) found.receipted[priority] = std::max(found.receipted[priority], counts->prefix);
  } else if (HasClassKey(key, "retry", &priority) ||
             (key.starts_with("class") && value.size() == 1)) {
    to.Put(Space::kMeta, key, value);
  }
}

bool IsCountRow(std::string_view key, char kind) {
  return key.size() == 10 && key[0] == kind && static_cast<uint8_t>(key[1]) < kClasses;
}

// ---- one log

// What of a log's rows can go on: the newest ones that follow on each other, by their hashes, down
// to where the server has what is before.
class LogRepair {
 public:
  LogRepair(Store& store, PriorityClass priority, uint64_t receipted)
      : store_(store), receipted_(receipted), reader_(store, priority) {
    log_.priority = priority;
    log_.receipted = Count(receipted);
  }
  absl::StatusOr<RepairedLog> Run();

 private:
  absl::Status Weigh();
  absl::Status Drop();
  absl::Status Index();
  std::optional<ChainValue> HashAfter(const IntentReader::RowAt& at) const;

  Store& store_;
  const uint64_t receipted_;
  IntentReader reader_;
  RepairedLog log_;
};

absl::StatusOr<RepairedLog> LogRepair::Run() {
  RETURN_IF_ERROR(Weigh());
  RETURN_IF_ERROR(Drop());
  RETURN_IF_ERROR(Index());
  return std::move(log_);
}

absl::Status LogRepair::Weigh() {
  Count next(1);  // what should come
  std::optional<ChainValue> hash;
  bool goes_on = true;  // `kept` may grow
  log_.kept = {Count(1), Count()};
  const std::string prefix = CountPrefix('i', log_.priority);
  const auto row = store_.Scan(Space::kLog);
  for (row->Seek(prefix); row->Valid() && row->key().starts_with(prefix); row->Next()) {
    const absl::StatusOr<AppendRow> parsed = AppendRow::Parse(row->value());
    if (!parsed.ok() || parsed->size() == 0) continue;
    const IntentReader::RowAt at{CountOf(row->key()), *parsed};
    if (at.first < next) continue;  // part of an older row that was divided
    const absl::StatusOr<ChainValue> before = reader_.HashBefore(at);
    const bool follows = at.first == next && before.ok() && (!hash || *hash == *before);
    const bool trimmed = next == Count(1) && at.first.value() - 1 <= receipted_;
    if (at.first > next && !trimmed) {
      log_.unreadable.push_back({next, Count(at.first.value() - 1)});
    }
    if (!follows && (at.first > next || hash)) {
      // The server has all before it, or it must stay where it is.
      goes_on = at.first.value() - 1 <= receipted_;
      if (goes_on) log_.kept.first = at.first;
      if (goes_on) log_.left_aside = 0;
    }
    if (goes_on) {
      log_.kept.last = at.last();
    } else {
      log_.left_aside += at.row.size();
    }
    hash = before.ok() ? HashAfter(at) : std::nullopt;
    next = at.last().Next();
  }
  if (goes_on && next.value() <= receipted_) {
    log_.unreadable.push_back({next, Count(receipted_)});
  }
  return row->status();
}

std::optional<ChainValue> LogRepair::HashAfter(const IntentReader::RowAt& at) const {
  absl::StatusOr<ChainValue> hash = reader_.HashBefore(at);
  if (!hash.ok()) return std::nullopt;
  at.row.ForEach([&](uint32_t, std::string_view intent) { *hash = NextLogHash(*hash, intent); });
  return *hash;
}

// Rows that are not kept.
absl::Status LogRepair::Drop() {
  Writer to(store_);
  const std::string prefix = CountPrefix('i', log_.priority);
  const auto row = store_.Scan(Space::kLog);
  Count next = log_.kept.first;
  for (row->Seek(prefix); row->Valid() && row->key().starts_with(prefix); row->Next()) {
    const absl::StatusOr<AppendRow> parsed = AppendRow::Parse(row->value());
    const Count first = CountOf(row->key());
    if (parsed.ok() && first == next && first <= log_.kept.last) {
      next = first.Plus(parsed->size());
    } else {
      to.Delete(Space::kLog, row->key());
    }
  }
  RETURN_IF_ERROR(row->status());
  return to.Flush();
}

// Where each intent is, and what waits of each entity.
absl::Status LogRepair::Index() {
  Writer to(store_);
  Lanes lanes(store_, kLaneCacheEntities);
  IntentReader reader(store_, log_.priority);
  const auto flush = [&] {
    lanes.Put(to.batch());
    RETURN_IF_ERROR(to.Flush());
    lanes.Written();
    return absl::OkStatus();
  };
  const auto add = [&](Count count, std::string_view bytes) -> absl::Status {
    IntentView intent;
    RETURN_IF_ERROR(ReadIntent(bytes, &intent));
    to.batch().Put(Space::kIndex, GivenIdKey(IntentId::FromBytes(intent.intent_id)),
                   PlaceBytes({log_.priority, count}));
    ASSIGN_OR_RETURN(LaneState * lane, lanes.Edit(intent.entity_type, intent.entity_id));
    lane->set_pending(lane->pending() + 1);
    lane->set_last_count(count.value());
    lane->set_last_change_us(intent.device_time_us);
    return to.batch().bytes() > kCommitBytes ? flush() : absl::OkStatus();
  };
  if (log_.kept.first <= log_.kept.last) {
    RETURN_IF_ERROR(reader.ForEach(log_.kept.first, log_.kept.last, add));
    ReceiptCounts counts;
    counts.prefix = counts.receipts = counts.synced = log_.kept.first.value() - 1;
    to.batch().Put(Space::kMeta, ClassKey("counts", log_.priority), ReceiptCountsBytes(counts));
  }
  return flush();
}

// ---- the folder

absl::Status BuildStore(const std::string& dir, const std::string& damaged, Repaired* repaired) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, Store::Open(dir, DeviceStore()));
  Writer to(*store);
  Found found;
  const auto use = [&](Space space, std::string_view key, std::string_view value) {
    if (space == Space::kMeta) NoteMeta(key, value, found, to);
    const bool intents = space == Space::kLog && IsCountRow(key, 'i');
    const bool hashes = space == Space::kIndex && IsCountRow(key, 'h');
    if ((intents && AppendRow::Parse(value).ok()) || hashes) to.Put(space, key, value);
  };
  Salvaged salvaged;
  RETURN_IF_ERROR(ReadSalvage(nullptr, damaged, use, &salvaged));
  repaired->damaged_files = std::move(salvaged.damaged);
  DeviceIdentity identity;
  if (found.identity.empty() || !identity.ParseFromString(found.identity)) {
    return DataLoss(damaged,
                    ": not even the device's name can be read; the folder was left as it "
                    "is: keep it, and begin with another one");
  }
  repaired->device = identity.device();
  to.Put(Space::kMeta, "device", found.identity);
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    const auto& log = found.logs[priority];
    if (log) to.Put(Space::kMeta, ClassKey("log", priority), log->SerializeAsString());
  }
  RETURN_IF_ERROR(to.Flush());
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    LogRepair repair(*store, priority, found.receipted[priority]);
    ASSIGN_OR_RETURN(RepairedLog log, repair.Run());
    const bool any = log.kept.first <= log.kept.last || log.left_aside > 0;
    if (any && !found.logs[priority]) {
      return DataLoss(damaged, ": the name of the device log of class ", int{priority},
                      " cannot be read, but intents of it; the folder was left as it is");
    }
    if (found.logs[priority]) repaired->logs.push_back(std::move(log));
  }
  return store->SyncLog();
}

absl::Status SystemError(std::string_view what, std::string_view dir) {
  return Unavailable(what, " ", dir, ": ", std::strerror(errno));
}

absl::Status SyncParent(const std::string& dir) {
  std::string parent = std::filesystem::path(dir).parent_path().string();
  if (parent.empty()) parent = ".";
  const int folder = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return SystemError("opening", parent);
  const bool synced = fsync(folder) == 0;
  const absl::Status status = synced ? absl::OkStatus() : SystemError("syncing", parent);
  close(folder);
  return status;
}

absl::Status Rename(const std::string& from, const std::string& to, unsigned how) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), how) != 0) {
    return SystemError("moving", Cat(from, " to ", to));
  }
  return SyncParent(to);
}

// ---- the steps of a repair, by what a folder is called
//
//   DIR.repairing-…  the new one, not complete: a crash leaves it, the next repair removes it
//   DIR.repaired-…   the new one, complete; then, in one step, what was DIR
//   DIR.damaged-…    what was DIR

constexpr std::string_view kRepairing = ".repairing-", kRepaired = ".repaired-",
                           kDamaged = ".damaged-";

// Folders beside `dir` that are called `dir` and `suffix` and a time.
absl::StatusOr<std::vector<std::string>> Beside(const std::string& dir, std::string_view suffix) {
  const std::filesystem::path path(dir);
  const std::string begin = Cat(path.filename().string(), suffix);
  const std::string parent = path.has_parent_path() ? path.parent_path().string() : ".";
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& one : std::filesystem::directory_iterator(parent, error)) {
    if (one.path().filename().string().starts_with(begin)) found.push_back(one.path().string());
  }
  if (error) return Unavailable("reading ", parent, ": ", error.message());
  return found;
}

// Ends what a crash cut off. Returns where that left a folder aside; empty if there was nothing.
absl::StatusOr<std::string> EndFormerRepair(const std::string& dir) {
  ASSIGN_OR_RETURN(const auto incomplete, Beside(dir, kRepairing));
  for (const std::string& path : incomplete) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return Unavailable("removing ", path, ": ", error.message());
  }
  // It may be what was damaged: it is kept whatever it is.
  ASSIGN_OR_RETURN(const auto exchanged, Beside(dir, kRepaired));
  std::string aside;
  for (const std::string& path : exchanged) {
    const size_t at = path.rfind(kRepaired);
    aside = Cat(path.substr(0, at), kDamaged, path.substr(at + kRepaired.size()));
    RETURN_IF_ERROR(Rename(path, aside, RENAME_NOREPLACE));
  }
  return aside;
}

}  // namespace

absl::StatusOr<Repaired> RepairDevice(const std::string& given, absl::Time now) {
  std::string dir = given;
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  ASSIGN_OR_RETURN(auto lock, StoreLock::Take(nullptr, dir));
  ASSIGN_OR_RETURN(const std::string former, EndFormerRepair(dir));
  lock.reset();  // for IsDamaged, which opens the store
  ASSIGN_OR_RETURN(const bool damaged, IsDamaged(dir));
  Repaired repaired;
  if (!damaged && former.empty()) {
    return FailedPrecondition(dir, " can be read from end to end: there is nothing to repair");
  }
  if (!damaged) {
    repaired.set_aside = former;
    repaired.ended_former = true;
    return repaired;
  }
  // Until the end: what a device recorded meanwhile would be set aside with the rest.
  ASSIGN_OR_RETURN(lock, StoreLock::Take(nullptr, dir));
  const std::string stamp = absl::FormatTime("%Y%m%d-%H%M%S", now, absl::UTCTimeZone());
  const std::string fresh = Cat(dir, kRepairing, stamp), complete = Cat(dir, kRepaired, stamp);
  repaired.set_aside = Cat(dir, kDamaged, stamp);
  if (std::filesystem::exists(repaired.set_aside)) {
    return absl::AlreadyExistsError(
        Cat(repaired.set_aside, " is in the way; move it, or try again later"));
  }
  absl::Status built = BuildStore(fresh, dir, &repaired);
  if (!built.ok()) {
    std::error_code ignored;
    std::filesystem::remove_all(fresh, ignored);
    return built;
  }
  RETURN_IF_ERROR(Rename(fresh, complete, RENAME_NOREPLACE));
  // One step: there is always a folder, the damaged one or the new one.
  RETURN_IF_ERROR(Rename(complete, dir, RENAME_EXCHANGE));
  RETURN_IF_ERROR(Rename(complete, repaired.set_aside, RENAME_NOREPLACE));
  return repaired;
}

}  // namespace intentlog
