// A year of real orders, folded as both sides fold it, without devices, network or server: the six
// sales views must have the golden digests, however the orders are spread over scopes.
#include "tools/demo_story/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eventlog/log/event.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/made_store.h"
#include "projections/engine/poisoned.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_access.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "tools/demo_story/view_dump.h"
#include "tools/import/importer.h"
#include "tools/import/shop_device.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;

constexpr size_t kBatchBytes = 4 << 20;

std::shared_ptr<const Schema> OrderSchema() {
  return Schema::Compiled({OrderLineAdded::descriptor()->file()});
}

// Folds order lines as events of a server's log, each in its shop's scope. Keeps them, so that
// parked ones are found again.
class OrderFold final : public EventFinder {
 public:
  OrderFold(const std::string& name, int shops, const Projections& views = CommerceViews())
      : shops_(shops),
        store_(name, 32 << 20),
        models_(*ReadModels::Open(*store_, views)),
        decoder_(OrderSchema()),
        finder_(OrderSchema()) {
    models_->FindEventsIn(this);
  }

  absl::Status Add(const OrderLineAdded& line) {
    return Add(line, ShopScope(DeviceOfInvoice(line.order_id(), shops_)));
  }
  absl::Status Add(const google::protobuf::Message& payload, const std::string& scope) {
    ++position_;
    header_.set_position(position_);
    header_.set_decision(ACCEPTED);
    intent_.set_type(payload.GetTypeName());
    intent_.set_scope(scope);
    payload.SerializeToString(intent_.mutable_payload());
    kept_.push_back({scope, header_.SerializeAsString(), intent_.SerializeAsString()});
    const auto event = decoder_.Decode(RefOf(Position(position_)));
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

  absl::StatusOr<const Event*> At(std::string_view, Position position) override {
    return finder_.Decode(RefOf(position));
  }

  const ReadModels& models() const { return *models_; }
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
  struct Kept {
    std::string scope, header, intent;
  };
  EventRef RefOf(Position position) const {
    const Kept& kept = kept_[position.value() - 1];
    return {position, kept.scope, true, kept.header, kept.intent};
  }

  const int shops_;
  MadeStore store_;
  std::unique_ptr<ReadModels> models_;
  EventDecoder decoder_, finder_;
  std::deque<Kept> kept_;
  Header header_;
  Intent intent_;
  uint64_t position_ = 0;
  std::set<std::string> scopes_;
};

// The year's lines, in the file's order.
absl::StatusOr<OrderFile> FoldYear(const char* data, OrderFold& fold) {
  auto file = CheckOrderFile(data, {}, {}, [&](const OrderLineAdded& line, int64_t) {
    const absl::Status added = fold.Add(line);
    ASSERT_TRUE(added.ok()) << added;
  });
  EXPECT_TRUE(fold.Commit().ok());
  return file;
}

void ExpectGolden(const Golden& golden, const SalesDumps& dumps, const OrderFile& file) {
  const auto comparisons = golden.Compare(dumps, file.figures);
  EXPECT_GE(comparisons.size(), 45u);
  for (const Comparison& one : comparisons) {
    EXPECT_TRUE(one.equal) << one.figure << " is " << one.golden << ", not " << one.computed;
  }
}

class GoldenTest : public ::testing::TestWithParam<int> {};

TEST_P(GoldenTest, AYearOfOrdersGivesTheGoldenViews) {
  const char* data = std::getenv("INTENTLOG_DATA");
  if (data == nullptr) GTEST_SKIP() << "INTENTLOG_DATA does not name the real order file";
  const auto golden = Golden::Load(Golden::PathBeside(data));
  ASSERT_TRUE(golden.ok()) << golden.status();
  OrderFold fold(Cat("golden_", GetParam()), GetParam());
  const auto file = FoldYear(data, fold);
  ASSERT_TRUE(file.ok()) << file.status();
  ExpectGolden(*golden, fold.Dump(), *file);
}

INSTANTIATE_TEST_SUITE_P(Shops, GoldenTest, ::testing::Values(1, 8));

// Rows of `a` that `b` has otherwise or not at all, by position and scope apart.
size_t RowsThatDiffer(const ReadModels& a, const ReadModels& b, std::string_view view) {
  size_t different = 0;
  const auto rows = a.Scan(view);
  while (const MergedRow* row = *(*rows)->Next()) {
    const auto other = b.Get(view, row->key);
    if (!other->has_value() || RowBytes(**other) != RowBytes(row->row)) ++different;
  }
  return different;
}

TEST(PoisonTest, I22_PoisonInTheMiddleOfAYearLeavesTheRestRightAndIsHealedByAFixedProgram) {
  const char* data = std::getenv("INTENTLOG_DATA");
  if (data == nullptr) GTEST_SKIP() << "INTENTLOG_DATA does not name the real order file";
  const auto golden = Golden::Load(Golden::PathBeside(data));
  ASSERT_TRUE(golden.ok()) << golden.status();
  bool sick = true;
  OrderFold healthy("healthy", 2);
  OrderFold fold("poisoned", 2,
                 PoisonedViews(CommerceViews(), [&](Position position, std::string_view) {
                   return sick && position == Position(270'955);
                 }));
  ASSERT_TRUE(FoldYear(data, healthy).ok());
  const auto file = FoldYear(data, fold);
  ASSERT_TRUE(file.ok()) << file.status();
  for (const std::string_view view : kSalesViews) {
    const std::vector<ParkedRow> parked = *fold.models().Parked(view, 10);
    ASSERT_EQ(parked.size(), 1u) << view;
    EXPECT_EQ(parked[0].position, Position(270'955)) << view;
    EXPECT_EQ(RowsThatDiffer(healthy.models(), fold.models(), view), 1u) << view;
  }
  sick = false;
  for (const auto& projection : CommerceViews()) {
    Unpark retry;
    retry.set_view(projection->info().name);
    retry.set_all_keys(true);
    for (int shop = 1; shop <= 2; ++shop) {
      const absl::Status added = fold.Add(retry, ShopScope(shop));
      ASSERT_TRUE(added.ok()) << added;
    }
  }
  ASSERT_TRUE(fold.Commit().ok());
  ExpectGolden(*golden, fold.Dump(), *file);
  for (const std::string_view view : kSalesViews) {
    EXPECT_TRUE(fold.models().Parked(view, 1)->empty()) << view;
    EXPECT_EQ(RowsThatDiffer(healthy.models(), fold.models(), view), 0u) << view;
  }
}

}  // namespace
}  // namespace intentlog
