#include "tools/demo_story/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "eventlog/runtime/text.h"
#include "tools/import/hashed_source.h"
#include "tools/import/importer.h"

namespace intentlog {
namespace {

TEST(Golden, LiesBesideItsFile) {
  EXPECT_EQ(Golden::PathBeside("/d/a.csv.xz"), "/d/a.golden.json");
  EXPECT_EQ(Golden::PathBeside("a.csv"), "a.golden.json");
  EXPECT_EQ(Golden::PathBeside("/x.csv/orders"), "/x.csv/orders.golden.json");
}

TEST(Golden, AnAbsentOrForeignFileIsNamed) {
  EXPECT_EQ(Golden::Load("/no/such.golden.json").status().code(), absl::StatusCode::kNotFound);
  const std::string path = Cat(std::getenv("TEST_TMPDIR"), "/x.golden.json");
  std::ofstream(path) << "[1, 2";
  EXPECT_EQ(Golden::Load(path).status().code(), absl::StatusCode::kInvalidArgument);
}

SalesDumps DumpsOf(const SalesTally& tally) {
  SalesDumps dumps;
  for (const std::string_view view : kSalesViews) {
    const SalesByKey& rows = tally.View(view);
    dumps[std::string(view)] = {rows, Hex(Sha256Of(SalesTsv(rows)))};
  }
  return dumps;
}

TEST(Golden, EveryFigureThatDiffersIsFound) {
  const std::string path = Cat(std::getenv("TEST_TMPDIR"), "/y.golden.json");
  std::ofstream(path) << R"({"csv_sha256": "00", "rows": 2, "units_net": 4, "countries": 1,
      "by_country": [{"key": "UK", "lines": 1, "units": 3, "revenue_mills": 30}], "licence": "x",
      "digests": {"by_country": {"keys": 1, "sha256": "ab"}}})";
  const auto golden = Golden::Load(path);
  ASSERT_TRUE(golden.ok());
  EXPECT_TRUE(golden->AppliesTo("", std::string(1, '\0')));
  EXPECT_FALSE(golden->AppliesTo("", "a"));
  SalesTally tally;
  commerce::OrderLineAdded line;
  line.set_order_id("1");
  line.set_country("UK");
  line.set_quantity(3);
  tally.Add(line, 30);
  std::string equal, different;
  for (const Comparison& one : golden->Compare(DumpsOf(tally), {})) {
    (one.equal ? equal : different) += one.figure + " ";
  }
  EXPECT_EQ(equal, "countries by_country digests.by_country.keys ");
  EXPECT_EQ(different, "rows units_net digests.by_country.sha256 ");
  EXPECT_EQ(golden->NotCompared(DumpsOf(tally), {}),
            (std::vector<std::string>{"csv_sha256", "licence"}));
}

// The reader and the tally alone, without log or projections: what the demo's parent expects.
TEST(Golden, TheRealFileAddsUpToItsGoldenFigures) {
  const char* data = std::getenv("INTENTLOG_DATA");
  if (data == nullptr) GTEST_SKIP() << "INTENTLOG_DATA does not name the real order file";
  const auto golden = Golden::Load(Golden::PathBeside(data));
  ASSERT_TRUE(golden.ok()) << golden.status();
  SalesTally tally;
  const auto file = CheckOrderFile(
      data, {}, {},
      [&](const commerce::OrderLineAdded& line, int64_t mills) { tally.Add(line, mills); });
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(golden->AppliesTo(file->file_sha256, ""));
  EXPECT_TRUE(golden->AppliesTo("", file->content_sha256));
  const auto comparisons = golden->Compare(DumpsOf(tally), file->figures);
  EXPECT_GE(comparisons.size(), 45u);
  for (const Comparison& one : comparisons) {
    EXPECT_EQ(one.golden, one.computed) << one.figure;
    EXPECT_TRUE(one.equal) << one.figure;
  }
}

}  // namespace
}  // namespace intentlog
