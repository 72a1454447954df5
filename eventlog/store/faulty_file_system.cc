#include "eventlog/store/faulty_file_system.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/system_clock.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

struct FileState {
  uint64_t size = 0;
  uint64_t synced = 0;
};

std::string Folder(const std::string& path) { return fs::path(path).parent_path().string(); }
bool IsLog(const std::string& path) { return fs::path(path).extension() == ".log"; }

}  // namespace

class FaultyFileSystem::Wrapper final : public rocksdb::FileSystemWrapper {
 public:
  explicit Wrapper(std::string scratch)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), scratch_(std::move(scratch)) {}
  const char* Name() const override { return "FaultyFileSystem"; }

  // ---- orders

  struct Order {
    Operation operation;
    uint64_t nth;
    bool for_good;
    IOStatus status;
  };
  void Set(std::optional<Order> order) {
    std::lock_guard<std::mutex> hold(mutex_);
    order_ = std::move(order);
    happened_ = false;
  }
  uint64_t count(Operation operation) const {
    std::lock_guard<std::mutex> hold(mutex_);
    return counts_[static_cast<size_t>(operation)];
  }
  bool happened() const {
    std::lock_guard<std::mutex> hold(mutex_);
    return happened_;
  }
  void LosePower(Unsynced unsynced);

  void SetFreeBytes(std::optional<uint64_t> bytes) {
    std::lock_guard<std::mutex> hold(mutex_);
    free_bytes_ = bytes;
  }

  // ---- what RocksDB calls

  IOStatus GetFreeSpace(const std::string& path, const IOOptions& options, uint64_t* bytes,
                        IODebugContext* debug) override {
    std::lock_guard<std::mutex> hold(mutex_);
    if (!free_bytes_) return FileSystemWrapper::GetFreeSpace(path, options, bytes, debug);
    *bytes = *free_bytes_;
    return IOStatus::OK();
  }
  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* debug) override;
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* debug) override;
  IOStatus CreateDir(const std::string& path, const IOOptions& options,
                     IODebugContext* debug) override;
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* debug) override;
  IOStatus DeleteDir(const std::string& path, const IOOptions& options,
                     IODebugContext* debug) override;

 private:
  class File;
  class Directory;

  // A change of names that is lost unless its folder is synced.
  struct Change {
    enum class Kind { kCreated, kRenamed, kDeleted, kDirCreated, kDirDeleted } kind;
    std::string path;
    std::string other;     // kRenamed: where it went; kDeleted: where it is kept meanwhile
    std::string replaced;  // kRenamed: where the file that had the name is kept
  };

  IOStatus Gate(const std::string& path, std::optional<Operation> of_log = std::nullopt);
  std::string Scratch() { return scratch_ + "/" + std::to_string(++scratch_number_); }
  void MoveStates(const std::string& from, const std::string& to);
  void Move(const std::string& from, const std::string& to);
  void Undo(const Change& change);
  void FolderSynced(const std::string& folder);

  const std::string scratch_;
  mutable std::mutex mutex_;
  // All below protected by mutex_.
  uint64_t counts_[3] = {};
  std::optional<Order> order_;
  bool happened_ = false;
  std::optional<uint64_t> free_bytes_;
  uint64_t scratch_number_ = 0;
  std::map<std::string, std::shared_ptr<FileState>> files_;
  std::vector<Change> changes_;  // oldest first
};

// REQUIRES: mutex_ is held.
IOStatus FaultyFileSystem::Wrapper::Gate(const std::string& path, std::optional<Operation> of_log) {
  const auto falls_on = [&](Operation operation) {
    const uint64_t number = ++counts_[static_cast<size_t>(operation)];
    return order_.has_value() && order_->operation == operation &&
           (number == order_->nth || (order_->for_good && number > order_->nth));
  };
  bool fails = falls_on(Operation::kAny);
  if (of_log.has_value() && IsLog(path)) fails |= falls_on(*of_log);
  if (!fails) return IOStatus::OK();
  happened_ = true;
  return order_->status;
}

// ---- files

class FaultyFileSystem::Wrapper::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(Wrapper& wrapper, std::string path, std::shared_ptr<FileState> state,
       std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)),
        wrapper_(wrapper),
        path_(std::move(path)),
        state_(std::move(state)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    std::lock_guard<std::mutex> hold(wrapper_.mutex_);
    IOStatus status = wrapper_.Gate(path_, Operation::kLogWrite);
    if (status.ok()) status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    if (status.ok()) state_->size += data.size();
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return Synced(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return Synced(); }

 private:
  // Only remembered: nothing here outlives the machine's own power.
  IOStatus Synced() {
    std::lock_guard<std::mutex> hold(wrapper_.mutex_);
    IOStatus status = wrapper_.Gate(path_, Operation::kLogSync);
    if (status.ok()) state_->synced = state_->size;
    return status;
  }

  Wrapper& wrapper_;
  const std::string path_;
  const std::shared_ptr<FileState> state_;
};

