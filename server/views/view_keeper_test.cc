// Views of a running server: rebuilt beside the live ones, compared, switched, rolled back.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/poisoned.h"
#include "proto/views.pb.h"
#include "server/life_world.h"

namespace intentlog {
namespace {

using testing::Test;

class ViewKeeperTest : public Test {
 protected:
  explicit ViewKeeperTest(ServerOptions options = {}) : world_(std::move(options)) {
    world_.Connect({&till_});
  }

  void Sell(int lines) {
    for (int i = 0; i < lines; ++i) {
      const std::string product = Cat("product-", sold_++ % 7);
      world_.Do(till_, Moved(product, 1), "stock", product);
    }
    Settle();
  }
  void Settle() { world_.server().RunFor(absl::Milliseconds(500)); }
  absl::Status Rebuild(const std::string& view) {
    std::optional<absl::Status> begun;
    world_.server()->RebuildView("default", view, RebuildWanted(),
                                 [&](absl::Status status) { begun = std::move(status); });
    Settle();
    return begun.value_or(absl::UnknownError("no answer"));
  }
  absl::Status Switch(ViewSwitch how, const std::string& view = "stock") {
    std::optional<absl::Status> done;
    world_.server()->SwitchView("default", view, how,
                                [&](absl::Status status) { done = std::move(status); });
    Settle();
    return done.value_or(absl::UnknownError("no answer"));
  }
  ViewState State() {
    auto state = world_.server()->StateOfView("default", "stock");
    EXPECT_TRUE(state.ok()) << state.status();
    return *std::move(state);
  }
  BuildComparison Compare(BuildId build) {
    const auto models = world_.server()->Models("default");
    EXPECT_TRUE(models.ok());
    auto found = (*models)->Compare("stock", build, 10);
    EXPECT_TRUE(found.ok()) << found.status();
    return *std::move(found);
  }
  int64_t OnHand(const std::string& product) {
    const auto row = (*world_.server()->Models("default"))->Get("stock", product);
    return row.ok() && row->has_value() ? (**row).Read<views::StockRow>().on_hand() : -1;
  }

