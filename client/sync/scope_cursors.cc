#include "client/sync/scope_cursors.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"

namespace intentlog {
namespace {

constexpr std::string_view kPrefix("cursor\0", 7);

absl::StatusOr<ScopeCursor> Parse(std::string_view scope, std::string_view value) {
  Cursor row;
  ScopeCursor cursor;
  if (!row.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
      !ToChainValue(row.chain(), &cursor.chain)) {
    return DataLoss("the cursor of scope \"", scope, "\" does not parse");
  }
  cursor.epoch = EpochId::FromBytes(row.epoch_id());
  cursor.position = Position(row.position());
  cursor.held_after = Position(row.held_after());
  cursor.anew = row.anew();
  cursor.held_bytes = row.held_bytes();
  return cursor;
}

}  // namespace

ScopeCursors::ScopeCursors(std::vector<std::string> scopes, bool all_scopes)
    : all_scopes_(all_scopes) {
  for (std::string& scope : scopes) cursors_.emplace(std::move(scope), ScopeCursor());
}

absl::Status ScopeCursors::Load(const Store& store) {
  const auto row = store.Scan(Space::kMeta);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (row->Seek(kPrefix); row->Valid() && row->key().substr(0, kPrefix.size()) == kPrefix;
       row->Next()) {
    const std::string_view scope = row->key().substr(kPrefix.size());
    const auto subscribed = cursors_.find(scope);
    if (subscribed == cursors_.end() && !all_scopes_) {
      lost_.emplace_back(scope);
      continue;
    }
    ASSIGN_OR_RETURN(const ScopeCursor cursor, Parse(scope, row->value()));
    cursors_.insert_or_assign(std::string(scope), cursor);
  }
  return row->status();
}

std::optional<ScopeCursor> ScopeCursors::Find(std::string_view scope) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = cursors_.find(scope);
  if (found == cursors_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::pair<std::string, ScopeCursor>> ScopeCursors::All() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {cursors_.begin(), cursors_.end()};
}

uint64_t ScopeCursors::held_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [scope, cursor] : cursors_) bytes += cursor.held_bytes;
  return bytes;
}

void ScopeCursors::Put(std::string_view scope, const ScopeCursor& cursor, StoreBatch& batch) {
  Cursor row;
  row.set_epoch_id(std::string(cursor.epoch.bytes()));
  row.set_position(cursor.position.value());
  row.set_chain(std::string(Bytes(cursor.chain)));
  row.set_held_after(cursor.held_after.value());
  row.set_anew(cursor.anew);
  row.set_held_bytes(cursor.held_bytes);
  batch.Put(Space::kMeta, Cat(kPrefix, scope), row.SerializeAsString());
}

void ScopeCursors::Remove(std::string_view scope, StoreBatch& batch) {
  batch.Delete(Space::kMeta, Cat(kPrefix, scope));
}

void ScopeCursors::Moved(std::string_view scope, const ScopeCursor& cursor) {
  const std::lock_guard<std::mutex> lock(mutex_);
  cursors_.insert_or_assign(std::string(scope), cursor);
}

}  // namespace intentlog
