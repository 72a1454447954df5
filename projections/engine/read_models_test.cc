#include "projections/engine/read_models.h"

#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "gtest/gtest.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_store.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/verify_rows.h"
#include "projections/engine/view_records.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "proto/store.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;
using commerce::StockMoved;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using views::SalesRow;
using views::StockRow;

OrderLineAdded Line(const std::string& order, const std::string& product, int64_t quantity,
                    int64_t price_micros) {
  OrderLineAdded line;
  line.set_order_id(order);
  line.set_product_id(product);
  line.set_quantity(quantity);
  line.set_unit_price_micros(price_micros);
  line.set_customer_id("ann");
  line.set_country("EIRE");
  line.set_sold_at_us(1'291'191'960'000'000);
  return line;
}

std::string Text(const absl::Status& status) { return std::string(MessageOf(status)); }

class ReadModelsTest : public ::testing::Test {
 protected:
  ReadModelsTest() : store_(::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    Open();
  }

  void Open(Projections projections = CommerceViews(), const ReadModelsOptions& options = {}) {
    auto models = ReadModels::Open(*store_, std::move(projections), options);
    ASSERT_TRUE(models.ok()) << models.status();
    models_ = std::move(models).value();
  }
  void Reopen(Projections projections = CommerceViews()) {
    models_.reset();
    store_.Reopen();
    Open(std::move(projections));
  }

  absl::Status Add(uint64_t position, const std::string& scope,
                   const google::protobuf::Message& payload, bool effective = true) {
    return models_->Add(MadeEvent(position, scope, payload, effective).event());
  }
  void Fold(uint64_t position, const std::string& scope, const google::protobuf::Message& payload,
            bool effective = true) {
    ASSERT_TRUE(Add(position, scope, payload, effective).ok());
    Commit(scope, position);
  }
  void Commit(const std::string& scope, uint64_t through) {
    StoreBatch batch;
    const absl::Status status = models_->Finish(scope, Position(through), batch);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
    models_->Committed();
  }

  int64_t Units(const std::string& view, const std::string& key) {
    auto row = models_->Get(view, key);
    if (!row.ok() || !row->has_value()) return -999;
    return (*row)->Read<SalesRow>().units();
  }
  std::vector<std::string> Keys(const std::string& view, const std::string& from = "") {
    std::vector<std::string> keys;
    auto cursor = models_->Scan(view, from);
    EXPECT_TRUE(cursor.ok());
    for (;;) {
      auto row = (*cursor)->Next();
      EXPECT_TRUE(row.ok()) << row.status();
      if (!row.ok() || *row == nullptr) return keys;
      keys.push_back((*row)->key);
    }
  }
  uint64_t Through(const std::string& scope) { return models_->Through(scope)->value(); }

  MadeStore store_;
  std::unique_ptr<ReadModels> models_;
};

TEST_F(ReadModelsTest, AnEventShowsInEveryViewThatItTouches) {
  Fold(1, "shop", Line("581482", "milk", 3, 1'500'000));
  EXPECT_EQ(Units("sales_by_invoice", "581482"), 3);
  EXPECT_EQ(Units("sales_by_product", "milk"), 3);
  EXPECT_EQ(Units("sales_by_customer", "ann"), 3);
  EXPECT_EQ(Units("sales_by_country", "EIRE"), 3);
  EXPECT_EQ(Units("sales_by_month", "2010-12"), 3);
  EXPECT_EQ(Units("sales_by_day", "2010-12-01"), 3);
  EXPECT_EQ((*models_->Get("stock", "milk"))->Read<StockRow>().on_hand(), -3);
  EXPECT_TRUE((*models_->Get("orders", "581482"))->exists());
  EXPECT_FALSE((*models_->Get("orders", "other")).has_value());
}

TEST_F(ReadModelsTest, ReadersSeeABatchWhenItIsCommittedAndNotBefore) {
  ASSERT_TRUE(Add(1, "shop", Line("1", "milk", 3, 1000)).ok());
  StoreBatch batch;
  ASSERT_TRUE(models_->Finish("shop", Position(1), batch).ok());
  ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
  EXPECT_EQ(Units("sales_by_product", "milk"), -999);
  EXPECT_EQ(Through("shop"), 0u);
  models_->Committed();
  EXPECT_EQ(Units("sales_by_product", "milk"), 3);
  EXPECT_EQ(Through("shop"), 1u);
}

TEST_F(ReadModelsTest, ACursorSeesOneMoment) {
  Fold(1, "shop", Line("1", "bread", 1, 1000));
  auto cursor = models_->Scan("sales_by_product");
  ASSERT_TRUE(cursor.ok());
  Fold(2, "shop", Line("1", "apple", 1, 1000));
  Fold(3, "shop", Line("1", "bread", 1, 1000));
  auto row = (*cursor)->Next();
  ASSERT_TRUE(row.ok());
  EXPECT_EQ((*row)->key, "bread");
  EXPECT_EQ((*row)->row.Read<SalesRow>().units(), 1);
  EXPECT_EQ(*(*cursor)->Next(), nullptr);
  EXPECT_THAT(Keys("sales_by_product"), ElementsAre("apple", "bread"));
}

TEST_F(ReadModelsTest, RowsOfSeveralScopesMergeAtReading) {
  Fold(1, "east", Line("1", "milk", 3, 1000));
  Fold(2, "west", Line("2", "milk", 4, 1000));
  Fold(3, "west", Line("2", "bread", 5, 1000));
  EXPECT_EQ(Units("sales_by_product", "milk"), 7);
  EXPECT_EQ(Units("sales_by_product", "bread"), 5);
  EXPECT_EQ((*models_->GetInScope("sales_by_product", "east", "milk"))->Read<SalesRow>().units(),
            3);
  EXPECT_THAT(Keys("sales_by_product"), ElementsAre("bread", "milk"));
  EXPECT_THAT(Keys("sales_by_product", "c"), ElementsAre("milk"));
  EXPECT_THAT(models_->ScopeNames(), ElementsAre("east", "west"));
}

TEST_F(ReadModelsTest, WithoutMergeTheFirstScopeInByteOrderShows) {
  Fold(1, "west", Line("7", "milk", 3, 1000));
  Fold(2, "east", Line("7", "milk", 4, 1000));
  EXPECT_EQ((*models_->Get("orders", "7"))->Read<views::OrderRow>().units(), 4);
  EXPECT_THAT(Keys("orders"), ElementsAre("7"));
}

TEST_F(ReadModelsTest, KeysMayBeAnyBytes) {
  OrderLineAdded line = Line("1", "", 1, 1000);
  Fold(1, "shop", line);
  line.set_product_id(std::string("a\0b", 3));
  Fold(2, "shop", line);
  Fold(3, "shop2", line);
  EXPECT_EQ(Units("sales_by_product", ""), 1);
  EXPECT_EQ(Units("sales_by_product", std::string("a\0b", 3)), 2);
  EXPECT_THAT(Keys("sales_by_product"), ElementsAre("", std::string("a\0b", 3)));
}

TEST_F(ReadModelsTest, WhatIsNotEffectiveMovesTheCheckpointOnly) {
  Fold(1, "shop", Line("1", "milk", 3, 1000), false);
  EXPECT_THAT(Keys("sales_by_product"), ElementsAre());
  EXPECT_EQ(Through("shop"), 1u);
}

TEST_F(ReadModelsTest, I13_RowsDigestAndCheckpointMoveInOneBatch) {
  Fold(1, "shop", Line("1", "milk", 3, 1000));
  const ScopeState before = models_->Scopes("stock")->at(0);
  ASSERT_TRUE(Add(2, "shop", Line("1", "milk", 3, 1000)).ok());
  StoreBatch lost;
  ASSERT_TRUE(models_->Finish("shop", Position(2), lost).ok());
  Reopen();  // the batch was never committed
  const ScopeState after = models_->Scopes("stock")->at(0);
  EXPECT_EQ(after.position, before.position);
  EXPECT_EQ(after.digest, before.digest);
  EXPECT_EQ(Units("sales_by_product", "milk"), 3);
  Fold(2, "shop", Line("1", "milk", 3, 1000));
  EXPECT_EQ(Units("sales_by_product", "milk"), 6);
  EXPECT_EQ(models_->Scopes("stock")->at(0).rows, 1u);
}

TEST_F(ReadModelsTest, OneScopeIsToldAsAmongAllOfThem) {
  Fold(1, "harbor", Line("1", "milk", 3, 1000));
  Fold(2, "shop", Line("2", "milk", 2, 1000));
  const std::vector<ScopeState> all = *models_->Scopes("stock");
  ASSERT_EQ(all.size(), 2u);
  for (const ScopeState& one : all) {
    const auto alone = models_->InScope("stock", one.scope);
    ASSERT_TRUE(alone.ok()) << alone.status();
    EXPECT_EQ(alone->scope, one.scope);
    EXPECT_EQ(alone->position, one.position);
    EXPECT_EQ(alone->digest, one.digest);
    EXPECT_EQ(alone->rows, one.rows);
  }
  EXPECT_EQ(models_->InScope("stock", "nowhere")->position, Position());
  EXPECT_TRUE(absl::IsNotFound(models_->InScope("nothing", "shop").status()));
}

TEST_F(ReadModelsTest, AbandonForgetsWhatWasAdded) {
  Fold(1, "shop", Line("1", "milk", 3, 1000));
  ASSERT_TRUE(Add(2, "shop", Line("1", "milk", 100, 1000)).ok());
  StoreBatch batch;
  ASSERT_TRUE(models_->Finish("shop", Position(2), batch).ok());
  models_->Abandon();
  EXPECT_EQ(models_->pending_bytes(), 0u);
  Fold(2, "shop", Line("1", "milk", 1, 1000));
  EXPECT_EQ(Units("sales_by_product", "milk"), 4);
}

TEST_F(ReadModelsTest, AfterACommitWhoseEndNobodySawTheFoldGoesOnFromTheStore) {
  ASSERT_TRUE(Add(1, "shop", Line("1", "milk", 3, 1000)).ok());
  StoreBatch batch;
  ASSERT_TRUE(models_->Finish("shop", Position(1), batch).ok());
  ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
  models_->Abandon();
  EXPECT_EQ(Through("shop"), 1u);
  EXPECT_FALSE(Add(1, "shop", Line("1", "milk", 3, 1000)).ok());
  models_->Abandon();
  Fold(2, "shop", Line("1", "milk", 1, 1000));
  EXPECT_EQ(Units("sales_by_product", "milk"), 4);
}

TEST_F(ReadModelsTest, WhoSleptThroughATakeOverWritesNothing) {
  ReadModelsOptions options;
  options.term = Term(1);
  ASSERT_TRUE(TakeOver(*store_, Term(1)).ok());
  Open(CommerceViews(), options);
  Fold(1, "east", Line("1", "milk", 2, 1'000'000));
  ASSERT_TRUE(Add(2, "east", Line("2", "milk", 5, 1'000'000)).ok());
  // Now it sleeps, and another one goes on.
  const auto older = std::move(models_);
  ASSERT_TRUE(TakeOver(*store_, Term(2)).ok());
  options.term = Term(2);
  Open(CommerceViews(), options);
  Fold(2, "east", Line("2", "milk", 5, 1'000'000));
  Fold(3, "east", Line("3", "milk", 1, 1'000'000));
  const std::vector<ScopeState> before = *models_->Scopes("sales_by_product");
  StoreBatch batch;
  ASSERT_TRUE(older->Finish("east", Position(2), batch).ok());
  EXPECT_EQ(store_->Commit(batch, Sync::kBuffered).code(), absl::StatusCode::kFailedPrecondition);
  StoreBatch checkpoint;
  older->ExpectOwnTerm(checkpoint);
  checkpoint.Put(Space::kMeta, "of the projector", "");
  EXPECT_EQ(store_->Commit(checkpoint, Sync::kBuffered).code(),
            absl::StatusCode::kFailedPrecondition);
  Open(CommerceViews(), options);
  EXPECT_EQ(Units("sales_by_product", "milk"), 8);
  const std::vector<ScopeState> after = *models_->Scopes("sales_by_product");
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].position, Position(3));
  EXPECT_TRUE(after[0].digest == before[0].digest);
}

