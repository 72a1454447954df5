#include "server/sequencer/index_ahead.h"

#include <map>
#include <string>
#include <utility>

#include "eventlog/log/memory_engine.h"
#include "eventlog/runtime/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::ElementsAre;

class IndexAheadTest : public testing::Test {
 protected:
  IndexAheadTest() {
    auto log = EventLog::Open(engine_, "shop", EpochId::FromBytes(std::string(16, 'e')), {});
    log_ = *std::move(log);
    EXPECT_TRUE(log_->Fence().ok());
    index_.emplace(*log_);
  }
  // What the group in hand changed becomes durable; the index is told, or not yet.
  void Append() {
    EventGroup group(log_->head(), {});
    index_->AddTo(group);
    ASSERT_TRUE(log_->Append(std::move(group)).ok());
  }
  std::vector<std::string> Keys(const std::string& prefix, const std::string& from, size_t limit) {
    std::vector<std::string> keys;
    const auto rows = index_->Scan(prefix, from, limit);
    for (const IndexAhead::Row& row : *rows) keys.push_back(Cat(row.key, "=", row.value));
    return keys;
  }

  MemoryEngine engine_;
  std::unique_ptr<EventLog> log_;
  std::optional<IndexAhead> index_;
};

TEST_F(IndexAheadTest, ARowIsSeenBeforeItIsDurableAndAfter) {
  index_->Begin(1);
  index_->Put("x/a", "1");
  EXPECT_EQ(**index_->Get("x/a"), "1");
  Append();
  EXPECT_EQ(index_->rows_ahead(), 1u);
  index_->Durable(1);
  EXPECT_EQ(index_->rows_ahead(), 0u);
  EXPECT_EQ(**index_->Get("x/a"), "1");
}

TEST_F(IndexAheadTest, ADeletedRowIsGoneAtOnceAlthoughTheLogHasItStill) {
  index_->Begin(1);
  index_->Put("x/a", "1");
  Append();
  index_->Durable(1);
  index_->Begin(2);
  index_->Delete("x/a");
  EXPECT_FALSE(index_->Get("x/a")->has_value());
  EXPECT_THAT(Keys("x/", "x/", 10), ElementsAre());
  Append();
  index_->Durable(2);
  EXPECT_FALSE(index_->Get("x/a")->has_value());
  EXPECT_EQ(index_->rows_ahead(), 0u);
}

TEST_F(IndexAheadTest, WhatALaterGroupChangedIsKeptWhenAnEarlierOneIsDurable) {
  index_->Begin(1);
  index_->Put("x/a", "1");
  Append();
  index_->Begin(2);
  index_->Put("x/a", "2");
  index_->Durable(1);
  EXPECT_EQ(**index_->Get("x/a"), "2");
  index_->Clear();  // group 2 is lost
  EXPECT_EQ(**index_->Get("x/a"), "1");
}

TEST_F(IndexAheadTest, AScanMergesWhatIsDurableWithWhatIsNot) {
  index_->Begin(1);
  for (const char* const key : {"x/b", "x/d", "x/f", "y"}) index_->Put(key, "old");
  Append();
  index_->Durable(1);
  index_->Begin(2);
  index_->Put("x/a", "new");
  index_->Put("x/d", "new");
  index_->Delete("x/b");
  index_->Put("x/g", "new");
  EXPECT_THAT(Keys("x/", "x/", 10), ElementsAre("x/a=new", "x/d=new", "x/f=old", "x/g=new"));
  EXPECT_THAT(Keys("x/", "x/b", 2), ElementsAre("x/d=new", "x/f=old"));
  EXPECT_THAT(Keys("x/", "x/", 1), ElementsAre("x/a=new"));
}

TEST_F(IndexAheadTest, ItIsAsOneMapWhateverHappensInWhatOrder) {
  SeededRandom random(17);
  std::map<std::string, std::string> expected;
  uint64_t durable = 0;
  for (uint64_t group = 1; group <= 200; ++group) {
    index_->Begin(group);
    for (int i = 0; i < 6; ++i) {
      const std::string key = Cat("x/", random.Below(40));
      if (random.Below(3) == 0) {
        index_->Delete(key);
        expected.erase(key);
      } else {
        index_->Put(key, expected[key] = Cat("v", random.Below(1000)));
      }
    }
    Append();
    if (random.Below(2) == 0) index_->Durable(durable = group);
    const std::string from = Cat("x/", random.Below(40));
    std::vector<std::string> all;
    for (auto at = expected.lower_bound(from); at != expected.end(); ++at) {
      all.push_back(Cat(at->first, "=", at->second));
    }
    all.resize(std::min<size_t>(all.size(), 7));
    ASSERT_EQ(Keys("x/", from, 7), all) << "group " << group << ", durable " << durable;
  }
}

}  // namespace
}  // namespace intentlog
