#include "client/sync/slice.h"

#include "gtest/gtest.h"

namespace intentlog {
namespace {

Slice Of(uint64_t bytes) { return Slice(SliceBudget{bytes, absl::Seconds(25)}); }

TEST(SliceTest, HalfOfTheBudgetIsForTheFeedAtFirst) {
  Slice slice = Of(1000);
  EXPECT_EQ(slice.Grant(5000), 500u);
  EXPECT_EQ(slice.PushAllowance(false), 500u);
  EXPECT_EQ(slice.PushAllowance(true), 1000u);  // nothing comes any more
}

TEST(SliceTest, CreditIsGivenBackWhileTheBudgetLasts) {
  Slice slice = Of(1000);
  slice.Grant(5000);
  slice.Received(400);
  EXPECT_EQ(slice.Grant(400), 400u);
  slice.Received(500);
  EXPECT_EQ(slice.Grant(500), 100u);
  EXPECT_EQ(slice.Grant(500), 0u);
  EXPECT_FALSE(slice.Spent(false));
  slice.Received(100);
  EXPECT_TRUE(slice.Spent(false) || slice.PushAllowance(false) == 1);
}

TEST(SliceTest, EverySliceMovesSomethingEachWay) {
  Slice slice = Of(0);
  EXPECT_EQ(slice.Grant(5000), 1u);
  EXPECT_EQ(slice.PushAllowance(false), 1u);
  EXPECT_FALSE(slice.Spent(true));
  slice.Pushed();
  slice.Sent(200);
  EXPECT_EQ(slice.PushAllowance(true), 0u);
  EXPECT_TRUE(slice.Spent(true));
}

TEST(SliceTest, WhatWasSentAndReceivedIsOneBudget) {
  Slice slice = Of(1000);
  slice.Grant(100);
  slice.Pushed();
  slice.Sent(700);
  EXPECT_EQ(slice.PushAllowance(false), 200u);
  slice.Received(90);
  slice.Disconnected();
  EXPECT_EQ(slice.PushAllowance(false), 210u);
  EXPECT_EQ(slice.sent() + slice.received(), 790u);
}

}  // namespace
}  // namespace intentlog
