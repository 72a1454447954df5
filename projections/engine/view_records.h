// Rows that say which builds a view has: read and written by whoever folds, rebuilds or switches a
// view. A switch is one row, so it takes effect in one write.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "projections/engine/row_keys.h"
#include "proto/store.pb.h"

namespace intentlog {

// Nothing if the view was never folded. DATA_LOSS if the row does not parse.
absl::StatusOr<std::optional<ViewRecord>> ReadViewRecord(const Store& store, std::string_view name);
void PutViewRecord(const ViewRecord& record, StoreBatch& batch);

// The greatest build given out so far; 0: none.
absl::StatusOr<BuildId> LastBuild(const Store& store);

// Makes this writer the only one: batches of writers of older terms that expect theirs are refused
// from now on. FAILED_PRECONDITION if a newer one has taken over already.
absl::Status TakeOver(Store& store, Term term);
// `batch` is refused if another term has taken over.
void ExpectTerm(Term term, StoreBatch& batch);

// Notes that nobody folds or reads `build` from now on.
void PutDropped(BuildId build, StoreBatch& batch);
// Notes that rows are being put into `build` which are of no use until all are there; or that they
// are. Both go with what they are about.
void PutLoading(BuildId build, StoreBatch& batch);
void DeleteLoading(BuildId build, StoreBatch& batch);
absl::StatusOr<bool> IsLoading(const Store& store, BuildId build);
// Notes those that are as dropped, since nobody loads them any more.
absl::Status DropLoading(const Store& store, StoreBatch& batch);

// Removes up to `keys_max` keys of builds that are noted so; false if there are none left. Who
// reads one in a snapshot reads on. Key by key, because a deleted range slows down every later
// read.
absl::StatusOr<bool> DropSome(Store& store, size_t keys_max);

}  // namespace intentlog
