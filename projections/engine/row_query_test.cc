// Reading by index, page by page, and watching, against plain maps.
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_lines.h"
#include "projections/engine/made_store.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_index.h"
#include "projections/views/commerce_views.h"
#include "projections/views/orders.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Rows = std::map<std::string, std::string>;  // key → bytes

// Orders, found by the products on them too.
class OrdersByProduct final : public Projection {
 public:
  explicit OrdersByProduct(bool merges = false) : merges_(merges) {}
  ProjectionInfo info() const override { return orders_->info(); }
  void Keys(const Event& event, KeySink& keys) const override { orders_->Keys(event, keys); }
  absl::Status Apply(const Event& event, std::string_view key, Row& row) const override {
    return orders_->Apply(event, key, row);
  }
  bool merges() const override { return merges_; }
  std::vector<std::string> Indexes() const override { return {"product", "customer"}; }
  void IndexKeys(size_t index, std::string_view, const Row& row, KeySink& keys) const override {
    const auto& order = row.Read<views::OrderRow>();
    if (index == 1) return keys.Add(order.customer_id());
    for (const auto& line : order.lines()) keys.Add(line.product_id());
  }
  std::vector<std::string> Columns() const override { return orders_->Columns(); }
  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    return orders_->Print(row, columns);
  }

 private:
  const std::shared_ptr<const Projection> orders_ = OrdersView();
  const bool merges_;
};

class RowQueryTest : public ::testing::Test {
 protected:
  RowQueryTest() : store_(::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    Open();
  }

  void Open(const ReadModelsOptions& options = {}) {
    auto models = ReadModels::Open(*store_, {std::make_shared<OrdersByProduct>()}, options);
    ASSERT_TRUE(models.ok()) << models.status();
    models_ = *std::move(models);
  }
  void Add(const std::string& scope, const google::protobuf::Message& payload) {
    const absl::Status status = models_->Add(MadeEvent(++position_, scope, payload).event());
    ASSERT_TRUE(status.ok()) << status;
    scopes_.insert(scope);
  }
  void Commit() {
    StoreBatch batch;
    Finish(batch);
    ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
    models_->Committed();
  }
  void Finish(StoreBatch& batch) {
    for (const std::string& scope : std::exchange(scopes_, {})) {
      ASSERT_TRUE(models_->Finish(scope, Position(position_), batch).ok());
    }
  }
  void AddLine(const std::string& scope, const std::string& order, const std::string& product,
               const std::string& customer = "ann") {
    commerce::OrderLineAdded line;
    line.set_order_id(order);
    line.set_product_id(product);
    line.set_customer_id(customer);
    Add(scope, line);
  }
  void AddSome(int events) {
    for (; events > 0; --events) Add(dice_.Roll(2) == 0 ? "east" : "west", *dice_.Next());
  }

  // All pages of a scan, as "index key/key".
  std::vector<std::string> Scan(PageWanted wanted) {
    std::vector<std::string> keys;
    do {
      const auto page = models_->Page("orders", wanted);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      EXPECT_LE(page->rows.size(), wanted.rows_max);
      for (const MergedRow& row : page->rows) keys.push_back(Cat(row.index_key, "/", row.key));
      wanted.after = page->more;
    } while (!wanted.after.empty());
    return keys;
  }
  std::vector<std::string> Scan(const std::string& index) {
    PageWanted wanted;
    wanted.range.index = index;
    return Scan(wanted);
  }
  static Rows RowsOf(const ViewReader& reader, const std::string& prefix) {
    Rows rows;
    RowRange range;
    range.prefix = prefix;
    const auto cursor = *reader.Scan(range);
    for (;;) {
      const MergedRow* row = *cursor->Next();
      if (row == nullptr) return rows;
      rows[row->key] = RowBytes(row->row);
    }
  }

  MadeStore store_;
  std::unique_ptr<ReadModels> models_;
  uint64_t position_ = 0;
  std::set<std::string> scopes_;
  MadeLines dice_{21};
};

// ---- indexes

