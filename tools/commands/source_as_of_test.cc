// Views as they were and as they would be, over places that are made up: what is refused, and what
// differs.
#include "tools/commands/source_as_of.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/made_event.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/row_access.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "proto/event.pb.h"
#include "tools/commands/view_trial.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000;

// A place with events and rows that need not go together.
class MadePlace final : public Source {
 public:
  MadePlace() : Source({CommerceSchema(), CommerceViews()}) {}

  // Moves stock at `position`, on the second of that number. Positions ascend.
  void Move(uint64_t position, const std::string& scope, const std::string& product, int delta) {
    commerce::StockMoved moved;
    moved.set_product_id(product);
    moved.set_delta(delta);
    events_.push_back(std::make_unique<MadeEvent>(position, scope, moved));
    naive_.Add(events_.back()->event());
    reach_ = {Position(position), "", Position(position)};
    SettleRows();
  }
  void SetReach(Reach reach) { reach_ = std::move(reach); }
  // What the place shows of view "stock", whatever its events say.
  std::map<std::string, std::string>& rows() { return rows_; }

  absl::Status ReadEvents(const EventsWanted& wanted, const TakeEvent& take) override {
    uint64_t left = wanted.limit == 0 ? UINT64_MAX : wanted.limit;
    for (const auto& made : events_) {
      const Event& event = made->event();
      if (event.position < wanted.from) continue;
      if (left-- == 0) return absl::OkStatus();
      Header header = event.header();
      header.set_server_time_us(static_cast<int64_t>(event.position.value()) * kSecond);
      const std::string head = header.SerializeAsString(), intent = made->IntentBytes();
      if (!take({event.position, event.scope, true, head, intent})) return absl::OkStatus();
    }
    const std::string pending = "not in any log";
    if (left > 0) take({Position(), "east", false, "", pending});
    return absl::OkStatus();
  }
  absl::StatusOr<Reach> EventsThrough() override { return reach_; }
  absl::StatusOr<Json> Stats() override { return Json(); }
  absl::StatusOr<Verified> Verify() override { return Verified(); }
  absl::StatusOr<std::vector<ViewSummary>> Views() override { return std::vector<ViewSummary>(); }
  absl::StatusOr<Position> Dump(const std::string& view, const TakeRow& take) override {
    const auto projection = FindView(view);
    for (const auto& [key, bytes] : rows_) {
      RETURN_IF_ERROR(take(key, *RowFromBytes(**projection, bytes)));
    }
    return reach_.last;
  }
  absl::StatusOr<RowPage> Page(const std::string&, const PageWanted&) override { return RowPage(); }
  absl::StatusOr<std::optional<Row>> Get(const std::string&, const std::string&) override {
    return std::optional<Row>();
  }

 private:
  void SettleRows() { rows_ = naive_.Merged("stock"); }

  std::vector<std::unique_ptr<MadeEvent>> events_;
  NaiveFold naive_{CommerceViews()};
  std::map<std::string, std::string> rows_;
  Reach reach_;
};

std::unique_ptr<MadePlace> TwoShopsThrough4() {
  auto place = std::make_unique<MadePlace>();
  place->Move(1, "east", "milk", 10);
  place->Move(2, "west", "milk", 5);
  place->Move(4, "east", "tea", 3);
  return place;
}

std::unique_ptr<MadePlace> TwoShops() {
  auto place = TwoShopsThrough4();
  place->Move(7, "west", "milk", -1);
  place->Move(9, "east", "milk", -4);
  return place;
}

std::string OnHand(Source& source, const std::string& product) {
  const auto row = source.Get("stock", product);
  if (!row.ok() || !row->has_value()) return "none";
  std::vector<std::string> columns;
  EXPECT_TRUE((*source.FindView("stock"))->Print(**row, columns).ok());
  return columns[0];
}

std::string OnHandAt(uint64_t position, const std::string& product) {
  const auto source = OpenSourceAsOf(TwoShops(), Position(position), "stock", nullptr);
  EXPECT_TRUE(source.ok()) << source.status();
  return OnHand(**source, product);
}

TEST(SourceAsOfTest, ARowIsAsItWas) {
  EXPECT_EQ(OnHandAt(0, "milk"), "none");
  EXPECT_EQ(OnHandAt(1, "milk"), "10");
  EXPECT_EQ(OnHandAt(3, "milk"), "15");
  EXPECT_EQ(OnHandAt(3, "tea"), "none");
  EXPECT_EQ(OnHandAt(9, "milk"), "10");
}

TEST(SourceAsOfTest, DumpsAndDigestsAreOfThatPosition) {
  const auto source = *OpenSourceAsOf(TwoShops(), Position(8), "stock", nullptr);
  const auto views = source->Views();
  ASSERT_TRUE(views.ok()) << views.status();
  ASSERT_EQ(views->size(), 1u);
  ASSERT_EQ(views->front().scopes.size(), 2u);
  for (const ScopeState& scope : views->front().scopes) EXPECT_EQ(scope.position, Position(8));
  std::string keys;
  const auto take = [&](std::string_view key, const Row&) {
    keys += Cat(key, " ");
    return absl::OkStatus();
  };
  EXPECT_EQ(source->Dump("stock", take).value(), Position(8));
  EXPECT_EQ(keys, "milk tea ");
  EXPECT_EQ((*OpenSourceAsOf(TwoShops(), Position(8), "", nullptr))->Views()->size(),
            CommerceViews().size());
}

