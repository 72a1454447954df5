// What every Engine must do, as a gtest suite that an engine's own test instantiates with a
// harness:
//
//   struct Harness {
//     Engine& engine();  // new and empty at first
//     void Reopen();     // as after a restart of the process
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Rocksdb, EngineConformanceTest, Harness);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eventlog/log/engine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {

template <class Harness>
class EngineConformanceTest : public ::testing::Test {
 protected:
  Engine& engine() { return harness_.engine(); }
  void Reopen() { harness_.Reopen(); }

  static EngineBlock Block(uint64_t first, uint64_t last, const std::string& bytes) {
    return EngineBlock{Position(first), Position(last), bytes};
  }
  static IndexRow Row(const std::string& key, const std::string& value) {
    return IndexRow{key, value};
  }
  Term Fence(const std::string& tenant = "shop") {
    const auto term = engine().Fence(tenant);
    EXPECT_TRUE(term.ok()) << term.status();
    return term.value_or(Term());
  }
  absl::Status Append(Term term, std::vector<EngineBlock> blocks, std::vector<IndexRow> rows = {},
                      const std::string& tenant = "shop") {
    return engine().Append(tenant, term, EngineAppend{std::move(blocks), std::move(rows)});
  }
  std::vector<std::string> Blocks(uint64_t from, const std::string& tenant = "shop") {
    return Drain(*engine().Read(tenant, Position(from)));
  }
  static std::vector<std::string> Drain(EngineCursor& cursor) {
    std::vector<std::string> blocks;
    while (true) {
      const auto next = cursor.Next();
      EXPECT_TRUE(next.ok()) << next.status();
      if (!next.value_or(false)) return blocks;
      blocks.emplace_back(cursor.block());
    }
  }
  std::vector<std::string> Keys(const std::string& prefix, const std::string& from,
                                size_t limit = 100, const std::string& tenant = "shop") {
    std::vector<std::string> keys;
    const auto rows = engine().ScanIndex(tenant, prefix, from, limit);
    EXPECT_TRUE(rows.ok());
    for (const IndexRow& row : *rows) keys.push_back(row.key);
    return keys;
  }
  uint64_t HeadPosition(const std::string& tenant = "shop") {
    return engine().Head(tenant)->position.value();
  }
  static constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

 private:
  Harness harness_;
};

TYPED_TEST_SUITE_P(EngineConformanceTest);

TYPED_TEST_P(EngineConformanceTest, ANewTenantIsEmpty) {
  EXPECT_EQ(this->HeadPosition(), 0u);
  EXPECT_TRUE(this->Blocks(1).empty());
  std::string block;
  EXPECT_EQ(this->engine().ReadBlock("shop", Position(1), &block).code(),
            absl::StatusCode::kNotFound);
}

TYPED_TEST_P(EngineConformanceTest, BlocksAreReadInOrderFromTheOneThatHoldsAPosition) {
  const Term term = this->Fence();
  ASSERT_TRUE(this->Append(term, {this->Block(1, 3, "a"), this->Block(4, 4, "b")}).ok());
  ASSERT_TRUE(this->Append(term, {this->Block(5, 300, "c")}).ok());
  EXPECT_EQ(this->HeadPosition(), 300u);
  EXPECT_THAT(this->Blocks(0), ::testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(this->Blocks(3), ::testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(this->Blocks(4), ::testing::ElementsAre("b", "c"));
  EXPECT_TRUE(this->Blocks(301).empty());
  std::string block;
  ASSERT_TRUE(this->engine().ReadBlock("shop", Position(17), &block).ok());
  EXPECT_EQ(block, "c");
  EXPECT_EQ(this->engine().ReadBlock("shop", Position(301), &block).code(),
            absl::StatusCode::kNotFound);
}

TYPED_TEST_P(EngineConformanceTest, ACursorAtTheEndGoesOnWithWhatComesLater) {
  const Term term = this->Fence();
  const auto cursor = this->engine().Read("shop", Position(1));
  EXPECT_TRUE(this->Drain(*cursor).empty());
  ASSERT_TRUE(this->Append(term, {this->Block(1, 3, "a")}).ok());
  EXPECT_THAT(this->Drain(*cursor), ::testing::ElementsAre("a"));
  EXPECT_TRUE(this->Drain(*cursor).empty());
  ASSERT_TRUE(this->Append(term, {this->Block(4, 4, "b")}).ok());
  EXPECT_THAT(this->Drain(*cursor), ::testing::ElementsAre("b"));
}

TYPED_TEST_P(EngineConformanceTest, ACursorUnderWayFindsWhatWasAppendedSinceItWasMade) {
  const Term term = this->Fence();
  ASSERT_TRUE(this->Append(term, {this->Block(1, 3, "a")}).ok());
  const auto cursor = this->engine().Read("shop", Position(1));
  ASSERT_TRUE(cursor->Next().value());
  ASSERT_TRUE(this->Append(term, {this->Block(4, 4, "b")}).ok());
  EXPECT_THAT(this->Drain(*cursor), ::testing::ElementsAre("b"));
}

TYPED_TEST_P(EngineConformanceTest, ACursorMovesToTheBlockThatHoldsAPosition) {
  const Term term = this->Fence();
  ASSERT_TRUE(this->Append(term, {this->Block(1, 3, "a"), this->Block(4, 4, "b")}).ok());
  const auto cursor = this->engine().Read("shop", Position(1));
  ASSERT_TRUE(cursor->Seek(Position(4)).value());
  EXPECT_EQ(cursor->block(), "b");
  ASSERT_TRUE(cursor->Seek(Position(2)).value());
  EXPECT_EQ(cursor->block(), "a");
  EXPECT_THAT(this->Drain(*cursor), ::testing::ElementsAre("b"));
  EXPECT_FALSE(cursor->Seek(Position(5)).value());
  ASSERT_TRUE(this->Append(term, {this->Block(5, 300, "c")}).ok());
  ASSERT_TRUE(cursor->Seek(Position(17)).value());
  EXPECT_EQ(cursor->block(), "c");
  EXPECT_TRUE(this->Drain(*cursor).empty());
}

TYPED_TEST_P(EngineConformanceTest, I12_AnAppendMustFollowTheHead) {
  const Term term = this->Fence();
  EXPECT_EQ(this->Append(term, {this->Block(2, 3, "hole")}).code(), this->kRefused);
  ASSERT_TRUE(this->Append(term, {this->Block(1, 3, "a")}).ok());
  EXPECT_EQ(this->Append(term, {this->Block(3, 5, "overlap")}).code(), this->kRefused);
  EXPECT_EQ(this->Append(term, {this->Block(5, 5, "hole")}).code(), this->kRefused);
  EXPECT_EQ(this->Append(term, {this->Block(4, 4, "b"), this->Block(6, 6, "hole")}).code(),
            this->kRefused);
  EXPECT_THAT(this->Blocks(1), ::testing::ElementsAre("a"));  // nothing of what was refused
  EXPECT_TRUE(this->Append(term, {this->Block(4, 4, "b")}).ok());
}

TYPED_TEST_P(EngineConformanceTest, I24_AnOlderTermIsFenced) {
  const Term old_term = this->Fence();
  ASSERT_TRUE(this->Append(old_term, {this->Block(1, 1, "a")}).ok());
  const Term new_term = this->Fence();
  EXPECT_GT(new_term, old_term);
  EXPECT_EQ(this->Append(old_term, {this->Block(2, 2, "late")}).code(), this->kRefused);
  EXPECT_EQ(this->Append(old_term, {}, {this->Row("k", "late")}).code(), this->kRefused);
  EXPECT_EQ(
      this->engine().Replace("shop", old_term, this->Block(1, 1, "late"), {Position(1)}, {}).code(),
      this->kRefused);
  EXPECT_TRUE(this->Append(new_term, {this->Block(2, 2, "b")}).ok());
  EXPECT_THAT(this->Blocks(1), ::testing::ElementsAre("a", "b"));
  this->Reopen();
  EXPECT_GT(this->Fence(), new_term);
  EXPECT_EQ(this->Append(new_term, {this->Block(3, 3, "late")}).code(), this->kRefused);
}

TYPED_TEST_P(EngineConformanceTest, IndexRowsComeWithTheirAppendOrNotAtAll) {
  const Term term = this->Fence();
  ASSERT_TRUE(
      this->Append(term, {this->Block(1, 1, "a")}, {this->Row("r1", "one"), this->Row("r2", "two")})
          .ok());
  EXPECT_EQ(this->Append(term, {this->Block(5, 5, "hole")}, {this->Row("r3", "three")}).code(),
            this->kRefused);
  std::string value;
  EXPECT_TRUE(this->engine().GetIndex("shop", "r2", &value).value());
  EXPECT_EQ(value, "two");
  EXPECT_FALSE(this->engine().GetIndex("shop", "r3", &value).value());
  ASSERT_TRUE(this->Append(term, {}, {this->Row("r1", "new"), IndexRow{"r2", std::nullopt}}).ok());
  EXPECT_EQ(this->HeadPosition(), 1u);
  EXPECT_THAT(this->Keys("r", ""), ::testing::ElementsAre("r1"));
}

TYPED_TEST_P(EngineConformanceTest, IndexRowsAreScannedAndFoundFromBehindWithinTheirPrefix) {
  const Term term = this->Fence();
  ASSERT_TRUE(this->Append(term, {},
                           {this->Row("a1", ""), this->Row("b1", "x"), this->Row("b2", "y"),
                            this->Row("b5", "z"), this->Row("c1", "")})
                  .ok());
  EXPECT_THAT(this->Keys("b", ""), ::testing::ElementsAre("b1", "b2", "b5"));
  EXPECT_THAT(this->Keys("b", "b2"), ::testing::ElementsAre("b2", "b5"));
  EXPECT_THAT(this->Keys("b", "b", 2), ::testing::ElementsAre("b1", "b2"));
  EXPECT_TRUE(this->Keys("d", "").empty());
  EXPECT_EQ((*this->engine().LastIndex("shop", "b", "b4"))->key, "b2");
  EXPECT_EQ((*this->engine().LastIndex("shop", "b", "b5"))->value, "z");
  EXPECT_FALSE(this->engine().LastIndex("shop", "b", "b0")->has_value());
}

TYPED_TEST_P(EngineConformanceTest, ReplacedBlocksAreGoneAndTheMergedOneIsInTheirPlace) {
  const Term term = this->Fence();
  ASSERT_TRUE(this->Append(term,
                           {this->Block(1, 2, "a"), this->Block(3, 3, "b"), this->Block(4, 6, "c"),
                            this->Block(7, 7, "d")},
                           {this->Row("s3", ""), this->Row("s6", "")})
                  .ok());
  ASSERT_TRUE(this->engine()
                  .Replace("shop", term, this->Block(3, 6, "bc"), {Position(3), Position(6)},
                           {IndexRow{"s3", std::nullopt}})
                  .ok());
  EXPECT_THAT(this->Blocks(1), ::testing::ElementsAre("a", "bc", "d"));
  EXPECT_THAT(this->Blocks(4), ::testing::ElementsAre("bc", "d"));
  EXPECT_THAT(this->Keys("s", ""), ::testing::ElementsAre("s6"));
  EXPECT_EQ(this->HeadPosition(), 7u);
  EXPECT_FALSE(
      this->engine().Replace("shop", term, this->Block(1, 9, "x"), {Position(9)}, {}).ok());
  EXPECT_FALSE(
      this->engine().Replace("shop", term, this->Block(1, 6, "x"), {Position(2)}, {}).ok());
  EXPECT_FALSE(this->engine().Replace("shop", term, this->Block(1, 6, "x"), {}, {}).ok());
  EXPECT_THAT(this->Blocks(1), ::testing::ElementsAre("a", "bc", "d"));
}

TYPED_TEST_P(EngineConformanceTest, I1_AllIsThereAfterReopening) {
  const Term term = this->Fence();
  for (uint64_t i = 1; i <= 50; ++i) {
    ASSERT_TRUE(this->Append(term, {this->Block(i, i, std::to_string(i))},
                             {this->Row("r" + std::to_string(i), "")})
                    .ok());
  }
  this->Reopen();
  EXPECT_EQ(this->HeadPosition(), 50u);
  EXPECT_EQ(this->Blocks(1).size(), 50u);
  EXPECT_EQ(this->Keys("r", "").size(), 50u);
}

TYPED_TEST_P(EngineConformanceTest, I25_TenantsDoNotSeeEachOther) {
  for (const std::string tenant : {"a", "ab", "b"}) {
    const Term term = this->Fence(tenant);
    ASSERT_TRUE(this->Append(term, {this->Block(1, 1, "of " + tenant)},
                             {this->Row("k-" + tenant, tenant)}, tenant)
                    .ok());
  }
  for (const std::string tenant : {"a", "ab", "b"}) {
    EXPECT_THAT(this->Blocks(0, tenant), ::testing::ElementsAre("of " + tenant));
    EXPECT_THAT(this->Keys("", "", 100, tenant), ::testing::ElementsAre("k-" + tenant));
    EXPECT_EQ((*this->engine().LastIndex(tenant, "", "\xff"))->value, tenant);
  }
  EXPECT_THAT(*this->engine().Tenants(), ::testing::ElementsAre("a", "ab", "b"));
}

TYPED_TEST_P(EngineConformanceTest, I25_ATenantsNameIsNotEmptyAndHasNoNul) {
  std::string out;
  for (const std::string& tenant : {std::string(), std::string("a\0k", 3)}) {
    const auto kInvalid = absl::StatusCode::kInvalidArgument;
    EXPECT_EQ(this->engine().Fence(tenant).status().code(), kInvalid);
    EXPECT_EQ(this->engine().Head(tenant).status().code(), kInvalid);
    EXPECT_EQ(this->Append(Term(), {}, {}, tenant).code(), kInvalid);
    EXPECT_EQ(this->engine().Read(tenant, Position(1))->Next().status().code(), kInvalid);
    EXPECT_EQ(this->engine().Read(tenant, Position(1))->Seek(Position(1)).status().code(),
              kInvalid);
    EXPECT_EQ(this->engine().ReadBlock(tenant, Position(1), &out).code(), kInvalid);
    EXPECT_EQ(this->engine().GetIndex(tenant, "k", &out).status().code(), kInvalid);
    EXPECT_EQ(this->engine().LastIndex(tenant, "k", "k").status().code(), kInvalid);
    EXPECT_EQ(this->engine().ScanIndex(tenant, "k", "k", 1).status().code(), kInvalid);
  }
}

REGISTER_TYPED_TEST_SUITE_P(EngineConformanceTest, ANewTenantIsEmpty,
                            BlocksAreReadInOrderFromTheOneThatHoldsAPosition,
                            ACursorAtTheEndGoesOnWithWhatComesLater,
                            ACursorUnderWayFindsWhatWasAppendedSinceItWasMade,
                            ACursorMovesToTheBlockThatHoldsAPosition, I12_AnAppendMustFollowTheHead,
                            I24_AnOlderTermIsFenced, IndexRowsComeWithTheirAppendOrNotAtAll,
                            IndexRowsAreScannedAndFoundFromBehindWithinTheirPrefix,
                            ReplacedBlocksAreGoneAndTheMergedOneIsInTheirPlace,
                            I1_AllIsThereAfterReopening, I25_TenantsDoNotSeeEachOther,
                            I25_ATenantsNameIsNotEmptyAndHasNoNul);

}  // namespace intentlog
