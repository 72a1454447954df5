// The read models of a tenant with what stands beside them: opened, and opened again after each
// switch of a view.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "eventlog/store/store.h"
#include "projections/engine/read_models.h"

namespace intentlog {

// What they write is refused once another term than `term` has taken over. With every shadow and
// previous build that follows and that this program's projections can fold. `watches` are those of
// the read models before; null: there were none.
absl::StatusOr<std::shared_ptr<ReadModels>> OpenViewModels(Store& store,
                                                           const Projections& projections,
                                                           Term term,
                                                           std::shared_ptr<RowWatches> watches);

}  // namespace intentlog