TEST_F(ReadModelsTest, ScopesOfOneBatchMayEndOneAfterTheOther) {
  ASSERT_TRUE(Add(1, "east", Line("1", "milk", 1, 1000)).ok());
  ASSERT_TRUE(Add(2, "west", Line("2", "milk", 2, 1000)).ok());
  Commit("east", 1);
  EXPECT_EQ(Units("sales_by_product", "milk"), 1);
  Commit("west", 2);
  EXPECT_EQ(Units("sales_by_product", "milk"), 3);
}

TEST_F(ReadModelsTest, AScopeMayBeFinishedTwiceInOneBatch) {
  StoreBatch batch;
  ASSERT_TRUE(Add(1, "shop", Line("1", "milk", 1, 1000)).ok());
  ASSERT_TRUE(models_->Finish("shop", Position(1), batch).ok());
  ASSERT_TRUE(Add(2, "shop", Line("1", "milk", 2, 1000)).ok());
  ASSERT_TRUE(models_->Finish("shop", Position(2), batch).ok());
  ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
  models_->Committed();
  EXPECT_EQ(Units("sales_by_product", "milk"), 3);
  Reopen();
  EXPECT_EQ(Units("sales_by_product", "milk"), 3);
}

TEST_F(ReadModelsTest, AQuietScopeMovesItsCheckpoint) {
  Commit("shop", 40);
  EXPECT_EQ(Through("shop"), 40u);
  EXPECT_EQ(models_->Scopes("orders")->at(0).rows, 0u);
}

