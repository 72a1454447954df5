// What a device keeps when its disk is full or its power goes, at every operation of a scripted
// run.
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/test_shop.h"
#include "eventlog/log/block.h"
#include "eventlog/log/event.h"
#include "eventlog/store/faulty_file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::HasSubstr;
using Disk = FaultyFileSystem;

// What becomes of what was not synced, and how many operations lie between two cuts: the fewer
// bytes are lost, the fewer surprises are left.
struct Fate {
  Disk::Unsynced unsynced;
  uint64_t stride;
};
constexpr Fate kFates[] = {
    {Disk::Unsynced::kLost, 1}, {Disk::Unsynced::kTorn, 3}, {Disk::Unsynced::kKept, 7}};

// A device on a disk that fails on order, in a shop with a server.
class DiskTest : public testing::Test {
 protected:
  ~DiskTest() override { shop_.reset(); }

  // A new machine with an empty disk and a new device.
  void Restart() {
    shop_.reset();
    disk_ = std::make_unique<Disk>(testing::TempDir() + "/scratch");
    shop_ = std::make_unique<TestShop>("till", 1, disk_->env());
    acknowledged_ = 0;
  }
  TestShop& shop() { return *shop_; }

  // False if it was not recorded, or may not be.
  bool Sell(const std::string& order, int64_t quantity) {
    const auto done = shop().client().Append(TestShop::Line(order, "milk", quantity));
    if (!done.ok()) last_error_ = done.status();
    if (done.ok()) acknowledged_ = done->count.value();
    return done.ok();
  }
  bool SellTwo(const std::string& order) {
    const auto line = TestShop::Line(order, "milk", 1);
    const std::vector<NewIntent> batch(2, NewIntent{&line, {}, {}});
    const auto done = shop().client().AppendAll(batch);
    if (done.ok()) acknowledged_ = done->back().count.value();
    return done.ok();
  }
  // What waits is pushed, decided and folded; another till sells one.
  void SyncAndHearOfOthers() {
    shop().Sync();
    shop().server().Append("shop", TestShop::ByOthers("theirs", "milk", 1));
    shop().Run();
  }

  // ---- what must hold on a device, at any time
  void ExpectNothingAcknowledgedIsLost() {
    recorded_ = shop().client().Status().counts.recorded;
    ASSERT_GE(recorded_, acknowledged_);
    ASSERT_LE(recorded_, acknowledged_ + 2);  // the append in doubt is there whole or not at all
  }
  // Cursor, rows, digests and receipts are of one moment.
  void ExpectOneMoment() {
    const ClientStatus status = shop().client().Status();
    const Position cursor = status.scopes[0].cursor;
    ASSERT_EQ(shop().client().models().Through("shop").value(), cursor);
    ASSERT_EQ(Digests(shop().client().models()), DigestsAt(cursor));
    const auto& log = shop().server().log();
    StateCounts counts;
    const auto recorded = shop().client().List(Count(1), 1000).value();
    for (const Client::RecordedIntent& own : recorded) {
      ++counts.recorded;
      ++(own.state == RecordState::kSynced ? counts.synced : counts.pending);
      const auto at = PositionOf(own.count);
      // What the feed has passed has its receipt, and no receipt tells of what is not on record.
      if (own.position == Position()) {
        ASSERT_TRUE(at == 0 || at > cursor.value()) << own.count.value();
      } else {
        ASSERT_EQ(own.position.value(), at);
        ASSERT_EQ(own.decision, log[at - 1].header.decision());
      }
    }
    ASSERT_EQ(counts.recorded, status.counts.recorded);
    ASSERT_EQ(counts.synced, status.counts.synced);
    ASSERT_EQ(counts.pending, status.counts.pending);
  }
  void ExpectAResyncConverges() {
    shop().Cut();
    shop().Run();
    shop().Sync();
    shop().Pass(absl::Minutes(12));
    const ClientStatus status = shop().client().Status();
    ASSERT_EQ(status.counts.synced, recorded_) << status.last_error;
    ASSERT_EQ(status.scopes[0].cursor.value(), shop().server().head());
    const auto positions = shop().server().PositionsOf(LogName());
    ASSERT_EQ(positions.size(), recorded_);
    for (uint64_t count = 1; count <= recorded_; ++count) ASSERT_EQ(positions.count(count), 1u);
    ASSERT_EQ(Digests(shop().client().models()), DigestsAt(Position(shop().server().head())));
  }

