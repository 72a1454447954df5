#include "projections/engine/verify_rows.h"

#include <memory>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_fold.h"

namespace intentlog {
namespace {

constexpr char kRebuild[] = "; view rebuild makes it again from the log";

// The rows of one view in one scope, added up.
absl::StatusOr<FoldState> CountRows(StoreCursor& rows, const std::string& prefix) {
  FoldState counted;
  for (rows.Seek(prefix); rows.Valid() && rows.key().starts_with(prefix); rows.Next()) {
    counted.digest.Add(rows.key().substr(prefix.size()), rows.value());
    ++counted.rows;
  }
  RETURN_IF_ERROR(rows.status());
  return counted;
}

absl::Status VerifyView(const FrozenRows& frozen, const FrozenRows::View& view,
                        RowVerification& found) {
  const std::unique_ptr<StoreCursor> checkpoints = frozen.snapshot->Scan(Space::kMeta);
  const std::unique_ptr<StoreCursor> rows = frozen.snapshot->Scan(Space::kRows);
  const std::string prefix = CheckpointPrefix(view.build);
  for (checkpoints->Seek(prefix); checkpoints->Valid() && checkpoints->key().starts_with(prefix);
       checkpoints->Next()) {
    const std::string scope(checkpoints->key().substr(prefix.size()));
    ASSIGN_OR_RETURN(const FoldState wanted, ParseCheckpoint(checkpoints->value()));
    const absl::StatusOr<FoldState> counted = CountRows(*rows, RowPrefix(view.build, scope));
    if (!counted.ok()) {
      found.problems.push_back(Cat("view ", view.info.name, ", scope ", scope, ": ",
                                   MessageOf(counted.status()), kRebuild));
      continue;
    }
    found.rows += counted->rows;
    if (counted->rows == wanted.rows && counted->digest == wanted.digest) continue;
    found.problems.push_back(Cat("view ", view.info.name, ", scope ", scope, ": ", counted->rows,
                                 " rows with digest ", Hex(counted->digest.Bytes()), ", but ",
                                 wanted.rows, " with ", Hex(wanted.digest.Bytes()),
                                 " were folded through position ", wanted.position, kRebuild));
  }
  return checkpoints->status();
}

}  // namespace

absl::StatusOr<RowVerification> VerifyRows(const FrozenRows& frozen) {
  RowVerification found;
  found.views = frozen.views.size();
  for (const FrozenRows::View& view : frozen.views) {
    RETURN_IF_ERROR(VerifyView(frozen, view, found));
  }
  return found;
}

}  // namespace intentlog
