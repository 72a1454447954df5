// ingest_32x1 and ingest_32x500: the way into a server for 32 tills at once.
#include <mutex>
#include <thread>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/benches.h"
#include "tools/bench/child_process.h"
#include "tools/bench/load_fleet.h"
#include "tools/bench/plain_rocks.h"
#include "tools/bench/raw_server.h"
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

// Intents a second that the fleet gets through its server.
absl::StatusOr<double> PushRate(LoadFleet& fleet, const LoadFleetOptions& options, int frames) {
  fleet.Prepare(frames);
  const Stopwatch watch;
  RETURN_IF_ERROR(fleet.Push());
  return frames * options.intents_per_frame * kTills / watch.Seconds();
}

// What all runs of a row have: the fleet's server, and the peer's store.
struct Sides {
  Served served;
  std::unique_ptr<PlainRocks> rocks;
};

absl::StatusOr<Sides> OpenSides(BenchContext& context, LoadFleetOptions& options) {
  Sides sides;
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh("ingest-server"));
  ASSIGN_OR_RETURN(sides.served, Serve(dir, context.child_log()));
  ASSIGN_OR_RETURN(const std::string plain, context.Fresh("ingest-rocks"));
  ASSIGN_OR_RETURN(sides.rocks, PlainRocks::Open(plain));
  options.address = sides.served.address;
  options.tills = kTills;
  options.keep_rows = true;
  return sides;
}

// The same tills against gRPC with nothing behind it.
struct BareFleets {
  Served served;
  std::unique_ptr<LoadFleet> echo, commit;
};

absl::StatusOr<BareFleets> ConnectBare(BenchContext& context, LoadFleetOptions options) {
  BareFleets bare;
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh("ingest-bare"));
  ASSIGN_OR_RETURN(bare.served, ServeRaw("", dir, context.child_log()));
  options.address = bare.served.address;
  options.keep_rows = false;
  options.method = kRawEchoMethod;
  ASSIGN_OR_RETURN(bare.echo, LoadFleet::Connect(options));
  options.method = kRawCommitMethod;
  ASSIGN_OR_RETURN(bare.commit, LoadFleet::Connect(options));
  return bare;
}

BenchRow RowOf(const std::string& name, const std::string& peer, double target,
               const std::vector<Pair>& pairs) {
  BenchRow row;
  row.name = name;
  row.unit = "intents/s";
  row.durability = "fdatasync of the server's log before each receipt";
  row.beside_name = peer;
  row.target = target;
  FillFromPairs(pairs, row);
  return row;
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> IngestOne(BenchContext& context) {
  LoadFleetOptions options;
  options.intents_per_frame = 1;
  options.frames_in_flight = 1;
  ASSIGN_OR_RETURN(Sides sides, OpenSides(context, options));
  std::vector<Pair> beside_puts, beside_echo, beside_commit;
  {
    ASSIGN_OR_RETURN(const BareFleets bare, ConnectBare(context, options));
    ASSIGN_OR_RETURN(const auto fleet, LoadFleet::Connect(options));
    for (int i = 0; i <= kPairs; ++i) {
      ASSIGN_OR_RETURN(const double ours, PushRate(*fleet, options, kSinglesPerTill));
      ASSIGN_OR_RETURN(const double puts, PutFromThreads(*sides.rocks, fleet->rows()));
      ASSIGN_OR_RETURN(const double echo, PushRate(*bare.echo, options, kSinglesPerTill));
      ASSIGN_OR_RETURN(const double commit, PushRate(*bare.commit, options, kSinglesPerTill));
      if (i == 0) continue;  // warm-up
      beside_puts.push_back({ours, puts});
      beside_echo.push_back({ours, echo});
      beside_commit.push_back({ours, commit});
    }
  }
  RETURN_IF_ERROR(sides.served.process->Stop());
  return std::vector<BenchRow>{
      RowOf("ingest_32x1", "plain RocksDB, synced puts from 32 threads", 0.6, beside_puts),
      RowOf("ingest_32x1_echo", "bare gRPC that answers each message", 0, beside_echo),
      RowOf("ingest_32x1_commit", "the same after a synced put; what waits shares it", 0,
            beside_commit)};
}

absl::StatusOr<std::vector<BenchRow>> IngestPipelined(BenchContext& context) {
  LoadFleetOptions options;
  options.intents_per_frame = kFrameIntents;
  options.frames_in_flight = kFramesPerTill;
  ASSIGN_OR_RETURN(Sides sides, OpenSides(context, options));
  std::vector<Pair> pairs;
  {
    ASSIGN_OR_RETURN(const auto fleet, LoadFleet::Connect(options));
    for (int i = 0; i <= kPairs; ++i) {
      Pair pair;
      ASSIGN_OR_RETURN(pair.ours, PushRate(*fleet, options, kFramesPerTill));
      ASSIGN_OR_RETURN(pair.beside, PutBatches(*sides.rocks, fleet->rows()));
      if (i > 0) pairs.push_back(pair);  // the first is warm-up
    }
  }
  RETURN_IF_ERROR(sides.served.process->Stop());
  return std::vector<BenchRow>{
      RowOf("ingest_32x500", "plain RocksDB, synced batches of 1,000 puts", 0.5, pairs)};
}

}  // namespace intentlog::bench