IOStatus FaultyFileSystem::Wrapper::NewWritableFile(
    const std::string& path, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) {
  std::lock_guard<std::mutex> hold(mutex_);
  IOStatus status = Gate(path);
  if (!status.ok()) return status;
  const bool existed = fs::exists(path);
  std::unique_ptr<rocksdb::FSWritableFile> file;
  status = FileSystemWrapper::NewWritableFile(path, options, &file, debug);
  if (!status.ok()) return status;
  if (!existed) changes_.push_back({Change::Kind::kCreated, path, "", ""});
  auto state = std::make_shared<FileState>();
  files_[path] = state;
  *result = std::make_unique<File>(*this, path, std::move(state), std::move(file));
  return IOStatus::OK();
}

// ---- folders

class FaultyFileSystem::Wrapper::Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(Wrapper& wrapper, std::string path, std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), wrapper_(wrapper), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return Synced(); }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*,
                               const rocksdb::DirFsyncOptions&) override {
    return Synced();
  }

 private:
  IOStatus Synced() {
    std::lock_guard<std::mutex> hold(wrapper_.mutex_);
    IOStatus status = wrapper_.Gate(path_);
    if (status.ok()) wrapper_.FolderSynced(path_);
    return status;
  }

  Wrapper& wrapper_;
  const std::string path_;
};

void FaultyFileSystem::Wrapper::FolderSynced(const std::string& folder) {
  std::erase_if(changes_, [&](const Change& change) { return Folder(change.path) == folder; });
}

IOStatus FaultyFileSystem::Wrapper::NewDirectory(const std::string& path, const IOOptions& options,
                                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                                 IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  IOStatus status = FileSystemWrapper::NewDirectory(path, options, &directory, debug);
  const std::string plain = Folder(path + "/file");  // without a slash at its end
  if (status.ok()) *result = std::make_unique<Directory>(*this, plain, std::move(directory));
  return status;
}

IOStatus FaultyFileSystem::Wrapper::DeleteFile(const std::string& path, const IOOptions&,
                                               IODebugContext*) {
  std::lock_guard<std::mutex> hold(mutex_);
  IOStatus status = Gate(path);
  if (!status.ok()) return status;
  if (!fs::exists(path)) return IOStatus::PathNotFound(path);
  const std::string kept = Scratch();
  Move(path, kept);
  changes_.push_back({Change::Kind::kDeleted, path, kept, ""});
  return IOStatus::OK();
}

IOStatus FaultyFileSystem::Wrapper::RenameFile(const std::string& from, const std::string& to,
                                               const IOOptions& options, IODebugContext* debug) {
  std::lock_guard<std::mutex> hold(mutex_);
  IOStatus status = Gate(to);
  if (!status.ok()) return status;
  std::string replaced;
  if (fs::is_regular_file(to)) {
    replaced = Scratch();
    Move(to, replaced);
  }
  status = FileSystemWrapper::RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  MoveStates(from, to);
  changes_.push_back({Change::Kind::kRenamed, from, to, replaced});
  return status;
}

IOStatus FaultyFileSystem::Wrapper::LinkFile(const std::string& from, const std::string& to,
                                             const IOOptions& options, IODebugContext* debug) {
  std::lock_guard<std::mutex> hold(mutex_);
  IOStatus status = Gate(to);
  if (status.ok()) status = FileSystemWrapper::LinkFile(from, to, options, debug);
  if (!status.ok()) return status;
  const auto state = files_.find(from);  // the same bytes, synced together
  if (state != files_.end()) files_[to] = state->second;
  changes_.push_back({Change::Kind::kCreated, to, "", ""});
  return status;
}

IOStatus FaultyFileSystem::Wrapper::CreateDir(const std::string& path, const IOOptions& options,
                                              IODebugContext* debug) {
  std::lock_guard<std::mutex> hold(mutex_);
  IOStatus status = Gate(path);
  if (status.ok()) status = FileSystemWrapper::CreateDir(path, options, debug);
  if (status.ok()) changes_.push_back({Change::Kind::kDirCreated, path, "", ""});
  return status;
}

IOStatus FaultyFileSystem::Wrapper::CreateDirIfMissing(const std::string& path,
                                                       const IOOptions& options,
                                                       IODebugContext* debug) {
  if (fs::is_directory(path)) return IOStatus::OK();
  return CreateDir(path, options, debug);
}

