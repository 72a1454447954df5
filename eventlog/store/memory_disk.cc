#include "eventlog/store/memory_disk.h"

#include <array>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/memory_map.h"
#include "eventlog/store/rep.h"

namespace intentlog {
namespace {

// What takes a commit back: for each change, what was there.
struct Undo {
  struct One {
    Space space;
    std::string key;
    MemoryMap::Value had;
  };
  std::vector<One> changes;
};

// One store, open or not.
struct Folder {
  MemoryMap& map(Space space) { return maps[static_cast<size_t>(space)]; }
  const MemoryMap& map(Space space) const { return maps[static_cast<size_t>(space)]; }
  void Apply(const Changes& batch);
  std::shared_ptr<Folder> Copy() const;

  mutable std::mutex mutex;
  // All below protected by mutex.
  std::array<MemoryMap, kSpaces> maps;
  std::vector<Undo> unsynced;  // oldest first
  // A commit that failed and is there when the store is opened again.
  std::vector<std::pair<Changes, Sync>> in_doubt;
  uint64_t bytes = 0;
  bool open = false;
};

bool IsBelow(const std::string& path, const std::string& dir) {
  return path.compare(0, dir.size(), dir) == 0 &&
         (path.size() == dir.size() || path[dir.size()] == '/');
}

}  // namespace

struct MemoryDisk::Rep {
  WriteFate Judge(const std::string& dir, Sync sync) {
    return judge ? judge(dir, sync) : WriteFate::kDone;
  }
  bool IsFull(const std::string& path) const;
  std::vector<std::pair<std::string, std::shared_ptr<Folder>>> Below(const std::string& dir) const;
  // False: there is a store already.
  bool Add(const std::string& path, std::shared_ptr<Folder> folder);

  MemoryDisk::Judge judge;
  mutable std::mutex mutex;
  // All below protected by mutex.
  std::map<std::string, std::shared_ptr<Folder>> folders;
  std::set<std::string> full;
};

namespace {

// Sees the map as it was when made.
class View {
 public:
  View(std::shared_ptr<Folder> folder, Space space) : folder_(std::move(folder)), space_(space) {
    const std::lock_guard<std::mutex> hold(folder_->mutex);
    version_ = folder_->map(space_).Enter();
  }
  ~View() {
    const std::lock_guard<std::mutex> hold(folder_->mutex);
    folder_->map(space_).Leave();
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  std::mutex& mutex() const { return folder_->mutex; }
  const MemoryMap::Slots& slots() const { return folder_->map(space_).slots(); }
  const std::string* At(const MemoryMap::Slot& slot) const { return MemoryMap::At(slot, version_); }

 private:
  const std::shared_ptr<Folder> folder_;
  const Space space_;
  uint64_t version_ = 0;
};

class MemoryCursor final : public StoreCursor {
 public:
  explicit MemoryCursor(std::shared_ptr<const View> view) : view_(std::move(view)) {}

  bool Valid() const override { return value_ != nullptr; }
  void Seek(std::string_view key) override {
    const std::lock_guard<std::mutex> hold(view_->mutex());
    at_ = view_->slots().lower_bound(key);
    Onward();
  }
  void SeekBack(std::string_view key) override {
    const std::lock_guard<std::mutex> hold(view_->mutex());
    at_ = view_->slots().upper_bound(key);
    Backward();
  }
  void Next() override {
    const std::lock_guard<std::mutex> hold(view_->mutex());
    ++at_;
    Onward();
  }
  void Back() override {
    const std::lock_guard<std::mutex> hold(view_->mutex());
    Backward();
  }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return *value_; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  // To the first that is there, from at_ on.
  void Onward() {
    const auto end = view_->slots().end();
    value_ = nullptr;
    while (at_ != end && (value_ = view_->At(at_->second)) == nullptr) ++at_;
  }
  // To the last that is there, before at_.
  void Backward() {
    const auto begin = view_->slots().begin();
    value_ = nullptr;
    while (value_ == nullptr && at_ != begin) value_ = view_->At((--at_)->second);
  }

