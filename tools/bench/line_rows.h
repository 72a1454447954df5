// The view "lines", which only benchmarks have: a row for each order line, as large as its event.
// And sets of views by their names, for the processes of a benchmark.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "projections/engine/projection.h"
#include "projections/engine/read_models.h"

namespace intentlog::bench {

// The key is the order's id, NUL, and the intent's id; the row is the line as `orders` has it.
std::shared_ptr<const Projection> LinesView();

// "shop": the shop's own views; "lines": that one alone. INVALID_ARGUMENT: any other name.
absl::StatusOr<Projections> ViewsNamed(std::string_view name);

}  // namespace intentlog::bench
