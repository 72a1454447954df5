// Views as they were, against a naive fold from the first event on.
#include "projections/asof/as_of.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "projections/asof/find_time.h"
#include "projections/asof/made_shop.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/poisoned.h"
#include "projections/views/commerce_views.h"
#include "proto/event.pb.h"

namespace intentlog {
namespace {

TEST(AsOfTest, I18_AnyPositionGivesWhatAFoldFromZeroGives) {
  MadeShop shop(/*seed=*/21, PoisonedViews(CommerceViews(), OneIn(40)));
  for (int i = 0; i < 25; ++i) {
    const auto& view = shop.views()[shop.Roll(static_cast<uint32_t>(shop.views().size()))];
    AsOfOptions options;
    options.read_events_max = i % 2 == 0 ? 50'000 : 7;
    options.commit_bytes_max = i % 3 == 0 ? 1 : 1 << 20;
    const auto as_of = shop.Open(view, options);
    std::multiset<uint64_t> positions;
    while (positions.size() < 4) positions.insert(shop.Roll(kShopEvents + 1));
    for (const uint64_t at : positions) {  // 100 in all; each goes on from the one before
      ASSERT_TRUE(as_of->FoldThrough(Position(at)).ok());
      ExpectAsFoldedFromZero(shop, *as_of, view, Position(at));
    }
  }
}

// The rows that the oracle has at one position.
class NaiveBase final : public AsOfBase {
 public:
  NaiveBase(NaiveFold rows, std::string view, Position position)
      : rows_(std::move(rows)), view_(std::move(view)), position_(position) {}
  Position position() const override { return position_; }
  absl::Status ForEachRow(const TakeRow& take) const override {
    for (const std::string& scope : kShopScopes) {
      for (const auto& [key, row] : rows_.Rows(view_, scope)) {
        RETURN_IF_ERROR(take(scope, key, row));
      }
    }
    return absl::OkStatus();
  }

 private:
  const NaiveFold rows_;
  const std::string view_;
  const Position position_;
};

// One at every hundredth position.
class NaiveBases final : public AsOfBases {
 public:
  explicit NaiveBases(const MadeShop& shop) : shop_(shop) {}
  absl::StatusOr<std::unique_ptr<AsOfBase>> Nearest(const ProjectionInfo& view,
                                                    Position at) override {
    const Position position(at.value() / 100 * 100);
    if (position == Position()) return nullptr;
    for (const auto& one : shop_.views()) {
      if (one->info().name != view.name) continue;
      return std::make_unique<NaiveBase>(shop_.Naive(one, position), view.name, position);
    }
    return nullptr;
  }

 private:
  const MadeShop& shop_;
};

TEST(AsOfTest, FromTheNearestBaseItIsTheSameAndOnlyTheRestIsFolded) {
  MadeShop shop(/*seed=*/23, CommerceViews());
  NaiveBases bases(shop);
  for (const uint64_t at : {99, 100, 101, 257, 300}) {
    const auto& view = shop.views()[at % shop.views().size()];
    const auto as_of = shop.Open(view, {}, &bases, Position(at));
    EXPECT_EQ(as_of->began(), Position(at / 100 * 100));
    for (const Position through : {Position(at), Position(kShopEvents)}) {
      ASSERT_TRUE(as_of->FoldThrough(through).ok());
      ExpectAsFoldedFromZero(shop, *as_of, view, through);
    }
  }
}

TEST(AsOfTest, AFoldThatIsStoppedSaysSoAndLeavesNothingBehind) {
  MadeShop shop(/*seed=*/24, CommerceViews());
  const auto folders = [] {
    size_t count = 0;
    for (const auto& one :
         std::filesystem::directory_iterator(std::filesystem::temp_directory_path())) {
      if (one.path().filename().string().starts_with("intentlog-asof-")) ++count;
    }
    return count;
  };
  setenv("TMPDIR", testing::TempDir().c_str(), 1);
  const size_t before = folders();
  {
    AsOfOptions options;
    options.progress = [](Position) { return absl::CancelledError("enough"); };
    options.progress_events = 100;
    const auto as_of = shop.Open(shop.views()[0], options);
    EXPECT_EQ(folders(), before + 1);
    EXPECT_TRUE(as_of->FoldThrough(Position(99)).ok());
    EXPECT_TRUE(absl::IsCancelled(as_of->FoldThrough(Position(kShopEvents))));
  }
  EXPECT_EQ(folders(), before);
}

TEST(FindTimeTest, AMomentIsThePositionThatTheLogHadThen) {
  MadeShop shop(/*seed=*/25, CommerceViews());
  const ReadLog read = shop.reader();
  for (uint64_t position = 0; position <= kShopEvents; ++position) {
    for (const int64_t later : {0, 1, 499'999}) {
      const int64_t time = MadeShop::TimeOf(position) + later;
      uint64_t last = 0;
      while (last < kShopEvents && MadeShop::TimeOf(last + 1) <= time) ++last;
      const auto found = FindTime(read, Position(kShopEvents), time);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(found->last, Position(last)) << position;
      EXPECT_EQ(found->next, last == kShopEvents ? Position() : Position(last + 1));
    }
  }
  EXPECT_EQ(FindTime(read, Position(kShopEvents), 0)->last, Position());
  EXPECT_EQ(FindTime(read, Position(100), INT64_MAX)->last, Position(100));
  const int before = shop.reads();
  EXPECT_TRUE(FindTime(read, Position(kShopEvents), MadeShop::TimeOf(77)).ok());
  EXPECT_LE(shop.reads() - before, 9);
}

TEST(FindTimeTest, AFeedWithHolesGivesThePositionsAroundTheMoment) {
  const std::map<uint64_t, int64_t> times = {{3, 10}, {90, 20}, {150, 30}};
  std::string header;
  const ReadLog read = [&](Position from, uint64_t, const TakeEvent& take) {
    const auto one = times.lower_bound(from.value());
    if (one == times.end()) return absl::OkStatus();
    Header stamped;
    stamped.set_server_time_us(one->second);
    header = stamped.SerializeAsString();
    take({Position(one->first), "east", true, header, ""});
    return absl::OkStatus();
  };
  const auto found = [&](int64_t time) { return *FindTime(read, Position(200), time); };
  EXPECT_EQ(found(9).last, Position());
  EXPECT_EQ(found(9).next, Position(3));
  EXPECT_EQ(found(25).last, Position(90));
  EXPECT_EQ(found(25).next, Position(150));
  EXPECT_EQ(found(30).last, Position(150));
  EXPECT_EQ(found(99).next, Position());
}

}  // namespace
}  // namespace intentlog
