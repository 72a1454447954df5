// device_append_1, its p99, and device_append_batch: what recording costs an app, offline.
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/bench_device.h"
#include "tools/bench/benches.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/plain_rocks.h"
#include "tools/bench/plain_sqlite.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

// One append: a run is slices of each side in turn, because a disk's speed drifts within seconds.
constexpr int kRuns = 5;
constexpr int kSlicesPerRun = 10;
constexpr int kOpsPerSlice = 50;
constexpr double kMicros = 1e6;

constexpr int kBatches = 40;
constexpr int kBatchIntents = 1000;

// Seconds of each operation.
using Latencies = std::vector<double>;

double Rate(const Latencies& latencies) {
  double seconds = 0;
  for (const double latency : latencies) seconds += latency;
  return static_cast<double>(latencies.size()) / seconds;
}

// A durable write, then a read of what was written: on our device and on its two peers.
class Writers {
 public:
  static absl::StatusOr<std::unique_ptr<Writers>> Open(BenchContext& context) {
    auto writers = std::make_unique<Writers>();
    ASSIGN_OR_RETURN(const std::string device, context.Fresh("append-device"));
    ASSIGN_OR_RETURN(writers->device_, OpenDevice({.dir = device}));
    ASSIGN_OR_RETURN(const std::string rocks, context.Fresh("append-rocks"));
    ASSIGN_OR_RETURN(writers->rocks_, PlainRocks::Open(rocks));
    RETURN_IF_ERROR(context.Fresh("append.sqlite-wal").status());
    ASSIGN_OR_RETURN(const std::string sqlite, context.Fresh("append.sqlite"));
    ASSIGN_OR_RETURN(writers->sqlite_, PlainSqlite::Open(sqlite));
    return writers;
  }

  absl::Status OnDevice(int ops, Latencies& latencies) {
    for (int i = 0; i < ops; ++i) {
      const commerce::OrderLineAdded& line = lines_.Next();
      const Stopwatch watch;
      RETURN_IF_ERROR(device_.client->Append(line).status());
      ASSIGN_OR_RETURN(const auto row, device_.client->Get("orders", line.order_id()));
      latencies.push_back(watch.Seconds());
      if (!row.has_value()) return DataLoss("order ", line.order_id(), " is not there");
    }
    return absl::OkStatus();
  }
  absl::Status OnRocks(int ops, Latencies& latencies) {
    std::string read;
    for (int i = 0; i < ops; ++i) {
      const IntentStream::Made made = intents_.Next();
      const Stopwatch watch;
      RETURN_IF_ERROR(rocks_->Put(made.id.bytes(), made.bytes));
      RETURN_IF_ERROR(rocks_->Get(made.id.bytes(), &read));
      latencies.push_back(watch.Seconds());
      if (read != made.bytes) return DataLoss("plain RocksDB gives other bytes");
    }
    return absl::OkStatus();
  }
  absl::Status OnSqlite(int ops, Latencies& latencies) {
    std::string read;
    for (int i = 0; i < ops; ++i) {
      const IntentStream::Made made = intents_.Next();
      const Stopwatch watch;
      RETURN_IF_ERROR(sqlite_->Insert(made.id.bytes(), made.bytes));
      RETURN_IF_ERROR(sqlite_->Select(made.id.bytes(), &read));
      latencies.push_back(watch.Seconds());
      if (read != made.bytes) return DataLoss("SQLite gives other bytes");
    }
    return absl::OkStatus();
  }

 private:
  BenchDevice device_;
  std::unique_ptr<PlainRocks> rocks_;
  std::unique_ptr<PlainSqlite> sqlite_;
  OrderStream lines_{{.seed = 1}};
  IntentStream intents_{{.seed = 2}, "shop-1"};
};

struct Run {
  Latencies device, rocks, sqlite;
};