  std::string LogName() { return std::string(shop().client().Status().log_id.bytes()); }
  // 0: the server never had it.
  uint64_t PositionOf(Count count) {
    const auto positions = shop().server().PositionsOf(LogName());
    const auto found = positions.find(count.value());
    return found == positions.end() ? 0 : found->second;
  }

  using ViewDigests = std::map<std::string, std::string>;
  static ViewDigests Digests(const ReadModels& models) {
    ViewDigests digests;
    for (const auto& projection : models.projections()) {
      const std::string view(projection->info().name);
      const std::vector<ScopeState> states = models.Scopes(view).value();
      for (const ScopeState& state : states) {
        digests[view + "/" + state.scope] = state.digest.Bytes();
      }
    }
    return digests;
  }
  // Of the server's log through `cursor`, folded anew.
  ViewDigests DigestsAt(Position cursor) {
    if (cursor == Position()) return {};
    shop().server().FeedEvents(1000);
    const Feed feed = shop().server().MakeFeed("shop", 0, cursor.value());
    const auto [known, fresh] = known_.try_emplace(feed.block());
    if (fresh) known->second = FoldAnew(feed);
    return known->second;
  }
  ViewDigests FoldAnew(const Feed& feed) {
    const std::string dir = testing::TempDir() + "/anew";
    std::filesystem::remove_all(dir);
    Disk disk(testing::TempDir() + "/anew-scratch");
    StoreOptions options;
    options.role = "device";
    options.env = disk.env();
    const auto store = Store::Open(dir, options);
    EXPECT_TRUE(store.ok());
    auto models = ReadModels::Open(**store, shop().options().projections);
    EXPECT_TRUE(models.ok());
    const BlockView block = BlockView::Parse(feed.block()).value();
    EventDecoder decoder(shop().options().schema);
    for (size_t i = 0; i < block.size(); ++i) {
      const Event* const event = decoder.Decode(block.event(i)).value();
      if (!event->effective) continue;
      EXPECT_TRUE((*models)->Add(*event).ok());
    }
    StoreBatch batch;
    EXPECT_TRUE((*models)->Finish("shop", block.last(), batch).ok());
    EXPECT_TRUE((*store)->Commit(batch, Sync::kBuffered).ok());
    (*models)->Committed();
    return Digests(**models);
  }

  std::unique_ptr<Disk> disk_;
  std::unique_ptr<TestShop> shop_;
  uint64_t acknowledged_ = 0;  // the last count that an append returned
  uint64_t recorded_ = 0;
  std::map<std::string, ViewDigests> known_;  // by block
  absl::Status last_error_;
};

// ---- a full disk

