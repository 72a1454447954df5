// Random schedules: devices, cuts, crashes, conflicts. Phase 1 injects faults while people work;
// phase 2 heals everything, and all must settle (I15) with nothing lost, doubled or different.
//
// INTENTLOG_SEED=S runs that seed alone; INTENTLOG_SEEDS=N runs N seeds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "projections/engine/poisoned.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::simulation {
namespace {

using scenario::CountStock;
using scenario::Describe;
using scenario::Line;
using scenario::Move;
using scenario::Price;

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What one person at one device does next.
void Work(World& world, const std::string& device) {
  Random& random = world.random();
  AppendOptions shared;
  shared.scope = "shared";
  shared.durability = random.Below(4) == 0 ? Durability::kBuffered : Durability::kDurable;
  const std::string product = Cat("product-", random.Below(4));
  switch (random.Below(8)) {
    case 0:
      world.Append(device, Price(product, static_cast<int64_t>(random.Below(9))), shared);
      break;
    case 1:
      world.Append(device, Move(product, static_cast<int64_t>(random.Below(20)) - 10), shared);
      break;
    case 2:
      world.Append(device, CountStock(product, static_cast<int64_t>(random.Below(50))), shared);
      break;
    case 3:
      world.Append(device, Describe(product, Cat("text ", random.Below(100))), shared);
      break;
    case 4: {
      std::vector<commerce::OrderLineAdded> lines;
      const std::string order = Cat(device, "-", random.Below(5));
      for (uint64_t i = 0; i <= random.Below(30); ++i) lines.push_back(Line(order, product));
      std::vector<const google::protobuf::Message*> batch;
      for (const auto& line : lines) batch.push_back(&line);
      world.AppendAll(device, batch);
      break;
    }
    default:
      world.Append(device, Line(Cat(device, "-", random.Below(5)), product));
  }
}

void Misfortune(World& world, const std::string& device) {
  Random& random = world.random();
  switch (random.Below(7)) {
    case 0:
      world.network().Cut(device);
      break;
    case 1:
      world.network().Partition(device);
      break;
    case 2:
      world.network().DropReplies(device);
      break;
    case 3:
      if (world.device_runs(device)) {
        world.CrashDevice(device);
      } else {
        world.StartDevice(device);
      }
      break;
    case 4:
      if (world.server_runs()) {
        world.CrashServer();
      } else {
        world.StartServer();
      }
      break;
    case 5:
      world.network().Heal();
      world.network().SetFaults({.cut_per_frame = random.Unit() * 0.1,
                                 .refuse_connection = random.Unit() * 0.3,
                                 .half_open = random.Unit() * 0.02,
                                 .latency_max = absl::Milliseconds(1 + random.Below(300))});
      break;
    default:
      break;
  }
}

// An operator decides about rows that stand still.
void Operate(World& world, const Projections& views) {
  if (!world.server_runs()) return;
  Random& random = world.random();
  Unpark decision;
  decision.set_view(views[random.Below(views.size())]->info().name);
  const auto models = world.server().Models("shop");
  if (!models.ok()) return;
  const auto parked = (*models)->Parked(decision.view(), 1000);
  if (!parked.ok() || parked->empty()) return;
  const ParkedRow& row = (*parked)[random.Below(parked->size())];
  decision.set_key(row.key);
  if (random.Below(2) == 0) decision.set_skip(row.position.value());
  if (random.Below(4) == 0) decision.set_all_keys(true);
  Intent intent;
  intent.set_type("intentlog.Unpark");
  intent.set_scope(row.scope);
  intent.set_payload(decision.SerializeAsString());
  world.server().Settle("shop", intent, "", [](const OwnReceipt&) {}).IgnoreError();
}

// Devices begin at snapshots where they can, and keep little: so trimming and loading are common.
void BeginAtSnapshots(World& world) {
  const uint64_t events = 10 + world.random().Below(100);
  const uint64_t quota = (8 << 10) + world.random().Below(64 << 10);
  world.AdjustServer([events](ServerOptions& options) {
    options.snapshots.events = events;
    options.snapshots.interval_min = absl::ZeroDuration();
    options.snapshots.rest = 0;
    options.snapshots.free_bytes_min = 0;
    options.snapshot_events_min = 1;
    options.snapshot_rows_per_event_max = 1000;
  });
  world.AdjustDevices([quota](ClientOptions& options) {
    options.quota.begin = static_cast<double>(quota) / static_cast<double>(options.quota.bytes_max);
    options.quota.end = options.quota.begin / 2;
  });
}

// With `poison`, read models have events that they cannot fold, on every node the same ones.
std::string RunSeed(uint64_t seed, bool poison = false) {
  World world(seed);
  const Projections views = PoisonedViews(CommerceViews(), OneIn(15));
  if (poison) world.UseProjections(views);
  BeginAtSnapshots(world);
  Random& random = world.random();
  world.StartServer();
  const uint64_t devices = 2 + random.Below(3);
  std::vector<std::string> names;
  for (uint64_t i = 1; i <= devices; ++i) {
    names.push_back(Cat("till-", i));
    world.AddDevice(names.back(), /*all_scopes=*/i == 1);
  }
  const uint64_t steps = 20 + random.Below(60);
  for (uint64_t step = 0; step < steps; ++step) {
    const std::string& name = names[random.Below(names.size())];
    if (world.device_runs(name)) Work(world, name);
    if (poison && random.Below(4) == 0) Operate(world, views);
    if (random.Below(12) == 0 && names.size() < 7) {  // a new one, in the middle of it all
      names.push_back(Cat("till-", names.size() + 1));
      world.AddDevice(names.back(), random.Below(2) == 0);
    }
    if (random.Below(5) == 0) Misfortune(world, names[random.Below(names.size())]);
    if (random.Below(3) != 0) world.RunFor(absl::Milliseconds(random.Below(2000)));
  }
  world.network().Heal();
  if (!world.server_runs()) world.StartServer();
  for (const std::string& name : names) {
    if (!world.device_runs(name)) world.StartDevice(name);
  }
  if (!world.RunUntilQuiet()) return "I15: not quiet after 30 minutes\n";
  return world.Problems();
}

void RunSeeds(uint64_t otherwise, bool poison) {
  const uint64_t only = Setting("INTENTLOG_SEED", 0);
  const uint64_t seeds = Setting("INTENTLOG_SEEDS", otherwise);
  if (only != 0) {
    EXPECT_EQ(RunSeed(only, poison), "");
    return;
  }
  std::cout << "seeds 1 to " << seeds << "\n";
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    EXPECT_EQ(RunSeed(seed, poison), "") << "replay with INTENTLOG_SEED=" << seed;
    if (testing::Test::HasFailure()) break;
  }
}

TEST(Schedules, RandomFaultsNeverLoseDoubleOrDiverge) { RunSeeds(40, /*poison=*/false); }

TEST(Schedules, I22_PoisonParksTheSameRowsOnEveryNode) { RunSeeds(14, /*poison=*/true); }

}  // namespace
}  // namespace intentlog::simulation
