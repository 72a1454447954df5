#include "tools/bench/bench_row.h"

#include <gtest/gtest.h>

namespace intentlog::bench {
namespace {

BenchRow SomeRow() {
  BenchRow row;
  row.name = "log_scan";
  row.unit = "events/s";
  row.durability = "nothing: reading";
  row.beside_name = "plain RocksDB";
  row.target = 0.5;
  FillFromPairs({{10, 20}, {30, 40}, {50, 10}}, row);
  return row;
}

TEST(BenchRowTest, MedianIsTheMiddleOrTheMeanOfTheTwo) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(Median({7}), 7);
}

TEST(BenchRowTest, QuantileIsTheNearestRank) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(Quantile(values, 0.99), 99);
  EXPECT_EQ(Quantile(values, 1), 100);
  EXPECT_EQ(Quantile(values, 0), 1);
  EXPECT_EQ(Quantile({5}, 0.5), 5);
}

TEST(BenchRowTest, RatioIsTheMedianOfThePairsOwnRatios) {
  const BenchRow row = SomeRow();
  EXPECT_EQ(row.value, 30);
  EXPECT_EQ(row.beside_value, 20);
  EXPECT_EQ(row.ratio, 0.75);  // of 0.5, 0.75 and 5; 30 / 20 would be 1.5
}

TEST(BenchRowTest, APairWithoutAPeerHasRatioZero) {
  BenchRow row;
  FillFromPairs({{10, 0}}, row);
  EXPECT_EQ(row.ratio, 0);
}

TEST(BenchRowTest, IsJudgedByRatioOrByValueFromEitherSide) {
  BenchRow row = SomeRow();
  EXPECT_TRUE(row.ok());
  row.target = 0.8;
  EXPECT_FALSE(row.ok());
  row.aim = Aim::kAtMost;
  EXPECT_TRUE(row.ok());
  row.of_value = true;
  EXPECT_FALSE(row.ok());
  row.target = 30;
  EXPECT_TRUE(row.ok());
}

TEST(BenchRowTest, JsonNamesEachField) {
  const nlohmann::json json = ToJson({SomeRow()});
  ASSERT_EQ(json["rows"].size(), 1u);
  const nlohmann::json& row = json["rows"][0];
  for (const char* key : {"name", "value", "unit", "durability", "ratio", "target", "ok"}) {
    EXPECT_TRUE(row.contains(key)) << key;
  }
  EXPECT_EQ(row["beside"]["name"], "plain RocksDB");
  EXPECT_EQ(row["beside"]["value"], 20);
  EXPECT_EQ(row["ok"], true);
}

TEST(BenchRowTest, TableSaysWhichTargetsAreMissed) {
  BenchRow missed = SomeRow();
  missed.name = "too_slow";
  missed.target = 2;
  missed.value = 1234567;
  const std::string table = ToTable({SomeRow(), missed});
  EXPECT_NE(table.find("ok    log_scan"), std::string::npos) << table;
  EXPECT_NE(table.find("MISS  too_slow  1,234,567"), std::string::npos) << table;
  EXPECT_NE(table.find(">= 2 x"), std::string::npos) << table;
}

TEST(BenchRowTest, ARowWithoutItsPeerIsNotMeasuredHoweverGood) {
  BenchRow row = SomeRow();
  row.target = 0;
  row.not_measured = "not installed";
  EXPECT_FALSE(row.ok());
  EXPECT_EQ(ToJson({row})["rows"][0]["not_measured"], "not installed");
  const std::string table = ToTable({row});
  EXPECT_NE(table.find("NOT MEASURED  log_scan"), std::string::npos) << table;
  EXPECT_NE(table.find("plain RocksDB (not installed)"), std::string::npos) << table;
}

}  // namespace
}  // namespace intentlog::bench