  const std::shared_ptr<const View> view_;
  MemoryMap::Slots::const_iterator at_;
  const std::string* value_ = nullptr;
};

class MemorySnapshot final : public StoreSnapshot {
 public:
  explicit MemorySnapshot(const std::shared_ptr<Folder>& folder) {
    for (int i = 0; i < kSpaces; ++i) {
      views_[i] = std::make_shared<const View>(folder, static_cast<Space>(i));
    }
  }
  absl::StatusOr<bool> Get(Space space, std::string_view key, std::string* value) const override {
    const View& view = *views_[static_cast<size_t>(space)];
    const std::lock_guard<std::mutex> hold(view.mutex());
    const auto found = view.slots().find(key);
    const std::string* const bytes = found == view.slots().end() ? nullptr : view.At(found->second);
    if (bytes != nullptr) *value = *bytes;
    return bytes != nullptr;
  }
  std::unique_ptr<StoreCursor> Scan(Space space) const override {
    return std::make_unique<MemoryCursor>(views_[static_cast<size_t>(space)]);
  }

 private:
  std::array<std::shared_ptr<const View>, kSpaces> views_;
};

}  // namespace

void Folder::Apply(const Changes& batch) {
  Undo undo;
  undo.changes.reserve(batch.changes.size());
  batch.ForEach([&](const Changes::Change& change, std::string_view key, std::string_view value) {
    MemoryMap::Value had =
        map(change.space)
            .Change(key, change.put ? MemoryMap::Value(std::string(value)) : MemoryMap::Value());
    undo.changes.push_back({change.space, std::string(key), std::move(had)});
    return true;
  });
  bytes += batch.bytes;
  unsynced.push_back(std::move(undo));
}

std::shared_ptr<Folder> Folder::Copy() const {
  auto copy = std::make_shared<Folder>();
  const std::lock_guard<std::mutex> hold(mutex);
  for (int i = 0; i < kSpaces; ++i) copy->maps[i] = maps[i].Copy();
  copy->unsynced = unsynced;
  copy->in_doubt = in_doubt;
  copy->bytes = bytes;
  return copy;
}

// ---- an open store

struct Store::Rep::Memory final : Store::Rep {
  Memory(MemoryDisk::Rep& on, std::shared_ptr<Folder> opened)
      : disk(on), folder(std::move(opened)) {}
  ~Memory() override {
    const std::lock_guard<std::mutex> hold(folder->mutex);
    folder->open = false;
  }

