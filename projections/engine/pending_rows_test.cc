#include "projections/engine/pending_rows.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_lines.h"
#include "projections/engine/made_store.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/row_access.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using views::OrderRow;
using views::SalesRow;

OrderLineAdded Line(const std::string& order, const std::string& product, int64_t quantity) {
  OrderLineAdded line;
  line.set_order_id(order);
  line.set_product_id(product);
  line.set_quantity(quantity);
  line.set_unit_price_micros(1000);
  return line;
}

class PendingRowsTest : public ::testing::Test {
 protected:
  PendingRowsTest()
      : store_(::testing::UnitTest::GetInstance()->current_test_info()->name()),
        models_(ReadModels::Open(*store_, CommerceViews()).value()),
        rows_(*models_, CommerceSchema(), [this](Ticket ticket) -> absl::StatusOr<std::string> {
          ++asked_;
          const auto found = intents_.find(ticket);
          if (found == intents_.end()) return NotFound("no intent ", ticket);
          return found->second;
        }) {
    models_->TrackChanges(true);
  }

  void Record(Ticket ticket, const std::string& scope, const google::protobuf::Message& payload) {
    intents_[ticket] = MadeEvent(0, scope, payload).IntentBytes();
    const absl::Status status = rows_.Add(ticket);
    ASSERT_TRUE(status.ok()) << status;
  }
  // Another device's event, or with `ticket` the one that this device's intent became.
  void Confirm(uint64_t position, const std::string& scope,
               const google::protobuf::Message& payload, Ticket ticket = 0) {
    ASSERT_TRUE(models_->Add(MadeEvent(position, scope, payload).event()).ok());
    StoreBatch batch;
    ASSERT_TRUE(models_->Finish(scope, Position(position), batch).ok());
    ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
    models_->Committed();
    for (const ReadModels::Change& change : models_->changes()) {
      rows_.MarkChanged(*change.projection, change.scope, change.key);
    }
    if (ticket != 0) Drop(ticket);
  }
  void Drop(Ticket ticket) {
    rows_.Remove(ticket);
    intents_.erase(ticket);
  }

  int64_t Units(const std::string& product) {
    const auto row = rows_.Get("sales_by_product", product);
    EXPECT_TRUE(row.ok()) << row.status();
    return row->has_value() ? (*row)->Read<SalesRow>().units() : -999;
  }
  std::map<std::string, std::string> Scanned(const std::string& view,
                                             const std::string& from = "") {
    std::map<std::string, std::string> rows;
    RowRange range;
    range.from = from;
    auto cursor = rows_.Scan(view, range);
    EXPECT_TRUE(cursor.ok());
    for (;;) {
      const auto row = (*cursor)->Next();
      EXPECT_TRUE(row.ok()) << row.status();
      if (!row.ok() || *row == nullptr) return rows;
      EXPECT_TRUE(rows.empty() || rows.rbegin()->first < (*row)->key);
      rows[(*row)->key] = RowBytes((*row)->row);
    }
  }
  // Read by each index, behind any place: what `rows` give, in order.
  void ExpectIndexes(const Projection& projection, const std::map<std::string, std::string>& rows) {
    for (size_t index = 0; index < projection.Indexes().size(); ++index) {
      std::vector<std::pair<std::string, std::string>> expected;  // index key, key
      for (const auto& [key, bytes] : rows) {
        KeySink keys;
        projection.IndexKeys(index, key, *RowFromBytes(projection, bytes), keys);
        for (size_t i = 0; i < keys.size(); ++i) expected.emplace_back(keys[i], key);
      }
      std::sort(expected.begin(), expected.end());
      RowRange range;
      range.index = projection.Indexes()[index];
      for (size_t from : {size_t{0}, expected.size() / 2}) {
        const auto [index_key, key] =
            from == 0 ? std::pair<std::string, std::string>() : expected[from - 1];
        const RowPlace after{index_key, key};
        const auto cursor =
            *rows_.Scan(projection.info().name, range, from == 0 ? nullptr : &after);
        for (; const MergedRow* row = *cursor->Next(); ++from) {
          ASSERT_LT(from, expected.size());
          EXPECT_EQ(std::pair(row->index_key, row->key), expected[from]);
          EXPECT_EQ(RowBytes(row->row), rows.at(row->key));
        }
        EXPECT_EQ(from, expected.size());
      }
    }
  }
  std::vector<std::string> Keys(const std::string& view, const std::string& from = "") {
    std::vector<std::string> keys;
    for (const auto& [key, bytes] : Scanned(view, from)) keys.push_back(key);
    return keys;
  }

