#include "eventlog/store/rocks_rep.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "rocksdb/iterator.h"
#include "rocksdb/perf_level.h"
#include "rocksdb/snapshot.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/write_batch.h"

namespace intentlog {
namespace {

rocksdb::ReadOptions ReadOptionsFor(Space space, const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  // Nothing here deletes ranges. An iterator that looks for such deletions forgets the error of a
  // table that it meets in the middle of a level, and walks on without its rows.
  options.ignore_range_deletions = true;
  // A scan of the log would push everything else out of the cache and is never read twice.
  options.fill_cache = space != Space::kLog;
  return options;
}

class RocksCursor final : public StoreCursor {
 public:
  explicit RocksCursor(rocksdb::Iterator* iterator, std::string_view dir)
      : iterator_(iterator), dir_(dir) {}

  bool Valid() const override { return iterator_->Valid(); }
  void Seek(std::string_view key) override { iterator_->Seek(ToSlice(key)); }
  void SeekBack(std::string_view key) override { iterator_->SeekForPrev(ToSlice(key)); }
  void Next() override { iterator_->Next(); }
  void Back() override { iterator_->Prev(); }
  std::string_view key() const override { return ToView(iterator_->key()); }
  std::string_view value() const override { return ToView(iterator_->value()); }
  absl::Status status() const override {
    const rocksdb::Status status = iterator_->status();
    return status.ok() ? absl::OkStatus() : ToStatus(status, dir_);
  }

 private:
  const std::unique_ptr<rocksdb::Iterator> iterator_;
  const std::string_view dir_;
};

absl::StatusOr<bool> Found(const rocksdb::Status& status, std::string_view dir) {
  if (status.ok()) return true;
  if (status.IsNotFound()) return false;
  return ToStatus(status, dir);
}

class RocksSnapshot final : public StoreSnapshot {
 public:
  RocksSnapshot(rocksdb::DB* db, const std::vector<rocksdb::ColumnFamilyHandle*>& spaces,
                std::string_view dir)
      : db_(db), spaces_(spaces), dir_(dir), snapshot_(db->GetSnapshot()) {}
  ~RocksSnapshot() override { db_->ReleaseSnapshot(snapshot_); }

  absl::StatusOr<bool> Get(Space space, std::string_view key, std::string* value) const override {
    return Found(db_->Get(ReadOptionsFor(space, snapshot_), Handle(space), ToSlice(key), value),
                 dir_);
  }
  std::unique_ptr<StoreCursor> Scan(Space space) const override {
    return std::make_unique<RocksCursor>(
        db_->NewIterator(ReadOptionsFor(space, snapshot_), Handle(space)), dir_);
  }

 private:
  rocksdb::ColumnFamilyHandle* Handle(Space space) const {
    return spaces_[static_cast<size_t>(space)];
  }

  rocksdb::DB* const db_;
  const std::vector<rocksdb::ColumnFamilyHandle*>& spaces_;
  const std::string_view dir_;
  const rocksdb::Snapshot* const snapshot_;
};

// Nobody reads RocksDB's counters of a thread, and each comparison of keys would count.
void CountNothing() { rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable); }

}  // namespace

Store::Rep::Rocks::~Rocks() {
  // The sizes of logs that are marked must survive a power cut.
  const bool synced = db != nullptr && lock == nullptr && !has_failed && db->SyncWAL().ok();
  for (rocksdb::ColumnFamilyHandle* handle : spaces) db->DestroyColumnFamilyHandle(handle);
  db.reset();  // its threads may still tell of failures
  if (synced && !has_failed) high_water->WriteClosed();
}

absl::Status Store::Rep::Rocks::Write(Changes& batch, Sync sync) {
  constexpr size_t kOverheadPerChange = 16;
  std::unique_lock<std::mutex> hold(expecting, std::defer_lock);
  if (!batch.expected.empty()) hold.lock();
  RETURN_IF_ERROR(CheckExpected(batch));
  rocksdb::WriteBatch to(batch.bytes + kOverheadPerChange * batch.changes.size() + 64,
                         /*max_bytes=*/0, kProtectionBytes, /*default_cf_ts_sz=*/0);
  rocksdb::Status status;
  batch.Drain([&](const Changes::Change& change, std::string_view key, std::string_view value) {
    status = change.put ? to.Put(space(change.space), ToSlice(key), ToSlice(value))
                        : to.Delete(space(change.space), ToSlice(key));
    return status.ok();
  });
  if (!status.ok()) return FailOf(status);
  rocksdb::WriteOptions options;
  options.sync = sync == Sync::kDurable;
  options.protection_bytes_per_key = kProtectionBytes;
  // What was written before this is synced with it, and this comes behind that.
  CountNothing();
  const uint64_t before = db->GetLatestSequenceNumber();
  status = db->Write(options, &to);
  if (!status.ok()) return FailOf(status);
  if (options.sync) high_water->Durable(before + static_cast<uint64_t>(to.Count()));
  return absl::OkStatus();
}

absl::Status Store::Rep::Rocks::SyncLog() {
  const uint64_t before = db->GetLatestSequenceNumber();
  const rocksdb::Status status = db->SyncWAL();
  if (!status.ok()) return FailOf(status);
  high_water->Durable(before);
  return absl::OkStatus();
}

absl::StatusOr<bool> Store::Rep::Rocks::Get(Space of, std::string_view key,
                                            std::string* value) const {
  CountNothing();
  return Found(db->Get(ReadOptionsFor(of, nullptr), space(of), ToSlice(key), value), dir);
}

std::unique_ptr<StoreCursor> Store::Rep::Rocks::Scan(Space of) const {
  return std::make_unique<RocksCursor>(db->NewIterator(ReadOptionsFor(of, nullptr), space(of)),
                                       dir);
}

std::unique_ptr<StoreSnapshot> Store::Rep::Rocks::Snapshot() const {
  return std::make_unique<RocksSnapshot>(db.get(), spaces, dir);
}

absl::Status Store::Rep::Rocks::CopyTo(const std::string& to) const {
  rocksdb::Checkpoint* raw = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db.get(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  if (status.ok()) status = checkpoint->CreateCheckpoint(to);
  return status.ok() ? absl::OkStatus() : ToStatus(status, dir);
}

uint64_t Store::Rep::Rocks::disk_bytes() const {
  std::vector<rocksdb::Env::FileAttributes> files;
  if (!env->GetChildrenFileAttributes(dir, &files).ok()) return 0;
  uint64_t sum = 0;
  for (const rocksdb::Env::FileAttributes& file : files) sum += file.size_bytes;
  return sum;
}

}  // namespace intentlog
