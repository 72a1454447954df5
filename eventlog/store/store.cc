#include "eventlog/store/store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/rep.h"
#include "proto/store.pb.h"

namespace intentlog {

// ---- what errors say

absl::Status InUse(std::string_view dir) {
  return FailedPrecondition(dir, " is in use by another process; stop it, or use --server");
}

absl::Status Damaged(std::string_view dir, std::string_view how) {
  return DataLoss(dir, " is damaged: ", how, "; keep a copy, then restore it from a backup");
}

absl::Status Absent(std::string_view dir) {
  return NotFound(dir, " holds no Intentlog store: it is absent or empty");
}

absl::Status NoRoom(std::string_view dir, uint64_t free, uint64_t needed) {
  return Exhausted("disk full: ", free >> 10, " KiB are free where ", dir, " lies, and ",
                   (needed + 1023) >> 10,
                   " KiB are needed to write there; free some space and try again");
}

std::string IdentityOf(const std::string& role) {
  StoreIdentity identity;
  identity.set_format(1);
  identity.set_role(role);
  identity.set_created_by("intentlog");
  return identity.SerializeAsString();
}

// ---- StoreBatch

std::string& Changes::Room(size_t size) {
  bytes += size;
  if (pieces.empty()) return pieces.emplace_back();  // most batches are small
  if (pieces.back().size() + size > kPieceBytes) {
    pieces.emplace_back().reserve(std::max(size, kPieceBytes));
  }
  return pieces.back();
}

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

// ---- what both forms do

absl::Status Store::Rep::Fail(const absl::Status& status) {
  std::lock_guard<std::mutex> hold(mutex);
  if (Planted(Bug::kGoesOnAfterFailedWrite)) return status;
  if (failure.ok()) failure = status;
  has_failed.store(true, std::memory_order_release);
  return failure;
}

absl::Status Store::Rep::MayWrite() const {
  if (read_only) return FailedPrecondition(dir, " is open for reading only");
  if (!has_failed.load(std::memory_order_acquire)) return absl::OkStatus();
  std::lock_guard<std::mutex> hold(mutex);
  return failure;
}

absl::Status Store::Rep::CheckExpected(const Changes& batch) const {
  for (const Changes::Expected& one : batch.expected) {
    std::string value;
    ASSIGN_OR_RETURN(const bool found, Get(one.space, one.key, &value));
    if (found ? one.value == value : !one.value) continue;
    return FailedPrecondition(dir, ": \"", one.key, "\" was changed by somebody else");
  }
  return absl::OkStatus();
}

absl::StatusOr<StoreIdentity> Store::Rep::ReadIdentity() const {
  std::string bytes;
  ASSIGN_OR_RETURN(const bool found, Get(Space::kMeta, kIdentityKey, &bytes));
  if (!found) {
    return FailedPrecondition(dir, " holds no Intentlog store, but a database of something else");
  }
  StoreIdentity identity;
  if (!identity.ParseFromString(bytes)) return Damaged(dir, "its identity row does not parse");
  return identity;
}

absl::Status Store::Rep::CheckIdentity(const std::string& role) const {
  ASSIGN_OR_RETURN(const StoreIdentity identity, ReadIdentity());
  if (identity.format() > kStoreFormat) {
    return FailedPrecondition(dir, " is of format ", identity.format(),
                              ", newer than this program knows (", kStoreFormat,
                              "); use a newer intentlog");
  }
  if (identity.role() != role) {
    return FailedPrecondition(dir, " is a store of role \"", identity.role(), "\", not \"", role,
                              "\"; give the folder that this command means");
  }
  return absl::OkStatus();
}

// ---- Store

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& dir,
                                                   const StoreOptions& options) {
  std::string path = dir;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty()) return Invalid("the folder of a store has no name");
  ASSIGN_OR_RETURN(std::unique_ptr<Rep> rep, options.memory != nullptr
                                                 ? Rep::OpenMemory(path, options)
                                                 : Rep::OpenRocks(path, options));
  RETURN_IF_ERROR(rep->CheckIdentity(options.role));
  return std::unique_ptr<Store>(new Store(std::move(rep)));
}

Store::Store(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Store::~Store() = default;

absl::Status Store::Commit(StoreBatch& batch, Sync sync, Room room) {
  RETURN_IF_ERROR(rep_->MayWrite());
  if (room == Room::kAsk) RETURN_IF_ERROR(rep_->CheckRoom(batch.rep_->bytes, /*spare=*/0));
  const absl::Status status = rep_->Write(*batch.rep_, sync);
  // Whoever expected something else may try again.
  if (!absl::IsFailedPrecondition(status)) batch.Clear();
  return status;
}

absl::Status Store::SyncLog() {
  RETURN_IF_ERROR(rep_->MayWrite());
  return rep_->SyncLog();
}

absl::Status Store::RequireFormat(uint32_t format, StoreBatch& batch) const {
  INTENTLOG_CHECK(format <= kStoreFormat);
  ASSIGN_OR_RETURN(StoreIdentity identity, rep_->ReadIdentity());
  if (identity.format() >= format) return absl::OkStatus();
  identity.set_format(format);
  batch.Put(Space::kMeta, kIdentityKey, identity.SerializeAsString());
  return absl::OkStatus();
}

std::unique_ptr<StoreLoad> Store::Load(Space space) { return rep_->Load(space); }

absl::Status Store::CheckRoom(uint64_t bytes) const {
  RETURN_IF_ERROR(rep_->MayWrite());
  return rep_->CheckRoom(bytes, rep_->free_bytes_min);
}

absl::Status Store::CheckReopen() const { return rep_->CheckReopen(); }

absl::StatusOr<bool> Store::Get(Space space, std::string_view key, std::string* value) const {
  return rep_->Get(space, key, value);
}
std::unique_ptr<StoreCursor> Store::Scan(Space space) const { return rep_->Scan(space); }
std::unique_ptr<StoreSnapshot> Store::Snapshot() const { return rep_->Snapshot(); }
absl::Status Store::CopyTo(const std::string& dir) const { return rep_->CopyTo(dir); }

absl::Status Store::failed() const {
  std::lock_guard<std::mutex> hold(rep_->mutex);
  return rep_->failure;
}

const std::string& Store::dir() const { return rep_->dir; }
uint64_t Store::disk_bytes() const { return rep_->disk_bytes(); }

}  // namespace intentlog