  MadeStore store_;
  std::unique_ptr<ReadModels> models_;
  std::map<Ticket, std::string> intents_;
  PendingRows rows_;
  int asked_ = 0;
};

TEST_F(PendingRowsTest, I21_ADeviceReadsItsOwnWorkAtOnce) {
  Record(1, "shop", Line("7", "milk", 3));
  EXPECT_EQ(Units("milk"), 3);
  Record(2, "shop", Line("7", "milk", 4));
  EXPECT_EQ(Units("milk"), 7);
  EXPECT_EQ(Units("bread"), -999);
  EXPECT_FALSE(models_->Get("sales_by_product", "milk")->has_value());
}

TEST_F(PendingRowsTest, PendingWorkLiesOnTopOfWhatIsConfirmed) {
  Confirm(1, "shop", Line("7", "milk", 10));
  Record(1, "shop", Line("7", "milk", 3));
  EXPECT_EQ(Units("milk"), 13);
  Confirm(2, "shop", Line("8", "milk", 100));
  EXPECT_EQ(Units("milk"), 113);
}

TEST_F(PendingRowsTest, I21_AnIntentThatIsConfirmedCountsOnce) {
  Record(1, "shop", Line("7", "milk", 3));
  EXPECT_EQ(Units("milk"), 3);
  Confirm(1, "shop", Line("7", "milk", 3), 1);
  EXPECT_EQ(Units("milk"), 3);
  EXPECT_EQ(rows_.size(), 0u);
  EXPECT_EQ(rows_.bytes(), 0u);
}

TEST_F(PendingRowsTest, I21_IntentsFoldInTheOrderOfTheirTickets) {
  Record(5, "shop", Line("7", "bread", 1));
  EXPECT_EQ((*rows_.Get("orders", "7"))->Read<OrderRow>().lines(0).product_id(), "bread");
  Record(2, "shop", Line("7", "milk", 1));
  Record(9, "shop", Line("7", "cake", 1));
  Record(7, "shop", Line("7", "apple", 1));
  std::vector<std::string> products;
  const auto row = *rows_.Get("orders", "7");
  for (const auto& line : row->Read<OrderRow>().lines()) products.push_back(line.product_id());
  EXPECT_THAT(products, ElementsAre("milk", "bread", "apple", "cake"));
}

TEST_F(PendingRowsTest, ADroppedIntentIsGone) {
  for (Ticket ticket = 1; ticket <= 5; ++ticket) Record(ticket, "shop", Line("7", "milk", 1));
  Drop(3);
  EXPECT_EQ(Units("milk"), 4);
  Drop(1);
  Drop(5);
  EXPECT_EQ(Units("milk"), 2);
  rows_.Remove(77);
  Drop(2);
  Drop(4);
  EXPECT_EQ(Units("milk"), -999);
  EXPECT_THAT(Keys("orders"), ElementsAre());
}

TEST_F(PendingRowsTest, ScopesMergeOneOnTopOfTheOther) {
  Confirm(1, "east", Line("1", "milk", 1));
  Confirm(2, "west", Line("2", "milk", 10));
  Record(1, "west", Line("2", "milk", 100));
  Record(2, "north", Line("3", "milk", 1000));
  EXPECT_EQ(Units("milk"), 1111);
  EXPECT_THAT(Keys("sales_by_product"), ElementsAre("milk"));
  EXPECT_THAT(Keys("orders"), ElementsAre("1", "2", "3"));
}

