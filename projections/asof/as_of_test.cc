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

#include "eventlog/log/event_log.h"
#include "eventlog/log/memory_engine.h"
#include "projections/asof/find_time.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_lines.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/poisoned.h"
#include "projections/engine/row_access.h"
#include "projections/views/commerce_views.h"
#include "proto/event.pb.h"

namespace intentlog {
namespace {

const std::vector<std::string> kScopes = {"east", "shared", "west"};
constexpr uint64_t kEvents = 300;
constexpr int64_t kStart = 1'700'000'000'000'000;

using Rows = std::map<std::string, std::string>;

// A log of made events, some without effect, some that decide about rows that stand still. Two in a
// row have one server time, then half a second passes.
class Shop {
 public:
  Shop(uint32_t seed, Projections views) : views_(std::move(views)), lines_(seed) {
    EventLogOptions options;
    options.block_bytes = 3000;
    log_ = *EventLog::Open(engine_, "shop", EpochId::FromBytes(std::string(16, 'e')), options);
    EXPECT_TRUE(log_->Fence().ok());
    EventGroup group(log_->head(), options);
    for (uint64_t position = 1; position <= kEvents; ++position) Add(position, group);
    EXPECT_TRUE(log_->Append(std::move(group)).ok());
  }

  static int64_t TimeOf(uint64_t position) {
    return kStart + static_cast<int64_t>(position / 2) * 500'000;
  }
  const Projections& views() const { return views_; }
  uint32_t Roll(uint32_t n) { return lines_.Roll(n); }

  ReadLog reader() {
    return [this](Position from, uint64_t limit, const TakeEvent& take) -> absl::Status {
      ++reads_;
      const auto reader = log_->Read(from);
      while (limit > 0) {
        ASSIGN_OR_RETURN(const bool more, reader->Next());
        if (!more) break;
        for (size_t i = reader->begin(); i < reader->block().size() && limit > 0; ++i, --limit) {
          if (!take(reader->block().event(i))) return absl::OkStatus();
        }
      }
      return absl::OkStatus();
    };
  }
  int reads() const { return reads_; }

  // The oracle, from zero.
  NaiveFold Naive(const std::shared_ptr<const Projection>& view, Position through) const {
    NaiveFold naive({view});
    for (size_t i = 0; i < through.value(); ++i) naive.Add(made_[i]->event());
    return naive;
  }
  std::unique_ptr<AsOf> Open(const std::shared_ptr<const Projection>& view, AsOfOptions options,
                             AsOfBases* bases = nullptr, Position at = {}) {
    auto as_of = AsOf::Open(view, CommerceSchema(), reader(), std::move(options), bases, at);
    EXPECT_TRUE(as_of.ok()) << as_of.status();
    return *std::move(as_of);
  }

 private:
  void Add(uint64_t position, EventGroup& group) {
    const std::string& scope = kScopes[Roll(3)];
    std::unique_ptr<google::protobuf::Message> payload = lines_.Next();
    if (Roll(25) == 0) {
      auto decision = std::make_unique<Unpark>();
      decision->set_view(views_[Roll(static_cast<uint32_t>(views_.size()))]->info().name);
      decision->set_all_keys(true);
      payload = std::move(decision);
    }
    const MadeEvent& made =
        *made_.emplace_back(std::make_unique<MadeEvent>(position, scope, *payload, Roll(20) != 0));
    Header header = made.event().header();
    header.set_server_time_us(TimeOf(position));
    group.Add(header, header.SerializeAsString(), made.IntentBytes(), scope);
  }

