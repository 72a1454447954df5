// Names of a device log that was left, and gone back to.
#include "client/device_logs.h"

#include <gtest/gtest.h>

#include "eventlog/runtime/check.h"
#include "eventlog/store/memory_disk.h"

namespace intentlog {
namespace {

class DeviceLogsTest : public testing::Test {
 protected:
  DeviceLogsTest() { Open(); }

  void Open() {
    logs_.reset();
    store_.reset();
    StoreOptions options;
    options.role = "device";
    options.memory = &disk_;
    auto store = Store::Open("till", options);
    INTENTLOG_CHECK(store.ok());
    store_ = *std::move(store);
    auto logs = DeviceLogs::Open(*store_, {}, [] { return std::string(LogId::kSize, 'A'); });
    INTENTLOG_CHECK(logs.ok());
    logs_ = *std::move(logs);
  }
  void Continue(char name, uint64_t last, bool by_chance) {
    DeviceLogs::Continuation how;
    how.id = Id(name);
    how.last = Count(last);
    how.by_chance = by_chance;
    Write([&](StoreBatch& batch) { return logs_->Continue(how, batch); });
  }
  void GoBack() {
    Write([&](StoreBatch& batch) { return logs_->GoBack(kPlainClass, batch); });
  }
  DeviceLogs::Named Now() const { return logs_->All().at(0); }
  static LogId Id(char name) { return LogId::FromBytes(std::string(LogId::kSize, name)); }

 private:
  template <typename Change>
  void Write(Change change) {
    StoreBatch batch;
    const DeviceLogState state = change(batch);
    ASSERT_TRUE(store_->Commit(batch, Sync::kDurable).ok());
    logs_->Continued(state);
    Open();  // whatever is said below is on disk
  }

  MemoryDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<DeviceLogs> logs_;
};

TEST_F(DeviceLogsTest, ANameByChanceIsRememberedWhereItWasTaken) {
  Continue('B', 3, /*by_chance=*/true);
  EXPECT_EQ(Now().continues, Id('A'));
  EXPECT_FALSE(Now().until.has_value());
  GoBack();
  EXPECT_EQ(Now().id, Id('A'));
  EXPECT_EQ(Now().until, Count(3));
}

// It comes again from the fork itself.
TEST_F(DeviceLogsTest, ANameThatFollowsFromWhatMovedIsNot) {
  Continue('B', 3, /*by_chance=*/false);
  GoBack();
  EXPECT_FALSE(Now().until.has_value());
}

TEST_F(DeviceLogsTest, NamesByChanceBehindOthersAreRememberedWithThem) {
  Continue('B', 3, /*by_chance=*/true);
  Continue('C', 5, /*by_chance=*/false);
  Continue('D', 8, /*by_chance=*/true);
  GoBack();
  GoBack();
  GoBack();
  EXPECT_EQ(Now().id, Id('A'));
  EXPECT_EQ(Now().until, Count(3));
  Continue('B', 3, /*by_chance=*/true);
  EXPECT_FALSE(Now().until.has_value());
  Continue('C', 5, /*by_chance=*/false);
  EXPECT_EQ(Now().until, Count(8));
}

}  // namespace
}  // namespace intentlog
