#include "eventlog/store/store.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/rep.h"
#include "rocksdb/iterator.h"
#include "rocksdb/snapshot.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/write_batch.h"

namespace intentlog {
namespace {

rocksdb::ReadOptions ReadOptionsFor(Space space, const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
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

}  // namespace

// ---- StoreBatch

// Column families belong to an open store, so changes are kept as they came until they are
// committed.
struct StoreBatch::Rep {
  static constexpr size_t kPieceBytes = 64 << 10;

  struct Change {
    Space space;
    bool put;
    uint32_t key_bytes;
    uint32_t value_bytes;
  };
  // Room for a change: in the last piece, or a new one.
  std::string& Room(size_t size) {
    bytes += size;
    if (pieces.empty()) return pieces.emplace_back();  // most batches are small
    if (pieces.back().size() + size > kPieceBytes) {
      pieces.emplace_back().reserve(std::max(size, kPieceBytes));
    }
    return pieces.back();
  }

  struct Expected {
    Space space;
    std::string key;
    std::optional<std::string> value;
  };

  std::vector<Expected> expected;
  std::vector<Change> changes;
  // Key and value of each change, one after another; none lies in two pieces. So a large batch is
  // never moved while it grows.
  std::vector<std::string> pieces;
  size_t bytes = 0;
};

StoreBatch::StoreBatch() : rep_(std::make_unique<Rep>()) {}
StoreBatch::~StoreBatch() = default;
StoreBatch::StoreBatch(StoreBatch&&) noexcept = default;
StoreBatch& StoreBatch::operator=(StoreBatch&&) noexcept = default;

void StoreBatch::Put(Space space, std::string_view key, std::string_view value) {
  INTENTLOG_CHECK(key.size() <= UINT32_MAX && value.size() <= UINT32_MAX);
  rep_->changes.push_back(
      {space, true, static_cast<uint32_t>(key.size()), static_cast<uint32_t>(value.size())});
  rep_->Room(key.size() + value.size()).append(key).append(value);
}

void StoreBatch::Delete(Space space, std::string_view key) {
  INTENTLOG_CHECK(key.size() <= UINT32_MAX);
  rep_->changes.push_back({space, false, static_cast<uint32_t>(key.size()), 0});
  rep_->Room(key.size()).append(key);
}

void StoreBatch::Expect(Space space, std::string_view key, std::optional<std::string_view> value) {
  // Each part of a batch may expect the same.
  for (const Rep::Expected& one : rep_->expected) {
    if (one.space == space && one.key == key && one.value == value) return;
  }
  rep_->expected.push_back({space, std::string(key), std::optional<std::string>(value)});
}

void StoreBatch::Append(StoreBatch&& other) {
  Rep& from = *other.rep_;
  std::move(from.expected.begin(), from.expected.end(), std::back_inserter(rep_->expected));
  rep_->changes.insert(rep_->changes.end(), from.changes.begin(), from.changes.end());
  std::move(from.pieces.begin(), from.pieces.end(), std::back_inserter(rep_->pieces));
  rep_->bytes += from.bytes;
  from.pieces.clear();
  other.Clear();
}

void StoreBatch::Clear() {
  rep_->expected.clear();
  rep_->changes.clear();
  if (!rep_->pieces.empty()) rep_->pieces.resize(1);
  if (!rep_->pieces.empty()) rep_->pieces[0].clear();
  rep_->bytes = 0;
}

bool StoreBatch::empty() const { return rep_->changes.empty(); }
size_t StoreBatch::bytes() const { return rep_->bytes; }

// ---- Store

Store::Rep::~Rep() {
  for (rocksdb::ColumnFamilyHandle* handle : spaces) db->DestroyColumnFamilyHandle(handle);
  db.reset();  // its threads may still tell of failures
}

absl::Status Store::Rep::Fail(const absl::Status& status) {
  std::lock_guard<std::mutex> hold(mutex);
  if (failure.ok()) failure = status;
  has_failed.store(true, std::memory_order_release);
  return failure;
}

absl::Status Store::Rep::CheckExpected(Space of, const std::string& key,
                                       const std::optional<std::string>& value) const {
  std::string found;
  const rocksdb::Status status = db->Get(ReadOptionsFor(of, nullptr), space(of), key, &found);
  if (!status.ok() && !status.IsNotFound()) return ToStatus(status, dir);
  if (status.ok() ? value == found : !value) return absl::OkStatus();
  return FailedPrecondition(dir, ": \"", key, "\" was changed by somebody else");
}

Store::Store(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Store::~Store() = default;

absl::Status Store::Commit(StoreBatch& batch, Sync sync) {
  if (rep_->read_only) return FailedPrecondition(rep_->dir, " is open for reading only");
  if (rep_->has_failed.load(std::memory_order_acquire)) return failed();
  const StoreBatch::Rep& from = *batch.rep_;
  RETURN_IF_ERROR(rep_->CheckRoom(from.bytes, /*spare=*/0));
  constexpr size_t kOverheadPerChange = 16;
  rocksdb::WriteBatch to(from.bytes + kOverheadPerChange * from.changes.size() + 64,
                         /*max_bytes=*/0, kProtectionBytes, /*default_cf_ts_sz=*/0);
  auto piece = from.pieces.begin();
  size_t at = 0;
  rocksdb::Status status;
  for (const StoreBatch::Rep::Change& change : from.changes) {
    while (at == piece->size() && std::next(piece) != from.pieces.end()) {
      ++piece;
      at = 0;
    }
    const rocksdb::Slice key(piece->data() + at, change.key_bytes);
    const rocksdb::Slice value(key.data() + change.key_bytes, change.value_bytes);
    at += change.key_bytes + change.value_bytes;
    status = change.put ? to.Put(rep_->space(change.space), key, value)
                        : to.Delete(rep_->space(change.space), key);
    if (!status.ok()) return rep_->Fail(status);
  }
  std::unique_lock<std::mutex> expecting(rep_->expecting, std::defer_lock);
  if (!from.expected.empty()) expecting.lock();
  for (const StoreBatch::Rep::Expected& one : from.expected) {
    RETURN_IF_ERROR(rep_->CheckExpected(one.space, one.key, one.value));
  }
  rocksdb::WriteOptions options;
  options.sync = sync == Sync::kDurable;
  options.protection_bytes_per_key = kProtectionBytes;
  status = rep_->db->Write(options, &to);
  return status.ok() ? absl::OkStatus() : rep_->Fail(status);
}

absl::Status Store::SyncLog() {
  if (rep_->read_only) return FailedPrecondition(rep_->dir, " is open for reading only");
  if (rep_->has_failed.load(std::memory_order_acquire)) return failed();
  const rocksdb::Status status = rep_->db->SyncWAL();
  return status.ok() ? absl::OkStatus() : rep_->Fail(status);
}

absl::Status Store::CheckRoom(uint64_t bytes) const {
  if (rep_->read_only) return FailedPrecondition(rep_->dir, " is open for reading only");
  if (rep_->has_failed.load(std::memory_order_acquire)) return failed();
  return rep_->CheckRoom(bytes, rep_->free_bytes_min);
}

absl::StatusOr<bool> Store::Get(Space space, std::string_view key, std::string* value) const {
  return Found(
      rep_->db->Get(ReadOptionsFor(space, nullptr), rep_->space(space), ToSlice(key), value),
      rep_->dir);
}

std::unique_ptr<StoreCursor> Store::Scan(Space space) const {
  return std::make_unique<RocksCursor>(
      rep_->db->NewIterator(ReadOptionsFor(space, nullptr), rep_->space(space)), rep_->dir);
}

std::unique_ptr<StoreSnapshot> Store::Snapshot() const {
  return std::make_unique<RocksSnapshot>(rep_->db.get(), rep_->spaces, rep_->dir);
}

absl::Status Store::CopyTo(const std::string& dir) const {
  rocksdb::Checkpoint* raw = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(rep_->db.get(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  if (status.ok()) status = checkpoint->CreateCheckpoint(dir);
  return status.ok() ? absl::OkStatus() : ToStatus(status, dir);
}

absl::Status Store::failed() const {
  std::lock_guard<std::mutex> hold(rep_->mutex);
  return rep_->failure;
}

const std::string& Store::dir() const { return rep_->dir; }

uint64_t Store::disk_bytes() const {
  std::vector<rocksdb::Env::FileAttributes> files;
  if (!rep_->env->GetChildrenFileAttributes(rep_->dir, &files).ok()) return 0;
  uint64_t sum = 0;
  for (const rocksdb::Env::FileAttributes& file : files) sum += file.size_bytes;
  return sum;
}

}  // namespace intentlog
