#include "client/sync/retry.h"

#include <algorithm>
#include <filesystem>
#include <queue>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/random.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

const absl::Time kNoon = absl::FromUnixSeconds(1767268800);

RetryFailure Failing(absl::Time now, double unit = 0.5, absl::Duration server_delay = {}) {
  return {"connection refused", now, server_delay, 0, unit};
}

TEST(RetryTest, EachFailureWaitsLongerUpToTheCap) {
  const BackoffOptions options;
  RetryState state;
  absl::Duration before;
  for (int i = 0; i < 20; ++i) {
    state = AfterFailure(state, Failing(kNoon), options);
    const absl::Duration wait = WaitLeft(state, kNoon, options);
    EXPECT_GE(wait, before);
    EXPECT_LE(wait, options.cap);
    before = wait;
  }
  EXPECT_EQ(state.attempts(), 20u);
  EXPECT_EQ(state.last_error(), "connection refused");
  EXPECT_EQ(state.failing_since_us(), absl::ToUnixMicros(kNoon));
  EXPECT_EQ(WaitLeft(state, kNoon + options.cap, options), absl::ZeroDuration());
  EXPECT_EQ(WaitLeft(AfterSuccess(state), kNoon, options), absl::ZeroDuration());
}

TEST(RetryTest, ADelayThatTheServerSetWinsAndIsBounded) {
  const BackoffOptions options;
  RetryState state = AfterFailure({}, Failing(kNoon, 0.9, absl::Minutes(10)), options);
  EXPECT_EQ(WaitLeft(state, kNoon, options), absl::Minutes(10));
  EXPECT_EQ(ServerDelayLeft(state, kNoon + absl::Minutes(4), options), absl::Minutes(6));
  state = AfterFailure({}, Failing(kNoon, 0.9, absl::Hours(24)), options);
  EXPECT_EQ(WaitLeft(state, kNoon, options), options.server_delay_max);
}

TEST(RetryTest, AWallClockThatWasSetBackDelaysNobodyForLong) {
  const BackoffOptions options;
  const RetryState state = AfterFailure({}, Failing(kNoon), options);
  EXPECT_LE(WaitLeft(state, kNoon - absl::Hours(48), options), options.cap);
  const RetryState asked = AfterFailure({}, Failing(kNoon, 0.9, absl::Seconds(2)), options);
  EXPECT_EQ(WaitLeft(asked, kNoon - absl::Hours(48), options), absl::Seconds(2));
  EXPECT_EQ(WaitLeft(asked, kNoon + absl::Hours(48), options), absl::ZeroDuration());
}

class RetriesTest : public testing::Test {
 protected:
  RetriesTest() : dir_(testing::TempDir() + "/retries") {
    std::filesystem::remove_all(dir_);
    StoreOptions options;
    options.role = "device";
    auto store = Store::Open(dir_, options);
    INTENTLOG_CHECK(store.ok());
    store_ = *std::move(store);
  }
  ~RetriesTest() override {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }

  const std::string dir_;
  std::unique_ptr<Store> store_;
};

TEST_F(RetriesTest, EachLogHasItsOwnAndTheySurviveARestart) {
  const ClassSet orders(0b0001);
  const ClassSet both(0b0101);
  {
    Retries retries(*store_, BackoffOptions());
    retries.Attempted(orders);
    retries.Failed(orders, Failing(kNoon));
    retries.Attempted(both);
    retries.Failed(both, Failing(kNoon));
  }
  Retries retries(*store_, BackoffOptions());
  EXPECT_EQ(retries.Of(0).attempts(), 2u);
  EXPECT_EQ(retries.Of(1).attempts(), 0u);
  EXPECT_EQ(retries.Of(2).attempts(), 1u);
  EXPECT_EQ(retries.Of(2).last_error(), "connection refused");
  EXPECT_EQ(retries.worst().attempts(), 2u);
  EXPECT_EQ(retries.WaitLeft(kNoon), absl::Milliseconds(500));  // half of one second
  retries.Succeeded();
  EXPECT_EQ(retries.Of(0).attempts(), 0u);
  EXPECT_EQ(retries.Of(0).attempts_ever(), 2u);
  EXPECT_EQ(retries.Of(2).attempts_ever(), 1u);
}

// ---- the storm

struct Storm {
  int during = 0;  // connections in the busiest second from a minute after the outage began
  int after = 0;   // … and from its end on
  absl::Duration recovered;  // from its end until the last device is back
};

// `devices` lose their server at one moment, try as Retries tell them, and come back when it does.
// Every third of them is restarted in between, which changes nothing: what it waits for is on disk.
Storm Simulate(int devices, absl::Duration outage, uint64_t seed) {
  const BackoffOptions options;
  SeededRandom random(seed);
  struct Attempt {
    absl::Duration at;
    int device;
    bool operator<(const Attempt& other) const { return at > other.at; }
  };
  std::priority_queue<Attempt> attempts;
  std::vector<RetryState> states(static_cast<size_t>(devices));
  const auto fail = [&](absl::Duration now, int device) {
    RetryState& state = states[static_cast<size_t>(device)];
    state = AfterFailure(state, Failing(kNoon + now, random.Unit()), options);
    RetryState restarted;
    INTENTLOG_CHECK(restarted.ParseFromString(state.SerializeAsString()));
    if (device % 3 == 0) state = restarted;
    attempts.push({now + WaitLeft(state, kNoon + now, options), device});
  };
  for (int device = 0; device < devices; ++device) fail(absl::ZeroDuration(), device);
  Storm storm;
  int64_t second = -1;
  int connections = 0;
  while (!attempts.empty()) {
    const Attempt attempt = attempts.top();
    attempts.pop();
    const int64_t now = absl::ToInt64Seconds(attempt.at);
    connections = now == second ? connections + 1 : 1;
    second = now;
    int& peak = attempt.at < outage ? storm.during : storm.after;
    if (attempt.at >= absl::Minutes(1)) peak = std::max(peak, connections);
    if (attempt.at < outage) {
      fail(attempt.at, attempt.device);
    } else {
      storm.recovered = attempt.at - outage;
    }
  }
  return storm;
}

// A device that waits for up to a ceiling c, by chance, tries once in c / 2 on average; a thousand
// at the cap of 5 minutes make 6.7 connections a second. Tries are independent of each other, so a
// second sees about a Poisson number of them: more than 25 comes once in 10^8 seconds. A minute
// into an outage ceilings are at 64 s at least in half of the devices: twice 1000 / 32.
TEST(RetryStormTest, AThousandDevicesComeBackAtATrickleAfterAnOutage) {
  for (const uint64_t seed : {1, 2, 3, 4, 5}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Storm hour = Simulate(1000, absl::Hours(1), seed);
    EXPECT_LE(hour.after, 25);
    EXPECT_LE(hour.during, 65);
    EXPECT_LE(hour.recovered, BackoffOptions().cap);
    const Storm minutes = Simulate(1000, absl::Minutes(2), seed);
    EXPECT_LE(minutes.after, 65);
    EXPECT_LE(minutes.recovered, BackoffOptions().cap);
  }
}

}  // namespace
}  // namespace intentlog
