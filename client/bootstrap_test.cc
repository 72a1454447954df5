// A device that begins at a snapshot, frame by frame: right ones, wrong ones, crashes in between.
#include <gtest/gtest.h>

#include "client/snapshot_stage.h"
#include "client/test_shop.h"
#include "projections/engine/digest.h"
#include "projections/engine/row_access.h"
#include "projections/snapshot/snapshot_block.h"

namespace intentlog {
namespace {

constexpr char kScope[] = "shop";

// A snapshot, as a server sends it.
struct MadeSnapshot {
  SnapshotHead head;
  std::vector<SnapshotChunk> chunks;
};

// What `client` has of the scope, in chunks of a few rows.
MadeSnapshot SnapshotOf(const Client& client, uint64_t position, const std::string& chain) {
  MadeSnapshot made;
  made.head.set_scope(kScope);
  made.head.set_id(std::string(16, 'S'));
  made.head.set_epoch_id(std::string(16, 'E'));
  made.head.set_position(position);
  made.head.set_chain(chain);
  for (const auto& projection : client.models().projections()) {
    SnapshotHead::Rows& rows = *made.head.add_views();
    rows.set_view(projection->info().name);
    rows.set_version(projection->info().version);
    Digest128 digest;
    SnapshotBlockBuilder block;
    const auto finish = [&] {
      if (block.rows() == 0) return;
      SnapshotChunk& chunk = made.chunks.emplace_back();
      chunk.set_scope(kScope);
      chunk.set_index(static_cast<uint32_t>(made.chunks.size() - 1));
      chunk.set_block(block.Finish());
      rows.set_chunks(rows.chunks() + 1);
    };
    const auto cursor = *client.Scan(rows.view(), std::string_view(), Client::Reading::kConfirmed);
    while (const MergedRow* row = *cursor->Next()) {
      const std::string bytes = RowBytes(row->row);
      digest.Add(row->key, bytes);
      block.Add(row->key, bytes);
      rows.set_rows(rows.rows() + 1);
      if (block.rows() == 3) finish();
    }
    finish();
    rows.set_digest(digest.Bytes());
  }
  made.head.set_chunks(static_cast<uint32_t>(made.chunks.size()));
  return made;
}

// Rows come in batches, or as tables.
class BootstrapTest : public testing::TestWithParam<uint64_t> {
 protected:
  // Twelve events of others at the server; a device that has folded them says what is right.
  void SetUp() override {
    TestShop source("source");
    for (int i = 0; i < 12; ++i) {
      const Intent intent = TestShop::ByOthers(Cat("order-", i % 5), Cat("product-", i), i + 1);
      source.server().Append(kScope, intent);
      shop_.server().Append(kScope, intent);
    }
    source.Sync();
    for (const auto& projection : source.client().models().projections()) {
      right_[projection->info().name] =
          (*source.client().Digests(projection->info().name))[0].digest;
    }
    made_ = SnapshotOf(source.client(), 12, std::string(Bytes(source.server().log()[11].chain)));
    ASSERT_GT(made_.chunks.size(), 8u);
    shop_.server().HoldFeed(true);
    shop_.options().table_rows_min = GetParam();
    shop_.Restart();
  }
  void SendHead() {
    ServerFrame frame;
    *frame.mutable_snapshot_head() = made_.head;
    shop_.network().Send(frame);
  }
  void SendChunks(size_t from = 0) {
    for (size_t i = from; i < made_.chunks.size(); ++i) {
      ServerFrame frame;
      *frame.mutable_snapshot_chunk() = made_.chunks[i];
      shop_.network().Send(frame);
    }
  }
  bool IsRight() {
    for (const auto& [view, digest] : right_) {
      const auto scopes = shop_.client().Digests(view);
      if (!scopes.ok() || scopes->size() != 1 || (*scopes)[0].digest != digest) return false;
    }
    return true;
  }
  bool IsUntouched() {
    for (const auto& [view, digest] : right_) {
      if (!shop_.client().Digests(view)->empty()) return false;
    }
    return shop_.client().Status().scopes[0].cursor == Position();
  }
  // The session ends, nothing is changed, and the feed brings everything.
  void ExpectRefused(const std::string& why) {
    shop_.Sync();
    SendHead();
    SendChunks();
    shop_.Run();
    EXPECT_NE(shop_.client().Status().last_error.find(why), std::string::npos)
        << shop_.client().Status().last_error;
    EXPECT_TRUE(IsUntouched());
    shop_.server().HoldFeed(false);
    shop_.Pass(absl::Minutes(10));
    EXPECT_TRUE(IsRight());
  }