TEST_F(RowQueryTest, ARowIsFoundUnderEachOfItsKeysAndMovesWithThem) {
  AddLine("east", "2", "milk", "ann");
  AddLine("east", "1", "milk", "bob");
  AddLine("east", "1", "egg");
  Commit();
  EXPECT_THAT(Scan("product"), ElementsAre("egg/1", "milk/1", "milk/2"));
  EXPECT_THAT(Scan("customer"), ElementsAre("ann/2", "bob/1"));
  commerce::OrderOpened opened;
  opened.set_order_id("2");
  opened.set_customer_id("cid");
  Add("east", opened);
  Commit();
  EXPECT_THAT(Scan("customer"), ElementsAre("bob/1", "cid/2"));
}

TEST_F(RowQueryTest, ARowThatAnotherScopeHidesDoesNotComeByAnIndex) {
  AddLine("west", "1", "milk", "ann");
  Commit();
  EXPECT_THAT(Scan("customer"), ElementsAre("ann/1"));
  AddLine("east", "1", "egg", "bob");
  Commit();
  EXPECT_THAT(Scan("customer"), ElementsAre("bob/1"));
  EXPECT_THAT(Scan("product"), ElementsAre("egg/1"));
}

TEST_F(RowQueryTest, AnUnknownIndexIsNamedWithThoseThereAre) {
  PageWanted wanted;
  wanted.range.index = "colour";
  EXPECT_EQ(
      models_->Page("orders", wanted).status(),
      absl::NotFoundError("view orders has no index \"colour\"; there are: product, customer"));
}

TEST_F(RowQueryTest, RowsThatMergeCanHaveNoIndex) {
  const auto opened = ReadModels::Open(*store_, {std::make_shared<OrdersByProduct>(true)});
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Cat(opened.status()), HasSubstr("view orders merges rows of several scopes"));
}

TEST_F(RowQueryTest, EscapedKeysAreInTheOrderOfKeysWhateverTheirBytes) {
  std::vector<std::pair<std::string, std::string>> keys;  // index key, row key
  for (int i = 0; i < 300; ++i) {
    std::string index, row;
    for (uint32_t size = dice_.Roll(4); size > 0; --size) index += "\0\1\xff\x61"[dice_.Roll(4)];
    for (uint32_t size = dice_.Roll(3); size > 0; --size) row += "\0\1\xff\x61"[dice_.Roll(4)];
    keys.emplace_back(index, row);
  }
  std::sort(keys.begin(), keys.end());
  std::string last;
  for (const auto& [index, row] : keys) {
    const std::string entry = EscapedIndexKey(index) + row;
    EXPECT_LE(last, entry);
    last = entry;
    std::string parsed;
    std::string_view rest;
    ASSERT_TRUE(ParseIndexEntry(entry, &parsed, &rest));
    EXPECT_EQ(parsed, index);
    EXPECT_EQ(rest, row);
    ParseIndexEntry(row, &parsed, &rest);  // what is none does not crash
  }
}

// ---- pages

TEST_F(RowQueryTest, PagesTogetherAreTheRangeWhateverTheirSize) {
  AddSome(300);
  Commit();
  const Rows all = RowsOf(*models_->Read("orders"), "");
  const auto key = [&] {
    return dice_.Roll(4) == 0 ? "" : std::to_string(536365 + dice_.Roll(60));
  };
  for (int round = 0; round < 60; ++round) {
    PageWanted wanted;
    wanted.range = {"", key(), key(), key().substr(0, dice_.Roll(6))};
    wanted.rows_max = 1 + dice_.Roll(7);
    wanted.bytes_max = dice_.Roll(2) == 0 ? 1 : 1 << 20;
    std::vector<std::string> expected;
    for (const auto& [row, bytes] : all) {
      const RowRange& range = wanted.range;
      if (row < range.from || (!range.to.empty() && row >= range.to)) continue;
      if (row.substr(0, range.prefix.size()) == range.prefix) expected.push_back("/" + row);
    }
    EXPECT_EQ(Scan(wanted), expected) << round;
  }
}