TEST_F(PendingRowsTest, AScanShowsConfirmedAndPendingRowsInOrder) {
  Confirm(1, "shop", Line("2", "bread", 1));
  Confirm(2, "shop", Line("4", "milk", 1));
  Record(1, "shop", Line("1", "apple", 1));
  Record(2, "shop", Line("4", "milk", 1));
  Record(3, "shop", Line("5", "zucchini", 1));
  EXPECT_THAT(Keys("sales_by_product"), ElementsAre("apple", "bread", "milk", "zucchini"));
  EXPECT_THAT(Keys("sales_by_product", "c"), ElementsAre("milk", "zucchini"));
  EXPECT_THAT(Keys("orders", "5"), ElementsAre("5"));
}

TEST_F(PendingRowsTest, ACursorSeesOneMoment) {
  Confirm(1, "shop", Line("1", "milk", 1));
  Record(1, "shop", Line("1", "milk", 10));
  auto cursor = rows_.Scan("sales_by_product", {});
  Record(2, "shop", Line("1", "milk", 100));
  EXPECT_EQ(Units("milk"), 111);
  Confirm(2, "shop", Line("1", "milk", 10), 1);
  EXPECT_EQ((*(*cursor)->Next())->row.Read<SalesRow>().units(), 11);
  EXPECT_EQ(*(*cursor)->Next(), nullptr);
}

TEST_F(PendingRowsTest, ReadingAfterEveryAppendAsksForEachIntentOnce) {
  for (Ticket ticket = 1; ticket <= 500; ++ticket) {
    Record(ticket, "shop", Line("7", "milk", 1));
    ASSERT_EQ(Units("milk"), static_cast<int64_t>(ticket));
  }
  EXPECT_EQ(asked_, 500);
  Confirm(1, "shop", Line("1", "bread", 1));  // another key: nothing is folded again
  EXPECT_EQ(Units("milk"), 500);
  EXPECT_EQ(asked_, 500);
}

TEST_F(PendingRowsTest, AViewThatNobodyReadsAsksForNoIntentAndForgetsWhatIsRemoved) {
  for (Ticket ticket = 1; ticket <= 500; ++ticket) Record(ticket, "shop", Line("7", "milk", 1));
  EXPECT_EQ(asked_, 0);
  for (Ticket ticket = 1; ticket < 500; ++ticket) Drop(ticket);
  EXPECT_EQ(Units("milk"), 1);
  EXPECT_EQ(asked_, 1);
  EXPECT_THAT(Keys("orders"), ElementsAre("7"));
  Drop(500);
  EXPECT_THAT(Keys("orders"), ElementsAre());
  EXPECT_EQ(rows_.bytes(), 0u);
}

TEST_F(PendingRowsTest, AnIntentThatIsRemovedAndAddedAgainCountsOnce) {
  Record(1, "shop", Line("7", "milk", 1));
  EXPECT_EQ(Units("milk"), 1);
  Drop(1);
  Record(1, "shop", Line("7", "milk", 5));
  Drop(1);
  Record(1, "shop", Line("7", "milk", 7));
  EXPECT_EQ(Units("milk"), 7);
  EXPECT_THAT(Keys("orders"), ElementsAre("7"));
}

TEST_F(PendingRowsTest, I5_AnIntentThatDoesNotParseFailsEveryReadAndTheOthersComeWithoutIt) {
  Record(1, "shop", Line("1", "apple", 1));
  intents_[2] = "\xff\xff";
  ASSERT_TRUE(rows_.Add(2).ok());
  Record(3, "shop", Line("3", "milk", 1));
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(rows_.Get("sales_by_product", "apple").status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(rows_.Scan("sales_by_product", {}).status().code(), absl::StatusCode::kDataLoss);
  }
  Drop(2);
  EXPECT_EQ(Units("apple"), 1);
  EXPECT_EQ(Units("milk"), 1);
}

