#include "projections/engine/row_merger.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_keys.h"

namespace intentlog {
namespace {

std::vector<std::string> PrefixesOf(BuildId build, const std::vector<std::string>& scopes) {
  std::vector<std::string> prefixes;
  for (const std::string& scope : scopes) prefixes.push_back(RowPrefix(build, scope));
  return prefixes;
}

}  // namespace

RowMerger::RowMerger(OpenProjection projection, std::shared_ptr<const StoreSnapshot> snapshot,
                     const std::vector<std::string>& scopes, KeyBounds bounds)
    : projection_(std::move(projection)),
      snapshot_(std::move(snapshot)),
      bounds_(std::move(bounds)),
      runs_(*snapshot_, PrefixesOf(projection_.build, scopes), bounds_.lower) {}

absl::StatusOr<const MergedRow*> RowMerger::Next() {
  if (status_.ok() && !started_) status_ = runs_.Start();
  started_ = true;
  if (status_.ok() && (runs_.at_end() || bounds_.Ends(runs_.key()))) return nullptr;
  if (status_.ok()) status_ = MergeNext();
  if (!status_.ok()) return status_;
  return &merged_;
}

absl::Status RowMerger::MergeNext() {
  merged_.key.assign(runs_.key());
  bool first = true;
  while (!runs_.at_end() && runs_.key() == merged_.key) {
    if (first) {
      RETURN_IF_ERROR(Parse(merged_.row));
    } else if (projection_.projection->merges()) {
      RETURN_IF_ERROR(Parse(other_));
      RETURN_IF_ERROR(projection_.projection->Merge(other_, merged_.row));
    }
    first = false;
    RETURN_IF_ERROR(runs_.Advance());
  }
  return absl::OkStatus();
}

absl::Status RowMerger::Parse(Row& row) const {
  if (RowAccess::Parse(*projection_.prototype, runs_.value(), row)) return absl::OkStatus();
  return DataLoss("view ", projection_.info.name, ", key ", Quoted(runs_.key()),
                  ": the stored row does not parse: rebuild the read models");
}

}  // namespace intentlog