  LifeWorld world_;
  ScriptedDevice till_{"till", {"shared"}};
  int sold_ = 0;
};

TEST_F(ViewKeeperTest, ARebuiltViewEqualsTheLiveOneAndFollowsIt) {
  Sell(20);
  ASSERT_TRUE(Rebuild("stock").ok());
  ViewState state = State();
  EXPECT_FALSE(state.rebuilding);
  EXPECT_TRUE(state.last.ok()) << state.last;
  ASSERT_TRUE(state.record.shadow_follows());
  const BuildId shadow = state.record.shadow().build();
  EXPECT_TRUE(Compare(shadow).equal);
  EXPECT_EQ(Compare(shadow).rows_b, 7u);
  Sell(5);
  EXPECT_TRUE(Compare(shadow).equal);
  EXPECT_EQ(OnHand("product-0"), 4);
}

TEST_F(ViewKeeperTest, ASwitchIsReadAtOnceAndTheOldOneFollowsToGoBackTo) {
  Sell(10);
  const BuildId first = State().record.build();
  ASSERT_TRUE(Rebuild("stock").ok());
  const BuildId second = State().record.shadow().build();
  // A reader goes on with what it began with.
  const auto before = *world_.server()->Models("default");
  ASSERT_TRUE(Switch(ViewSwitch::kActivate).ok());
  EXPECT_EQ(State().record.build(), second);
  EXPECT_EQ(State().record.previous().build(), first);
  EXPECT_EQ(before->LiveBuild("stock"), first);
  EXPECT_EQ((*world_.server()->Models("default"))->LiveBuild("stock"), second);
  Sell(6);
  EXPECT_EQ(OnHand("product-0"), 3);
  EXPECT_TRUE(Compare(first).equal);
  ASSERT_TRUE(Switch(ViewSwitch::kRollBack).ok());
  EXPECT_EQ(State().record.build(), first);
  EXPECT_EQ(OnHand("product-0"), 3);
  Sell(6);
  EXPECT_TRUE(Compare(second).equal);
}

TEST_F(ViewKeeperTest, WhatCannotBeDoneIsSaidAndChangesNothing) {
  EXPECT_EQ(Rebuild("stock").code(), absl::StatusCode::kFailedPrecondition);  // nothing folded yet
  Sell(3);
  EXPECT_EQ(Rebuild("nothing").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Switch(ViewSwitch::kActivate).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Switch(ViewSwitch::kRollBack).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Switch(ViewSwitch::kCancel).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Rebuild("stock").ok());
  EXPECT_EQ(Rebuild("stock").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Switch(ViewSwitch::kCancel).ok());
  EXPECT_FALSE(State().record.has_shadow());
  ASSERT_TRUE(Rebuild("stock").ok());
  EXPECT_TRUE(Compare(State().record.shadow().build()).equal);
}

TEST_F(ViewKeeperTest, ACrashInTheMiddleIsGoneOnFromAndAFollowerIsStillOne) {
  Sell(30);
  world_.server()->RebuildView("default", "stock", RebuildWanted(), [](const absl::Status&) {});
  world_.server().RunWithoutCommits();
  world_.CrashAndReopen();
  Settle();
  ViewState state = State();
  ASSERT_TRUE(state.record.shadow_follows());
  const BuildId shadow = state.record.shadow().build();
  EXPECT_TRUE(Compare(shadow).equal);
  Sell(4);
  world_.CrashAndReopen();
  Settle();
  EXPECT_TRUE(State().record.shadow_follows());
  Sell(4);
  EXPECT_TRUE(Compare(shadow).equal);
  ASSERT_TRUE(Switch(ViewSwitch::kActivate).ok());
  world_.CrashAndReopen();
  Settle();
  EXPECT_EQ(State().record.build(), shadow);
  EXPECT_EQ(OnHand("product-0"), 6);
}

class JoiningTest : public ViewKeeperTest {
 protected:
  JoiningTest() : ViewKeeperTest(FoldingAtOnce()) {}
  static ServerOptions FoldingAtOnce() {
    ServerOptions options;
    options.fold_interval = absl::ZeroDuration();
    return options;
  }
  // A sale with every step, so that the live build is further when the shadow joins.
  void RebuildWhileSelling() {
    world_.server()->RebuildView("default", "stock", RebuildWanted(), [](const absl::Status&) {});
    for (int i = 0; i < 1000 && !State().record.shadow_follows(); ++i) {
      till_.Record(Moved("product-0", 1), "stock", "product-0");
      world_.Push(till_);
      world_.server().RunSomeSteps();
    }
    ASSERT_TRUE(State().record.shadow_follows());
  }
};

TEST_F(JoiningTest, AComparisonWaitsUntilTheShadowIsAsFarAsTheLiveBuild) {
  Sell(20);
  RebuildWhileSelling();
  const BuildId shadow = State().record.shadow().build();
  ASSERT_FALSE(Compare(shadow).equal) << "it is to be behind";
  bool equal = false;
  world_.server()->WhenViewComparable("default", "stock", [&](const absl::Status& status) {
    EXPECT_TRUE(status.ok()) << status;
    equal = Compare(shadow).equal;
  });
  EXPECT_FALSE(equal);
  Settle();
  EXPECT_TRUE(equal);
}

TEST_F(JoiningTest, ASwitchWaitsToo) {
  Sell(20);
  RebuildWhileSelling();
  const BuildId shadow = State().record.shadow().build();
  EXPECT_TRUE(Switch(ViewSwitch::kActivate).ok());
  EXPECT_EQ(State().record.build(), shadow);
  EXPECT_TRUE(Compare(State().record.previous().build()).equal);
}

class WindowTest : public ViewKeeperTest {
 protected:
  WindowTest() : ViewKeeperTest(ShortWindow()) {}
  static ServerOptions ShortWindow() {
    ServerOptions options;
    options.roll_back_window = absl::Seconds(10);
    return options;
  }
  void ActivateANewOne() {
    ASSERT_TRUE(Rebuild("stock").ok());
    ASSERT_TRUE(Switch(ViewSwitch::kActivate).ok());
    ASSERT_TRUE(State().record.has_previous());
  }
  void ExpectGone() {
    EXPECT_FALSE(State().record.has_previous());
    EXPECT_EQ(State().roll_back_until_us, 0);
    const std::vector<std::string> notices = world_.server()->TakeNotices();
    ASSERT_EQ(notices.size(), 1u);
    EXPECT_EQ(notices[0],
              "tenant default: view stock: version 2, which was live before, has gone after 10s");
    const absl::Status refused = Switch(ViewSwitch::kRollBack);
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(MessageOf(refused).find("has gone: it is kept for 10s after a switch"),
              std::string_view::npos)
        << refused;
    EXPECT_TRUE(world_.server()->TakeNotices().empty());
  }
};

TEST_F(WindowTest, WhatWasLiveBeforeGoesAwayByItself) {
  Sell(10);
  ActivateANewOne();
  const BuildId live = State().record.build();
  EXPECT_EQ(State().roll_back_until_us, State().record.activated_us() + 10'000'000);
  world_.server().RunFor(absl::Seconds(5));
  ASSERT_TRUE(Switch(ViewSwitch::kRollBack).ok());  // its time begins anew
  world_.server().RunFor(absl::Seconds(9));
  ASSERT_TRUE(State().record.has_previous());
  ASSERT_TRUE(Switch(ViewSwitch::kRollBack).ok());
  EXPECT_EQ(State().record.build(), live);
  world_.server().RunFor(absl::Seconds(11));
  ExpectGone();
  EXPECT_EQ(OnHand("product-0"), 2);
  Sell(7);
  EXPECT_EQ(OnHand("product-0"), 3);
  ActivateANewOne();
  EXPECT_EQ(State().record.previous_ended_us(), 0);
}

TEST_F(WindowTest, ItGoesAwayAlsoIfTheServerDidNotRunThen) {
  Sell(10);
  ActivateANewOne();
  world_.server().Crash();
  world_.server().clock().Advance(absl::Seconds(20));
  world_.server().Open();
  // Nobody rolls back to it in the moment before.
  EXPECT_TRUE(State().record.has_previous());
  Settle();
  ExpectGone();
}

// The stock of version `version`: 2 as it is, 3 counts what moves twice.
class OtherStock final : public Projection {
 public:
  explicit OtherStock(uint32_t version) : version_(version) {
    for (const auto& view : CommerceViews()) {
      if (view->info().name == "stock") stock_ = view;
    }
  }
  ProjectionInfo info() const override {
    ProjectionInfo info = stock_->info();
    info.version = version_;
    return info;
  }
  void Keys(const Event& event, KeySink& keys) const override { stock_->Keys(event, keys); }
  absl::Status Apply(const Event& event, std::string_view key, Row& row) const override {
    for (uint32_t i = 1; i < version_; ++i) RETURN_IF_ERROR(stock_->Apply(event, key, row));
    return absl::OkStatus();
  }
  std::vector<std::string> Columns() const override { return stock_->Columns(); }
  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    return stock_->Print(row, columns);
  }