  absl::Status Write(Changes& batch, Sync sync) override {
    const std::lock_guard<std::mutex> one(writing);
    RETURN_IF_ERROR(CheckExpected(batch));
    const WriteFate fate = disk.Judge(dir, sync);
    const std::lock_guard<std::mutex> hold(folder->mutex);
    if (fate == WriteFate::kFailsButDone) folder->in_doubt.emplace_back(batch, sync);
    if (fate != WriteFate::kDone) return Fail(Broken());
    folder->Apply(batch);
    if (sync == Sync::kDurable) folder->unsynced.clear();
    return absl::OkStatus();
  }
  absl::Status SyncLog() override {
    const std::lock_guard<std::mutex> one(writing);
    const WriteFate fate = disk.Judge(dir, Sync::kDurable);
    const std::lock_guard<std::mutex> hold(folder->mutex);
    if (fate != WriteFate::kFails) folder->unsynced.clear();
    return fate == WriteFate::kDone ? absl::OkStatus() : Fail(Broken());
  }
  std::unique_ptr<StoreLoad> Load(Space space) override {
    return std::make_unique<BatchLoad>(*this, space);
  }
  absl::StatusOr<bool> Get(Space space, std::string_view key, std::string* value) const override {
    const std::lock_guard<std::mutex> hold(folder->mutex);
    const std::string* const bytes = folder->map(space).Find(key);
    if (bytes != nullptr) *value = *bytes;
    return bytes != nullptr;
  }
  std::unique_ptr<StoreCursor> Scan(Space space) const override {
    return std::make_unique<MemoryCursor>(std::make_shared<const View>(folder, space));
  }
  std::unique_ptr<StoreSnapshot> Snapshot() const override {
    return std::make_unique<MemorySnapshot>(folder);
  }
  absl::Status CopyTo(const std::string& to) const override {
    if (disk.Judge(to, Sync::kDurable) != WriteFate::kDone) return Broken();
    auto copy = folder->Copy();
    copy->in_doubt.clear();
    copy->unsynced.clear();  // a copy is synced
    if (disk.Add(to, std::move(copy))) return absl::OkStatus();
    return FailedPrecondition(to, " is there already");
  }
  absl::Status CheckRoom(uint64_t bytes, uint64_t spare) const override {
    if (!disk.IsFull(dir)) return absl::OkStatus();
    return NoRoom(dir, 0, free_bytes_min + spare + 2 * bytes);
  }
  absl::Status CheckReopen() const override { return CheckRoom(0, free_bytes_min); }
  uint64_t disk_bytes() const override {
    const std::lock_guard<std::mutex> hold(folder->mutex);
    return folder->bytes;
  }
  absl::Status Broken() const { return Unavailable(dir, ": simulated: the disk failed"); }

  // One commit.
  class BatchLoad final : public StoreLoad {
   public:
    BatchLoad(Memory& rep, Space space) : rep_(rep), space_(space) {}
    absl::Status Put(std::string_view key, std::string_view value) override {
      batch_.changes.push_back(
          {space_, true, static_cast<uint32_t>(key.size()), static_cast<uint32_t>(value.size())});
      batch_.Room(key.size() + value.size()).append(key).append(value);
      if (!first_) first_ = std::string(key);
      last_ = std::string(key);
      return rep_.MayWrite();
    }
    absl::Status Finish() override {
      RETURN_IF_ERROR(rep_.MayWrite());
      RETURN_IF_ERROR(rep_.CheckRoom(batch_.bytes, /*spare=*/0));
      if (first_) {
        const auto there = rep_.Scan(space_);
        there->Seek(*first_);
        if (there->Valid() && there->key() <= last_) {
          return FailedPrecondition(rep_.dir, ": simulated: rows are there already");
        }
      }
      return rep_.Write(batch_, Sync::kDurable);
    }

   private:
    Memory& rep_;
    const Space space_;
    Changes batch_;
    std::optional<std::string> first_;
    std::string last_;
  };

