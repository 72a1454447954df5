// What is open survives crashes and comes in bounded pieces; random lives.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "eventlog/runtime/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/life_world.h"

namespace intentlog {
namespace {

using testing::IsEmpty;

ServerOptions FewAtATime(size_t readmissions_max) {
  ServerOptions options;
  options.readmissions_max = readmissions_max;
  options.group_bytes_early = 1;  // groups overlap
  return options;
}

TEST(ServerLifeCrashTest, ALongLaneIsAdmittedAgainInPiecesAndInOrderWhateverComesMeanwhile) {
  LifeWorld world(FewAtATime(3));
  ScriptedDevice till("till", {"shop"}), office("office", {"shop"});
  world.Connect({&till, &office});
  world.Do(office, Priced("milk", 900), "product", "milk");
  const uint64_t open = world.DoBlindly(till, Priced("milk", 800), "product", "milk").position;
  std::vector<uint64_t> expected = {open};
  for (int i = 0; i < 20; ++i) {
    expected.push_back(world.DoBlindly(till, Priced("milk", 100 + i), "product", "milk").position);
  }
  office.Record(MakeResolve(open, Resolve::APPLY), "product", "milk");
  world.Push(office);
  const uint64_t late = till.Record(Priced("milk", 1), "product", "milk");  // while they follow
  world.Push(till);
  world.Run();
  expected.push_back(till.receipts().at(late).position);
  EXPECT_EQ(till.receipts().at(late).decision, PARKED);
  EXPECT_EQ(world.SettledInOrder(), expected);
  EXPECT_THAT(world.Open(), IsEmpty());
  EXPECT_THAT(world.Problems(), IsEmpty());
  EXPECT_EQ(world.Do(till, Priced("milk", 2), "product", "milk").decision, ACCEPTED);
}

TEST(ServerLifeCrashTest, I16_WhateverTheMomentOfACrashEachStopperIsSettledOnce) {
  for (int groups = 0; groups < 9; ++groups) {
    LifeWorld world(FewAtATime(2));
    ScriptedDevice till("till", {"shop"}), office("office", {"shop"});
    world.Connect({&till, &office});
    world.Do(office, Priced("milk", 900), "product", "milk");
    const uint64_t open = world.DoBlindly(till, Priced("milk", 800), "product", "milk").position;
    std::vector<uint64_t> expected = {open};
    for (int i = 0; i < 7; ++i) {
      expected.push_back(world.DoBlindly(till, Priced("milk", 9 + i), "product", "milk").position);
    }
    const auto first_receipts = till.receipts();
    const uint64_t count = office.Record(MakeResolve(open, Resolve::APPLY), "product", "milk");
    world.Push(office);
    world.server().RunWithoutCommits();
    for (int i = 0; i < groups; ++i) {
      world.server().CommitOne();
      world.server().RunWithoutCommits();
    }
    world.CrashAndReopen();
    world.Push(office);
    world.Run();
    // The device did not hear perhaps, and asks again.
    office.PushCounts(1, count);
    till.PushCounts(1, till.last());  // Absorb checks that receipts are the first ones
    world.Run();
    EXPECT_EQ(office.receipts().at(count).decision, ACCEPTED);
    for (const auto& [at, receipt] : first_receipts) {
      EXPECT_EQ(till.receipts().at(at).decision, receipt.decision);
    }
    EXPECT_EQ(world.SettledInOrder(), expected) << groups;
    EXPECT_THAT(world.Open(), IsEmpty());
    EXPECT_THAT(world.Problems(), IsEmpty());
  }
}

// Three devices that see little of each other, batches, amendments, resolutions and crashes.
class RandomLife {
 public:
  explicit RandomLife(uint64_t seed) : random_(seed), world_(FewAtATime(1 + random_.Below(4))) {
    world_.Connect({&devices_[0], &devices_[1], &devices_[2]});
  }
  ~RandomLife() {
    for (ScriptedDevice& device : devices_) device.Disconnect();
  }

  void Step() {
    ScriptedDevice& device = devices_[random_.Below(3)];
    switch (random_.Below(8)) {
      case 0:
        Batch(device);
        break;
      case 1:
        Close(device);
        break;
      case 2:
        if (random_.Below(6) == 0) world_.CrashAndReopen();
        break;
      default:
        Record(device);
    }
    if (random_.Below(3) > 0) world_.Push(device);
    if (random_.Below(4) == 0) {
      world_.server().RunWithoutCommits();
    } else {
      world_.Run();
    }
  }

  // All that is open is closed in the end, by people who look first.
  void CloseAll() {
    for (ScriptedDevice& device : devices_) world_.Push(device);
    world_.Run();
    for (int round = 0; round < 500; ++round) {
      const std::vector<OpenEvent> open = *world_.server()->OpenEvents("default", Position(), 1);
      if (open.empty()) return;
      ASSERT_NE(open[0].decision(), PARKED) << "it waits, and nothing is before it";
      Ask(open[0], open[0].decision() == CONFLICTED);
      world_.Run();
    }
    ADD_FAILURE() << "more is open than was ever recorded";
  }

