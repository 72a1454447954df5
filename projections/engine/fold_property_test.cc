// The engine against the oracle: whatever the batches, crashes, scopes and limits of memory, rows
// and digests are those of a naive sequential fold.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "gtest/gtest.h"
#include "projections/engine/index_check.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_lines.h"
#include "projections/engine/made_store.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/poisoned.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_access.h"
#include "projections/views/commerce_views.h"

namespace intentlog {
namespace {

const std::vector<std::string> kScopes = {"east", "shared", "west"};

struct Setting {
  uint32_t seed;
  size_t batch;           // events a commit
  size_t kept_bytes;      // rows kept in memory
  uint32_t crash_one_in;  // batches; 0: never
  // Events that a view cannot fold, and people who decide about rows that stand still.
  bool poison = false;
};

Projections ViewsOf(const Setting& setting) {
  if (!setting.poison) return CommerceViews();
  return PoisonedViews(CommerceViews(), OneIn(40));
}

// Of the events that a test made, dense from position 1.
class MadeEvents final : public EventFinder {
 public:
  std::vector<std::unique_ptr<MadeEvent>> all;

  absl::StatusOr<const Event*> At(std::string_view scope, Position position) override {
    const Event& event = all[position.value() - 1]->event();
    EXPECT_EQ(event.scope, scope);
    return &event;
  }
};

class Shop {
 public:
  Shop(const std::string& name, const Setting& setting)
      : setting_(setting), store_(name, 1 << 20), naive_(ViewsOf(setting)), dice_(setting.seed) {
    Open();
    MadeLines lines(setting.seed);
    for (uint64_t position = 1; position <= 800; ++position) {
      const std::string& scope = kScopes[lines.Roll(3)];
      const bool effective = lines.Roll(20) != 0;
      const auto payload = setting.poison && lines.Roll(25) == 0 ? Decision(scope) : lines.Next();
      events_.all.push_back(std::make_unique<MadeEvent>(position, scope, *payload, effective));
      naive_.Add(events_.all.back()->event());
    }
  }

  // Folds everything; after a crash it goes on from what the store has.
  void FoldAll() {
    uint64_t done = 0;
    while (done < events_.all.size()) {
      const uint64_t end = std::min<uint64_t>(done + setting_.batch, events_.all.size());
      if (FoldBatch(done, end)) done = end;
    }
  }

  void ExpectEqualToTheOracle() {
    for (const auto& projection : models_->projections()) {
      const std::string view = projection->info().name;
      EXPECT_EQ(Scanned(view), naive_.Merged(view)) << view;
      ExpectParked(view);
      ExpectIndexes(projection);
      const auto states = models_->Scopes(view);
      ASSERT_TRUE(states.ok());
      ASSERT_EQ(states->size(), kScopes.size());
      for (const ScopeState& state : *states) {
        EXPECT_EQ(state.position, Position(events_.all.size()));
        EXPECT_EQ(state.digest, naive_.Digest(view, state.scope)) << view << " " << state.scope;
        const auto rows = naive_.Rows(view, state.scope);
        EXPECT_EQ(state.rows, rows.size());
        EXPECT_EQ(state.parked, naive_.Parked(view, state.scope).size());
        for (const auto& [key, bytes] : rows) {
          const auto row = models_->GetInScope(view, state.scope, key);
          ASSERT_TRUE(row.ok() && row->has_value());
          EXPECT_EQ(RowBytes(**row), bytes);
        }
      }
      for (const auto& [key, bytes] : naive_.Merged(view)) {
        EXPECT_EQ(RowBytes(**models_->Get(view, key)), bytes);
      }
    }
  }

 private:
  void Open() {
    ReadModelsOptions options;
    options.kept_rows_bytes_max = setting_.kept_bytes;
    auto models = ReadModels::Open(*store_, ViewsOf(setting_), options);
    ASSERT_TRUE(models.ok()) << models.status();
    models_ = std::move(models).value();
    models_->FindEventsIn(&events_);
  }

  // Somebody decides about one row that stands still, or about all of a view.
  std::unique_ptr<google::protobuf::Message> Decision(const std::string& scope) {
    auto decision = std::make_unique<Unpark>();
    const Projections views = CommerceViews();
    decision->set_view(views[dice_.Roll(static_cast<uint32_t>(views.size()))]->info().name);
    const NaiveFold::Waiting& parked = naive_.Parked(decision->view(), scope);
    decision->set_all_keys(parked.empty() || dice_.Roll(4) == 0);
    if (decision->all_keys()) return decision;
    const auto row = std::next(parked.begin(), dice_.Roll(static_cast<uint32_t>(parked.size())));
    decision->set_key(row->first);
    // Now and then of an event that is not the one that failed.
    const uint64_t first = row->second[0]->position.value();
    decision->set_skip(dice_.Roll(5) == 0 ? first + 1 : first);
    return decision;
  }

  void ExpectParked(const std::string& view) {
    const auto parked = models_->Parked(view, SIZE_MAX);
    ASSERT_TRUE(parked.ok()) << parked.status();
    auto row = parked->begin();
    for (const std::string& scope : kScopes) {
      for (const auto& [key, events] : naive_.Parked(view, scope)) {
        ASSERT_NE(row, parked->end()) << view << " " << scope << " " << key;
        EXPECT_EQ(row->scope, scope);
        EXPECT_EQ(row->key, key);
        EXPECT_EQ(row->position, events[0]->position);
        EXPECT_EQ(row->waiting, events.size());
        EXPECT_EQ(row->why, absl::InvalidArgumentError("poison"));
        ++row;
      }
    }
    EXPECT_EQ(row, parked->end()) << view;
  }