  MemoryDisk::Rep& disk;
  const std::shared_ptr<Folder> folder;
  std::mutex writing;  // held while a batch is checked and written
};

absl::StatusOr<std::unique_ptr<Store::Rep>> Store::Rep::OpenMemory(const std::string& path,
                                                                   const StoreOptions& options) {
  MemoryDisk::Rep& disk = *options.memory->rep_;
  std::unique_lock<std::mutex> hold(disk.mutex);
  auto found = disk.folders.find(path);
  if (found == disk.folders.end()) {
    if (options.read_only || !options.create_if_missing) return Absent(path);
    hold.unlock();
    if (disk.IsFull(path)) return NoRoom(path, 0, 2 * options.free_bytes_min);
    if (disk.Judge(path, Sync::kDurable) != WriteFate::kDone) {
      return Unavailable(path, ": simulated: the disk failed");
    }
    auto made = std::make_shared<Folder>();
    made->map(Space::kMeta).Change(kIdentityKey, IdentityOf(options.role));
    made->bytes = 1;
    hold.lock();
    found = disk.folders.emplace(path, std::move(made)).first;
  }
  const std::shared_ptr<Folder> folder = found->second;
  hold.unlock();
  const bool full = disk.IsFull(path);
  const std::lock_guard<std::mutex> lock(folder->mutex);
  if (folder->open) return InUse(path);
  folder->open = true;
  auto rep = std::make_unique<Memory>(disk, folder);
  rep->dir = path;
  rep->read_only = options.read_only;
  rep->free_bytes_min = options.free_bytes_min;
  if (!options.read_only) {
    for (const auto& [batch, sync] : std::exchange(folder->in_doubt, {})) folder->Apply(batch);
    // Opening writes what only the write-ahead log holds as tables, and syncs them.
    if (full) {
      rep->Fail(NoRoom(path, 0, options.free_bytes_min)).IgnoreError();
    } else {
      folder->unsynced.clear();
    }
  }
  return std::unique_ptr<Rep>(std::move(rep));
}

// ---- the disk

bool MemoryDisk::Rep::IsFull(const std::string& path) const {
  const std::lock_guard<std::mutex> hold(mutex);
  for (const std::string& dir : full) {
    if (IsBelow(path, dir)) return true;
  }
  return false;
}

bool MemoryDisk::Rep::Add(const std::string& path, std::shared_ptr<Folder> folder) {
  const std::lock_guard<std::mutex> hold(mutex);
  return folders.emplace(path, std::move(folder)).second;
}

std::vector<std::pair<std::string, std::shared_ptr<Folder>>> MemoryDisk::Rep::Below(
    const std::string& dir) const {
  std::vector<std::pair<std::string, std::shared_ptr<Folder>>> below;
  const std::lock_guard<std::mutex> hold(mutex);
  for (const auto& [path, folder] : folders) {
    if (IsBelow(path, dir)) below.emplace_back(path, folder);
  }
  return below;
}

MemoryDisk::MemoryDisk() : rep_(std::make_unique<Rep>()) {}
MemoryDisk::~MemoryDisk() = default;

void MemoryDisk::OnWrite(Judge judge) { rep_->judge = std::move(judge); }

void MemoryDisk::SetFull(const std::string& dir, bool full) {
  const std::lock_guard<std::mutex> hold(rep_->mutex);
  full ? void(rep_->full.insert(dir)) : void(rep_->full.erase(dir));
}

void MemoryDisk::CutPower(const std::string& dir, Random& random) {
  for (const auto& [path, folder] : rep_->Below(dir)) {
    const std::lock_guard<std::mutex> hold(folder->mutex);
    INTENTLOG_CHECK(!folder->open);
    // A failed commit is a commit like the others: not synced, and the newest.
    for (const auto& [batch, sync] : std::exchange(folder->in_doubt, {})) folder->Apply(batch);
    std::vector<Undo>& unsynced = folder->unsynced;
    const size_t kept = random.Below(unsynced.size() + 1);
    while (unsynced.size() > kept) {
      std::vector<Undo::One>& changes = unsynced.back().changes;
      for (auto one = changes.rbegin(); one != changes.rend(); ++one) {
        folder->map(one->space).Change(one->key, std::move(one->had));
      }
      unsynced.pop_back();
    }
    unsynced.clear();  // what is on the disk now stays there
  }
}

void MemoryDisk::Copy(const std::string& from, const std::string& to) {
  Remove(to);
  for (const auto& [path, folder] : rep_->Below(from)) {
    INTENTLOG_CHECK(rep_->Add(to + path.substr(from.size()), folder->Copy()));
  }
}

void MemoryDisk::Remove(const std::string& dir) {
  for (const auto& [path, folder] : rep_->Below(dir)) {
    const std::lock_guard<std::mutex> hold(rep_->mutex);
    INTENTLOG_CHECK(!folder->open);
    rep_->folders.erase(path);
  }
}

size_t MemoryDisk::unsynced(const std::string& dir) const {
  size_t sum = 0;
  for (const auto& [path, folder] : rep_->Below(dir)) {
    const std::lock_guard<std::mutex> hold(folder->mutex);
    sum += folder->unsynced.size();
  }
  return sum;
}

}  // namespace intentlog