absl::StatusOr<Run> RunSlices(Writers& writers, int slices) {
  Run run;
  for (int i = 0; i < slices; ++i) {
    RETURN_IF_ERROR(writers.OnDevice(kOpsPerSlice, run.device));
    RETURN_IF_ERROR(writers.OnRocks(kOpsPerSlice, run.rocks));
    RETURN_IF_ERROR(writers.OnSqlite(kOpsPerSlice, run.sqlite));
  }
  return run;
}

// A batch of lines as one AppendAll takes them.
struct LineBatch {
  std::vector<commerce::OrderLineAdded> lines;
  std::vector<NewIntent> intents;
};

LineBatch NextBatch(OrderStream& stream) {
  LineBatch batch;
  for (int i = 0; i < kBatchIntents; ++i) batch.lines.push_back(stream.Next());
  batch.intents.resize(batch.lines.size());
  for (size_t i = 0; i < batch.lines.size(); ++i) batch.intents[i].event = &batch.lines[i];
  return batch;
}

absl::StatusOr<double> AppendBatch(Client& client, OrderStream& stream) {
  const LineBatch batch = NextBatch(stream);
  const Stopwatch watch;
  RETURN_IF_ERROR(client.AppendAll(batch.intents).status());
  return kBatchIntents / watch.Seconds();
}

absl::StatusOr<double> PutBatch(PlainRocks& rocks, IntentStream& stream) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (int i = 0; i < kBatchIntents; ++i) {
    IntentStream::Made made = stream.Next();
    rows.emplace_back(made.id.bytes(), std::move(made.bytes));
  }
  const Stopwatch watch;
  RETURN_IF_ERROR(rocks.PutAll(rows));
  return kBatchIntents / watch.Seconds();
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> DeviceAppendOne(BenchContext& context) {
  ASSIGN_OR_RETURN(const auto writers, Writers::Open(context));
  RETURN_IF_ERROR(RunSlices(*writers, 2).status());  // warm
  std::vector<Pair> rates, tails;
  for (int i = 0; i < kRuns; ++i) {
    ASSIGN_OR_RETURN(const Run run, RunSlices(*writers, kSlicesPerRun));
    rates.push_back({Rate(run.device), Rate(run.rocks)});
    tails.push_back({Quantile(run.device, 0.99) * kMicros, Quantile(run.sqlite, 0.99) * kMicros});
  }
  BenchRow rate;
  rate.name = "device_append_1";
  rate.unit = "intents/s";
  rate.durability = "fdatasync of the device's log; then its order read back";
  rate.beside_name = "plain RocksDB, synced put and get";
  rate.target = 0.8;
  FillFromPairs(rates, rate);
  BenchRow tail = rate;
  tail.name = "device_append_1_p99";
  tail.unit = "µs";
  tail.beside_name = "SQLite, WAL, synchronous=FULL: insert, commit and select";
  tail.target = 1.5;
  tail.aim = Aim::kAtMost;
  FillFromPairs(tails, tail);
  return std::vector<BenchRow>{rate, tail};
}

absl::StatusOr<std::vector<BenchRow>> DeviceAppendBatch(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh("batch-device"));
  ASSIGN_OR_RETURN(const BenchDevice device, OpenDevice({.dir = dir}));
  ASSIGN_OR_RETURN(const std::string plain, context.Fresh("batch-rocks"));
  ASSIGN_OR_RETURN(const auto rocks, PlainRocks::Open(plain));
  OrderStream lines({.seed = 1});
  IntentStream intents({.seed = 2}, "shop-1");
  std::vector<Pair> pairs;
  for (int i = 0; i < kBatches; ++i) {
    Pair pair;
    ASSIGN_OR_RETURN(pair.ours, AppendBatch(*device.client, lines));
    ASSIGN_OR_RETURN(pair.beside, PutBatch(*rocks, intents));
    if (i > 0) pairs.push_back(pair);  // the first is warm-up
  }
  BenchRow row;
  row.name = "device_append_batch";
  row.unit = "intents/s";
  row.durability = "fdatasync of the device's log, once for 1,000 intents decided as one";
  row.beside_name = "plain RocksDB, synced batches of 1,000 puts";
  row.target = 0.5;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

}  // namespace intentlog::bench