IOStatus FaultyFileSystem::Wrapper::DeleteDir(const std::string& path, const IOOptions& options,
                                              IODebugContext* debug) {
  std::lock_guard<std::mutex> hold(mutex_);
  IOStatus status = Gate(path);
  if (status.ok()) status = FileSystemWrapper::DeleteDir(path, options, debug);
  if (status.ok()) changes_.push_back({Change::Kind::kDirDeleted, path, "", ""});
  return status;
}

// ---- the power cut

// Of the file `from`, or of all files in the folder `from`.
void FaultyFileSystem::Wrapper::MoveStates(const std::string& from, const std::string& to) {
  std::map<std::string, std::shared_ptr<FileState>> moved;
  for (const auto& [path, state] : files_) {
    if (path == from) {
      moved[to] = state;
    } else if (path.starts_with(from + "/")) {
      moved[to + path.substr(from.size())] = state;
    } else if (path != to) {
      moved[path] = state;
    }
  }
  files_ = std::move(moved);
}

void FaultyFileSystem::Wrapper::Move(const std::string& from, const std::string& to) {
  fs::rename(from, to);
  MoveStates(from, to);
}

void FaultyFileSystem::Wrapper::Undo(const Change& change) {
  switch (change.kind) {
    case Change::Kind::kCreated:
      fs::remove(change.path);
      files_.erase(change.path);
      break;
    case Change::Kind::kRenamed:
      Move(change.other, change.path);
      if (!change.replaced.empty()) Move(change.replaced, change.other);
      break;
    case Change::Kind::kDeleted:
      Move(change.other, change.path);
      break;
    case Change::Kind::kDirCreated:
      fs::remove_all(change.path);
      std::erase_if(files_,
                    [&](const auto& file) { return file.first.starts_with(change.path + "/"); });
      break;
    case Change::Kind::kDirDeleted:
      fs::create_directory(change.path);
      break;
  }
}

void FaultyFileSystem::Wrapper::LosePower(Unsynced unsynced) {
  std::lock_guard<std::mutex> hold(mutex_);
  if (unsynced == Unsynced::kLost) {
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) Undo(*change);
  }
  changes_.clear();
  for (const auto& [path, state] : files_) {
    if (!fs::exists(path)) continue;
    uint64_t size = state->size;
    if (unsynced == Unsynced::kLost) size = state->synced;
    if (unsynced == Unsynced::kTorn) size = state->synced + (state->size - state->synced) / 2;
    if (size != state->size) fs::resize_file(path, size);
  }
  files_.clear();
  order_.reset();
}

// ---- FaultyFileSystem

namespace {

// RocksDB sleeps a second after each failure of a thread in the background.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int micros) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(micros, 1000));
  }
};

class ImpatientEnv final : public rocksdb::EnvWrapper {
 public:
  explicit ImpatientEnv(std::unique_ptr<rocksdb::Env> env) : EnvWrapper(std::move(env)) {
    system_clock_ = std::make_shared<ImpatientClock>(rocksdb::SystemClock::Default());
  }
};

}  // namespace

FaultyFileSystem::FaultyFileSystem(const std::string& scratch_dir) {
  fs::remove_all(scratch_dir);
  fs::create_directories(scratch_dir);
  wrapper_ = std::make_shared<Wrapper>(scratch_dir);
  env_ = std::make_unique<ImpatientEnv>(rocksdb::NewCompositeEnv(wrapper_));
}
FaultyFileSystem::~FaultyFileSystem() = default;

rocksdb::Env* FaultyFileSystem::env() { return env_.get(); }
uint64_t FaultyFileSystem::operations(Operation operation) const {
  return wrapper_->count(operation);
}
bool FaultyFileSystem::happened() const { return wrapper_->happened(); }
void FaultyFileSystem::Heal() {
  wrapper_->Set(std::nullopt);
  wrapper_->SetFreeBytes(std::nullopt);
}
void FaultyFileSystem::SetFreeBytes(uint64_t bytes) { wrapper_->SetFreeBytes(bytes); }
void FaultyFileSystem::LosePower(Unsynced unsynced) {
  // tools/test adds them up.
  static std::atomic<int> cuts = 0;
  static const int told =
      std::atexit([] { std::printf("FIGURE power cut points: %d\n", cuts.load()); });
  INTENTLOG_CHECK(told == 0);
  ++cuts;
  wrapper_->LosePower(unsynced);
}

void FaultyFileSystem::FailAt(Operation operation, uint64_t nth, Error error, bool for_good) {
  wrapper_->Set(Wrapper::Order{operation, nth, for_good,
                               error == Error::kIo ? IOStatus::IOError("ordered fault")
                                                   : IOStatus::NoSpace("ordered fault")});
}

void FaultyFileSystem::CutPowerAt(uint64_t nth) {
  wrapper_->Set(
      Wrapper::Order{Operation::kAny, nth, /*for_good=*/true, IOStatus::IOError("no power")});
}

}  // namespace intentlog
