// ingest_open_lanes: what 10,000 conflicts that nobody decides cost everybody else.
#include <optional>

#include "client/wire/grpc_connector.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "tools/bench/bench_device.h"
#include "tools/bench/benches.h"
#include "tools/bench/child_process.h"
#include "tools/bench/load_fleet.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr int kLanes = 10'000;
constexpr int kPairs = 9;
constexpr int kTills = 32;
constexpr int kFramesPerTill = 4;
constexpr int kFrameIntents = 500;
constexpr absl::Duration kPatience = absl::Seconds(60);

// A till that sets `times` prices for each of kLanes products, offline.
class PriceTill {
 public:
  static absl::StatusOr<PriceTill> Record(const std::string& dir, const std::string& name,
                                          int times) {
    PriceTill till;
    ASSIGN_OR_RETURN(till.device_, OpenDevice({.dir = dir, .name = name}));
    AppendOptions buffered;
    buffered.durability = Durability::kBuffered;
    commerce::PriceSet price;
    for (int i = 0; i < times * kLanes; ++i) {
      price.set_product_id(Cat("disputed-", i % kLanes));
      price.set_price_micros(1'000'000 + i);
      ASSIGN_OR_RETURN(till.last_, till.device_.client->Append(price, buffered));
    }
    return till;
  }
  // Returns what became of the last one.
  absl::StatusOr<Decision> Sync(const std::string& address) {
    GrpcConnector connector({.address = address}, *device_.executor);
    RETURN_IF_ERROR(device_.client->StartSync(connector));
    const auto decided = device_.client->WaitForReceipt(last_.intent_id, kPatience);
    device_.client->StopSync();
    device_.client.reset();
    device_.executor.reset();
    RETURN_IF_ERROR(decided.status());
    return decided->decision;
  }

 private:
  BenchDevice device_;
  Appended last_;
};

// A server that holds 30,000 prices: all taken, or a third of them conflicted and a third parked
// behind those.
struct Prepared {
  Served served;
  std::unique_ptr<LoadFleet> fleet;
};
absl::StatusOr<Prepared> Prepare(BenchContext& context, const std::string& name, bool open) {
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh(Cat(name, "-server")));
  ASSIGN_OR_RETURN(const std::string first, context.Fresh(Cat(name, "-first")));
  ASSIGN_OR_RETURN(const std::string second, context.Fresh(Cat(name, "-second")));
  Prepared prepared;
  ASSIGN_OR_RETURN(prepared.served, Serve(dir, context.child_log()));
  ASSIGN_OR_RETURN(PriceTill one, PriceTill::Record(first, "asks-first", open ? 1 : 3));
  RETURN_IF_ERROR(one.Sync(prepared.served.address).status());
  if (open) {
    ASSIGN_OR_RETURN(PriceTill two, PriceTill::Record(second, "asks-second", 2));
    ASSIGN_OR_RETURN(const Decision last, two.Sync(prepared.served.address));
    if (last != PARKED) return Unavailable("the last price is ", Decision_Name(last));
  }
  LoadFleetOptions load;
  load.address = prepared.served.address;
  load.tills = kTills;
  load.intents_per_frame = kFrameIntents;
  load.frames_in_flight = kFramesPerTill;
  ASSIGN_OR_RETURN(prepared.fleet, LoadFleet::Connect(load));
  return prepared;
}

absl::StatusOr<double> Push(LoadFleet& fleet) {
  fleet.Prepare(kFramesPerTill);
  const Stopwatch watch;
  RETURN_IF_ERROR(fleet.Push());
  return kFramesPerTill * kFrameIntents * kTills / watch.Seconds();
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> IngestOpenLanes(BenchContext& context) {
  ASSIGN_OR_RETURN(Prepared open, Prepare(context, "open", /*open=*/true));
  ASSIGN_OR_RETURN(Prepared plain, Prepare(context, "plain", /*open=*/false));
  std::vector<Pair> pairs;
  for (int i = 0; i <= kPairs; ++i) {
    Pair pair;
    // Who goes first changes: the disk remembers what was written before.
    const bool ours_first = i % 2 == 0;
    ASSIGN_OR_RETURN(const double first, Push(ours_first ? *open.fleet : *plain.fleet));
    ASSIGN_OR_RETURN(const double second, Push(ours_first ? *plain.fleet : *open.fleet));
    pair.ours = ours_first ? first : second;
    pair.beside = ours_first ? second : first;
    if (i > 0) pairs.push_back(pair);  // the first is warm-up
  }
  for (Prepared* const one : {&open, &plain}) {
    one->fleet.reset();
    RETURN_IF_ERROR(one->served.process->Stop());
  }
  BenchRow row;
  row.name = "ingest_open_lanes";
  row.unit = "intents/s";
  row.durability = "fdatasync of the server's log before each receipt";
  row.beside_name = "the same server, nothing open";
  row.target = 0.95;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

}  // namespace intentlog::bench
