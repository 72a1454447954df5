// Rebuilds with any number of workers against a naive fold of the same log.
#include "projections/engine/rebuild.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eventlog/log/memory_engine.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/manual_executor.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/index_check.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_lines.h"
#include "projections/engine/made_store.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/poisoned.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_keys.h"
#include "projections/views/commerce_views.h"

namespace intentlog {
namespace {

const std::vector<std::string> kScopes = {"east", "shared", "west"};

// One of them with every second event, and many small ones.
std::vector<std::string> UnequalScopes() {
  std::vector<std::string> scopes(20, "head-office");
  for (int i = 0; i < 20; ++i) scopes.push_back(Cat("till-", i));
  return scopes;
}

std::vector<OpenProjection> Builds(const Projections& views) {
  std::vector<OpenProjection> builds;
  for (const auto& projection : views) {
    builds.push_back(*OpenOne(projection, static_cast<BuildId>(builds.size() + 1)));
  }
  return builds;
}

// A log of made events, of which one in twenty has no effect.
class Shop {
 public:
  explicit Shop(uint32_t seed, Projections views = CommerceViews(),
                std::vector<std::string> scopes = kScopes, uint64_t events = 900)
      : views_(std::move(views)), scopes_(std::move(scopes)), naive_(views_), lines_(seed) {
    EventLogOptions options;
    options.block_bytes = 3000;
    log_ = *EventLog::Open(engine_, "shop", EpochId::FromBytes(std::string(16, 'e')), options);
    EXPECT_TRUE(log_->Fence().ok());
    EventGroup group(log_->head(), options);
    for (uint64_t position = 1; position <= events; ++position) Add(position, group);
    EXPECT_TRUE(log_->Append(std::move(group)).ok());
  }
  const EventLog& log() const { return *log_; }
  std::vector<OpenProjection> builds() const { return Builds(views_); }

  void ExpectRebuilt(const Store& store) {
    for (const OpenProjection& build : builds()) {
      const IndexEntries entries = EntriesOf(store, build);
      EXPECT_EQ(entries.stored, entries.expected) << build.info.name;
      for (const std::string& scope : std::set(scopes_.begin(), scopes_.end())) {
        std::string bytes;
        ASSERT_TRUE(*store.Get(Space::kMeta, CheckpointKey(build.build, scope), &bytes));
        const FoldState state = *ParseCheckpoint(bytes);
        EXPECT_EQ(Rows(store, build, scope), naive_.Rows(build.info.name, scope));
        EXPECT_EQ(state.digest, naive_.Digest(build.info.name, scope)) << build.info.name;
        EXPECT_EQ(state.rows, naive_.Rows(build.info.name, scope).size());
        EXPECT_EQ(state.parked, naive_.Parked(build.info.name, scope).size());
      }
    }
  }

 private:
  void Add(uint64_t position, EventGroup& group) {
    const std::string& scope = scopes_[lines_.Roll(static_cast<uint32_t>(scopes_.size()))];
    // Now and then somebody decides about rows that stand still.
    std::unique_ptr<google::protobuf::Message> payload = lines_.Next();
    if (lines_.Roll(25) == 0) payload = Decision(scope);
    const MadeEvent& made = *made_.emplace_back(
        std::make_unique<MadeEvent>(position, scope, *payload, lines_.Roll(20) != 0));
    naive_.Add(made.event());
    group.Add(made.event().header(), made.event().header().SerializeAsString(), made.IntentBytes(),
              scope);
  }
  std::unique_ptr<google::protobuf::Message> Decision(const std::string& scope) {
    auto decision = std::make_unique<Unpark>();
    decision->set_view(views_[lines_.Roll(static_cast<uint32_t>(views_.size()))]->info().name);
    const NaiveFold::Waiting& parked = naive_.Parked(decision->view(), scope);
    decision->set_all_keys(parked.empty() || lines_.Roll(2) == 0);
    if (decision->all_keys()) return decision;
    decision->set_key(parked.begin()->first);
    decision->set_skip(parked.begin()->second[0]->position.value());
    return decision;
  }
  static std::map<std::string, std::string> Rows(const Store& store, const OpenProjection& build,
                                                 const std::string& scope) {
    std::map<std::string, std::string> rows;
    const std::string prefix = RowPrefix(build.build, scope);
    const auto cursor = store.Scan(Space::kRows);
    for (cursor->Seek(prefix); cursor->Valid(); cursor->Next()) {
      if (cursor->key().substr(0, prefix.size()) != prefix) break;
      rows[std::string(cursor->key().substr(prefix.size()))] = cursor->value();
    }
    return rows;
  }