TEST_F(DiskTest, I6_OnAFullDiskAppendsAreRefusedReadsAndFeedGoOnAndItHealsByItself) {
  Restart();
  ASSERT_TRUE(Sell("1", 1));
  shop().Sync();
  // Room for what the server brings, not for more of the user's own.
  uint64_t free = 0;
  do {
    disk_->SetFreeBytes(free += 64 << 10);
    shop().server().Append("shop", TestShop::ByOthers("theirs", "milk", 1));
    shop().Pass(absl::Minutes(6));
  } while (shop().client().Status().scopes[0].cursor.value() < shop().server().head());
  disk_->SetFreeBytes(free + (400 << 10));
  const int64_t stock = shop().Stock("milk");
  ASSERT_FALSE(Sell("2", 1));
  EXPECT_EQ(last_error_.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(last_error_.ToString(), HasSubstr("disk full: "));
  EXPECT_EQ(shop().Stock("milk"), stock);
  EXPECT_EQ(shop().client().Status().counts.recorded, 1u);
  shop().server().Append("shop", TestShop::ByOthers("theirs", "milk", 1));
  shop().Run();
  EXPECT_EQ(shop().Stock("milk"), stock - 1);
  disk_->Heal();
  EXPECT_TRUE(Sell("2", 1));
  shop().Run();
  recorded_ = 2;
  ExpectOneMoment();
  ExpectAResyncConverges();
}

TEST_F(DiskTest, I6_ADeviceThatFindsItsDiskFullAtOpeningReadsAndHealsByOpening) {
  Restart();
  ASSERT_TRUE(Sell("1", 1));
  shop().Sync();
  ASSERT_TRUE(Sell("2", 1));
  shop().Stop();
  disk_->SetFreeBytes(0);
  shop().Open();
  EXPECT_EQ(shop().Stock("milk"), -2);
  EXPECT_EQ(shop().client().Status().counts.recorded, 2u);
  EXPECT_FALSE(Sell("3", 1));
  EXPECT_EQ(last_error_.code(), absl::StatusCode::kResourceExhausted);
  shop().Sync();
  EXPECT_EQ(shop().client().Status().blocked_by.kind, BlockedBy::kStoreFailed);
  EXPECT_THAT(shop().client().Status().blocked_by.text, HasSubstr("disk full"));
  disk_->Heal();
  shop().Restart();
  EXPECT_TRUE(Sell("3", 1));
  recorded_ = 3;
  ExpectAResyncConverges();
}

TEST_F(DiskTest, I2_I6_SpaceThatEndsAtAnyOperationLosesNothingThatWasAcknowledged) {
  for (const bool for_good : {true, false}) {
    bool happened = true;
    for (uint64_t nth = 1; happened; nth += for_good ? 1 : 3) {
      SCOPED_TRACE("no space at operation " + std::to_string(nth));
      Restart();
      disk_->FailAt(Disk::Operation::kAny, disk_->operations() + nth, Disk::Error::kNoSpace,
                    for_good);
      bool all = Sell("1", 1) && SellTwo("2");
      SyncAndHearOfOthers();
      all = all && Sell("3", 1);
      SyncAndHearOfOthers();
      happened = disk_->happened();
      EXPECT_TRUE(happened || all);
      if (!all) {
        EXPECT_FALSE(shop().client().store().failed().ok());
      }
      shop().Stop();
      disk_->Heal();
      ASSERT_TRUE(shop().TryOpen().ok());
      ExpectNothingAcknowledgedIsLost();
      ExpectOneMoment();
      ASSERT_TRUE(Sell("4", 1));
      ++recorded_;
      ExpectAResyncConverges();
      if (HasFatalFailure()) return;
    }
  }
}

// ---- the power goes

TEST_F(DiskTest, I1_I13_AfterAPowerCutAtAnyOperationOfASyncAllIsOfOneMomentAndAResyncConverges) {
  for (const Fate& fate : kFates) {
    bool finished = false;
    for (uint64_t cut = 1; !finished; cut += fate.stride) {
      SCOPED_TRACE("power cut at operation " + std::to_string(cut));
      Restart();
      shop().server().FeedEvents(1);
      disk_->CutPowerAt(disk_->operations() + cut);
      Sell("1", 1);
      SyncAndHearOfOthers();
      shop().server().HoldFeed(true);  // receipts first, the feed after them
      SellTwo("2");
      SyncAndHearOfOthers();
      shop().server().HoldFeed(false);
      shop().server().HoldReceipts(true);  // the feed alone
      Sell("3", 1);
      SyncAndHearOfOthers();
      shop().server().HoldReceipts(false);
      finished = !disk_->happened();
      shop().Stop();
      disk_->LosePower(fate.unsynced);
      const absl::Status opened = shop().TryOpen();
      ASSERT_TRUE(opened.ok()) << opened;
      ExpectNothingAcknowledgedIsLost();
      ExpectOneMoment();
      ExpectAResyncConverges();
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace intentlog
