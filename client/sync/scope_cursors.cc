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
    if (subscribed == cursors_.end() && !all_scopes_) continue;
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

void ScopeCursors::Put(std::string_view scope, const ScopeCursor& cursor, StoreBatch& batch) {
  Cursor row;
  row.set_epoch_id(std::string(cursor.epoch.bytes()));
  row.set_position(cursor.position.value());
  row.set_chain(std::string(Bytes(cursor.chain)));
  batch.Put(Space::kMeta, Cat(kPrefix, scope), row.SerializeAsString());
}

void ScopeCursors::Moved(std::string_view scope, const ScopeCursor& cursor) {
  const std::lock_guard<std::mutex> lock(mutex_);
  cursors_.insert_or_assign(std::string(scope), cursor);
}

}  // namespace intentlog