  const Projections views_;
  const std::vector<std::string> scopes_;  // one is drawn for each event
  MemoryEngine engine_;
  std::unique_ptr<EventLog> log_;
  std::vector<std::unique_ptr<MadeEvent>> made_;
  NaiveFold naive_;
  MadeLines lines_;
};

// Workers that run when the test says so, in an order of their own.
class RebuildTest : public testing::Test {
 protected:
  std::unique_ptr<Rebuild> Make(const Shop& shop, Store& store, size_t workers,
                                const RebuildOptions& options, Position after = Position()) {
    while (workers_.size() < workers) workers_.push_back(std::make_unique<ManualExecutor>(clock_));
    std::vector<Executor*> executors;
    for (size_t i = 0; i < workers; ++i) executors.push_back(workers_[i].get());
    return std::make_unique<Rebuild>(
        shop.log(), store, shop.builds(), CommerceSchema(), after, clock_, executors, options,
        Rebuild::Hooks{[](Position, StoreBatch&) {},
                       [this](Position through) { committed_ = through; },
                       [this](absl::Status status, Position) { done_ = std::move(status); }});
  }
  // The last worker goes first.
  bool RunOne() {
    for (auto worker = workers_.rbegin(); worker != workers_.rend(); ++worker) {
      if ((*worker)->RunOne()) return true;
    }
    return false;
  }
  void RunAll(Rebuild& rebuild) {
    rebuild.Start();
    while (RunOne()) {
    }
    ASSERT_TRUE(done_.has_value());
    EXPECT_TRUE(done_->ok()) << *done_;
    EXPECT_TRUE(rebuild.idle());
  }

  ManualClock clock_;
  std::vector<std::unique_ptr<ManualExecutor>> workers_;
  Position committed_;
  std::optional<absl::Status> done_;
};

TEST_F(RebuildTest, I18_I17_AnyNumberOfWorkersGivesTheRowsOfANaiveFold) {
  Shop shop(/*seed=*/11);
  for (const size_t workers : {1, 2, 8}) {
    for (const size_t batch : {1, 7, 1000}) {
      MadeStore store("rebuild");
      RebuildOptions options;
      options.batch_events_max = batch;
      options.commit_bytes_max = batch == 7 ? 20'000 : 32 << 20;
      options.kept_rows_bytes_max = batch == 7 ? 10'000 : 64 << 20;
      const auto rebuild = Make(shop, *store, workers, options);
      RunAll(*rebuild);
      shop.ExpectRebuilt(*store);
    }
  }
}

TEST_F(RebuildTest, I18_ScopesOfOneWorkerAndThoseOfAllGiveTheRowsOfANaiveFold) {
  for (const bool poison : {false, true}) {
    Shop shop(/*seed=*/15, poison ? PoisonedViews(CommerceViews(), OneIn(40)) : CommerceViews(),
              UnequalScopes());
    for (const size_t workers : {2, 3, 8}) {
      for (const size_t batch : {40, 1000}) {
        MadeStore store("unequal");
        RebuildOptions options;
        options.batch_events_max = batch;
        options.commit_bytes_max = batch == 40 ? 20'000 : 32 << 20;
        const auto rebuild = Make(shop, *store, workers, options);
        RunAll(*rebuild);
        shop.ExpectRebuilt(*store);
      }
    }
  }
}

TEST_F(RebuildTest, I22_I18_PoisonParksWhereALiveFoldParksIt) {
  Shop shop(/*seed=*/14, PoisonedViews(CommerceViews(), OneIn(40)));
  for (const size_t workers : {1, 2, 8}) {
    MadeStore store("poisoned");
    RebuildOptions options;
    options.batch_events_max = 50;
    options.commit_bytes_max = 20'000;
    const auto rebuild = Make(shop, *store, workers, options);
    RunAll(*rebuild);
    shop.ExpectRebuilt(*store);
  }
}

TEST_F(RebuildTest, ACancelledOneGoesOnFromWhatItWrote) {
  Shop shop(/*seed=*/12);
  MadeStore store("cancelled");
  RebuildOptions options;
  options.batch_events_max = 100;
  options.commit_bytes_max = 1;
  {
    const auto rebuild = Make(shop, *store, 2, options);
    rebuild->Start();
    while (committed_ < Position(300)) ASSERT_TRUE(RunOne());
    rebuild->Cancel();
    while (RunOne()) {
    }
    ASSERT_TRUE(done_.has_value());
    EXPECT_EQ(done_->code(), absl::StatusCode::kCancelled);
    EXPECT_LT(committed_, shop.log().head().position);
  }
  const auto rebuild = Make(shop, *store, 8, options, committed_);
  RunAll(*rebuild);
  EXPECT_EQ(committed_, shop.log().head().position);
  shop.ExpectRebuilt(*store);
}

TEST_F(RebuildTest, ABudgetSpreadsItOverTime) {
  Shop shop(/*seed=*/13);
  MadeStore store("budget");
  RebuildOptions options;
  options.batch_events_max = 50;
  options.events_per_second_max = 100;
  const auto rebuild = Make(shop, *store, 1, options);
  rebuild->Start();
  workers_[0]->RunFor(absl::Seconds(7));
  EXPECT_FALSE(done_.has_value());
  workers_[0]->RunFor(absl::Seconds(5));
  ASSERT_TRUE(done_.has_value());
  shop.ExpectRebuilt(*store);
}

}  // namespace
}  // namespace intentlog
