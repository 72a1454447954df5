// A year of real orders, folded as both sides fold it, without devices, network or server: the six
// sales views must have the golden digests, however the orders are spread over scopes.
#include "tools/demo_story/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "eventlog/log/event.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/made_store.h"
#include "projections/engine/read_models.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "tools/demo_story/view_dump.h"
#include "tools/import/importer.h"
#include "tools/import/shop_device.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;

constexpr size_t kBatchBytes = 4 << 20;

// Folds order lines as events of a server's log, each in its shop's scope.
class OrderFold {
 public:
  OrderFold(const std::string& name, int shops)
      : shops_(shops),
        store_(name, 32 << 20),
        models_(*ReadModels::Open(*store_, CommerceViews())),
        decoder_(Schema::Compiled({OrderLineAdded::descriptor()->file()})) {}

  absl::Status Add(const OrderLineAdded& line) {
    const std::string scope = ShopScope(DeviceOfInvoice(line.order_id(), shops_));
    ++position_;
    header_.set_position(position_);
    header_.set_decision(ACCEPTED);
    intent_.set_type(line.GetTypeName());
    intent_.set_entity_type("order");
    intent_.set_entity_id(line.order_id());
    intent_.set_scope(scope);
    line.SerializeToString(intent_.mutable_payload());
    const std::string header = header_.SerializeAsString();
    const std::string intent = intent_.SerializeAsString();
    const auto event = decoder_.Decode({Position(position_), scope, true, header, intent});
    if (!event.ok()) return event.status();
    const absl::Status added = models_->Add(**event);
    if (!added.ok()) return added;
    scopes_.insert(scope);
    return models_->pending_bytes() > kBatchBytes ? Commit() : absl::OkStatus();
  }

  absl::Status Commit() {
    StoreBatch batch;
    for (const std::string& scope : scopes_) {
      const absl::Status finished = models_->Finish(scope, Position(position_), batch);
      if (!finished.ok()) return finished;
    }
    scopes_.clear();
    const absl::Status committed = store_->Commit(batch, Sync::kBuffered);
    if (committed.ok()) models_->Committed();
    return committed;
  }

  SalesDumps Dump() const {
    SalesDumps dumps;
    for (const std::string_view view : kSalesViews) {
      auto dump = DumpModels(*models_, *models_->Find(view));
      EXPECT_TRUE(dump.ok()) << dump.status();
      if (dump.ok()) dumps[std::string(view)] = {std::move(dump->sales), dump->sha256};
    }
    return dumps;
  }

 private:
  const int shops_;
  MadeStore store_;
  std::unique_ptr<ReadModels> models_;
  EventDecoder decoder_;
  Header header_;
  Intent intent_;
  uint64_t position_ = 0;
  std::set<std::string> scopes_;
};

class GoldenTest : public ::testing::TestWithParam<int> {};

TEST_P(GoldenTest, AYearOfOrdersGivesTheGoldenViews) {
  const char* data = std::getenv("INTENTLOG_DATA");
  if (data == nullptr) GTEST_SKIP() << "INTENTLOG_DATA does not name the real order file";
  const auto golden = Golden::Load(Golden::PathBeside(data));
  ASSERT_TRUE(golden.ok()) << golden.status();
  OrderFold fold(Cat("golden_", GetParam()), GetParam());
  const auto file = CheckOrderFile(data, {}, {}, [&](const OrderLineAdded& line, int64_t) {
    const absl::Status added = fold.Add(line);
    ASSERT_TRUE(added.ok()) << added;
  });
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(fold.Commit().ok());
  const auto comparisons = golden->Compare(fold.Dump(), file->figures);
  EXPECT_GE(comparisons.size(), 45u);
  for (const Comparison& one : comparisons) {
    EXPECT_TRUE(one.equal) << one.figure << " is " << one.golden << ", not " << one.computed;
  }
}

INSTANTIATE_TEST_SUITE_P(Shops, GoldenTest, ::testing::Values(1, 8));

}  // namespace
}  // namespace intentlog
