// Other rules, tried on the logs that simulated fleets leave.
//
// INTENTLOG_SEED=S runs that seed alone.
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "proto/rules.pb.h"
#include "server/trial/rules_trial.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::simulation {
namespace {

using scenario::Describe;
using scenario::Line;
using scenario::Move;
using scenario::Price;

std::shared_ptr<const Schema> Shop() {
  return Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
}

// The shop's schema, with another default rule for one type.
std::shared_ptr<const Schema> ShopWith(const std::string& message, Rule rule) {
  google::protobuf::FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromString(Shop()->DescriptorSet()));
  for (auto& file : *set.mutable_file()) {
    for (auto& type : *file.mutable_message_type()) {
      if (type.name() != message || file.package() != "intentlog.commerce") continue;
      type.mutable_options()->MutableExtension(event)->set_concurrent(rule);
    }
  }
  auto schema = Schema::FromDescriptorSetAlone(set.SerializeAsString());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}

// No stock counts: whether a device's clock counted is not always in the log (recorded_clock.h).
void Work(World& world, const std::string& device) {
  Random& random = world.random();
  AppendOptions shared;
  shared.scope = "shared";
  const std::string product = Cat("product-", random.Below(3));
  switch (random.Below(6)) {
    case 0:
      world.Append(device, Price(product, static_cast<int64_t>(random.Below(9))), shared);
      break;
    case 1:
      world.Append(device, Describe(product, Cat("words ", random.Below(50))), shared);
      break;
    case 2:
      world.Append(device, Describe(product, Cat("text ", random.Below(9))), shared);
      break;
    case 3: {
      const auto first = Price(product, 3);
      const auto second = Line(Cat("order-", random.Below(4)), product);
      world.AppendAll(device, {&first, &second}, "shared");
      break;
    }
    default:
      world.Append(device, Move(product, 1), shared);
  }
}

// A day of a few devices that are offline now and then.
void Live(World& world) {
  Random& random = world.random();
  world.StartServer();
  std::vector<std::string> names = {"till-1", "till-2", "till-3"};
  for (const std::string& name : names) world.AddDevice(name, name == "till-1");
  for (int step = 0; step < 80; ++step) {
    const std::string& name = names[random.Below(names.size())];
    Work(world, name);
    if (random.Below(6) == 0) world.network().Partition(name);
    if (random.Below(6) == 0) world.network().Heal();
    if (random.Below(2) == 0) world.RunFor(absl::Seconds(random.Below(20)));
  }
  world.network().Heal();
  ASSERT_TRUE(world.RunUntilQuiet());
}

TrialResult Try(World& world, const std::shared_ptr<const Schema>& schema) {
  const auto log = world.server().Log("shop");
  EXPECT_TRUE(log.ok()) << log.status();
  RulesTrial trial(schema, (*log)->epochs());
  const auto reader = (*log)->Read(Position(1));
  while (*reader->Next()) {
    for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
      const absl::Status added = trial.Add(reader->block().event(i));
      EXPECT_TRUE(added.ok()) << added;
    }
  }
  EXPECT_TRUE(trial.Finish().ok());
  return trial.result();
}

std::string Text(const TrialResult& result) {
  std::string text;
  for (const auto& [name, type] : result.types) {
    for (const auto& [transition, change] : type.changes) {
      text +=
          Cat(name, " ", Decision_Name(transition.was), " -> ", Decision_Name(transition.would_be),
              ": ", change.events, ", at ", change.examples[0].position, ": ",
              change.examples[0].was_why, " | ", change.examples[0].why, "\n");
    }
  }
  return text;
}

TEST(RulesTrialSim, TheRulesByWhichALogWasDecidedChangeNothing) {
  const char* const only = std::getenv("INTENTLOG_SEED");
  const uint64_t first = only == nullptr ? 1 : std::strtoull(only, nullptr, 10);
  const uint64_t last = only == nullptr ? 12 : first;
  std::cout << "seeds " << first << " to " << last << "\n";
  uint64_t open = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    World world(seed);
    Live(world);
    const TrialResult result = Try(world, Shop());
    EXPECT_EQ(Text(result), "") << "replay with INTENTLOG_SEED=" << seed;
    EXPECT_GT(result.decided, 0u);
    open += result.still_open;
  }
  EXPECT_GT(open, 0u) << "nothing ever conflicted";
}

TEST(RulesTrialSim, LaxerRulesLetPricesMergeAndStricterOnesRejectThem) {
  uint64_t merged = 0, rejected = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    World world(seed);
    Live(world);
    // The log's own rules, as bytes.
    EXPECT_EQ(Text(Try(world, ShopWith("PriceSet", REVIEW))), "");
    const TrialResult laxer = Try(world, ShopWith("PriceSet", COMMUTES));
    const TrialResult stricter = Try(world, ShopWith("PriceSet", FIRST_WRITER_WINS));
    merged += laxer.types.at("intentlog.commerce.PriceSet").changed;
    rejected += stricter.types.at("intentlog.commerce.PriceSet").changed;
    EXPECT_LE(laxer.still_open, stricter.still_open);
  }
  EXPECT_GT(merged, 0u);
  EXPECT_GT(rejected, 0u);
}

}  // namespace
}  // namespace intentlog::simulation
