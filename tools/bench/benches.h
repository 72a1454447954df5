// The benchmarks of `intentlog bench`, one function each: what a row means is in README.md. Each is
// self-contained; a failure to measure is an error, a missed target is a row that is not ok.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "tools/bench/bench.h"

namespace intentlog::bench {

// In the order of `bench all`.
std::vector<Bench> AllBenches();

absl::StatusOr<std::vector<BenchRow>> DeviceAppendOne(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> DeviceAppendBatch(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> IngestOne(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> IngestPipelined(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> IngestOpenLanes(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> LogScan(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> ReplayClient(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> CatchUp(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> BootstrapTwenty(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> BootstrapLines(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> Rebuild(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> RebuildViews(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> RebuildWhileServing(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> IdleStreams(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> AdmitNoConflict(BenchContext& context);
absl::StatusOr<std::vector<BenchRow>> AdmitFieldwise(BenchContext& context);

}  // namespace intentlog::bench
