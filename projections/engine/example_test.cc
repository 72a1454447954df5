// The example of README.md: a projection of one's own, folded and read. README.md quotes this file.
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/runtime/check.h"
#include "gtest/gtest.h"
#include "projections/engine/checked.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_store.h"
#include "projections/engine/read_models.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using commerce::GoodsReturned;
using views::SalesRow;

// [projection]
// What came back, by product: how often, how many, and what it cost.
class ReturnsByProduct final : public Projection {
 public:
  ProjectionInfo info() const override { return {"returns_by_product", 1, SalesRow::descriptor()}; }
  void Keys(const Event& event, KeySink& keys) const override {
    if (const auto* back = event.As<GoodsReturned>()) keys.Add(back->product_id());
  }
  absl::Status Apply(const Event& event, std::string_view, Row& row) const override {
    const auto* back = event.As<GoodsReturned>();
    return AddUp(1, back->quantity(), back->refund_micros(), row);
  }
  bool merges() const override { return true; }  // shops return the same products: add them up
  absl::Status Merge(const Row& other, Row& row) const override {
    const auto& sum = other.Read<SalesRow>();
    return AddUp(sum.lines(), sum.units(), sum.revenue_micros(), row);
  }
  std::vector<std::string> Columns() const override { return {"returns", "units", "micros"}; }
  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    const auto& sum = row.Read<SalesRow>();
    columns = {std::to_string(sum.lines()), std::to_string(sum.units()),
               std::to_string(sum.revenue_micros())};
    return absl::OkStatus();
  }

 private:
  static absl::Status AddUp(int64_t lines, int64_t units, int64_t micros, Row& row) {
    const auto& before = row.Read<SalesRow>();
    ASSIGN_OR_RETURN(lines, CheckedAdd("lines", before.lines(), lines));
    ASSIGN_OR_RETURN(units, CheckedAdd("units", before.units(), units));
    ASSIGN_OR_RETURN(micros, CheckedAdd("revenue_micros", before.revenue_micros(), micros));
    auto& sum = row.Edit<SalesRow>();  // only now: a row is as it was when Apply fails
    sum.set_lines(lines);
    sum.set_units(units);
    sum.set_revenue_micros(micros);
    return absl::OkStatus();
  }
};
// [/projection]

// [test]
TEST(ExampleTest, ReturnsAddUpOverShops) {
  MadeStore store("example");
  auto models = ReadModels::Open(*store, {std::make_shared<ReturnsByProduct>()}).value();

  GoodsReturned back;
  back.set_product_id("milk");
  back.set_quantity(2);
  back.set_refund_micros(1'500'000);
  StoreBatch batch;
  ASSERT_TRUE(models->Add(MadeEvent(1, "east", back).event()).ok());
  ASSERT_TRUE(models->Add(MadeEvent(2, "west", back).event()).ok());
  ASSERT_TRUE(models->Finish("east", Position(1), batch).ok());
  ASSERT_TRUE(models->Finish("west", Position(2), batch).ok());
  ASSERT_TRUE(store->Commit(batch, Sync::kDurable).ok());
  models->Committed();

  auto row = models->Get("returns_by_product", "milk");
  ASSERT_TRUE(row.ok() && row->has_value());
  EXPECT_EQ((*row)->Read<SalesRow>().units(), 4);
}
// [/test]

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(ExampleTest, TheReadmeQuotesThisFile) {
  const std::string readme = FileText("projections/README.md");
  const std::string source = FileText("projections/engine/example_test.cc");
  for (const std::string part : {"projection", "test"}) {
    const std::string begin = "\n// [" + part + "]\n";
    const size_t from = source.find(begin) + begin.size();
    const std::string text = source.substr(from, source.find("// [/" + part + "]") - from);
    ASSERT_GT(text.size(), 200u);
    EXPECT_NE(readme.find("```cpp\n" + text + "```"), std::string::npos)
        << "README.md should quote:\n"
        << text;
  }
}

}  // namespace
}  // namespace intentlog