  TestShop shop_{"fresh"};
  std::map<std::string, Digest128> right_;
  MadeSnapshot made_;
};
INSTANTIATE_TEST_SUITE_P(TableRowsMin, BootstrapTest, testing::Values(1, 10'000),
                         testing::PrintToStringParamName());

TEST_P(BootstrapTest, ADeviceSaysThatItTakesSnapshots) {
  shop_.Sync();
  EXPECT_TRUE(shop_.server().hello().takes_snapshots());
  EXPECT_EQ(shop_.server().hello().feed_only_size(), 0);
}

TEST_P(BootstrapTest, RowsDigestsAndCursorComeTogether) {
  shop_.Sync();
  SendHead();
  SendChunks();
  shop_.Run();
  EXPECT_TRUE(IsRight()) << shop_.client().Status().last_error;
  EXPECT_EQ(shop_.client().Status().scopes[0].cursor, Position(12));
  EXPECT_EQ(shop_.client().Status().scopes[0].held_after, Position(12));
  EXPECT_EQ(shop_.Stock("product-3"), -4);
  EXPECT_TRUE(ReadStaged(shop_.client().store())->empty());
  shop_.server().Append(kScope, TestShop::ByOthers("order-9", "product-3", 5));
  ServerFrame tail;
  *tail.mutable_feed() = shop_.server().MakeFeed(kScope, 12, 13);
  shop_.network().Send(tail);
  shop_.Run();
  EXPECT_EQ(shop_.Stock("product-3"), -9);
}

// What is left of rows that were deleted is in the way of a table.
TEST_P(BootstrapTest, AScopeThatIsFollowedAgainBeginsAtASnapshotToo) {
  shop_.server().HoldFeed(false);
  shop_.Sync();
  ASSERT_TRUE(IsRight());
  for (const char* scope : {"elsewhere", kScope}) {
    shop_.server().HoldFeed(true);
    shop_.options().scopes = {scope};
    shop_.Restart();
  }
  ASSERT_TRUE(IsUntouched());
  shop_.Sync();
  SendHead();
  SendChunks();
  shop_.Run();
  EXPECT_EQ(shop_.client().Status().last_error, "");
  EXPECT_TRUE(IsRight());
  shop_.Restart();
  EXPECT_TRUE(IsRight());
}

TEST_P(BootstrapTest, ACutGoesOnWhereItWas) {
  shop_.Sync();
  SendHead();
  made_.chunks.resize(4);
  SendChunks();
  shop_.Run();
  EXPECT_TRUE(IsUntouched());
  shop_.Cut();
  shop_.Restart();
  shop_.Sync();
  ASSERT_EQ(shop_.server().hello().snapshots_size(), 1);
  EXPECT_EQ(shop_.server().hello().snapshots(0).next(), 4u);
  EXPECT_EQ(shop_.server().hello().snapshots(0).id(), made_.head.id());
}

TEST_P(BootstrapTest, WhateverItWasDoingACrashCostsNothing) {
  for (int step = 0; step < 200; step += 3) {
    shop_.Stop();
    std::filesystem::remove_all(shop_.options().dir);
    shop_.Open();
    shop_.StartSync();
    shop_.Run();
    SendHead();
    SendChunks();
    bool more = true;
    for (int i = 0; i < step && more; ++i) more = shop_.executor().RunOne();
    shop_.Cut();
    shop_.Restart();
    const auto staged = ReadStaged(shop_.client().store());
    ASSERT_TRUE(staged.ok()) << staged.status();
    EXPECT_TRUE(staged->empty() ? IsUntouched() || IsRight() : IsUntouched()) << "step " << step;
    shop_.Sync();
    made_.head.set_next(0);
    if (shop_.server().hello().snapshots_size() > 0) {
      made_.head.set_next(shop_.server().hello().snapshots(0).next());
    }
    if (!IsRight()) {
      SendHead();
      SendChunks(made_.head.next());
      shop_.Run();
    }
    ASSERT_TRUE(IsRight()) << "step " << step << ": " << shop_.client().Status().last_error;
    made_.head.set_next(0);
    if (!more) return;
  }
  FAIL() << "it never came to its end";
}

TEST_P(BootstrapTest, ALoadThatACutInterruptedIsDoneBeforeTheNextHello) {
  for (int step = 0; step < 200; step += 3) {
    shop_.Stop();
    std::filesystem::remove_all(shop_.options().dir);
    shop_.Open();
    shop_.StartSync();
    shop_.Run();
    SendHead();
    SendChunks();
    bool more = true;
    for (int i = 0; i < step && more; ++i) more = shop_.executor().RunOne();
    if (!more) return;
    shop_.Cut();
    shop_.Pass(absl::Minutes(1));
    ASSERT_EQ(shop_.server().hello().cursors(0).position(), IsRight() ? 12u : 0u) << step;
  }
  FAIL() << "it never came to its end";
}

TEST_P(BootstrapTest, OwnPendingWorkStaysOnTop) {
  shop_.Sell("order-own", "product-3", 100);
  EXPECT_EQ(shop_.Stock("product-3"), -100);
  shop_.server().HoldReceipts(true);
  shop_.Sync();
  SendHead();
  SendChunks();
  shop_.Run();
  EXPECT_EQ(shop_.Stock("product-3"), -104);
  EXPECT_EQ(shop_.ConfirmedStock("product-3"), -4);
}

TEST_P(BootstrapTest, AnotherDigestThanItsRowsHaveIsRefused) {
  made_.head.mutable_views(0)->set_digest(std::string(16, 'x'));
  ExpectRefused("its rows have another digest than it says");
  EXPECT_EQ(shop_.server().hello().feed_only_size(), 1);
}

TEST_P(BootstrapTest, RowsThatAreMissingAreRefused) {
  made_.head.mutable_views(0)->set_rows(made_.head.views(0).rows() + 1);
  ExpectRefused("rows, not");
}

TEST_P(BootstrapTest, AChunkThatIsDamagedIsRefused) {
  std::string& block = *made_.chunks[2].mutable_block();
  block[block.size() / 2] ^= 1;
  ExpectRefused("chunk 2");
}

TEST_P(BootstrapTest, AChunkThatIsMissingIsRefused) {
  made_.chunks.erase(made_.chunks.begin() + 3);
  ExpectRefused("chunk 4 where 3 was due");
}

TEST_P(BootstrapTest, AChunkOfNothingIsRefused) {
  shop_.Sync();
  SendChunks();
  shop_.Run();
  EXPECT_NE(shop_.client().Status().last_error.find("none of it is awaited"), std::string::npos)
      << shop_.client().Status().last_error;
  EXPECT_TRUE(IsUntouched());
}

TEST_P(BootstrapTest, OneThatGoesOnWhereTheDeviceIsNotIsRefused) {
  made_.head.set_next(3);
  ExpectRefused("it goes on at chunk 3, but the device has 0");
}

TEST_P(BootstrapTest, MoreThanTheCreditIsRefused) {
  made_.chunks[1].set_block(std::string(17 << 20, 'x'));
  ExpectRefused("more than the credit that was given");
}

TEST_P(BootstrapTest, ChunksInAnotherOrderAreRefused) {
  std::string& a = *made_.chunks[0].mutable_block();
  std::string& b = *made_.chunks[1].mutable_block();
  a.swap(b);
  ExpectRefused("comes after");
}

TEST_P(BootstrapTest, AViewOfAnotherVersionIsRefused) {
  made_.head.mutable_views(1)->set_version(99);
  ExpectRefused("version 99; this device has");
}

TEST_P(BootstrapTest, AViewThatIsMissingIsRefused) {
  made_.head.mutable_views()->RemoveLast();
  ExpectRefused("views; this device has");
}

TEST_P(BootstrapTest, AnotherHistoryIsRefused) {
  made_.head.set_epoch_id(std::string(16, 'X'));
  ExpectRefused("of another epoch");
}

TEST_P(BootstrapTest, AScopeThatItDoesNotFollowIsRefused) {
  made_.head.set_scope("elsewhere");
  ExpectRefused("does not subscribe");
}

// However often a server says so, it costs the memory of one.
TEST_P(BootstrapTest, I33_OneThatComesAgainBeforeItIsLoadedIsRefused) {
  shop_.Sync();
  SendHead();
  SendChunks();
  SendHead();
  shop_.Run();
  EXPECT_NE(shop_.client().Status().last_error.find("one has come already"), std::string::npos)
      << shop_.client().Status().last_error;
  shop_.server().HoldFeed(false);
  shop_.Pass(absl::Minutes(10));
  EXPECT_TRUE(IsRight());
}

TEST_P(BootstrapTest, OneThatComesAgainIsRefused) {
  shop_.Sync();
  SendHead();
  SendChunks();
  shop_.Run();
  ASSERT_TRUE(IsRight());
  SendHead();
  shop_.Run();
  EXPECT_NE(shop_.client().Status().last_error.find("this device has 12"), std::string::npos)
      << shop_.client().Status().last_error;
  EXPECT_TRUE(IsRight());
}

}  // namespace
}  // namespace intentlog