 private:
  const uint32_t version_;
  std::shared_ptr<const Projection> stock_;
};

Projections WithStock(uint32_t version) {
  Projections views = CommerceViews();
  for (auto& view : views) {
    if (view->info().name == "stock") view = std::make_shared<OtherStock>(version);
  }
  return views;
}

class NewVersionTest : public ViewKeeperTest {
 protected:
  // The server ends and another program begins; nothing of it has run yet.
  void Become(Projections projections) {
    world_.server().SetProjections(std::move(projections));
    world_.server().Crash();
    world_.server().Open();
  }
  void ComeBack() { world_.Connect({&till_}); }
  uint32_t Shown() { return (*world_.server()->Models("default"))->ShownVersion("stock"); }
};

TEST_F(NewVersionTest, TheOldOneIsShownUntilTheNewOneIsReady) {
  Sell(14);
  EXPECT_EQ(OnHand("product-0"), 2);
  Become(WithStock(3));
  EXPECT_EQ(Shown(), 2u);  // nothing has run yet
  EXPECT_EQ(OnHand("product-0"), 2);
  EXPECT_TRUE(world_.server()->IsMakingViews("default"));
  Settle();
  EXPECT_EQ(Shown(), 3u);
  EXPECT_EQ(OnHand("product-0"), 4);
  EXPECT_FALSE(world_.server()->IsMakingViews("default"));
  ComeBack();
  Sell(7);
  EXPECT_EQ(OnHand("product-0"), 6);
  // The program before it knows the older version alone, and makes that anew.
  Become(WithStock(2));
  EXPECT_EQ(OnHand("product-0"), 6);
  Settle();
  EXPECT_EQ(Shown(), 2u);
  EXPECT_EQ(OnHand("product-0"), 3);
}

TEST_F(NewVersionTest, OtherViewsGoOnWhileItIsMade) {
  Sell(14);
  Become(WithStock(3));
  const auto models = *world_.server()->Models("default");
  EXPECT_TRUE(models->IsFolded("orders"));
  EXPECT_FALSE(models->IsFolded("stock"));
  EXPECT_EQ(world_.server()->ViewPosition("default"), Position(14));  // not from the beginning
}

TEST_F(NewVersionTest, AViewThatIsNewSaysThatItHasNoRowsYet) {
  Projections others = CommerceViews();
  std::erase_if(others, [](const auto& view) { return view->info().name == "stock"; });
  Become(others);
  ComeBack();
  Sell(7);
  Become(CommerceViews());
  const auto models = *world_.server()->Models("default");
  EXPECT_EQ(models->Get("stock", "product-0").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(models->Scan("stock").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Shown(), 0u);
  Settle();
  EXPECT_EQ(Shown(), 2u);
  EXPECT_EQ(OnHand("product-0"), 1);
  EXPECT_FALSE(State().record.has_previous());
}

TEST_F(NewVersionTest, AViewThatIsNewIsShownAlsoIfARowOfItStandsStill) {
  Projections others = CommerceViews();
  std::erase_if(others, [](const auto& view) { return view->info().name == "stock"; });
  Become(others);
  ComeBack();
  Sell(7);
  Become(PoisonedViews(CommerceViews(), [](Position position, std::string_view key) {
    return position == Position(3) && key == "product-2";
  }));
  Settle();
  EXPECT_EQ(Shown(), 2u);
  EXPECT_EQ(OnHand("product-1"), 1);
  EXPECT_EQ((*world_.server()->Models("default"))->Parked("stock", 10)->size(), 1u);
}

TEST_F(NewVersionTest, WhereTheNewOneCannotTakeItsPlaceTheOperatorIsTold) {
  Sell(14);
  Become(PoisonedViews(WithStock(3), [](Position position, std::string_view key) {
    return position == Position(3) && key == "product-2";
  }));
  Settle();
  EXPECT_EQ(Shown(), 2u);
  const std::vector<std::string> notices = world_.server()->TakeNotices();
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("view stock could not be rebuilt: in the rebuilt "
                            "stock 1 rows stand still, in the live one 0"),
            std::string::npos)
      << notices[0];
  EXPECT_NE(notices[0].find("version 2 is shown as before; the rebuilt one waits: view activate "
                            "tries again, view cancel drops it"),
            std::string::npos)
      << notices[0];
}

TEST_F(NewVersionTest, ACrashBeforeTheSwitchIsGoneOnFrom) {
  Sell(14);
  Become(WithStock(3));
  world_.server().RunWithoutCommits();
  Become(WithStock(3));
  Settle();
  EXPECT_EQ(Shown(), 3u);
  Become(WithStock(4));
  world_.server().core().Post([] {});
  Become(WithStock(4));
  Settle();
  EXPECT_EQ(OnHand("product-0"), 6);
}

TEST_F(ViewKeeperTest, AHundredSwitchesFailNoReader) {
  Sell(7);
  ASSERT_TRUE(Rebuild("stock").ok());
  ASSERT_TRUE(Switch(ViewSwitch::kActivate).ok());
  for (int i = 0; i < 100; ++i) {
    std::optional<absl::Status> done;
    world_.server()->SwitchView("default", "stock", ViewSwitch::kRollBack,
                                [&](absl::Status status) { done = std::move(status); });
    EXPECT_EQ(OnHand("product-3"), 1);
    Settle();
    ASSERT_TRUE(done.has_value() && done->ok());
    EXPECT_EQ(OnHand("product-3"), 1);
  }
}

}  // namespace
}  // namespace intentlog