TEST(SourceAsOfTest, AnUnknownViewIsNamedWithThoseThereAre) {
  const auto source = OpenSourceAsOf(TwoShops(), Position(8), "shelf", nullptr);
  EXPECT_THAT(source.status().ToString(), HasSubstr("no view \"shelf\"; there are: "));
}

TEST(SourceAsOfTest, BeyondTheHeadOfALogIsRefusedAndTheHeadNamed) {
  const auto place = TwoShops();
  EXPECT_TRUE(CheckAt(*place, Position(9)).ok());
  EXPECT_EQ(CheckAt(*place, Position(10)).message(),
            "position 10 is beyond the head of the log, 9");
  EXPECT_EQ(PositionAt(*place, 1000 * kSecond).value(), Position(9));
}

TEST(SourceAsOfTest, WhatADeviceHasNotOfAllScopesIsRefusedAndTheScopeNamed) {
  const auto place = TwoShops();
  place->SetReach({Position(5), "west", Position(9)});
  EXPECT_TRUE(CheckAt(*place, Position(5)).ok());
  EXPECT_THAT(CheckAt(*place, Position(6)).message(),
              HasSubstr("this device has scope \"west\" through position 5 only"));
  EXPECT_EQ(PositionAt(*place, 2 * kSecond).value(), Position(2));
  // Between the events at 4 and 7 the west may have had one that this device does not know.
  EXPECT_THAT(PositionAt(*place, 4 * kSecond).status().message(), HasSubstr("scope \"west\""));
  EXPECT_THAT(PositionAt(*place, 8 * kSecond).status().message(), HasSubstr("scope \"west\""));
}

TEST(SourceAsOfTest, AMomentIsATextOrANumber) {
  EXPECT_EQ(ParseMoment("1772359200000").value(), 1'772'359'200'000'000);
  EXPECT_EQ(ParseMoment("2026-03-01T10:00:00Z").value(), 1'772'359'200'000'000);
  EXPECT_EQ(ParseMoment("2026-03-01T11:00:00.25+01:00").value(), 1'772'359'200'250'000);
  for (const char* const wrong : {"", "yesterday", "-5", "2026-03-01", "99999999999999999"}) {
    EXPECT_THAT(ParseMoment(wrong).status().message(), HasSubstr("is no moment")) << wrong;
  }
}

TEST(ViewTrialTest, RowsThatTheEventsGiveAreEqual) {
  const auto place = TwoShops();
  for (const uint64_t from : {0, 4, 9}) {
    const auto trial = TryView(*place, "stock", Position(from), 20, {});
    ASSERT_TRUE(trial.ok()) << trial.status();
    EXPECT_TRUE(trial->equal());
    EXPECT_EQ(trial->through, Position(9));
    EXPECT_EQ(trial->live.rows, 2u);
    EXPECT_EQ(trial->live.digest, trial->tried.digest);
  }
}

TEST(ViewTrialTest, EachKindOfDifferenceIsCountedAndTheFirstAreShown) {
  const auto place = TwoShops();
  auto& rows = place->rows();
  const std::string milk = rows["milk"], tea = rows["tea"];
  rows["milk"] = tea;
  rows.erase("tea");
  rows["water"] = rows["wine"] = tea;
  const auto trial = TryView(*place, "stock", Position(4), 3, {});
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->different, 1u);
  EXPECT_EQ(trial->live.alone, 2u);
  EXPECT_EQ(trial->tried.alone, 1u);
  EXPECT_EQ(trial->differences(), 4u);
  EXPECT_NE(trial->live.digest, trial->tried.digest);
  ASSERT_EQ(trial->first.size(), 3u);
  EXPECT_EQ(trial->first[0].key, "milk");
  EXPECT_EQ(trial->first[0].live, tea);
  EXPECT_EQ(trial->first[0].tried, milk);
  EXPECT_EQ(trial->first[1].key, "tea");
  EXPECT_FALSE(trial->first[1].live.has_value());
  EXPECT_EQ(trial->first[2].key, "water");
  EXPECT_FALSE(trial->first[2].tried.has_value());
}

TEST(ViewTrialTest, RowsThatStayedBehindAreComparedWhereTheyAre) {
  const auto place = TwoShops();
  const auto all = place->rows();
  place->SetReach({Position(9), "", Position(4)});  // as rows of a version that nobody folds
  place->rows() = TwoShopsThrough4()->rows();
  ASSERT_NE(place->rows(), all);
  const auto trial = TryView(*place, "stock", Position(7), 20, {});
  ASSERT_TRUE(trial.ok()) << trial.status();
  EXPECT_EQ(trial->through, Position(4));
  EXPECT_TRUE(trial->equal());
}

TEST(ViewTrialTest, BeyondTheHeadItIsRefused) {
  EXPECT_THAT(TryView(*TwoShops(), "stock", Position(10), 20, {}).status().message(),
              HasSubstr("beyond the head of the log, 9"));
}

}  // namespace
}  // namespace intentlog
