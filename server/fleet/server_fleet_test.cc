// An operator at a real server: what the desk says, what a settlement does, and what trials and
// statistics make of it.
#include "server/fleet/server_fleet.h"

#include <optional>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/fleet/fleet_desk.h"
#include "server/life_world.h"
#include "server/trial/rules_trial.h"

namespace intentlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ServerFleetTest : public testing::Test {
 protected:
  ServerFleetTest() {
    world_.Connect({&till_, &office_});
    fleet_ = FleetOf(*world_.server(), world_.server().core(), world_.server().clock(),
                     [this] { return world_.server().options().schema; });
    desk_.emplace(*fleet_);
  }
  ~ServerFleetTest() override {
    for (ScriptedDevice* const device : {&till_, &office_}) device->Disconnect();
  }

  // The office sets a price; the till, which did not see it, sets another. Position of that.
  uint64_t Conflict(const std::string& product = "milk") {
    world_.Do(office_, Priced(product, 900), "product", product);
    return world_.DoBlindly(till_, Priced(product, 800), "product", product).position;
  }
  SettleReply Settle(SettleRequest request) {
    request.set_tenant("default");
    std::optional<absl::StatusOr<SettleReply>> reply;
    fleet_->Settle(request,
                   [&reply](absl::StatusOr<SettleReply> settled) { reply = std::move(settled); });
    world_.Run();
    EXPECT_TRUE(reply && reply->ok());
    return reply && reply->ok() ? **reply : SettleReply();
  }
  SettleReply ResolveAt(uint64_t position, Resolve::Verdict verdict, uint64_t seen = 0) {
    SettleRequest request;
    *request.mutable_resolve() = MakeResolve(position, verdict);
    request.set_seen(seen);
    return Settle(request);
  }
  ListConflictsReply Conflicts() {
    ListConflictsRequest request;
    request.set_tenant("default");
    const auto reply = desk_->ListConflicts(request);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.value_or(ListConflictsReply());
  }
  std::vector<std::string> Devices() {
    ListDevicesRequest request;
    request.set_tenant("default");
    const auto reply = desk_->ListDevices(request);
    EXPECT_TRUE(reply.ok()) << reply.status();
    std::vector<std::string> devices;
    if (!reply.ok()) return devices;
    for (const FleetDevice& device : reply->devices()) {
      devices.push_back(Cat(device.device(), " ", HealthWord(device.health_class()),
                            device.live() ? " live" : "", ", open ", device.open().conflicted(),
                            "+", device.open().rejected(), "+", device.open().parked()));
    }
    return devices;
  }
  uint64_t Pending(const std::string& name) {
    GetDeviceRequest request;
    request.set_tenant("default");
    request.set_device(name);
    const auto reply = desk_->GetDevice(request);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? reply->device().health().pending() : 99;
  }
  TrialResult TryOwnRules() {
    const auto log = *world_.server()->Log("default");
    RulesTrial trial(world_.server().options().schema, log->epochs());
    const auto reader = log->Read(Position(1));
    while (*reader->Next()) {
      for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
        EXPECT_TRUE(trial.Add(reader->block().event(i)).ok());
      }
    }
    EXPECT_TRUE(trial.Finish().ok());
    return trial.result();
  }
  // The rows of the view "conflicts", printed.
  std::vector<std::string> Statistics() {
    world_.server().RunFor(absl::Seconds(2));
    const auto models = *world_.server()->Models("default");
    const auto cursor = *models->Scan("conflicts");
    std::vector<std::string> rows;
    for (const MergedRow* row = *cursor->Next(); row != nullptr; row = *cursor->Next()) {
      std::vector<std::string> columns;
      EXPECT_TRUE(models->Find("conflicts")->Print(row->row, columns).ok());
      std::string& text = rows.emplace_back(row->key.substr(0, row->key.rfind('/')));
      for (const std::string& column : columns) text += Cat(" | ", column);
    }
    return rows;
  }

  LifeWorld world_;
  ScriptedDevice till_{"till", {"shop"}};
  ScriptedDevice office_{"office", {"shop"}};
  std::unique_ptr<FleetBackend> fleet_;
  std::optional<FleetDesk> desk_;
};

TEST_F(ServerFleetTest, DevicesAreLiveWhileTheyAreConnected) {
  EXPECT_THAT(Devices(),
              ElementsAre("office healthy live, open 0+0+0", "till healthy live, open 0+0+0"));
  till_.Disconnect();
  world_.server().RunUntilIdle();
  EXPECT_THAT(Devices(),
              ElementsAre("office healthy live, open 0+0+0", "till healthy, open 0+0+0"));
  world_.server().clock().Advance(absl::Hours(49));
  EXPECT_THAT(Devices(), ElementsAre("office healthy live, open 0+0+0", "till silent, open 0+0+0"));
}

