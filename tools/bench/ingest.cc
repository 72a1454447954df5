// ingest_32x1 and ingest_32x500: the way into a server for 32 tills at once.
#include <mutex>
#include <thread>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/benches.h"
#include "tools/bench/child_process.h"
#include "tools/bench/load_fleet.h"
#include "tools/bench/plain_rocks.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 5;
constexpr int kTills = 32;
constexpr int kSinglesPerTill = 200;
constexpr int kFramesPerTill = 4;
constexpr int kFrameIntents = 500;
constexpr size_t kPlainBatch = 1000;

// Every row a synced put of its own, a thread for each till.
absl::StatusOr<double> PutFromThreads(PlainRocks& rocks, const std::vector<LoadFleet::Rows>& rows) {
  std::mutex mutex;
  absl::Status failure;
  std::vector<std::thread> threads;
  size_t puts = 0;
  const Stopwatch watch;
  for (const LoadFleet::Rows& own : rows) {
    puts += own.size();
    threads.emplace_back([&] {
      for (const auto& [key, value] : own) {
        const absl::Status status = rocks.Put(key, value);
        if (status.ok()) continue;
        const std::lock_guard<std::mutex> lock(mutex);
        failure = status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  RETURN_IF_ERROR(failure);
  return static_cast<double>(puts) / watch.Seconds();
}

absl::StatusOr<double> PutBatches(PlainRocks& rocks, const std::vector<LoadFleet::Rows>& rows) {
  std::vector<LoadFleet::Rows> batches(1);
  size_t puts = 0;
  for (const LoadFleet::Rows& own : rows) {
    for (const auto& row : own) {
      if (batches.back().size() == kPlainBatch) batches.emplace_back();
      batches.back().push_back(row);
      ++puts;
    }
  }
  const Stopwatch watch;
  for (const LoadFleet::Rows& batch : batches) RETURN_IF_ERROR(rocks.PutAll(batch));
  return static_cast<double>(puts) / watch.Seconds();
}

using Peer = absl::StatusOr<double> (*)(PlainRocks&, const std::vector<LoadFleet::Rows>&);

// Pairs of: `frames` frames from every till through gRPC, the same bytes into plain RocksDB.
absl::StatusOr<std::vector<Pair>> Measure(BenchContext& context, LoadFleetOptions options,
                                          int frames, Peer peer) {
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh("ingest-server"));
  ASSIGN_OR_RETURN(Served served, Serve(dir, context.child_log()));
  ASSIGN_OR_RETURN(const std::string plain, context.Fresh("ingest-rocks"));
  ASSIGN_OR_RETURN(const auto rocks, PlainRocks::Open(plain));
  options.address = served.address;
  options.tills = kTills;
  options.keep_rows = true;
  std::vector<Pair> pairs;
  {
    ASSIGN_OR_RETURN(const auto fleet, LoadFleet::Connect(options));
    for (int i = 0; i <= kPairs; ++i) {
      fleet->Prepare(frames);
      Pair pair;
      const Stopwatch watch;
      RETURN_IF_ERROR(fleet->Push());
      pair.ours = frames * options.intents_per_frame * kTills / watch.Seconds();
      ASSIGN_OR_RETURN(pair.beside, peer(*rocks, fleet->rows()));
      if (i > 0) pairs.push_back(pair);  // the first is warm-up
    }
  }
  RETURN_IF_ERROR(served.process->Stop());
  return pairs;
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> IngestOne(BenchContext& context) {
  LoadFleetOptions options;
  options.intents_per_frame = 1;
  options.frames_in_flight = 1;
  ASSIGN_OR_RETURN(const std::vector<Pair> pairs,
                   Measure(context, options, kSinglesPerTill, PutFromThreads));
  BenchRow row;
  row.name = "ingest_32x1";
  row.unit = "intents/s";
  row.durability = "fdatasync of the server's log before each receipt";
  row.beside_name = "plain RocksDB, synced puts from 32 threads";
  row.target = 0.6;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

absl::StatusOr<std::vector<BenchRow>> IngestPipelined(BenchContext& context) {
  LoadFleetOptions options;
  options.intents_per_frame = kFrameIntents;
  options.frames_in_flight = kFramesPerTill;
  ASSIGN_OR_RETURN(const std::vector<Pair> pairs,
                   Measure(context, options, kFramesPerTill, PutBatches));
  BenchRow row;
  row.name = "ingest_32x500";
  row.unit = "intents/s";
  row.durability = "fdatasync of the server's log before each receipt";
  row.beside_name = "plain RocksDB, synced batches of 1,000 puts";
  row.target = 0.5;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

}  // namespace intentlog::bench
