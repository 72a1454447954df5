// A till with last year's app, whose counts of stock have the form of that year.
#include <gtest/gtest.h>

#include "eventlog/schema/parcel_versions.h"
#include "proto/views.pb.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/world.h"

namespace intentlog::scenario {
namespace {

using simulation::World;

constexpr char kCounted[] = "intentlog.commerce.StockCounted";
constexpr int64_t kNoon = 1'300'000'000'000'000;

class VersionsScenario : public testing::Test {
 protected:
  // With an old app, a clock that is so far ahead, and no network from now on.
  void StartWithOldTill(absl::Duration ahead = absl::ZeroDuration()) {
    shared_.scope = "shared";
    world_.StartServer();
    world_.AddDevice("office");
    old_ =
        AtVersionOne(*Schema::Compiled({commerce::StockCounted::descriptor()->file()}), kCounted);
    world_.SetWallClock("till", ahead);
    world_.AdjustDevices([this](ClientOptions& options) { options.schema = old_; });
    world_.AddDevice("till");
    world_.AdjustDevices(nullptr);
    ASSERT_TRUE(world_.RunUntilQuiet());
    world_.network().Partition("till");
  }
  Appended CountOnOldTill(const std::string& product, int64_t on_hand) {
    commerce::StockCountedV1 counted;
    counted.set_product_id(product);
    counted.set_on_hand(on_hand);
    counted.set_counted_at_us(kNoon);
    const auto payload = old_->Find(kCounted)->NewPayload();
    EXPECT_TRUE(payload->ParseFromString(counted.SerializeAsString()));
    return world_.AppendOwn("till", *payload, shared_);
  }
  void UpdateApp() {
    world_.CrashDevice("till");
    world_.StartDevice("till");
  }
  std::string Milk(const std::string& device) {
    const auto row = world_.device(device).Get("stock", "milk");
    if (!row.ok() || !row->has_value()) return "none";
    return (**row).Read<views::StockRow>().ShortDebugString();
  }

  World world_{7};
  AppendOptions shared_;
  std::shared_ptr<const Schema> old_;
};

TEST_F(VersionsScenario, I17_BothFormsFoldAlikeOnDevicesAndServer) {
  StartWithOldTill();
  const IntentId old = CountOnOldTill("milk", 5).intent_id;
  UpdateApp();
  // Pending still, and on the screen in today's form.
  EXPECT_EQ(Milk("till"), "on_hand: 5 last_counted_at_us: 1300000000000000");
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Milk("till"), Milk("office"));
  EXPECT_EQ(Milk("office"), "on_hand: 5 last_counted_at_us: 1300000000000000");
  EXPECT_EQ(world_.device("till").Find(old)->intent.schema_version(), 1u);

  commerce::StockCounted counted = CountStock("milk", 8);
  counted.mutable_count()->set_at_us(kNoon + 1);
  counted.mutable_count()->set_by("Ann");
  world_.Append("till", counted, shared_);
  world_.Append("office", Move("milk", 2), shared_);
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(world_.Problems(), "");  // equal digests among them

  // Folded from nothing: the server's rows by its log, a new device's by its feed.
  world_.CrashServer();
  world_.StartServer();
  world_.AddDevice("laptop");
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Milk("laptop"), Milk("office"));
  EXPECT_EQ(world_.Problems(), "");
}

TEST_F(VersionsScenario, AConflictIsShownAndSettledInTodaysForm) {
  StartWithOldTill(absl::Minutes(40));
  const Appended old = CountOnOldTill("milk", 5);
  world_.Append("office", CountStock("milk", 9), shared_);
  UpdateApp();
  world_.network().Heal();
  ASSERT_TRUE(world_.RunUntilQuiet());

  const auto conflicts = world_.device("office").Conflicts();
  ASSERT_TRUE(conflicts.ok()) << conflicts.status();
  ASSERT_EQ(conflicts->size(), 1u);
  commerce::StockCounted mine;
  ASSERT_TRUE(mine.ParseFromString(conflicts->front().mine.payload));
  EXPECT_EQ(mine.count().at_us(), kNoon);
  commerce::StockCounted instead = CountStock("milk", 6);
  instead.mutable_count()->set_at_us(kNoon + 2);
  DecideOptions replace;
  replace.replacement = &instead;
  ASSERT_TRUE(
      world_.Resolve("office", conflicts->front().position, intentlog::Verdict::kReplace, replace)
          .ok());
  ASSERT_TRUE(world_.RunUntilQuiet());
  EXPECT_EQ(Milk("office"), "on_hand: 6 last_counted_at_us: 1300000000000002");
  EXPECT_EQ(Milk("till"), Milk("office"));
  EXPECT_EQ(world_.device("till").Find(old.intent_id)->state, RecordState::kSynced);
  EXPECT_EQ(world_.Problems(), "");
}

}  // namespace
}  // namespace intentlog::scenario