TEST_F(PendingRowsTest, AnIntentThatCannotBeFoldedIsNamedAndHidesNoOtherRow) {
  Record(1, "shop", Line("1", "apple", 1));
  OrderLineAdded line = Line("2", "milk", INT64_MAX);
  Record(2, "shop", line);
  Record(3, "shop", Line("3", "zucchini", 1));
  EXPECT_EQ(Units("apple"), 1);
  const absl::Status status = rows_.Get("sales_by_product", "milk").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(
      std::string(MessageOf(status)),
      HasSubstr("view sales_by_product, scope shop, key \"milk\", pending intent 2: field"));
  auto cursor = rows_.Scan("sales_by_product", {});
  EXPECT_EQ((*(*cursor)->Next())->key, "apple");
  EXPECT_FALSE((*cursor)->Next().ok());
  EXPECT_EQ((*(*cursor)->Next())->key, "zucchini");
  EXPECT_EQ(*(*cursor)->Next(), nullptr);
  Drop(2);
  EXPECT_THAT(Keys("sales_by_product"), ElementsAre("apple", "zucchini"));
}

TEST_F(PendingRowsTest, BadUseIsRefused) {
  Record(1, "shop", Line("1", "apple", 1));
  EXPECT_EQ(rows_.Add(1).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_.Get("sails", "x").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(rows_.Scan("sails", {}).status().code(), absl::StatusCode::kNotFound);
}

// Random work of this device and of others, with drops and confirmations; after each step the rows
// are those of a naive fold of all confirmed events, then of all pending intents.
TEST_F(PendingRowsTest, I21_TheViewIsConfirmedPlusPendingAfterEveryStep) {
  MadeLines lines(11);
  std::vector<std::unique_ptr<MadeEvent>> confirmed;
  std::map<Ticket, std::pair<std::string, std::unique_ptr<google::protobuf::Message>>> pending;
  Ticket tickets = 0;
  for (int step = 0; step < 400; ++step) {
    const std::string scope = lines.Roll(2) == 0 ? "east" : "west";
    const uint32_t what = lines.Roll(10);
    if (what < 5) {
      auto payload = lines.Next();
      Record(++tickets, scope, *payload);
      pending[tickets] = {scope, std::move(payload)};
    } else if (what < 8 && !pending.empty()) {
      auto first = pending.begin();
      const auto& [own_scope, payload] = first->second;
      Confirm(confirmed.size() + 1, own_scope, *payload, first->first);
      confirmed.push_back(std::make_unique<MadeEvent>(confirmed.size() + 1, own_scope, *payload));
      pending.erase(first);
    } else if (what == 8 && !pending.empty()) {
      auto any = std::next(pending.begin(), lines.Roll(static_cast<uint32_t>(pending.size())));
      Drop(any->first);
      pending.erase(any);
    } else {
      const auto payload = lines.Next();
      Confirm(confirmed.size() + 1, scope, *payload);
      confirmed.push_back(std::make_unique<MadeEvent>(confirmed.size() + 1, scope, *payload));
    }
    if (step % 10 != 0) continue;
    NaiveFold naive(CommerceViews());
    for (const auto& event : confirmed) naive.Add(event->event());
    for (const auto& [ticket, intent] : pending) {
      naive.Add(MadeEvent(0, intent.first, *intent.second).event());
    }
    for (const auto& projection : CommerceViews()) {
      const std::string view = projection->info().name;
      const auto expected = naive.Merged(view);
      ASSERT_EQ(Scanned(view), expected) << view << " at step " << step;
      for (const auto& [key, bytes] : expected) {
        ASSERT_EQ(RowBytes(**rows_.Get(view, key)), bytes);
      }
      ExpectIndexes(*projection, expected);
    }
  }
}

}  // namespace
}  // namespace intentlog