  const Projections views_;
  MemoryEngine engine_;
  std::unique_ptr<EventLog> log_;
  std::vector<std::unique_ptr<MadeEvent>> made_;
  MadeLines lines_;
  int reads_ = 0;
};

Rows Merged(const AsOf& as_of, const std::string& view) {
  Rows rows;
  const auto cursor = as_of.rows().Scan(view);
  EXPECT_TRUE(cursor.ok()) << cursor.status();
  while (true) {
    const auto row = (*cursor)->Next();
    EXPECT_TRUE(row.ok()) << row.status();
    if (!row.ok() || *row == nullptr) return rows;
    rows[(*row)->key] = RowBytes((*row)->row);
  }
}

void ExpectAsFoldedFromZero(const Shop& shop, const AsOf& as_of,
                            const std::shared_ptr<const Projection>& view, Position at) {
  SCOPED_TRACE("view " + view->info().name + " at " + std::to_string(at.value()));
  EXPECT_EQ(as_of.position(), at);
  const std::string name = view->info().name;
  NaiveFold naive = shop.Naive(view, at);
  EXPECT_EQ(Merged(as_of, name), naive.Merged(name));
  const auto scopes = as_of.rows().Scopes(name);
  ASSERT_TRUE(scopes.ok()) << scopes.status();
  for (const ScopeState& state : *scopes) {
    EXPECT_EQ(state.position, at);
    EXPECT_EQ(state.digest, naive.Digest(name, state.scope)) << state.scope;
    EXPECT_EQ(state.rows, naive.Rows(name, state.scope).size()) << state.scope;
    EXPECT_EQ(state.parked, naive.Parked(name, state.scope).size()) << state.scope;
  }
}

TEST(AsOfTest, I18_AnyPositionGivesWhatAFoldFromZeroGives) {
  Shop shop(/*seed=*/21, PoisonedViews(CommerceViews(), OneIn(40)));
  for (int i = 0; i < 25; ++i) {
    const auto& view = shop.views()[shop.Roll(static_cast<uint32_t>(shop.views().size()))];
    AsOfOptions options;
    options.read_events_max = i % 2 == 0 ? 50'000 : 7;
    options.commit_bytes_max = i % 3 == 0 ? 1 : 1 << 20;
    const auto as_of = shop.Open(view, options);
    std::multiset<uint64_t> positions;
    while (positions.size() < 4) positions.insert(shop.Roll(kEvents + 1));
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
    for (const std::string& scope : kScopes) {
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
  explicit NaiveBases(const Shop& shop) : shop_(shop) {}
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
  const Shop& shop_;
};

TEST(AsOfTest, FromTheNearestBaseItIsTheSameAndOnlyTheRestIsFolded) {
  Shop shop(/*seed=*/23, CommerceViews());
  NaiveBases bases(shop);
  for (const uint64_t at : {99, 100, 101, 257, 300}) {
    const auto& view = shop.views()[at % shop.views().size()];
    const auto as_of = shop.Open(view, {}, &bases, Position(at));
    EXPECT_EQ(as_of->began(), Position(at / 100 * 100));
    for (const Position through : {Position(at), Position(kEvents)}) {
      ASSERT_TRUE(as_of->FoldThrough(through).ok());
      ExpectAsFoldedFromZero(shop, *as_of, view, through);
    }
  }
}

TEST(AsOfTest, AFoldThatIsStoppedSaysSoAndLeavesNothingBehind) {
  Shop shop(/*seed=*/24, CommerceViews());
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
    EXPECT_TRUE(absl::IsCancelled(as_of->FoldThrough(Position(kEvents))));
  }
  EXPECT_EQ(folders(), before);
}

TEST(FindTimeTest, AMomentIsThePositionThatTheLogHadThen) {
  Shop shop(/*seed=*/25, CommerceViews());
  const ReadLog read = shop.reader();
  for (uint64_t position = 0; position <= kEvents; ++position) {
    for (const int64_t later : {0, 1, 499'999}) {
      const int64_t time = Shop::TimeOf(position) + later;
      uint64_t last = 0;
      while (last < kEvents && Shop::TimeOf(last + 1) <= time) ++last;
      const auto found = FindTime(read, Position(kEvents), time);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(found->last, Position(last)) << position;
      EXPECT_EQ(found->next, last == kEvents ? Position() : Position(last + 1));
    }
  }
  EXPECT_EQ(FindTime(read, Position(kEvents), 0)->last, Position());
  EXPECT_EQ(FindTime(read, Position(100), INT64_MAX)->last, Position(100));
  const int before = shop.reads();
  EXPECT_TRUE(FindTime(read, Position(kEvents), Shop::TimeOf(77)).ok());
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
