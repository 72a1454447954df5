#include "projections/engine/view_records.h"

#include <string>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr std::string_view kDropped = "drop";
constexpr std::string_view kLoading = "load";

std::string TermBytes(Term term) {
  std::string bytes;
  AppendBig64(bytes, term.value());
  return bytes;
}

}  // namespace

absl::StatusOr<std::optional<ViewRecord>> ReadViewRecord(const Store& store,
                                                         std::string_view name) {
  std::string bytes;
  ASSIGN_OR_RETURN(const bool found, store.Get(Space::kMeta, AliasKey(name), &bytes));
  if (!found) return std::optional<ViewRecord>();
  ViewRecord record;
  if (record.ParseFromString(bytes)) return std::optional<ViewRecord>(std::move(record));
  return DataLoss("the record of view ", name,
                  " does not parse: remove the folder of the read models to have them folded "
                  "again");
}

void PutViewRecord(const ViewRecord& record, StoreBatch& batch) {
  ProjectionBuild live;
  live.set_name(record.name());
  live.set_version(record.version());
  live.set_build(record.build());
  live.set_row(record.row());
  batch.Put(Space::kMeta, ViewKey(record.name(), record.version()), live.SerializeAsString());
  batch.Put(Space::kMeta, AliasKey(record.name()), record.SerializeAsString());
}

absl::StatusOr<BuildId> LastBuild(const Store& store) {
  std::string bytes;
  ASSIGN_OR_RETURN(const bool any, store.Get(Space::kMeta, kBuildsKey, &bytes));
  BuildId last = 0;
  if (!any || ParseBuild(bytes, &last)) return last;
  return DataLoss("the greatest build of the read models is not 4 bytes: rebuild them");
}

absl::Status TakeOver(Store& store, Term term) {
  std::string before;
  ASSIGN_OR_RETURN(const bool found, store.Get(Space::kMeta, kTermKey, &before));
  const std::string bytes = TermBytes(term);
  if (found && before.size() != bytes.size()) {
    return DataLoss("the term of the read models is not 8 bytes: remove the folder ", store.dir(),
                    " to have them folded again");
  }
  if (found && before > bytes) {
    return FailedPrecondition("the read models in ", store.dir(), " are written in term ",
                              LoadBig64(before), ", which is newer than this log's, ", term,
                              ": end the other server; or, if the log is an older copy, remove the "
                              "folder to have them folded again");
  }
  StoreBatch batch;
  batch.Expect(Space::kMeta, kTermKey,
               found ? std::optional<std::string_view>(before) : std::nullopt);
  batch.Put(Space::kMeta, kTermKey, bytes);
  return store.Commit(batch, Sync::kDurable);
}

void ExpectTerm(Term term, StoreBatch& batch) {
  batch.Expect(Space::kMeta, kTermKey, TermBytes(term));
}

void PutDropped(BuildId build, StoreBatch& batch) {
  batch.Put(Space::kMeta, Cat(kDropped, BuildBytes(build)), "");
}

void PutLoading(BuildId build, StoreBatch& batch) {
  batch.Put(Space::kMeta, Cat(kLoading, BuildBytes(build)), "");
}

void DeleteLoading(BuildId build, StoreBatch& batch) {
  batch.Delete(Space::kMeta, Cat(kLoading, BuildBytes(build)));
}

absl::StatusOr<bool> IsLoading(const Store& store, BuildId build) {
  std::string nothing;
  return store.Get(Space::kMeta, Cat(kLoading, BuildBytes(build)), &nothing);
}

absl::Status DropLoading(const Store& store, StoreBatch& batch) {
  const auto cursor = store.Scan(Space::kMeta);
  for (cursor->Seek(kLoading); cursor->Valid() && cursor->key().starts_with(kLoading);
       cursor->Next()) {
    BuildId build = 0;
    if (!ParseBuild(cursor->key().substr(kLoading.size()), &build)) continue;
    PutDropped(build, batch);
    DeleteLoading(build, batch);
  }
  return cursor->status();
}

absl::StatusOr<bool> DropSome(Store& store, size_t keys_max) {
  const auto cursor = store.Scan(Space::kMeta);
  cursor->Seek(kDropped);
  RETURN_IF_ERROR(cursor->status());
  if (!cursor->Valid() || cursor->key().substr(0, kDropped.size()) != kDropped) return false;
  const std::string note(cursor->key());
  const std::string build = note.substr(kDropped.size());
  StoreBatch batch;
  size_t keys = 0;
  const auto drop = [&](Space space, const std::string& prefix) {
    const auto row = store.Scan(space);
    for (row->Seek(prefix); row->Valid() && keys < keys_max; row->Next(), ++keys) {
      if (row->key().substr(0, prefix.size()) != prefix) break;
      batch.Delete(space, row->key());
    }
    return row->status();
  };
  RETURN_IF_ERROR(drop(Space::kRows, build));
  RETURN_IF_ERROR(drop(Space::kMeta, Cat("check", build)));
  RETURN_IF_ERROR(drop(Space::kMeta, Cat("park", build)));
  if (keys < keys_max) batch.Delete(Space::kMeta, note);
  RETURN_IF_ERROR(store.Commit(batch, Sync::kBuffered));
  return true;
}

}  // namespace intentlog