  void Check() {
    EXPECT_THAT(world_.Problems(), IsEmpty());
    std::map<uint64_t, int> closed;
    std::set<uint64_t> stoppers;
    std::map<std::string, uint64_t> last_of_lane;
    const std::vector<LifeWorld::Stored> events = world_.Events();
    for (const LifeWorld::Stored& stored : events) {
      const Header& header = stored.header;
      const bool effective = header.decision() == ACCEPTED || header.decision() == MERGED;
      Settlement settlement;
      if (header.settlement_of() != 0) {
        ASSERT_TRUE(settlement.ParseFromString(stored.intent.payload()));
        if (!settlement.turned()) ++closed[header.settlement_of()];
      } else if (!effective && header.decision() != DUPLICATE && !IsControl(stored.intent.type())) {
        stoppers.insert(header.position());
      }
      if (effective && !IsControl(stored.intent.type())) CheckOrder(events, stored, last_of_lane);
    }
    for (const uint64_t position : stoppers) EXPECT_EQ(closed[position], 1) << position;
    EXPECT_EQ(closed.size(), stoppers.size());
  }

 private:
  static bool IsControl(const std::string& type) {
    return type == "intentlog.Resolve" || type == "intentlog.Amend" || type == "intentlog.Dismiss";
  }
  // What one device recorded about one entity takes effect in the order in which it recorded it.
  void CheckOrder(const std::vector<LifeWorld::Stored>& events, const LifeWorld::Stored& stored,
                  std::map<std::string, uint64_t>& last_of_lane) {
    const uint64_t of = stored.header.settlement_of();
    const Header& first = of == 0 ? stored.header : events[of - 1].header;
    const std::string lane =
        Cat(first.log_id(), stored.intent.entity_type(), "/", stored.intent.entity_id());
    EXPECT_GT(first.count(), last_of_lane[lane]) << "position " << stored.header.position();
    last_of_lane[lane] = first.count();
  }
  void Record(ScriptedDevice& device) {
    const std::string product = Cat("p", random_.Below(2));
    if (random_.Below(4) == 0) {
      device.Record(Moved(product, 1), "stock", product);
    } else {
      const int64_t price = random_.Below(8) == 0 ? -1 : static_cast<int64_t>(random_.Below(100));
      device.Record(Priced(product, price), "product", product);
    }
    if (random_.Below(3) == 0) device.SetBasedOn(HistoryPoint());
  }
  void Batch(ScriptedDevice& device) {
    const uint64_t first = device.last() + 1;
    const uint64_t size = 2 + random_.Below(3);
    for (uint64_t i = 0; i < size; ++i) Record(device);
    device.SetBatchSize(first, static_cast<uint32_t>(size));
  }
  void Close(ScriptedDevice& device) {
    const std::vector<OpenEvent> open = *world_.server()->OpenEvents("default", Position(), 100);
    if (open.empty()) return;
    const OpenEvent& one = open[random_.Below(open.size())];
    Intent intent;
    ASSERT_TRUE(intent.ParseFromString(one.intent()));
    if (random_.Below(2) == 0) {
      device.Record(
          MakeResolve(one.position(), random_.Below(2) == 0 ? Resolve::APPLY : Resolve::DROP,
                      random_.Below(4) == 0),
          intent.entity_type(), intent.entity_id());
    } else if (random_.Below(2) == 0 && intent.entity_type() == "product") {
      device.Record(MakeAmend(one.position(), Priced(intent.entity_id(), 7)), "product",
                    intent.entity_id());
    } else {
      device.Record(MakeDismiss(one.position(), random_.Below(4) == 0), intent.entity_type(),
                    intent.entity_id());
    }
  }
  void Ask(const OpenEvent& open, bool resolve) {
    Intent control;
    control.set_type(resolve ? "intentlog.Resolve" : "intentlog.Dismiss");
    control.set_payload(
        resolve
            ? MakeResolve(open.position(), random_.Below(2) == 0 ? Resolve::APPLY : Resolve::DROP)
                  .SerializeAsString()
            : MakeDismiss(open.position()).SerializeAsString());
    const absl::Status status =
        world_.server()->Settle("default", control, "", [](const OwnReceipt& receipt) {
          EXPECT_EQ(receipt.decision, ACCEPTED) << receipt.reason.text();
        });
    EXPECT_TRUE(status.ok()) << status;
  }

  SeededRandom random_;
  LifeWorld world_;
  ScriptedDevice devices_[3] = {{"a", {"shop"}}, {"b", {"shop"}}, {"c", {"shop"}}};
};

TEST(ServerLifeCrashTest, I16_InRandomLivesAllIsSettledOnceAndInOrder) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(Cat("seed ", seed));
    RandomLife life(seed);
    for (int step = 0; step < 60; ++step) life.Step();
    life.CloseAll();
    life.Check();
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace intentlog