TEST_F(RowQueryTest, PagesByAnIndexTogetherAreTheRangeOfItsKeys) {
  AddSome(200);
  Commit();
  const std::vector<std::string> all = Scan("product");
  PageWanted wanted;
  wanted.range = {"product", "20010", "20031", "200"};
  wanted.rows_max = 3;
  std::vector<std::string> expected;
  for (const std::string& row : all) {
    if (row >= "20010/" && row < "20031/") expected.push_back(row);
  }
  ASSERT_GT(expected.size(), 10u);
  EXPECT_EQ(Scan(wanted), expected);
}

TEST_F(RowQueryTest, RowsThatStayAreInOnePageEachWhileOthersChange) {
  for (char c = 'a'; c <= 'y'; c += 2) AddLine("east", std::string(1, c), "milk");
  Commit();
  PageWanted wanted;
  wanted.rows_max = 2;
  std::string seen;
  do {
    const auto page = models_->Page("orders", wanted);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const MergedRow& row : page->rows) seen += row.key;
    wanted.after = page->more;
    // Before and behind the page.
    AddLine("west", seen.substr(0, 1) + "1", "egg");
    AddLine("west", "z", "egg");
    Commit();
  } while (!wanted.after.empty());
  EXPECT_EQ(seen, "acegikmoqsuwyz");
}

TEST_F(RowQueryTest, ATokenOfAnotherScanIsRefusedAndSaysOfWhich) {
  AddSome(100);
  Commit();
  PageWanted wanted;
  wanted.rows_max = 1;
  wanted.range = {"customer", "", "", "1"};
  wanted.after = models_->Page("orders", wanted)->more;
  ASSERT_FALSE(wanted.after.empty());
  EXPECT_TRUE(models_->Page("orders", wanted).ok());
  PageWanted other = wanted;
  other.range.index = "product";
  EXPECT_EQ(models_->Page("orders", other).status(),
            absl::InvalidArgumentError("the token is of a scan of view orders by index "
                                       "\"customer\", not by index \"product\""));
  other = wanted;
  other.range.prefix = "12";
  EXPECT_THAT(Cat(models_->Page("orders", other).status()), HasSubstr("with other bounds"));
  const auto none = [](const RowRange&, const RowPlace*) {
    return absl::StatusOr<std::unique_ptr<RowCursor>>(absl::InternalError("not reached"));
  };
  EXPECT_EQ(ReadPage({"stock", 1, 1, Position(), none}, wanted).status(),
            absl::InvalidArgumentError("the token is of a scan of view \"orders\", not of stock"));
}

