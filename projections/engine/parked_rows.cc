#include "projections/engine/parked_rows.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/store.pb.h"

namespace intentlog {
namespace {

constexpr size_t kSizeBytes = 4;
constexpr size_t kPositionBytes = 8;

std::string PointerKey(std::string key_prefix, Position position) {
  AppendBig64(key_prefix, position.value());
  return key_prefix;
}

// The row key of a pointer's key, after the prefix of its scope; false if there is none in it.
bool RowKeyOf(std::string_view rest, std::string_view* key) {
  BuildId size = 0;
  if (!ParseBuild(rest.substr(0, kSizeBytes), &size)) return false;
  if (rest.size() != kSizeBytes + size + kPositionBytes) return false;
  *key = rest.substr(kSizeBytes, size);
  return true;
}

absl::Status Damaged() {
  return DataLoss("a pointer to a parked event does not parse: rebuild the read models");
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

std::string ParkedRows::KeyPrefix(std::string_view key) const {
  return Cat(prefix_, BuildBytes(static_cast<uint32_t>(key.size())), key);
}

absl::Status ParkedRows::Load(const Store& store) {
  if (loaded_) return absl::OkStatus();
  const std::unique_ptr<StoreCursor> cursor = store.Scan(Space::kMeta);
  cursor->Seek(prefix_);
  while (cursor->Valid() && StartsWith(cursor->key(), prefix_)) {
    std::string_view key;
    if (!RowKeyOf(cursor->key().substr(prefix_.size()), &key)) return Damaged();
    Parked& parked = rows_[std::string(key)];
    parked.first = Position(LastBig64(cursor->key()));
    parked.why = cursor->value();
    // Past what waits for the same row.
    cursor->Seek(Cat(KeyPrefix(key), std::string(kPositionBytes, '\xff'), '\0'));
  }
  RETURN_IF_ERROR(cursor->status());
  loaded_ = true;
  return absl::OkStatus();
}

std::vector<std::string> ParkedRows::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, parked] : rows_) keys.push_back(key);
  return keys;
}

void ParkedRows::Wait(std::string_view key, Position position) {
  const auto found = rows_.find(key);
  INTENTLOG_CHECK(found != rows_.end());
  found->second.fresh.push_back(position);
  changed_.insert(found->first);
}

void ParkedRows::Park(std::string_view key, Position position, const absl::Status& why) {
  ParkedEvent event;
  event.set_code(static_cast<uint32_t>(why.code()));
  event.set_text(std::string(why.message()));
  const auto [row, added] = rows_.try_emplace(std::string(key));
  INTENTLOG_CHECK(added);
  row->second = {position, event.SerializeAsString(), {position}, true};
  changed_.insert(row->first);
}

absl::StatusOr<std::vector<Position>> ParkedRows::Waiting(const Store& store, std::string_view key,
                                                          const Parked& parked) const {
  std::vector<Position> waiting;
  const std::string prefix = KeyPrefix(key);
  const std::unique_ptr<StoreCursor> cursor = store.Scan(Space::kMeta);
  for (cursor->Seek(PointerKey(prefix, parked.first)); cursor->Valid(); cursor->Next()) {
    if (!StartsWith(cursor->key(), prefix)) break;
    if (cursor->key().size() != prefix.size() + kPositionBytes) break;
    waiting.push_back(Position(LastBig64(cursor->key())));
  }
  RETURN_IF_ERROR(cursor->status());
  waiting.insert(waiting.end(), parked.fresh.begin(), parked.fresh.end());
  return waiting;
}

absl::Status ParkedRows::Release(const Store& store, std::string_view key, Position skip,
                                 FoldOne fold) {
  const auto found = rows_.find(key);
  if (found == rows_.end()) return absl::OkStatus();
  Parked& parked = found->second;
  if (skip != Position() && skip != parked.first) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Position> waiting, Waiting(store, key, parked));
  const size_t stored = waiting.size() - parked.fresh.size();
  size_t done = skip == Position() ? 0 : 1;
  absl::Status failed;
  for (; done < waiting.size(); ++done) {
    RETURN_IF_ERROR(fold(waiting[done], failed));
    if (!failed.ok()) break;
  }
  const std::string prefix = KeyPrefix(key);
  for (size_t i = 0; i < std::min(done, stored); ++i) {
    removed_.push_back(PointerKey(prefix, waiting[i]));
  }
  const auto waiting_still = waiting.begin() + static_cast<ptrdiff_t>(std::max(done, stored));
  const std::vector<Position> fresh(waiting_still, waiting.end());
  changed_.erase(found->first);
  const std::string name = found->first;
  rows_.erase(found);
  if (done == waiting.size()) return absl::OkStatus();
  Park(name, waiting[done], failed);
  rows_.find(name)->second.fresh = fresh;
  return absl::OkStatus();
}

void ParkedRows::Write(StoreBatch& batch) {
  for (const std::string& key : removed_) batch.Delete(Space::kMeta, key);
  removed_.clear();
  for (const std::string& key : changed_) {
    Parked& parked = rows_.find(key)->second;
    const std::string prefix = KeyPrefix(key);
    for (const Position position : parked.fresh) {
      batch.Put(Space::kMeta, PointerKey(prefix, position), "");
    }
    if (parked.why_is_fresh) {
      batch.Put(Space::kMeta, PointerKey(prefix, parked.first), parked.why);
    }
    parked.fresh.clear();
    parked.why_is_fresh = false;
  }
  changed_.clear();
}

absl::StatusOr<std::vector<ParkedRow>> ReadParked(const StoreSnapshot& snapshot, BuildId build,
                                                  size_t limit) {
  std::vector<ParkedRow> rows;
  const std::string prefix = ParkedPrefix(build);
  const std::unique_ptr<StoreCursor> cursor = snapshot.Scan(Space::kMeta);
  for (cursor->Seek(prefix); cursor->Valid() && StartsWith(cursor->key(), prefix); cursor->Next()) {
    const std::string_view rest = cursor->key().substr(prefix.size());
    const size_t nul = rest.find('\0');
    std::string_view key;
    if (nul == std::string_view::npos || !RowKeyOf(rest.substr(nul + 1), &key)) return Damaged();
    const std::string_view scope = rest.substr(0, nul);
    if (!rows.empty() && rows.back().scope == scope && rows.back().key == key) {
      ++rows.back().waiting;
      continue;
    }
    if (rows.size() == limit) break;
    ParkedEvent event;
    if (!event.ParseFromArray(cursor->value().data(), static_cast<int>(cursor->value().size()))) {
      return Damaged();
    }
    rows.push_back({std::string(scope), std::string(key), Position(LastBig64(cursor->key())), 1,
                    StatusOf(static_cast<absl::StatusCode>(event.code()), event.text())});
  }
  RETURN_IF_ERROR(cursor->status());
  return rows;
}

}  // namespace intentlog