TEST_F(ReadModelsTest, PositionsOfAScopeOnlyGrow) {
  Fold(5, "shop", Line("1", "milk", 1, 1000));
  EXPECT_THAT(Text(Add(5, "shop", Line("1", "milk", 1, 1000))),
              HasSubstr("scope shop: event 5 came after event 5 was folded"));
  StoreBatch batch;
  EXPECT_FALSE(models_->Finish("shop", Position(6), batch).ok());  // abandon first
  models_->Abandon();
  EXPECT_THAT(Text(models_->Finish("shop", Position(4), batch)),
              HasSubstr("scope shop cannot end at 4: it has event 5"));
  EXPECT_TRUE(batch.empty());
  EXPECT_FALSE(Add(0, "shop", Line("1", "milk", 1, 1000)).ok());
}

TEST_F(ReadModelsTest, AScopeWithNulIsRefused) {
  EXPECT_FALSE(Add(1, std::string("a\0b", 3), Line("1", "milk", 1, 1000)).ok());
  models_->Abandon();
  EXPECT_FALSE(Add(1, "", Line("1", "milk", 1, 1000)).ok());
}

TEST_F(ReadModelsTest, I22_AnEventThatCannotBeFoldedParksItsRowsAndNoOther) {
  Fold(1, "shop", Line("1", "milk", 3, 1000));
  ASSERT_TRUE(Add(2, "shop", Line("1", "milk", INT64_MAX, 2)).ok());
  ASSERT_TRUE(Add(3, "shop", Line("2", "milk", 1, 1000)).ok());
  ASSERT_TRUE(Add(4, "shop", Line("2", "bread", 1, 1000)).ok());
  Commit("shop", 4);
  EXPECT_EQ(Through("shop"), 4u);
  EXPECT_EQ(Units("sales_by_invoice", "1"), 3);  // as it was
  EXPECT_EQ(Units("sales_by_invoice", "2"), 2);
  EXPECT_EQ(Units("sales_by_product", "milk"), 3);
  EXPECT_EQ(Units("sales_by_product", "bread"), 1);
  const std::vector<ParkedRow> parked = *models_->Parked("sales_by_product", 10);
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].scope, "shop");
  EXPECT_EQ(parked[0].key, "milk");
  EXPECT_EQ(parked[0].position, Position(2));
  EXPECT_EQ(parked[0].waiting, 2u);
  EXPECT_EQ(parked[0].why.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(Text(parked[0].why), HasSubstr("field revenue_micros"));
  EXPECT_EQ(models_->Scopes("sales_by_product")->at(0).parked, 1u);
  EXPECT_EQ(models_->Parked("sales_by_invoice", 10)->at(0).key, "1");
}