TEST_F(ServerFleetTest, WhatADeviceHadAtItsHelloIsPendingUntilItArrives) {
  till_.Disconnect();
  for (int i = 0; i < 3; ++i) till_.Record(Moved("milk", 1), "stock", "milk");
  till_.Connect(*world_.server());
  world_.Run();
  EXPECT_EQ(Pending("till"), 3u);
  world_.Push(till_);
  world_.Run();
  EXPECT_EQ(Pending("till"), 0u);
  till_.Disconnect();
  world_.server().RunUntilIdle();
  EXPECT_EQ(Pending("till"), 0u);
}

TEST_F(ServerFleetTest, AConflictIsListedResolvedAndCounted) {
  const uint64_t open = Conflict();
  EXPECT_THAT(Devices(),
              ElementsAre("office healthy live, open 0+0+0", "till lagging live, open 1+0+0"));
  const ListConflictsReply conflicts = Conflicts();
  ASSERT_EQ(conflicts.conflicts_size(), 1);
  EXPECT_EQ(conflicts.conflicts(0).open().position(), open);
  EXPECT_EQ(conflicts.conflicts(0).theirs().position(), open - 1);

  world_.server().clock().Advance(absl::Seconds(90));
  const SettleReply reply = ResolveAt(open, Resolve::APPLY, conflicts.as_of());
  EXPECT_EQ(reply.decision(), ACCEPTED) << reply.reason().text();
  EXPECT_EQ(world_.SettlementOf(open)->resolver(), "operator");
  EXPECT_EQ(Conflicts().conflicts_size(), 0);
  EXPECT_THAT(Statistics(),
              ElementsAre("product/intentlog.commerce.PriceSet/*/review | 1 | 1 | 0 | 90 | 90 | "
                          "applied 1 | operator 1"));
}

TEST_F(ServerFleetTest, WhatClashedAfterTheOperatorsLookIsSaid) {
  const uint64_t open = Conflict();
  const uint64_t seen = Conflicts().as_of();
  world_.Do(office_, Priced("milk", 950), "product", "milk");
  const SettleReply stale = ResolveAt(open, Resolve::APPLY, seen);
  EXPECT_EQ(stale.decision(), REJECTED);
  EXPECT_EQ(stale.reason().code(), Reason::STALE) << stale.reason().text();
  EXPECT_EQ(ResolveAt(open, Resolve::DROP).decision(), ACCEPTED);
  const SettleReply second = ResolveAt(open, Resolve::DROP);
  EXPECT_EQ(second.reason().code(), Reason::NOT_OPEN);
  EXPECT_THAT(second.reason().text(), HasSubstr("by operator"));
}

TEST_F(ServerFleetTest, WhatWasRejectedIsAmendedAndDismissed) {
  const uint64_t first = world_.Do(till_, Priced("tea", -5), "product", "tea").position;
  const uint64_t second = world_.Do(till_, Priced("jam", -5), "product", "jam").position;
  SettleRequest amend;
  *amend.mutable_amend() = MakeAmend(first, Priced("tea", 5));
  EXPECT_EQ(Settle(amend).decision(), ACCEPTED);
  SettleRequest dismiss;
  *dismiss.mutable_dismiss() = MakeDismiss(second);
  EXPECT_EQ(Settle(dismiss).decision(), ACCEPTED);
  EXPECT_EQ(Conflicts().conflicts_size(), 0);
  EXPECT_THAT(Statistics(), IsEmpty());
}

TEST_F(ServerFleetTest, AnUnknownTenantIsNamed) {
  SettleRequest request;
  request.set_tenant("nobody");
  *request.mutable_resolve() = MakeResolve(1, Resolve::DROP);
  std::string why;
  fleet_->Settle(request, [&why](absl::StatusOr<SettleReply> settled) {
    why = std::string(MessageOf(settled.status()));
  });
  world_.Run();
  EXPECT_THAT(why, HasSubstr("nobody"));
}

TEST_F(ServerFleetTest, ALogWithSettlementsTriedWithItsOwnRulesChangesNothing) {
  const uint64_t open = Conflict();
  world_.DoBlindly(till_, Priced("milk", 700), "product", "milk");
  world_.DoBlindly(till_, Priced("milk", 600), "product", "milk");
  ResolveAt(open, Resolve::APPLY);
  world_.Do(till_, Priced("milk", 500), "product", "milk");
  const uint64_t dropped = Conflict("tea");
  ResolveAt(dropped, Resolve::DROP);
  world_.Do(office_, Priced("tea", 400), "product", "tea");
  Conflict("jam");
  const TrialResult result = TryOwnRules();
  EXPECT_EQ(result.changed, 0u);
  EXPECT_EQ(result.settled, 4u);
  EXPECT_EQ(result.not_settled, 0u);
  EXPECT_EQ(result.still_open, 1u);
}

}  // namespace
}  // namespace intentlog
