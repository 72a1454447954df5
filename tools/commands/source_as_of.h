// A Source whose views are as they were at a position: folded from the events of another source, in
// a temporary place. What that source has live is not touched.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "projections/asof/as_of.h"
#include "tools/commands/fold_watch.h"
#include "tools/commands/source.h"

namespace intentlog {

// FAILED_PRECONDITION if the place does not have all events through `at`: names its head, or the
// scope that a device has the least of.
absl::Status CheckAt(Source& source, Position at);
// The last position of the place whose server time is at or below the moment. FAILED_PRECONDITION
// if a scope of a device may have more of that time than it has received.
absl::StatusOr<Position> PositionAt(Source& source, int64_t time_us);
// RFC 3339, or milliseconds since 1970. INVALID_ARGUMENT says what it may be.
absl::StatusOr<int64_t> ParseMoment(std::string_view text);

// Of `view`, with nothing folded yet. NOT_FOUND names those there are. The source must outlive it.
absl::StatusOr<std::unique_ptr<AsOf>> OpenAsOf(Source& source, const std::string& view,
                                               const AsOfOptions& options, Position at);

// REQUIRES: CheckAt(*inner, at) is OK. If `view` is not empty, it is folded at once, and the only
// one. `watch` may be null.
absl::StatusOr<std::unique_ptr<Source>> OpenSourceAsOf(std::unique_ptr<Source> inner, Position at,
                                                       std::string view,
                                                       std::unique_ptr<FoldWatch> watch);

}  // namespace intentlog