TEST_F(ReadModelsTest, ADecisionAboutParkedRowsWantsAPlaceWhereEventsAreFound) {
  Fold(1, "shop", Line("1", "milk", INT64_MAX, 2));
  Unpark decision;
  decision.set_view("sales_by_product");
  decision.set_key("bread");
  Fold(2, "shop", decision);  // not parked: nothing to read
  decision.set_key("milk");
  const absl::Status status = Add(3, "shop", decision);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status), HasSubstr("projection sales_by_product, scope shop, event 3: parked"));
  StoreBatch batch;
  EXPECT_FALSE(models_->Finish("shop", Position(3), batch).ok());
  EXPECT_TRUE(batch.empty());
  EXPECT_FALSE(Add(4, "shop", Line("1", "milk", 1, 1000)).ok());
  models_->Abandon();
  EXPECT_EQ(Through("shop"), 2u);
  Fold(3, "shop", Line("1", "bread", 3, 1000));
  EXPECT_EQ(Units("sales_by_product", "bread"), 3);
}

TEST_F(ReadModelsTest, ChangedRowsAreNamedAfterTheCommit) {
  models_->TrackChanges(true);
  Fold(1, "shop", Line("1", "milk", 3, 1000));
  std::vector<std::string> stock;
  for (const ReadModels::Change& change : models_->changes()) {
    if (change.projection == models_->Find("stock"))
      stock.push_back(change.scope + "/" + change.key);
  }
  EXPECT_THAT(stock, ElementsAre("shop/milk"));
  EXPECT_EQ(models_->changes().size(), 8u);
  Commit("shop", 2);
  EXPECT_TRUE(models_->changes().empty());
}

