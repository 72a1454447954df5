// The data folder of a real server, as the benchmarks read it while no server runs on it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/rocksdb_engine.h"
#include "tools/bench/bench.h"

namespace intentlog::bench {

// Order lines in the folder: what a year of one shop has, in round frames.
inline constexpr int kYearTills = 32;
inline constexpr int kYearShops = 8;
inline constexpr int kYearFramesPerTill = 31;
inline constexpr int kYearLinesPerFrame = 500;
inline constexpr int64_t kYearLines =
    int64_t{kYearTills} * kYearFramesPerTill * kYearLinesPerFrame;  // 496,000

// A folder that `serve` wrote while 32 tills of 8 shops pushed a year of order lines through gRPC;
// its read models are folded to the end. Made once in a run.
absl::StatusOr<std::string> YearFolder(BenchContext& context);
// A copy of it, to read while a server runs on the other.
absl::StatusOr<std::string> YearCopy(BenchContext& context);

// The server folds in the background: until it is done it would take a core from what comes next.
absl::Status WaitUntilFolded(const std::string& address);

// The log of the default tenant in a server's folder. Thread-safe as EventLog.
struct ServerLog {
  std::unique_ptr<RocksdbEngine> engine;
  std::unique_ptr<EventLog> log;
};
absl::StatusOr<ServerLog> OpenServerLog(const std::string& dir);

// Reads all of it hot: parses each block and touches each event. Events a second.
absl::StatusOr<double> ScanRate(const EventLog& log);

}  // namespace intentlog::bench
