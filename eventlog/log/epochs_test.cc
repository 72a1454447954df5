#include "eventlog/log/epochs.h"

#include <gtest/gtest.h>

#include <string>

namespace intentlog {
namespace {

EpochsOnWire History(const std::vector<std::pair<char, uint64_t>>& epochs) {
  EpochsOnWire history;
  for (const auto& [name, first] : epochs) {
    Epoch& epoch = *history.Add();
    epoch.set_number(static_cast<uint32_t>(history.size()));
    epoch.set_id(std::string(16, name));
    epoch.set_first_position(first);
  }
  return history;
}

constexpr Position kAll(UINT64_MAX);

TEST(SharedThrough, IsEverythingWhereNobodyWasRestored) {
  EXPECT_EQ(SharedThrough(History({{'A', 1}}), History({{'A', 1}})), kAll);
}

TEST(SharedThrough, EndsWhereTheRestoredServerBegan) {
  EXPECT_EQ(SharedThrough(History({{'A', 1}}), History({{'A', 1}, {'B', 101}})), Position(100));
}

TEST(SharedThrough, OfTwoRestoresOfOneBackupIsTheBackup) {
  EXPECT_EQ(SharedThrough(History({{'A', 1}, {'B', 101}}), History({{'A', 1}, {'C', 101}})),
            Position(100));
}

TEST(SharedThrough, OfAnOlderBackupIsTheOlderOne) {
  EXPECT_EQ(SharedThrough(History({{'A', 1}, {'B', 101}}), History({{'A', 1}, {'C', 51}})),
            Position(50));
}

TEST(SharedThrough, KnowsThatTheServerWentBackToAnEpochBefore) {
  EXPECT_EQ(SharedThrough(History({{'A', 1}, {'B', 101}}), History({{'A', 1}})), Position(100));
}

TEST(SharedThrough, IsNothingForAnotherLog) {
  EXPECT_EQ(SharedThrough(History({{'A', 1}}), History({{'B', 1}})), std::nullopt);
  EXPECT_EQ(SharedThrough(History({}), History({{'B', 1}})), std::nullopt);
}

TEST(CheckEpochs, RefusesWhatIsNoHistory) {
  EXPECT_TRUE(CheckEpochs(History({{'A', 1}, {'B', 101}, {'C', 101}})).ok());
  EXPECT_FALSE(CheckEpochs(History({{'A', 2}})).ok());
  EXPECT_FALSE(CheckEpochs(History({{'A', 1}, {'B', 101}, {'C', 100}})).ok());
  EpochsOnWire unnamed = History({{'A', 1}});
  unnamed[0].set_id("A");
  EXPECT_FALSE(CheckEpochs(unnamed).ok());
}

}  // namespace
}  // namespace intentlog