TEST_F(RowQueryTest, AHostileTokenIsRefused) {
  AddSome(20);
  Commit();
  PageWanted wanted;
  wanted.rows_max = 1;
  const std::string token = models_->Page("orders", wanted)->more;
  for (size_t i = 0; i < token.size(); ++i) {
    wanted.after = token;
    wanted.after[i] = static_cast<char>(wanted.after[i] ^ (1 << dice_.Roll(8)));
    EXPECT_EQ(models_->Page("orders", wanted).status().code(), absl::StatusCode::kInvalidArgument);
    wanted.after = token.substr(0, i + 1 == token.size() ? 1 : i + 1);
    EXPECT_EQ(models_->Page("orders", wanted).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

// ---- watching

// Holds what it was told, as somebody far away would.
class Watcher {
 public:
  Watcher(const ReadModels& models, std::string prefix, size_t keys_max)
      : prefix_(std::move(prefix)) {
    watch_ = *models.Watch("orders", prefix_, {.keys_max = keys_max}, /*begins=*/true);
  }
  size_t waiting() const { return watch_->waiting(); }
  int begun() const { return begun_; }
  const Rows& rows() const { return rows_; }
  // False if `models` are not what is to be asked.
  bool Take(const ReadModels& models) {
    auto changes = *models.TakeChanges(*watch_);
    if (!changes) return false;
    if (changes->begins) {
      EXPECT_TRUE(changes->keys.empty());
      ++begun_;
      rows_.clear();
      rows_ = All(changes->reader);
    }
    for (const std::string& key : changes->keys) {
      const auto row = *changes->reader.Get(key);
      if (row) rows_[key] = RowBytes(*row);
      if (!row) rows_.erase(key);
    }
    // Exactly the rows of that moment: nothing is missing, and nothing is ahead.
    EXPECT_EQ(rows_, All(changes->reader));
    EXPECT_GE(changes->reader.position(), position_);
    position_ = changes->reader.position();
    return true;
  }

 private:
  Rows All(const ViewReader& reader) const {
    Rows rows;
    RowRange range;
    range.prefix = prefix_;
    const auto cursor = *reader.Scan(range);
    while (const MergedRow* row = *cursor->Next()) rows[row->key] = RowBytes(row->row);
    return rows;
  }

  const std::string prefix_;
  std::unique_ptr<RowWatch> watch_;
  Rows rows_;
  Position position_;
  int begun_ = 0;
};

TEST_F(RowQueryTest, WhoWatchesHasTheRowsOfTheMomentHoweverSlowItIs) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  constexpr size_t kKeysMax = 12;
  std::mt19937 dice(22);
  for (int round = 0; round < 300; ++round) {
    if (round % 30 == 0) {
      watchers.push_back(
          std::make_unique<Watcher>(*models_, round % 60 == 0 ? "53637" : "", kKeysMax));
    }
    AddSome(1 + static_cast<int>(dice() % 4));
    if (dice() % 20 == 0) {  // a batch that is lost
      StoreBatch batch;
      if (dice() % 2 == 0) Finish(batch);
      scopes_.clear();
      models_->Abandon();
    } else {
      Commit();
    }
    for (size_t i = 0; i < watchers.size(); ++i) {
      EXPECT_LE(watchers[i]->waiting(), kKeysMax);
      if (dice() % (1 + 3 * i) == 0) {
        EXPECT_TRUE(watchers[i]->Take(*models_));
      }
    }
  }
  for (const auto& watcher : watchers) {
    watcher->Take(*models_);
    EXPECT_GE(watcher->begun(), 1);
  }
  EXPECT_EQ(watchers[1]->rows(), RowsOf(*models_->Read("orders"), ""));
}

TEST_F(RowQueryTest, AWatchThatBeginsWithinABatchMissesNothingOfIt) {
  AddLine("east", "1", "milk");
  StoreBatch batch;
  Finish(batch);
  Watcher watcher(*models_, "", 100);
  EXPECT_TRUE(watcher.Take(*models_));
  EXPECT_THAT(watcher.rows(), IsEmpty());
  ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
  models_->Committed();
  EXPECT_TRUE(watcher.Take(*models_));
  EXPECT_EQ(watcher.rows().size(), 1u);
}

TEST_F(RowQueryTest, OnlyWhatWaitsIsTakenAndOnce) {
  AddLine("east", "1", "milk");
  Commit();
  const auto watch = *models_->Watch("orders", "", {}, /*begins=*/false);
  EXPECT_THAT((*models_->TakeChanges(*watch))->keys, IsEmpty());
  for (int i = 0; i < 3; ++i) {
    AddLine("east", "2", "milk");
    Commit();
  }
  EXPECT_EQ(watch->waiting(), 1u);
  const auto changes = *models_->TakeChanges(*watch);
  EXPECT_FALSE(changes->begins);
  EXPECT_THAT(changes->keys, ElementsAre("2"));
  EXPECT_EQ((*changes->reader.Get("2"))->Read<views::OrderRow>().lines_size(), 3);
  EXPECT_THAT((*models_->TakeChanges(*watch))->keys, IsEmpty());
}

TEST_F(RowQueryTest, AWatchGoesOnWithReadModelsThatAreOpenedAnew) {
  Watcher watcher(*models_, "", 100);
  AddLine("east", "1", "milk");
  Commit();
  EXPECT_TRUE(watcher.Take(*models_));
  const std::unique_ptr<ReadModels> before = std::move(models_);
  ReadModelsOptions options;
  options.watches = before->watches();
  Open(options);
  AddLine("east", "2", "milk");
  Commit();
  EXPECT_FALSE(watcher.Take(*before));  // they do not have what changed
  EXPECT_TRUE(watcher.Take(*models_));
  EXPECT_EQ(watcher.rows().size(), 2u);
  EXPECT_EQ(watcher.begun(), 1);  // the rows are in the same build
}

}  // namespace
}  // namespace intentlog
