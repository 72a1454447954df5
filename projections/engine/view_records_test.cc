#include "projections/engine/view_records.h"

#include <gtest/gtest.h>

#include "eventlog/runtime/text.h"
#include "projections/engine/compare.h"
#include "projections/engine/digest.h"
#include "projections/engine/made_store.h"
#include "projections/engine/row_fold.h"

namespace intentlog {
namespace {

// A build of one scope, with its rows and its checkpoint.
void Fill(Store& store, BuildId build, const std::string& scope,
          const std::map<std::string, std::string>& rows) {
  StoreBatch batch;
  FoldState state;
  state.rows = rows.size();
  for (const auto& [key, bytes] : rows) {
    batch.Put(Space::kRows, Cat(RowPrefix(build, scope), key), bytes);
    state.digest.Add(key, bytes);
  }
  batch.Put(Space::kMeta, CheckpointKey(build, scope), CheckpointBytes(state));
  ASSERT_TRUE(store.Commit(batch, Sync::kBuffered).ok());
}

size_t Keys(const Store& store, Space space, const std::string& prefix) {
  size_t keys = 0;
  const auto cursor = store.Scan(space);
  for (cursor->Seek(prefix); cursor->Valid(); cursor->Next()) {
    if (cursor->key().substr(0, prefix.size()) == prefix) ++keys;
  }
  return keys;
}

TEST(ViewRecordsTest, WhoTakesOverHasANewerTermThanAnybodyBefore) {
  MadeStore store("terms");
  ASSERT_TRUE(TakeOver(*store, Term(3)).ok());
  ASSERT_TRUE(TakeOver(*store, Term(3)).ok());  // again, after a commit whose end nobody saw
  ASSERT_TRUE(TakeOver(*store, Term(256)).ok());
  const absl::Status refused = TakeOver(*store, Term(255));
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(MessageOf(refused).find("in term 256, which is newer"), std::string_view::npos);
}

TEST(ViewRecordsTest, ARecordIsReadAsItWasWritten) {
  MadeStore store("records");
  EXPECT_FALSE(ReadViewRecord(*store, "orders")->has_value());
  ViewRecord record;
  record.set_name("orders");
  record.set_version(3);
  record.set_build(7);
  record.mutable_shadow()->set_build(8);
  StoreBatch batch;
  PutViewRecord(record, batch);
  ASSERT_TRUE(store->Commit(batch, Sync::kDurable).ok());
  EXPECT_EQ((*ReadViewRecord(*store, "orders"))->SerializeAsString(), record.SerializeAsString());
}

TEST(ViewRecordsTest, ADroppedBuildGoesAwaySliceBySliceAndNothingElse) {
  MadeStore store("dropped");
  Fill(*store, 1, "east", {{"a", "1"}, {"b", "2"}});
  Fill(*store, 2, "east", {{"a", "1"}, {"b", "2"}, {"c", "3"}});
  Fill(*store, 2, "west", {{"a", "1"}});
  StoreBatch batch;
  PutDropped(2, batch);
  ASSERT_TRUE(store->Commit(batch, Sync::kDurable).ok());
  const auto before = store->Snapshot();
  size_t slices = 0;
  while (*DropSome(*store, 2)) ++slices;
  EXPECT_GE(slices, 3u);
  EXPECT_EQ(Keys(*store, Space::kRows, BuildBytes(2)), 0u);
  EXPECT_EQ(Keys(*store, Space::kMeta, CheckpointPrefix(2)), 0u);
  EXPECT_EQ(Keys(*store, Space::kRows, BuildBytes(1)), 2u);
  EXPECT_EQ(Keys(*store, Space::kMeta, CheckpointPrefix(1)), 1u);
  std::string bytes;
  EXPECT_TRUE(*before->Get(Space::kRows, Cat(RowPrefix(2, "east"), "c"), &bytes));
}

TEST(CompareTest, BuildsOfEqualRowsAreEqualWhateverTheOrderOfTheirScopes) {
  MadeStore store("equal");
  for (const BuildId build : {1, 2}) {
    Fill(*store, build, "east", {{"a", "1"}});
    Fill(*store, build, "west", {{"b", "2"}});
  }
  Fill(*store, 2, "quiet", {});
  const auto found = CompareBuilds(*store->Snapshot(), 1, 2, 10);
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->equal);
  EXPECT_EQ(found->rows_a, 2u);
  EXPECT_TRUE(found->differences.empty());
}

TEST(CompareTest, TheFirstDifferencesAreNamedWithBothRows) {
  MadeStore store("different");
  Fill(*store, 1, "east", {{"a", "1"}, {"b", "2"}, {"d", "4"}});
  Fill(*store, 2, "east", {{"a", "1"}, {"b", "3"}, {"c", "5"}, {"d", "4"}});
  Fill(*store, 1, "west", {{"z", "9"}});
  const auto snapshot = store->Snapshot();
  const auto found = CompareBuilds(*snapshot, 1, 2, 10);
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->equal);
  EXPECT_EQ(found->rows_a, 4u);
  EXPECT_EQ(found->rows_b, 4u);
  ASSERT_EQ(found->differences.size(), 3u);
  EXPECT_EQ(found->differences[0].key, "b");
  EXPECT_EQ(found->differences[0].a, "2");
  EXPECT_EQ(found->differences[0].b, "3");
  EXPECT_EQ(found->differences[1].key, "c");
  EXPECT_EQ(found->differences[1].a, std::nullopt);
  EXPECT_EQ(found->differences[2].scope, "west");
  EXPECT_EQ(found->differences[2].b, std::nullopt);
  EXPECT_EQ(CompareBuilds(*snapshot, 1, 2, 1)->differences.size(), 1u);
}

}  // namespace
}  // namespace intentlog
