// Notation: A101 is the intent that device A had at lost position 101; A+ is new work of A.
#include "server/sequencer/healer.h"

#include <gtest/gtest.h>

#include <string>

namespace intentlog {
namespace {

const std::string kEpoch(16, 'E');
constexpr absl::Duration kEnd = absl::Minutes(10);

class HealerTest : public testing::Test {
 protected:
  HealerTest() { healer_.Note({kEpoch, 1, Position(100), Position(105)}, kEnd); }

  // What `device` pushes: from the count after its last one, the lost positions; 0: new work.
  void Push(char device, const std::vector<uint64_t>& lost) {
    auto& lane = lanes_[device];
    if (lane == nullptr) {
      lane = std::make_shared<PushLane>();
      lane->device = std::string(1, device);
      lane->log = LogId::FromBytes(std::string(16, device));
    }
    PushUnit unit;
    unit.lane = lane;
    uint64_t& last = last_[device];
    unit.push.first_count = last + 1;
    for (const uint64_t position : lost) {
      ++last;
      unit.push.intents.emplace_back("intent");
      unit.push.intent_bytes += 6;
      if (position == 0) continue;
      LostRun& run = unit.push.lost.emplace_back();
      run.set_first_count(last);
      run.set_length(1);
      run.set_epoch_id(kEpoch);
      run.set_epoch_number(1);
      run.set_first_position(position);
      run.set_decision(ACCEPTED);
    }
    healer_.Hold(std::move(unit));
  }

  static std::string Name(const std::vector<PushUnit>& units) {
    std::string name;
    for (const PushUnit& unit : units) {
      for (uint64_t count = unit.push.first_count; count <= unit.push.last_count(); ++count) {
        const LostRun* const run = LostRunOf(unit.push, count);
        name += (name.empty() ? "" : " ") + unit.lane->device;
        name += run == nullptr ? "+" : std::to_string(run->first_position());
      }
    }
    return name;
  }
  std::string Released() { return Name(healer_.Release()); }

  Healer healer_{false};
  std::map<char, std::shared_ptr<PushLane>> lanes_;
  std::map<char, uint64_t> last_;
};

TEST_F(HealerTest, LetsPassWhatFollowsOnWhatIsThere) {
  Push('A', {101, 102});
  EXPECT_EQ(Released(), "A101 A102");
  EXPECT_TRUE(healer_.active());
}

TEST_F(HealerTest, PutsSeveralDevicesIntoTheOldOrder) {
  Push('A', {101, 103});
  EXPECT_EQ(Released(), "A101");
  Push('B', {104});
  EXPECT_EQ(Released(), "");
  Push('C', {102});
  EXPECT_EQ(Released(), "C102 A103 B104");
}

TEST_F(HealerTest, NewWorkComesAfterEverythingThatIsKnownToBeLost) {
  Push('A', {101, 0});
  EXPECT_EQ(Released(), "A101");
  Push('B', {102, 103, 104, 105, 0});
  EXPECT_EQ(Released(), "B102 B103 B104 B105 A+ B+");
  EXPECT_TRUE(healer_.over());
  EXPECT_FALSE(healer_.active());
}

TEST_F(HealerTest, GoesOnOverWhatIsMissing) {
  Push('B', {105, 0});
  Push('A', {103});
  EXPECT_EQ(Released(), "");
  const Healing state = healer_.state();
  EXPECT_EQ(state.waiting(), 3u);
  EXPECT_EQ(state.next(), 101u);
  EXPECT_EQ(state.through(), 105u);
  EXPECT_EQ(Name(healer_.GoOn()), "A103 B105 B+");
  EXPECT_TRUE(healer_.over());
}

TEST_F(HealerTest, NeverLetsACountOvertakeAnEarlierOneOfItsLog) {
  // The feed had told A of its second intent, and no receipt of its first one ever came.
  Push('A', {0, 102});
  EXPECT_EQ(Released(), "");
  Push('B', {101});
  EXPECT_EQ(Released(), "B101 A+ A102");
}

TEST_F(HealerTest, NeverLetsACountOvertakeAnEarlierFrameOfItsLog) {
  Push('A', {0});
  Push('A', {102});
  Push('B', {101});
  EXPECT_EQ(Released(), "B101 A+ A102");
}

TEST_F(HealerTest, TakesTheSameTwiceBecauseADeviceMayComeAgain) {
  Push('A', {101});
  last_['A'] = 0;
  Push('A', {101});
  EXPECT_EQ(Released(), "A101 A101");
}

TEST_F(HealerTest, WaitsOncePerEpoch) {
  Healer healed(true);
  EXPECT_FALSE(healed.Note({kEpoch, 1, Position(100), Position(105)}, kEnd));
  EXPECT_FALSE(healed.active());
}

TEST_F(HealerTest, NewWorkWaitsForTheFirstDeviceThatTellsOfALoss) {
  healer_ = Healer(false);
  healer_.Expect(absl::Seconds(15));
  Push('A', {0});
  EXPECT_EQ(Released(), "");
  EXPECT_TRUE(healer_.Note({kEpoch, 1, Position(100), Position(101)}, kEnd));
  EXPECT_EQ(healer_.ends(), kEnd);
  Push('B', {101});
  EXPECT_EQ(Released(), "B101 A+");
  EXPECT_TRUE(healer_.over());
}

TEST_F(HealerTest, ALossThatIsToldLaterIsWaitedForLater) {
  healer_ = Healer(false);
  healer_.Expect(absl::Seconds(15));
  Push('A', {0});
  EXPECT_EQ(Name(healer_.GoOn()), "A+");
  EXPECT_FALSE(healer_.active());
  EXPECT_TRUE(healer_.Note({kEpoch, 1, Position(100), Position(101)}, kEnd));
  EXPECT_TRUE(healer_.active());
}

}  // namespace
}  // namespace intentlog
