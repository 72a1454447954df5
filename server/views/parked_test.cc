// Events that a view cannot fold, on a running server: what stands still, and what operators do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "projections/engine/poisoned.h"
#include "proto/views.pb.h"
#include "server/fleet/server_fleet.h"
#include "server/life_world.h"

namespace intentlog {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A shop whose view of stock cannot fold the third movement of milk, until the program is cured.
class ParkedTest : public testing::Test {
 protected:
  ParkedTest() {
    world_.Connect({&till_});
    fleet_ = FleetOf(*world_.server(), world_.server().core(), world_.server().clock(),
                     [this] { return world_.server().options().schema; });
  }

  ServerOptions Options() {
    ServerOptions options;
    for (const auto& view : CommerceViews()) {
      const bool stock = view->info().name == "stock";
      options.projections.push_back(
          std::make_shared<Poisoned>(view, [this, stock](Position position, std::string_view key) {
            return stock && sick_ && key == "milk" && position == Position(5);
          }));
    }
    return options;
  }
  void Move(const std::string& product) {
    world_.Do(till_, Moved(product, 1), "stock", product);
    Settle();
  }
  // Milk at 1, 3 and 5, of which the last is poison; 7 and 9 wait.
  void Sell() {
    for (int i = 0; i < 5; ++i) {
      Move("milk");
      Move("bread");
    }
  }
  void Settle() { world_.server().RunFor(absl::Milliseconds(500)); }
  int64_t OnHand(const std::string& product) {
    const auto row = (*world_.server()->Models("default"))->Get("stock", product);
    return row.ok() && row->has_value() ? (**row).Read<views::StockRow>().on_hand() : -1;
  }
  absl::StatusOr<OperateViewReply> Operate(OperateViewRequest request) {
    request.set_tenant("default");
    request.set_view("stock");
    std::optional<absl::StatusOr<OperateViewReply>> reply;
    fleet_->OperateView(request, [&](absl::StatusOr<OperateViewReply> got) { reply = got; });
    Settle();
    return reply.value_or(absl::UnknownError("no answer"));
  }
  absl::StatusOr<OperateViewReply> Operate(ViewAction action) {
    OperateViewRequest request;
    request.set_action(action);
    return Operate(request);
  }
  OperateViewRequest About(ViewAction action, uint64_t position = 0) {
    OperateViewRequest request;
    request.set_action(action);
    request.set_scope("shared");
    request.set_key("milk");
    request.set_position(position);
    if (action == SKIP_PARKED) request.set_reason("counted twice");
    return request;
  }
  std::vector<ParkedRowInfo> Parked() {
    const auto reply = Operate(LIST_PARKED);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return {reply->parked().begin(), reply->parked().end()};
  }
  std::string Said(const absl::Status& status) { return std::string(status.message()); }

  bool sick_ = true;
  LifeWorld world_{Options()};
  ScriptedDevice till_{"till", {"shared"}};
  std::unique_ptr<FleetBackend> fleet_;
};

TEST_F(ParkedTest, I22_OnlyTheRowStandsStillAndHealthSaysWhichSinceWhenAndWhy) {
  Sell();
  EXPECT_EQ(OnHand("milk"), 2);
  EXPECT_EQ(OnHand("bread"), 5);
  const std::vector<ParkedRowInfo> parked = Parked();
  ASSERT_THAT(parked, SizeIs(1));
  EXPECT_EQ(parked[0].scope(), "shared");
  EXPECT_EQ(parked[0].key(), "milk");
  EXPECT_EQ(parked[0].position(), 5u);
  EXPECT_EQ(parked[0].waiting(), 3u);
  EXPECT_EQ(parked[0].why(), "poison");
  const absl::Status health = world_.server()->degraded();
  EXPECT_EQ(health.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Said(health), HasSubstr("tenant default: 1 row of views stands still, "
                                      "such as stock shared/\"milk\" since event 5: poison"));
}

TEST_F(ParkedTest, ARetryOfTheSameProgramParksItAgainAndOneOfACuredProgramHealsIt) {
  Sell();
  auto reply = Operate(About(RETRY_PARKED));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->decided(), 11u);
  ASSERT_THAT(Parked(), SizeIs(1));
  EXPECT_EQ(Parked()[0].waiting(), 3u);
  sick_ = false;
  ASSERT_TRUE(Operate(About(RETRY_PARKED)).ok());
  EXPECT_THAT(Parked(), IsEmpty());
  EXPECT_EQ(OnHand("milk"), 5);
  EXPECT_TRUE(world_.server()->degraded().ok()) << world_.server()->degraded();
  Move("milk");
  EXPECT_EQ(OnHand("milk"), 6);
  // Devices that see the scope get the decisions in their feed.
  EXPECT_TRUE(till_.seen().contains(11));
}

TEST_F(ParkedTest, ASkippedEventIsLeftOutForGoodAlsoByARebuild) {
  Sell();
  ASSERT_TRUE(Operate(About(SKIP_PARKED, 5)).ok());
  EXPECT_THAT(Parked(), IsEmpty());
  EXPECT_EQ(OnHand("milk"), 4);
  ASSERT_TRUE(Operate(REBUILD_VIEW).ok());
  const auto compared = Operate(COMPARE_VIEW);
  ASSERT_TRUE(compared.ok()) << compared.status();
  EXPECT_TRUE(compared->equal());
}

TEST_F(ParkedTest, WhatIsNotSoIsSaidAndDecidesNothing) {
  Sell();
  EXPECT_THAT(Said(Operate(About(SKIP_PARKED, 7)).status()),
              HasSubstr("stands still since event 5, not 7"));
  OperateViewRequest bread = About(RETRY_PARKED);
  bread.set_key("bread");
  EXPECT_EQ(Operate(bread).status().code(), absl::StatusCode::kNotFound);
  OperateViewRequest mute = About(SKIP_PARKED, 5);
  mute.clear_reason();
  EXPECT_THAT(Said(Operate(mute).status()), HasSubstr("a reason"));
  EXPECT_EQ(world_.Events().back().header.position(), 10u);
  sick_ = false;
  OperateViewRequest all;
  all.set_action(RETRY_PARKED);
  all.set_all_keys(true);
  ASSERT_TRUE(Operate(all).ok());
  EXPECT_EQ(OnHand("milk"), 5);
  EXPECT_EQ(Operate(all).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ParkedTest, ARebuiltViewWithMoreParkedRowsIsNotActivated) {
  sick_ = false;
  Sell();
  EXPECT_EQ(OnHand("milk"), 5);
  sick_ = true;
  ASSERT_TRUE(Operate(REBUILD_VIEW).ok());
  const auto refused = Operate(ACTIVATE_VIEW);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Said(refused.status()),
              HasSubstr("in the rebuilt stock 1 rows stand still, in the live one 0"));
  ASSERT_THAT(Parked(), SizeIs(1));
  EXPECT_TRUE(Parked()[0].shadow());
  sick_ = false;
  ASSERT_TRUE(Operate(About(RETRY_PARKED)).ok());
  EXPECT_TRUE(Operate(ACTIVATE_VIEW).ok());
  EXPECT_EQ(OnHand("milk"), 5);
}

TEST_F(ParkedTest, WhatIsParkedSurvivesACrash) {
  Sell();
  world_.CrashAndReopen();
  Settle();
  EXPECT_EQ((*world_.server()->Models("default"))->Parked("stock", 9)->size(), 1u);
  EXPECT_THAT(Said(world_.server()->degraded()), HasSubstr("since event 5"));
}

}  // namespace
}  // namespace intentlog
