#include "projections/engine/replaced_rows.h"

#include <optional>

#include "eventlog/runtime/check.h"

namespace intentlog {

ReplacedRows::ReplacedRows(Store& store, const OpenProjection& projection, std::string_view scope,
                           bool many)
    : prefix_(RowPrefix(projection.build, scope)),
      indexes_(projection, scope),
      old_(store.Scan(Space::kRows)) {
  old_->Seek(prefix_);
  if (many && old_->status().ok() && !AtOld()) load_ = store.Load(Space::kRows);
}

bool ReplacedRows::AtOld() const {
  return old_->Valid() && old_->key().substr(0, prefix_.size()) == prefix_;
}

absl::Status ReplacedRows::RemoveOld(StoreBatch& batch) {
  const std::string_view key = old_->key().substr(prefix_.size());
  batch.Delete(Space::kRows, old_->key());
  RETURN_IF_ERROR(indexes_.WriteOf(key, old_->value(), std::nullopt, batch));
  if (changed_) changed_(key);
  old_->Next();
  return absl::OkStatus();
}

absl::Status ReplacedRows::Put(std::string_view key, std::string_view row, StoreBatch& batch) {
  row_key_.assign(prefix_).append(key);
  while (AtOld() && old_->key() < row_key_) RETURN_IF_ERROR(RemoveOld(batch));
  RETURN_IF_ERROR(old_->status());
  const bool there = AtOld() && old_->key() == row_key_;
  std::optional<std::string_view> before;
  if (there) before = old_->value();
  if (before != row) {
    if (load_ != nullptr) {
      RETURN_IF_ERROR(load_->Put(row_key_, row));
    } else {
      batch.Put(Space::kRows, row_key_, row);
    }
    RETURN_IF_ERROR(indexes_.WriteOf(key, before, row, batch));
    if (changed_) changed_(key);
  }
  if (there) old_->Next();
  return old_->status();
}

absl::StatusOr<bool> ReplacedRows::End(size_t limit, StoreBatch& batch) {
  for (; AtOld() && limit > 0; --limit) RETURN_IF_ERROR(RemoveOld(batch));
  RETURN_IF_ERROR(old_->status());
  if (AtOld()) return false;
  if (const auto load = std::move(load_)) RETURN_IF_ERROR(load->Finish());
  return true;
}

absl::Status RemoveParked(const Store& store, BuildId build, std::string_view scope,
                          StoreBatch& batch) {
  const std::string prefix = ParkedPrefix(build, scope);
  const std::unique_ptr<StoreCursor> row = store.Scan(Space::kMeta);
  for (row->Seek(prefix); row->Valid() && row->key().substr(0, prefix.size()) == prefix;
       row->Next()) {
    batch.Delete(Space::kMeta, row->key());
  }
  return row->status();
}

}  // namespace intentlog
