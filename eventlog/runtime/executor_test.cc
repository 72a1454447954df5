#include "eventlog/runtime/executor.h"

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "eventlog/runtime/clock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

class ExecutorTest : public testing::Test {
 protected:
  // Holds the executor's thread until Release.
  void Hold() {
    executor_->Post([this] { release_.get_future().wait(); });
  }
  void Release() { release_.set_value(); }
  // Returns when all that was posted before has run.
  void Drain() {
    std::promise<void> done;
    executor_->Post([&] { done.set_value(); });
    done.get_future().wait();
  }

  std::promise<void> release_;
  std::unique_ptr<Executor> executor_ = MakeThreadExecutor("test");
};

TEST_F(ExecutorTest, TasksRunInTheOrderInWhichTheyWerePosted) {
  std::vector<int> order;
  for (int i = 0; i < 1000; ++i) executor_->Post([&order, i] { order.push_back(i); });
  Drain();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[i], i);
}

TEST_F(ExecutorTest, TimersWithoutDelayKeepTheirPlaceAmongTasks) {
  std::vector<int> order;
  Hold();
  executor_->PostAfter(absl::ZeroDuration(), [&] { order.push_back(1); });
  executor_->Post([&] { order.push_back(2); });
  executor_->PostAfter(-absl::Seconds(1), [&] { order.push_back(3); });
  executor_->Post([&] { order.push_back(4); });
  Release();
  Drain();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST_F(ExecutorTest, ATimerRunsNotBeforeItsDelayHasPassed) {
  const absl::Duration start = SystemClock().Passed();
  std::promise<absl::Duration> ran;
  executor_->PostAfter(absl::Milliseconds(5), [&] { ran.set_value(SystemClock().Passed()); });
  EXPECT_GE(ran.get_future().get() - start, absl::Milliseconds(5));
}

TEST_F(ExecutorTest, ALateTimerDoesNotHoldUpTasks) {
  executor_->PostAfter(absl::Hours(10), [] { FAIL(); });
  executor_->PostAfter(absl::InfiniteDuration(), [] { FAIL(); });
  Drain();
}

TEST_F(ExecutorTest, AnEarlierTimerOvertakesALaterOne) {
  executor_->PostAfter(absl::Hours(10), [] { FAIL(); });
  std::promise<void> ran;
  executor_->PostAfter(absl::Milliseconds(1), [&] { ran.set_value(); });
  ran.get_future().wait();
}

TEST_F(ExecutorTest, ACancelledTimerDoesNotRun) {
  bool ran = false;
  Hold();
  const Executor::TimerId timer = executor_->PostAfter(absl::ZeroDuration(), [&] { ran = true; });
  EXPECT_NE(timer, 0u);
  executor_->Cancel(timer);
  executor_->Cancel(timer);  // harmless
  executor_->Cancel(0);
  Release();
  Drain();
  EXPECT_FALSE(ran);
}

TEST_F(ExecutorTest, ACancelledTimerIsDestroyedAtOnce) {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  const Executor::TimerId timer = executor_->PostAfter(absl::Hours(1), [held = std::move(held)] {});
  executor_->Cancel(timer);
  EXPECT_TRUE(seen.expired());
}

TEST_F(ExecutorTest, TasksOfManyThreadsAllRunAndNeverTogether) {
  int sum = 0;  // no lock: only the executor touches it
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        if (i % 2 == 0) {
          executor_->Post([&sum] { ++sum; });
        } else {
          executor_->PostAfter(absl::ZeroDuration(), [&sum] { ++sum; });
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Drain();
  EXPECT_EQ(sum, 2000);
}

TEST_F(ExecutorTest, ATaskMayPostAndCancel) {
  std::promise<void> done;
  executor_->Post([&] {
    executor_->Cancel(executor_->PostAfter(absl::ZeroDuration(), [] { FAIL(); }));
    executor_->Post([&] { done.set_value(); });
  });
  done.get_future().wait();
}

TEST_F(ExecutorTest, DestroyingWaitsForTheRunningTaskAndDropsTheRest) {
  std::promise<void> started;
  std::atomic<bool> finished = false;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  executor_->PostAfter(absl::Hours(1), [held = std::move(held)] { FAIL(); });
  executor_->Post([&] {
    started.set_value();
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    finished = true;
  });
  started.get_future().wait();
  executor_.reset();
  EXPECT_TRUE(finished);
  EXPECT_TRUE(seen.expired());
}

// Posts when it is destroyed, as a dropped callback of a connection does.
struct PostsOnExit {
  explicit PostsOnExit(Executor* executor) : executor(executor) {}
  ~PostsOnExit() {
    executor->Post([] { FAIL(); });
    executor->PostAfter(absl::ZeroDuration(), [] { FAIL(); });
  }
  Executor* executor;
};

TEST_F(ExecutorTest, WhatADroppedTaskPostsIsDropped) {
  executor_->PostAfter(absl::Hours(1), [p = std::make_unique<PostsOnExit>(executor_.get())] {});
  executor_.reset();
}

}  // namespace
}  // namespace intentlog