TEST_F(ReadModelsTest, AnUnknownViewIsNamedWithThoseThereAre) {
  EXPECT_EQ(models_->Find("sails"), nullptr);
  const absl::Status status = models_->Get("sails", "x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Text(status), HasSubstr("no view \"sails\"; there are: orders, sales_by_invoice"));
}

TEST_F(ReadModelsTest, ADamagedRowIsNeverServed) {
  Fold(1, "shop", Line("1", "milk", 3, 1000));
  const std::string key = RowPrefix(1, "shop") + "1";
  StoreBatch batch;
  batch.Put(Space::kRows, key, "\xff\xff");
  ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
  Reopen();
  EXPECT_EQ(models_->Get("orders", "1").status().code(), absl::StatusCode::kDataLoss);
  auto cursor = models_->Scan("orders");
  EXPECT_EQ((*cursor)->Next().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ((*cursor)->Next().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Add(2, "shop", Line("1", "milk", 3, 1000)).code(), absl::StatusCode::kDataLoss);
}

// ---- key spaces

// A view whose version and meaning a test chooses.
class CountLines final : public Projection {
 public:
  CountLines(uint32_t version, int64_t per_line) : version_(version), per_line_(per_line) {}
  ProjectionInfo info() const override { return {"count_lines", version_, SalesRow::descriptor()}; }
  void Keys(const Event& event, KeySink& keys) const override {
    if (event.As<OrderLineAdded>()) keys.Add("all");
    if (event.As<StockMoved>()) keys.Add("all");
  }
  absl::Status Apply(const Event& event, std::string_view, Row& row) const override {
    if (event.As<StockMoved>()) {
      row.Remove();
      return absl::OkStatus();
    }
    row.Edit<SalesRow>().set_units(row.Read<SalesRow>().units() + per_line_);
    return absl::OkStatus();
  }
  std::vector<std::string> Columns() const override { return {}; }
  absl::Status Print(const Row&, std::vector<std::string>&) const override {
    return absl::OkStatus();
  }

 private:
  const uint32_t version_;
  const int64_t per_line_;
};

Projections Plus(const std::shared_ptr<const Projection>& projection) {
  Projections projections = CommerceViews();
  projections.push_back(projection);
  return projections;
}

TEST_F(ReadModelsTest, AnewVersionHasRowsOfItsOwnAndCatchesUpWhileOthersWait) {
  Reopen(Plus(std::make_shared<CountLines>(1, 1)));
  Fold(1, "shop", Line("1", "milk", 1, 1000));
  Fold(2, "shop", Line("1", "milk", 1, 1000));
  Reopen(Plus(std::make_shared<CountLines>(2, 10)));
  EXPECT_EQ(Through("shop"), 0u);
  EXPECT_EQ(Units("count_lines", "all"), -999);
  Fold(1, "shop", Line("1", "milk", 1, 1000));
  Fold(2, "shop", Line("1", "milk", 1, 1000));
  EXPECT_EQ(Through("shop"), 2u);
  EXPECT_EQ(Units("count_lines", "all"), 20);
  EXPECT_EQ(Units("sales_by_product", "milk"), 2);
  Reopen(Plus(std::make_shared<CountLines>(1, 1)));
  EXPECT_EQ(Units("count_lines", "all"), 2);  // the old rows are still there
}

TEST_F(ReadModelsTest, BuildsGrowAndTheAliasNamesTheLiveOne) {
  Reopen({std::make_shared<CountLines>(1, 1)});
  Fold(1, "shop", Line("1", "milk", 1, 1000));
  Reopen({std::make_shared<CountLines>(7, 1)});
  Fold(1, "shop", Line("1", "milk", 1, 1000));
  std::string bytes;
  ASSERT_TRUE(*store_->Get(Space::kMeta, AliasKey("count_lines"), &bytes));
  ProjectionBuild build;
  ASSERT_TRUE(build.ParseFromString(bytes));
  EXPECT_EQ(build.version(), 7u);
  EXPECT_EQ(build.build(), 2u);
  ASSERT_TRUE(*store_->Get(Space::kMeta, ViewKey("count_lines", 1), &bytes));
  ASSERT_TRUE(build.ParseFromString(bytes));
  EXPECT_EQ(build.build(), 1u);
}

TEST_F(ReadModelsTest, ARemovedRowIsGoneFromRowsCountAndDigest) {
  Reopen({std::make_shared<CountLines>(1, 1)});
  Fold(1, "shop", Line("1", "milk", 1, 1000));
  EXPECT_EQ(models_->Scopes("count_lines")->at(0).rows, 1u);
  Fold(2, "shop", StockMoved());
  EXPECT_FALSE(models_->Get("count_lines", "all")->has_value());
  EXPECT_EQ(models_->Scopes("count_lines")->at(0).rows, 0u);
  EXPECT_EQ(models_->Scopes("count_lines")->at(0).digest, Digest128());
  ASSERT_TRUE(Add(3, "shop", Line("1", "milk", 1, 1000)).ok());
  ASSERT_TRUE(Add(4, "shop", StockMoved()).ok());
  ASSERT_TRUE(Add(5, "shop", Line("1", "milk", 1, 1000)).ok());
  Commit("shop", 5);
  EXPECT_EQ(Units("count_lines", "all"), 1);
}

TEST_F(ReadModelsTest, OpeningWritesNothingSoAStoreMayBeReadOnly) {
  Fold(1, "shop", Line("1", "milk", 3, 1000));
  models_.reset();
  store_.Reopen(/*read_only=*/true);
  Open(Plus(std::make_shared<CountLines>(1, 1)));
  EXPECT_EQ(Units("sales_by_product", "milk"), 3);
  EXPECT_THAT(Keys("sales_by_day"), ElementsAre("2010-12-01"));
  EXPECT_THAT(Keys("count_lines"), ElementsAre());
}

TEST_F(ReadModelsTest, TwoProjectionsOfOneNameAreRefused) {
  auto twice = ReadModels::Open(
      *store_, {std::make_shared<CountLines>(1, 1), std::make_shared<CountLines>(2, 1)});
  EXPECT_EQ(twice.status().code(), absl::StatusCode::kInvalidArgument);
}

// Its rows hold what has no certain bytes.
class UncertainRows final : public Projection {
 public:
  ProjectionInfo info() const override {
    return {"uncertain", 1, google::protobuf::Struct::descriptor()};
  }
  void Keys(const Event&, KeySink&) const override {}
  absl::Status Apply(const Event&, std::string_view, Row&) const override {
    return absl::OkStatus();
  }
  std::vector<std::string> Columns() const override { return {}; }
  absl::Status Print(const Row&, std::vector<std::string>&) const override {
    return absl::OkStatus();
  }
};

TEST_F(ReadModelsTest, I19_RowsWithMapsOrFloatingPointAreRefused) {
  const auto models = ReadModels::Open(*store_, {std::make_shared<UncertainRows>()});
  EXPECT_THAT(Text(models.status()), HasSubstr("google.protobuf.Struct.fields is a map"));
}

// ---- many

TEST_F(ReadModelsTest, ManyScopesAndRowsMergeInOrder) {
  Projections projections = {CommerceViews()};
  NaiveFold naive(projections);
  uint64_t position = 0;
  for (int scope = 0; scope < 40; ++scope) {
    const std::string name = "shop-" + std::to_string(scope);
    for (int i = 0; i < 60; ++i) {
      ++position;
      const MadeEvent made(
          position, name,
          Line(std::to_string(position), std::to_string((i * scope) % 97), i, 1000));
      ASSERT_TRUE(models_->Add(made.event()).ok());
      naive.Add(made.event());
    }
    Commit(name, position);
  }
  for (const char* view : {"sales_by_product", "sales_by_invoice", "orders"}) {
    std::map<std::string, std::string> rows;
    auto cursor = models_->Scan(view);
    for (;;) {
      const MergedRow* row = *(*cursor)->Next();
      if (row == nullptr) break;
      rows[row->key] = RowBytes(row->row);
    }
    EXPECT_EQ(rows, naive.Merged(view)) << view;
  }
}

TEST_F(ReadModelsTest, FewScopesAndRowsAreKeptWhenLimitsAreSmall) {
  ReadModelsOptions options;
  options.kept_rows_bytes_max = 2000;
  options.kept_scopes_max = 2;
  models_.reset();
  Open(CommerceViews(), options);
  for (int i = 1; i <= 300; ++i) {
    Fold(i, "shop-" + std::to_string(i % 7), Line(std::to_string(i % 11), "milk", 1, 1000));
  }
  EXPECT_EQ(Units("sales_by_product", "milk"), 300);
  EXPECT_EQ(models_->pending_bytes(), 0u);
}

TEST_F(ReadModelsTest, I5_ARowThatIsChangedGoneOrAddedInTheStoreIsFound) {
  Fold(1, "north", Line("A", "milk", 2, 1'000'000));
  Fold(2, "north", Line("B", "milk", 1, 1'000'000));
  const auto whole = VerifyRows(models_->Freeze());
  ASSERT_TRUE(whole.ok());
  EXPECT_THAT(whole->problems, ElementsAre());
  EXPECT_GT(whole->rows, 2u);
  const std::string prefix = RowPrefix(*models_->LiveBuild("orders"), "north");
  const auto damage = [&](auto change) {
    StoreBatch batch;
    change(batch);
    ASSERT_TRUE(store_->Commit(batch, Sync::kDurable).ok());
    Reopen();
    const auto found = VerifyRows(models_->Freeze());
    ASSERT_TRUE(found.ok());
    EXPECT_THAT(found->problems, ElementsAre(HasSubstr("view orders, scope north: ")));
  };
  std::string row;
  ASSERT_TRUE(*store_->Get(Space::kRows, prefix + "A", &row));
  damage([&](StoreBatch& batch) { batch.Put(Space::kRows, prefix + "A", row + "x"); });
  damage([&](StoreBatch& batch) { batch.Delete(Space::kRows, prefix + "A"); });
  damage([&](StoreBatch& batch) {
    batch.Put(Space::kRows, prefix + "A", row);
    batch.Put(Space::kRows, prefix + "C", row);
  });
}

}  // namespace
}  // namespace intentlog
