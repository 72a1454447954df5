#include "projections/engine/replaced_rows.h"

#include "eventlog/runtime/check.h"

namespace intentlog {

ReplacedRows::ReplacedRows(const Store& store, BuildId build, std::string_view scope)
    : prefix_(RowPrefix(build, scope)), old_(store.Scan(Space::kRows)) {
  old_->Seek(prefix_);
}

bool ReplacedRows::AtOld() const {
  return old_->Valid() && old_->key().substr(0, prefix_.size()) == prefix_;
}

void ReplacedRows::RemoveOld(StoreBatch& batch) {
  batch.Delete(Space::kRows, old_->key());
  if (changed_) changed_(old_->key().substr(prefix_.size()));
  old_->Next();
}

absl::Status ReplacedRows::Put(std::string_view key, std::string_view row, StoreBatch& batch) {
  row_key_.assign(prefix_).append(key);
  while (AtOld() && old_->key() < row_key_) RemoveOld(batch);
  const bool there = AtOld() && old_->key() == row_key_;
  const bool equal = there && old_->value() == row;
  if (there) old_->Next();
  if (equal) return old_->status();
  batch.Put(Space::kRows, row_key_, row);
  if (changed_) changed_(key);
  return old_->status();
}

absl::StatusOr<bool> ReplacedRows::End(size_t limit, StoreBatch& batch) {
  for (; AtOld() && limit > 0; --limit) RemoveOld(batch);
  RETURN_IF_ERROR(old_->status());
  return !AtOld();
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