  // Entries are exactly those of the rows, and reading by them gives the merged rows in order.
  void ExpectIndexes(const std::shared_ptr<const Projection>& projection) {
    const std::string view = projection->info().name;
    const OpenProjection one = *OpenOne(projection, *models_->LiveBuild(view));
    const IndexEntries entries = EntriesOf(*store_, one);
    EXPECT_EQ(entries.stored, entries.expected) << view;
    for (size_t index = 0; index < one.indexes.size(); ++index) {
      std::vector<std::string> expected;
      for (const auto& [key, bytes] : naive_.Merged(view)) {
        for (const IndexKey& entry : IndexedAsOf(one, key, *RowFromBytes(*projection, bytes))) {
          if (entry.index != index) continue;
          expected.push_back(Cat(EscapedIndexKey(entry.key), key, "=", bytes));
        }
      }
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(IndexScanned(view, one.indexes[index]), expected) << one.indexes[index];
    }
  }

  std::vector<std::string> IndexScanned(const std::string& view, const std::string& index) {
    std::vector<std::string> rows;
    PageWanted wanted;
    wanted.range.index = index;
    wanted.rows_max = 1 + dice_.Roll(9);
    do {
      const auto page = models_->Page(view, wanted);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const MergedRow& row : page->rows) {
        rows.push_back(Cat(EscapedIndexKey(row.index_key), row.key, "=", RowBytes(row.row)));
      }
      wanted.after = page->more;
    } while (!wanted.after.empty());
    return rows;
  }

  // False if a crash took the batch.
  bool FoldBatch(uint64_t from, uint64_t end) {
    for (uint64_t i = from; i < end; ++i) {
      const absl::Status status = models_->Add(events_.all[i]->event());
      EXPECT_TRUE(status.ok()) << status;
    }
    const uint32_t crash = setting_.crash_one_in == 0 ? 99 : dice_.Roll(setting_.crash_one_in);
    StoreBatch batch;
    if (crash != 0) {
      for (const std::string& scope : kScopes) {
        EXPECT_TRUE(models_->Finish(scope, Position(end), batch).ok());
      }
    }
    if (crash <= 1) {  // before Finish, or before the commit
      Crash();
      return false;
    }
    EXPECT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
    models_->Committed();
    if (crash == 2) Crash();
    return true;
  }

  void Crash() {
    if (dice_.Roll(8) != 0) return models_->Abandon();  // opening takes long
    models_.reset();
    store_.Reopen();
    Open();
  }

  std::map<std::string, std::string> Scanned(const std::string& view) {
    std::map<std::string, std::string> rows;
    auto cursor = models_->Scan(view);
    EXPECT_TRUE(cursor.ok());
    std::string last;
    for (;;) {
      const auto row = (*cursor)->Next();
      EXPECT_TRUE(row.ok()) << row.status();
      if (!row.ok() || *row == nullptr) return rows;
      EXPECT_TRUE(rows.empty() || last < (*row)->key);
      last = (*row)->key;
      rows[last] = RowBytes((*row)->row);
    }
  }

  const Setting setting_;
  MadeStore store_;
  NaiveFold naive_;
  MadeLines dice_;
  std::unique_ptr<ReadModels> models_;
  MadeEvents events_;
};

TEST(FoldPropertyTest, I18_I17_AnyBatchSizeGivesTheRowsAndDigestsOfANaiveFold) {
  for (const size_t batch : {1, 7, 1000}) {
    Shop shop("batches", {.seed = 1, .batch = batch, .kept_bytes = 4 << 20, .crash_one_in = 0});
    shop.FoldAll();
    shop.ExpectEqualToTheOracle();
  }
}

TEST(FoldPropertyTest, I18_RowsKeptInMemoryChangeNothing) {
  for (const size_t kept_bytes : {size_t{0}, size_t{5000}, size_t{40'000}}) {
    Shop shop("kept", {.seed = 2, .batch = 13, .kept_bytes = kept_bytes, .crash_one_in = 0});
    shop.FoldAll();
    shop.ExpectEqualToTheOracle();
  }
}

TEST(FoldPropertyTest, I13_I18_CrashesInBetweenChangeNothing) {
  for (const uint32_t seed : {3, 4}) {
    for (const size_t batch : {7, 60, 1000}) {
      Shop shop("crashes", {.seed = seed, .batch = batch, .kept_bytes = 20'000, .crash_one_in = 5});
      shop.FoldAll();
      shop.ExpectEqualToTheOracle();
    }
  }
}

TEST(FoldPropertyTest, I22_I18_PoisonParksItsRowAndTheRestGoesOnWhateverTheBatches) {
  for (const uint32_t seed : {5, 6}) {
    for (const size_t batch : {1, 7, 1000}) {
      Shop shop("poison", {.seed = seed,
                           .batch = batch,
                           .kept_bytes = 20'000,
                           .crash_one_in = batch == 1 ? 0u : 5u,
                           .poison = true});
      shop.FoldAll();
      shop.ExpectEqualToTheOracle();
    }
  }
}

// The bytes of a read model over fixed events: another compiler, optimization, clock, language or
// allocator must give the same. It changes only together with a projection's version.
TEST(FoldPropertyTest, I19_FixedEventsGiveFixedDigests) {
  NaiveFold naive(CommerceViews());
  MadeLines lines(7);
  for (uint64_t position = 1; position <= 1000; ++position) {
    naive.Add(MadeEvent(position, "shop", *lines.Next()).event());
  }
  Digest128 all;
  for (const auto& projection : CommerceViews()) {
    const std::string view = projection->info().name;
    if (projection->info().decisions) continue;  // nothing here is undecided
    all.Add(view, naive.Digest(view, "shop").Bytes());
  }
  EXPECT_EQ(Hex(all.Bytes()), "ca777f0ea588449067589749cf83285b");
}

}  // namespace
}  // namespace intentlog
