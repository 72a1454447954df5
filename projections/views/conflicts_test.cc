#include "projections/views/conflicts.h"

#include <memory>
#include <string>
#include <vector>

#include "eventlog/log/event.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_store.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/row_access.h"
#include "proto/commerce.pb.h"
#include "proto/event.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using ::testing::ElementsAre;
using views::ConflictsRow;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kNoon = 1'323'432'000 * kSecond;  // 2011-12-09 12:00
constexpr const char* kPriceKey = "product/intentlog.commerce.PriceSet/*/review/2011-12-09";

Reason Asked(Rule rule, std::vector<std::string> fields = {}) {
  Reason reason;
  reason.set_code(Reason::CONCURRENT_CHANGE);
  reason.set_rule(rule);
  for (std::string& field : fields) reason.add_fields(std::move(field));
  return reason;
}

// One event as it lies in the log.
struct Recorded {
  Header header;
  Intent intent;
};

class ConflictsTest : public ::testing::Test {
 protected:
  // A price, decided at `at_us`.
  Recorded Price(Decision decision, const Reason& reason, int64_t at_us = kNoon) {
    Recorded one;
    one.header.set_position(++head_);
    one.header.set_decision(decision);
    one.header.set_server_time_us(at_us);
    if (decision != ACCEPTED) *one.header.mutable_reason() = reason;
    commerce::PriceSet price;
    price.set_product_id("milk");
    one.intent.set_type(price.GetTypeName());
    one.intent.set_entity_type("product");
    one.intent.set_entity_id("milk");
    one.intent.set_scope(scope_);
    one.intent.set_payload(price.SerializeAsString());
    return one;
  }
  // What closes `open`, or turns it.
  Recorded Settled(const Recorded& open, Settlement settlement, int64_t at_us) {
    settlement.set_of(open.header.position());
    settlement.set_open_type(open.intent.type());
    settlement.set_open_decision(open.header.decision());
    *settlement.mutable_open_reason() = open.header.reason();
    settlement.set_opened_at_us(open.header.server_time_us());
    settlement.set_type(open.intent.type());
    settlement.set_payload(open.intent.payload());
    Recorded one;
    one.intent = open.intent;
    one.intent.set_type("intentlog.Settlement");
    one.intent.set_payload(settlement.SerializeAsString());
    one.header.set_position(++head_);
    one.header.set_decision(settlement.decision());
    one.header.set_server_time_us(at_us);
    one.header.set_settlement_of(open.header.position());
    return one;
  }
  static Settlement By(const std::string& resolver, Resolve::Verdict verdict, Decision decision) {
    Settlement settlement;
    settlement.set_resolver(resolver);
    settlement.set_verdict(verdict);
    settlement.set_decision(decision);
    return settlement;
  }

  void Happen(const Recorded& one) { fold_.Add(Decoded(one)); }
  const Event& Decoded(const Recorded& one) {
    header_ = one.header.SerializeAsString();
    intent_ = one.intent.SerializeAsString();
    const auto event = decoder_.Decode(
        {Position(one.header.position()), one.intent.scope(), true, header_, intent_});
    EXPECT_TRUE(event.ok()) << event.status();
    return **event;
  }
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (const auto& [key, row] : fold_.Merged("conflicts")) keys.push_back(key);
    return keys;
  }
  std::vector<std::string> Printed(const std::string& key = kPriceKey) const {
    ConflictsRow message;
    const auto rows = fold_.Merged("conflicts");
    const auto found = rows.find(key);
    if (found == rows.end()) return {"no row"};
    EXPECT_TRUE(message.ParseFromString(found->second));
    Row row;
    row.Edit<ConflictsRow>() = message;
    std::vector<std::string> columns;
    EXPECT_TRUE(ConflictsView()->Print(row, columns).ok());
    return columns;
  }

  std::string scope_ = "north";
  uint64_t head_ = 0;
  std::string header_, intent_;
  EventDecoder decoder_{CommerceSchema()};
  NaiveFold fold_{{ConflictsView()}};
};

TEST_F(ConflictsTest, AConflictIsOpenUntilItsSettlement) {
  const Recorded price = Price(CONFLICTED, Asked(REVIEW));
  Happen(price);
  EXPECT_THAT(Printed(), ElementsAre("1", "0", "1", "0", "0", "", ""));
  // It counts for the day on which it was opened, whenever it is resolved.
  Happen(Settled(price, By("operator", Resolve::APPLY, MERGED), kNoon + kDay));
  EXPECT_THAT(Printed(), ElementsAre("1", "1", "0", "86400", "86400", "applied 1", "operator 1"));
  EXPECT_THAT(Keys(), ElementsAre(kPriceKey));
}

TEST_F(ConflictsTest, WhatIsPlainlyEffectiveOrWasRejectedCountsNowhere) {
  Happen(Price(ACCEPTED, {}));
  const Recorded rejected = Price(REJECTED, Asked(FIRST_WRITER_WINS));
  Happen(rejected);
  Happen(Settled(rejected, By("till-1", Resolve::VERDICT_UNSPECIFIED, REJECTED), kNoon));
  EXPECT_THAT(Keys(), ElementsAre());
}

