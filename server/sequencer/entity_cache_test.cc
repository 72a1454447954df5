// What a server keeps in memory of its log, and when it forgets it.
#include "server/sequencer/entity_cache.h"

#include <memory>
#include <string>

#include "eventlog/log/memory_engine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/sequencer/log_ahead.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

const std::string kLost(16, 'l');  // the id of an epoch that this log never had

class EntityCacheTest : public testing::Test {
 protected:
  EntityCacheTest() {
    auto log = EventLog::Open(engine_, "shop", EpochId::FromBytes(std::string(16, 'e')), {});
    log_ = *std::move(log);
    EXPECT_TRUE(log_->Fence().ok());
  }
  void Write(const std::string& id, uint64_t version) {
    EntitySummary summary;
    summary.set_version(version);
    EventGroup group(log_->head(), {});
    group.PutSummary(EntityKey("order", id), summary);
    ASSERT_TRUE(log_->Append(std::move(group)).ok());
  }
  static HistoryPoint At(const std::string& epoch_id, uint64_t position) {
    HistoryPoint point;
    point.set_epoch_id(epoch_id);
    point.set_position(position);
    return point;
  }

  MemoryEngine engine_;
  std::unique_ptr<EventLog> log_;
};

TEST_F(EntityCacheTest, WhoWasNotAskedForLongestIsForgottenFirst) {
  for (const char* id : {"1", "2", "3"}) Write(id, 1);
  EntityCache cache(*log_, 2);
  for (const char* id : {"1", "2", "3", "1"}) ASSERT_TRUE(cache.Find("order", id).ok());
  EXPECT_EQ(cache.size(), 3u);
  Write("1", 7);  // which nobody tells the cache
  Write("2", 7);
  cache.Trim(0);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ((*cache.Find("order", "1"))->summary.version(), 1u);
  EXPECT_EQ((*cache.Find("order", "2"))->summary.version(), 7u);
}

TEST_F(EntityCacheTest, WhatIsNotDurableIsKeptHoweverManyThereAre) {
  EntityCache cache(*log_, 1);
  for (uint64_t group = 1; group <= 3; ++group) {
    CachedEntity& entity = **cache.Find("order", std::to_string(group));
    EXPECT_FALSE(entity.exists);
    entity.last_group = group;
    entity.summary.set_version(group);
  }
  cache.Trim(1);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ((*cache.Find("order", "2"))->summary.version(), 2u);
  cache.Trim(3);
  EXPECT_EQ(cache.size(), 1u);
}

TEST_F(EntityCacheTest, AnEntityThatDoesNotParseIsNamed) {
  EngineAppend append;
  append.index.push_back({EntityKey("order", "1"), "\xff"});
  ASSERT_TRUE(engine_.Append("shop", *log_->Fence(), append).ok());
  EntityCache cache(*log_, 1);
  EXPECT_THAT(cache.Find("order", "1").status().message(),
              HasSubstr("an entity's summary does not parse"));
  EXPECT_EQ(cache.size(), 0u);
}

TEST_F(EntityCacheTest, HowFarADeviceLogIsIsForgottenOnceItIsDurableAndThereAreTooMany) {
  LogAhead::Options options;
  options.logs_max = 1;
  LogAhead ahead(*log_, options);
  ASSERT_TRUE(ahead.Load().ok());
  const auto state_of = [&](char log) {
    return *ahead.StateOf(LogId::FromBytes(std::string(16, log)));
  };
  state_of('a')->highest = Count(5);
  state_of('b')->highest = Count(6);
  state_of('b')->last_group = 2;
  ahead.Durable(1);
  EXPECT_EQ(state_of('b')->highest, Count(6));
  EXPECT_EQ(state_of('a')->highest, Count(0));  // from the log again
}

TEST_F(EntityCacheTest, I30_APlaceThatARestoreLostIsWhereItCameBackTo) {
  ASSERT_TRUE(log_->PutIndex(WasKey(kLost, 70), NumberedKey("", 3)).ok());
  ASSERT_TRUE(log_->PutIndex(WasKey(kLost, 75), NumberedKey("", 4)).ok());
  LogAhead ahead(*log_, {});
  ASSERT_TRUE(ahead.Load().ok());
  EXPECT_EQ(ahead.PlaceOf(At(kLost, 74))->at, Position(3));
  EXPECT_EQ(ahead.PlaceOf(At(kLost, 75))->at, Position(4));
  EXPECT_EQ(ahead.PlaceOf(At(kLost, 69))->at, Position(0));
  EXPECT_EQ(*ahead.EventAt(At(kLost, 99), Position(75)), Position(4));
  EXPECT_EQ(*ahead.EventAt(At(kLost, 99), Position(74)), Position(0));  // it did not come back
  EXPECT_EQ(*ahead.EventAt(HistoryPoint(), Position(74)), Position(74));
}

TEST_F(EntityCacheTest, I5_APlaceThatDoesNotParseIsNamedAndNotReadBeyond) {
  ASSERT_TRUE(log_->PutIndex(WasKey(kLost, 70), "short").ok());
  LogAhead ahead(*log_, {});
  ASSERT_TRUE(ahead.Load().ok());
  EXPECT_EQ(ahead.PlaceOf(At(kLost, 70)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ahead.EventAt(At(kLost, 99), Position(70)).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace intentlog
