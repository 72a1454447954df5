#include "tools/import/importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "eventlog/runtime/text.h"
#include "tools/import/device_folders.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;

constexpr char kHeader[] =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

std::string Row(std::string_view invoice, int n) {
  return Cat(invoice, ",P", n % 5, ",thing ", n, ",", n + 1, ",2011-05-06 07:", 10 + n % 50,
             ",1.25,c", n % 3, ",UK\n");
}

class ImporterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = Cat(std::getenv("TEST_TMPDIR"), "/", std::string_view(test->name()));
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  std::string Write(const std::string& rows) {
    const std::string path = dir_ + "/orders.csv";
    std::ofstream(path, std::ios::binary) << kHeader << rows;
    return path;
  }
  std::string chain() const { return dir_ + "/chain"; }

  absl::StatusOr<ImportResult> Import(const std::string& path, int devices,
                                      const ImportOptions& options = {}) {
    auto file = CheckOrderFile(path, options);
    if (!file.ok()) return file.status();
    auto opened = OpenDeviceFolders(chain(), devices);
    if (!opened.ok()) return opened.status();
    std::vector<Client*> clients;
    for (const ShopDevice& device : *opened) clients.push_back(&device.client());
    auto result = ImportOrderLines(*file, clients, options);
    recorded_ = 0;
    for (Client* client : clients) recorded_ += client->Status().counts.recorded;
    return result;
  }
  uint64_t recorded() const { return recorded_; }

  std::string dir_;
  uint64_t recorded_ = 0;
};

TEST_F(ImporterTest, EveryRowIsRecordedOnceAndAnInvoiceStaysOnOneDevice) {
  std::string rows;
  for (int n = 0; n < 300; ++n) rows += Row(Cat("I", n / 7), n);
  const auto result = Import(Write(rows), 3);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows(), 300u);
  EXPECT_EQ(result->repeated(), 0u);
  EXPECT_EQ(recorded(), 300u);
  uint64_t batches = 0;
  for (const ImportedDevice& device : result->devices) batches += device.batches;
  EXPECT_EQ(batches, 43u);
}

TEST_F(ImporterTest, ImportingAgainRecordsNothing) {
  std::string rows;
  for (int n = 0; n < 100; ++n) rows += Row(Cat("I", n / 9), n);
  const std::string path = Write(rows);
  ASSERT_TRUE(Import(path, 2).ok());
  const auto again = Import(path, 2);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->repeated(), 100u);
  EXPECT_EQ(recorded(), 100u);
}

TEST_F(ImporterTest, AnImportThatWasCutOffGoesOn) {
  std::string rows;
  for (int n = 0; n < 100; ++n) rows += Row(Cat("I", n / 10), n);
  const std::string path = Write(rows);
  const auto file = CheckOrderFile(path, {});
  ASSERT_TRUE(file.ok());
  {
    auto devices = OpenDeviceFolders(chain(), 2);
    ASSERT_TRUE(devices.ok()) << devices.status();
    Client* const only_first[] = {&(*devices)[0].client(), nullptr};
    ASSERT_TRUE(ImportOrderLines(*file, only_first, {}).ok());
  }
  const auto result = Import(path, 2);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->devices[0].repeated, result->devices[0].rows);
  EXPECT_EQ(result->devices[1].repeated, 0u);
  EXPECT_EQ(recorded(), 100u);
}

TEST_F(ImporterTest, EqualRowsAreRealLinesAndAllCount) {
  const std::string row = Row("I1", 4);
  const auto result = Import(Write(row + row + row), 1);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(recorded(), 3u);
}

TEST_F(ImporterTest, ALongInvoiceIsCutIntoBatches) {
  std::string rows;
  for (int n = 0; n < 50; ++n) rows += Row("I1", n);
  const auto result = Import(Write(rows), 1, {.batch_intents_max = 20});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->devices[0].batches, 3u);
}

TEST_F(ImporterTest, ABadRowIsNamedAndNothingIsRecorded) {
  const auto result =
      Import(Write(Row("I1", 1) + Row("I2", 2) + "I3,P,x,many,2011-01-01 10:00,1,,\n"), 2);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("orders.csv:4:8: Quantity: \"many\" is no whole number"));
  EXPECT_FALSE(std::filesystem::exists(chain()));
}

TEST_F(ImporterTest, AnotherNumberOfDevicesIsRefused) {
  const std::string path = Write(Row("I1", 1));
  ASSERT_TRUE(Import(path, 2).ok());
  const auto result = Import(path, 3);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("has 2 devices"));
}

TEST_F(ImporterTest, AnotherCurrencyForTheSameRowsIsRefusedWithTheRow) {
  const std::string path = Write(Row("I1", 1));
  ASSERT_TRUE(Import(path, 1).ok());
  const auto result = Import(path, 1, {.currency = "EUR"});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("row 1 (invoice I1)"));
}

TEST(IntentIdOfRow, IsAUuidOfVersion7AndDiffersByRowAndContent) {
  const std::string a(32, 'a'), b(32, 'b');
  const IntentId id = IntentIdOfRow(a, 1, 1'291'191'960'000'000);
  EXPECT_EQ(ToText(id).substr(0, 15), "012ca109-c1c0-7");
  EXPECT_THAT("89ab", HasSubstr(ToText(id).substr(19, 1)));
  EXPECT_EQ(id, IntentIdOfRow(a, 1, 1'291'191'960'000'000));
  EXPECT_NE(id, IntentIdOfRow(a, 2, 1'291'191'960'000'000));
  EXPECT_NE(id, IntentIdOfRow(b, 1, 1'291'191'960'000'000));
}

}  // namespace
}  // namespace intentlog