TEST_F(ConflictsTest, VerdictsAndResolversAreCountedByName) {
  const auto resolve = [&](const std::string& who, Resolve::Verdict verdict, Decision decision,
                           int64_t seconds) {
    const Recorded price = Price(CONFLICTED, Asked(REVIEW));
    Happen(price);
    Happen(Settled(price, By(who, verdict, decision), kNoon + seconds * kSecond));
  };
  resolve("till-2", Resolve::REPLACE, MERGED, 10);
  resolve("operator", Resolve::APPLY, ACCEPTED, 20);
  resolve("till-2", Resolve::DROP, REJECTED, 60);
  resolve("", Resolve::VERDICT_UNSPECIFIED, MERGED, 30);
  EXPECT_THAT(Printed(), ElementsAre("4", "4", "0", "30", "60",
                                     "applied 1, dropped 1, replaced 1, took effect 1",
                                     "itself 1, operator 1, till-2 2"));
}

TEST_F(ConflictsTest, FieldsRuleAndReasonHaveRowsOfTheirOwn) {
  Happen(Price(CONFLICTED, Asked(FIELDWISE, {"credit_limit", "phone"})));
  Happen(Price(CONFLICTED, Asked(REVIEW), kNoon + kDay));
  Reason batch;
  batch.set_code(Reason::BATCH_MEMBER);
  Happen(Price(CONFLICTED, batch));
  EXPECT_THAT(
      Keys(),
      ElementsAre("product/intentlog.commerce.PriceSet/*/batch_member/2011-12-09",
                  "product/intentlog.commerce.PriceSet/*/review/2011-12-10",
                  "product/intentlog.commerce.PriceSet/credit_limit,phone/fieldwise/2011-12-09"));
}

TEST_F(ConflictsTest, WhatWasParkedAndTurnsIntoAConflictOpensOne) {
  Recorded parked = Price(PARKED, {});
  Settlement turned = By("", Resolve::VERDICT_UNSPECIFIED, CONFLICTED);
  turned.set_turned(true);
  *turned.mutable_reason() = Asked(REVIEW);
  Happen(Settled(parked, turned, kNoon + 5 * kSecond));
  EXPECT_THAT(Printed(), ElementsAre("1", "0", "1", "0", "0", "", ""));
  parked.header.set_decision(CONFLICTED);
  *parked.header.mutable_reason() = Asked(REVIEW);
  Happen(Settled(parked, By("operator", Resolve::DROP, REJECTED), kNoon + 9 * kSecond));
  EXPECT_THAT(Printed(), ElementsAre("1", "1", "0", "9", "9", "dropped 1", "operator 1"));
}

TEST_F(ConflictsTest, ARowNamesSoManyResolversAndCountsTheOthers) {
  for (int i = 0; i < kResolversPerRow + 3; ++i) {
    const Recorded price = Price(CONFLICTED, Asked(REVIEW));
    Happen(price);
    Happen(Settled(price, By("till-" + std::to_string(i), Resolve::APPLY, MERGED), kNoon));
  }
  const std::string who = Printed()[6];
  EXPECT_EQ(std::count(who.begin(), who.end(), ','), kResolversPerRow);
  EXPECT_TRUE(who.ends_with(", others 3")) << who;
}

TEST_F(ConflictsTest, ScopesAddUpInAnyOrder) {
  const auto resolve = [&](const std::string& scope, const std::string& who, int64_t seconds) {
    scope_ = scope;
    const Recorded price = Price(CONFLICTED, Asked(REVIEW));
    Happen(price);
    Happen(Settled(price, By(who, Resolve::APPLY, MERGED), kNoon + seconds * kSecond));
  };
  resolve("north", "operator", 10);
  resolve("south", "till-1", 50);
  resolve("south", "operator", 30);
  EXPECT_THAT(Printed(),
              ElementsAre("3", "3", "0", "30", "50", "applied 3", "operator 2, till-1 1"));
  EXPECT_EQ(fold_.Rows("conflicts", "south").size(), 1u);
}

// I17, I18: what the engine keeps in batches is what the plain fold gives.
TEST_F(ConflictsTest, I18_TheEngineGivesTheSameRowsHoweverItsBatchesFall) {
  std::vector<Recorded> log, open;
  for (int i = 0; i < 400; ++i) {
    scope_ = i % 3 == 0 ? "north" : "south";
    if (i % 5 < 3 || open.empty()) {
      log.push_back(Price(i % 2 == 0 ? CONFLICTED : ACCEPTED, Asked(REVIEW), kNoon + i * kSecond));
      if (i % 2 == 0) open.push_back(log.back());
    } else {
      log.push_back(Settled(open.back(),
                            By("till-" + std::to_string(i % 7), Resolve::APPLY, MERGED),
                            kNoon + i * kSecond));
      open.pop_back();
    }
  }
  for (const Recorded& one : log) Happen(one);
  for (const size_t batch_size : {1, 7, 1000}) {
    MadeStore store("conflicts" + std::to_string(batch_size));
    auto models = ReadModels::Open(*store, {ConflictsView()});
    ASSERT_TRUE(models.ok()) << models.status();
    const auto commit = [&](Position through) {
      StoreBatch batch;
      for (const char* scope : {"north", "south"}) {
        ASSERT_TRUE((*models)->Finish(scope, through, batch).ok());
      }
      ASSERT_TRUE(store->Commit(batch, Sync::kBuffered).ok());
      (*models)->Committed();
    };
    size_t events = 0;
    for (const Recorded& one : log) {
      ASSERT_TRUE((*models)->Add(Decoded(one)).ok());
      if (++events % batch_size == 0) commit(Position(one.header.position()));
    }
    commit(Position(head_));
    const auto scopes = (*models)->Scopes("conflicts");
    ASSERT_TRUE(scopes.ok());
    ASSERT_EQ(scopes->size(), 2u);
    for (const ScopeState& scope : *scopes) {
      EXPECT_EQ(scope.digest, fold_.Digest("conflicts", scope.scope)) << scope.scope;
    }
  }
}

}  // namespace
}  // namespace intentlog
