#include "server/trial/rules_trial.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema_maker.h"
#include "gmock/gmock.h"
#include "google/protobuf/dynamic_message.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kEpoch(16, 'e');
constexpr int64_t kStart = 1'700'000'000'000'000;

// A shop with prices under `price_rule`, and `more` event types.
std::shared_ptr<const Schema> Shop(const std::string& price_rule, bool notes = true,
                                   const std::string& order = "concurrent: COMMUTES") {
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Price", Cat(R"(entity: "product" key: "id" )", price_rule),
              {{"id", 1, "string", ""}, {"amount", 2, "sint64", ""}});
  if (notes) {
    maker.Event("Note", R"(entity: "product" key: "id" concurrent: COMMUTES)",
                {{"id", 1, "string", ""}, {"text", 2, "string", ""}});
  }
  maker.Event("Order", Cat(R"(entity: "order" key: "id" )", order),
              {{"id", 1, "string", ""}, {"number", 2, "sint64", ""}});
  auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}

// What lies in a log: each event with the decision that it got.
class RulesTrialTest : public ::testing::Test {
 protected:
  struct Recorded {
    Header header;
    Intent intent;
  };

  RulesTrialTest() {
    epoch_.set_id(kEpoch);
    epoch_.set_first_position(1);
  }

  Recorded& Add(const std::string& type, const std::string& entity_type, const std::string& id,
                int64_t value, char log, uint64_t base, Decision decision) {
    Recorded& one = log_.emplace_back();
    one.header.set_position(log_.size());
    one.header.set_server_time_us(kStart + static_cast<int64_t>(log_.size()));
    one.header.set_log_id(std::string(16, log));
    one.header.set_count(++counts_[log]);
    one.header.set_decision(decision);
    one.header.set_skew_us(1);
    one.intent.set_intent_id(Cat(std::string(12, 'i'), 1000 + log_.size()));
    one.intent.set_type(Cat("shop.", type));
    one.intent.set_entity_type(entity_type);
    one.intent.set_entity_id(id);
    one.intent.set_scope("shop");
    one.intent.set_device_time_us(kStart + static_cast<int64_t>(log_.size()) - 1000);
    one.intent.mutable_based_on()->set_epoch_id(kEpoch);
    one.intent.mutable_based_on()->set_position(base);
    one.intent.set_payload(PayloadOf(type, id, value));
    return one;
  }
  Recorded& Price(int64_t amount, char log, uint64_t base, Decision decision) {
    return Add("Price", "product", "milk", amount, log, base, decision);
  }
  Recorded& Order(const std::string& id, int64_t number, char log, Decision decision) {
    return Add("Order", "order", id, number, log, 0, decision);
  }
  // Closes the event at `of` as it was recorded.
  void Settle(uint64_t of, Decision decision, bool turned = false) {
    Recorded& one = log_.emplace_back(log_[of - 1]);
    Settlement settlement;
    settlement.set_of(of);
    settlement.set_decision(decision);
    settlement.set_type(one.intent.type());
    settlement.set_payload(one.intent.payload());
    settlement.set_turned(turned);
    one.intent.set_type("intentlog.Settlement");
    one.intent.set_payload(settlement.SerializeAsString());
    one.header.set_position(log_.size());
    one.header.set_log_id(std::string(16, 'S'));
    one.header.set_settlement_of(of);
    one.header.set_decision(decision);
  }

  TrialResult Try(const std::shared_ptr<const Schema>& schema, const TrialOptions& options = {}) {
    RulesTrial trial(schema, {epoch_}, options);
    status_ = absl::OkStatus();
    for (const Recorded& one : log_) {
      const std::string header = one.header.SerializeAsString();
      const std::string intent = one.intent.SerializeAsString();
      status_.Update(
          trial.Add({Position(one.header.position()), one.intent.scope(), true, header, intent}));
    }
    status_.Update(trial.Finish());
    return trial.result();
  }
  // "position: was -> would be", one for each example.
  static std::vector<std::string> Changes(const TrialResult& result) {
    std::map<uint64_t, std::string> changes;
    for (const auto& [name, type] : result.types) {
      for (const auto& [transition, change] : type.changes) {
        for (const TrialExample& example : change.examples) {
          changes[example.position] = Cat(example.position, ": ", Decision_Name(transition.was),
                                          " -> ", Decision_Name(transition.would_be));
        }
      }
    }
    std::vector<std::string> lines;
    for (const auto& [position, line] : changes) lines.push_back(line);
    return lines;
  }

  static std::string PayloadOf(const std::string& type, const std::string& id, int64_t value) {
    const auto schema = Shop("concurrent: REVIEW");
    const EventType* const found = schema->Find(type);
    const auto payload = found->NewPayload();
    const auto* fields = found->descriptor();
    payload->GetReflection()->SetString(payload.get(), fields->FindFieldByNumber(1), id);
    const auto* second = fields->FindFieldByNumber(2);
    if (type == "Note") {
      payload->GetReflection()->SetString(payload.get(), second, std::to_string(value));
    } else {
      payload->GetReflection()->SetInt64(payload.get(), second, value);
    }
    return payload->SerializeAsString();
  }

  std::vector<Recorded> log_;
  std::map<char, uint64_t> counts_;
  Epoch epoch_;
  absl::Status status_;
};

const char kReview[] = "concurrent: REVIEW";
const char kLastWins[] = "concurrent: LAST_WRITER_WINS";
const char kFirstWins[] = "concurrent: FIRST_WRITER_WINS";

TEST_F(RulesTrialTest, ALogTriedWithItsOwnRulesChangesNothing) {
  Price(1, 'a', 0, ACCEPTED);
  Price(2, 'b', 0, CONFLICTED);  // 2
  Price(3, 'b', 0, PARKED);
  Price(4, 'a', 1, ACCEPTED);
  Add("Note", "product", "milk", 5, 'c', 0, CONFLICTED);  // prices were not seen
  const TrialResult result = Try(Shop(kReview));
  EXPECT_THAT(Changes(result), ElementsAre());
  EXPECT_EQ(result.decided, 5u);
  EXPECT_EQ(result.changed, 0u);
  EXPECT_EQ(result.still_open, 3u);
  EXPECT_EQ(result.types.at("shop.Price").events, 4u);
}

TEST_F(RulesTrialTest, OtherRulesChangeDecisionsAndWhatFollowsFromThem) {
  Price(1, 'a', 0, ACCEPTED);
  Price(2, 'b', 0, CONFLICTED);
  Price(3, 'b', 0, PARKED);
  EXPECT_THAT(Changes(Try(Shop(kLastWins))),
              ElementsAre("2: CONFLICTED -> MERGED", "3: PARKED -> MERGED"));
  EXPECT_THAT(Changes(Try(Shop(kFirstWins))), ElementsAre("2: CONFLICTED -> REJECTED"));
}

TEST_F(RulesTrialTest, AnExampleSaysWhatHappenedAndWhatWould) {
  Price(1, 'a', 0, ACCEPTED);
  Price(2, 'b', 0, MERGED);
  log_.back().header.mutable_reason()->set_text("it was so");
  const TrialResult result = Try(Shop(kFirstWins));
  const TrialChange& change = result.types.at("shop.Price").changes.at({MERGED, REJECTED});
  EXPECT_EQ(change.events, 1u);
  ASSERT_EQ(change.examples.size(), 1u);
  EXPECT_EQ(change.examples[0].entity, "product/milk");
  EXPECT_EQ(change.examples[0].was_why, "it was so");
  EXPECT_THAT(change.examples[0].why, HasSubstr("position 1"));
}

TEST_F(RulesTrialTest, ExamplesAreFewAndFiguresAreAll) {
  Price(1, 'a', 0, ACCEPTED);
  for (char log = 'b'; log < 'l'; ++log) Price(2, log, 0, MERGED);
  TrialOptions options;
  options.examples_max = 2;
  const TrialResult result = Try(Shop(kFirstWins), options);
  const TrialChange& change = result.types.at("shop.Price").changes.at({MERGED, REJECTED});
  EXPECT_EQ(change.events, 10u);
  EXPECT_EQ(change.examples.size(), 2u);
}

TEST_F(RulesTrialTest, ABatchIsDecidedAsOne) {
  Price(1, 'a', 0, ACCEPTED);
  Order("7", 7, 'b', CONFLICTED).intent.set_batch_size(2);
  Price(2, 'b', 0, CONFLICTED);
  EXPECT_THAT(Changes(Try(Shop(kReview))), ElementsAre());
  EXPECT_THAT(Changes(Try(Shop(kLastWins))),
              ElementsAre("2: CONFLICTED -> MERGED", "3: CONFLICTED -> MERGED"));
}

TEST_F(RulesTrialTest, WhatTheNewSchemaKnowsOrNoLongerKnowsIsReadmittedOrParked) {
  Add("Note", "product", "milk", 1, 'a', 0, PARKED);
  EXPECT_THAT(Changes(Try(Shop(kReview, true))), ElementsAre("1: PARKED -> ACCEPTED"));
  EXPECT_THAT(Changes(Try(Shop(kReview, false))), ElementsAre());
}

TEST_F(RulesTrialTest, ASettlementHoldsWhereTheTrialHasTheSameEventOpen) {
  Price(1, 'a', 0, ACCEPTED);
  Price(2, 'b', 0, CONFLICTED);
  Price(3, 'b', 0, PARKED);
  Settle(2, MERGED);
  Settle(3, MERGED);
  Price(4, 'b', 3, ACCEPTED);
  Price(5, 'a', 6, ACCEPTED);
  Price(6, 'c', 4, CONFLICTED);  // what was settled at 5 was not seen
  TrialResult result = Try(Shop(kReview));
  EXPECT_THAT(Changes(result), ElementsAre());
  EXPECT_EQ(result.settled, 2u);
  EXPECT_EQ(result.not_settled, 0u);
  result = Try(Shop(kLastWins));
  EXPECT_EQ(result.settled, 0u);
  EXPECT_EQ(result.not_settled, 2u);
  EXPECT_EQ(result.still_open, 0u);
}

TEST_F(RulesTrialTest, WhatWaitsInTheTrialAloneGoesOnOnceWhatStoppedItIsSettled) {
  const std::string keyed =
      R"(concurrent: REVIEW duplicate_key: { fields: "number" outcome: REVIEW })";
  Order("1", 7, 'a', ACCEPTED);
  Order("1", 8, 'b', CONFLICTED);
  Order("2", 8, 'c', ACCEPTED);  // has the key of what is open
  Order("2", 9, 'c', ACCEPTED);
  Settle(2, MERGED);
  Order("2", 10, 'c', ACCEPTED);
  const TrialResult result = Try(Shop(kReview, true, keyed));
  EXPECT_THAT(Changes(result), ElementsAre("3: ACCEPTED -> PARKED", "4: ACCEPTED -> PARKED"));
  EXPECT_EQ(result.still_open, 0u);
}

TEST_F(RulesTrialTest, WhatIsNewlyOpenKeepsItsLaneWaiting) {
  Price(1, 'a', 0, ACCEPTED);
  Price(2, 'b', 0, MERGED);
  Price(3, 'b', 2, ACCEPTED);
  Price(4, 'a', 3, ACCEPTED);
  const TrialResult result = Try(Shop(kReview));
  EXPECT_THAT(Changes(result), ElementsAre("2: MERGED -> CONFLICTED", "3: ACCEPTED -> PARKED"));
  EXPECT_EQ(result.still_open, 2u);
}

TEST_F(RulesTrialTest, DuplicateKeysAreFollowed) {
  const std::string keyed =
      R"(concurrent: COMMUTES duplicate_key: { fields: "number" outcome: REVIEW })";
  Order("1", 7, 'a', ACCEPTED);
  Order("2", 7, 'b', ACCEPTED);
  Order("3", 8, 'b', ACCEPTED);
  EXPECT_THAT(Changes(Try(Shop(kReview, true, keyed))), ElementsAre("2: ACCEPTED -> CONFLICTED"));
  log_[1].header.set_decision(CONFLICTED);
  EXPECT_THAT(Changes(Try(Shop(kReview, true, keyed))), ElementsAre());
}

TEST_F(RulesTrialTest, AClockCountsAsItMayHaveCounted) {
  const std::string by_clock = "concurrent: LAST_WRITER_WINS clock: DEVICE max_skew_ms: 60000";
  Price(1, 'a', 0, ACCEPTED);
  log_[0].intent.set_device_time_us(kStart + 2);  // with its skew: in its session
  // Recorded before the first hello: nobody knows its clock.
  Price(2, 'b', 0, CONFLICTED);
  EXPECT_THAT(Changes(Try(Shop(by_clock))), ElementsAre());
  log_[1].header.set_decision(MERGED);
  log_[1].header.set_without_all(true);  // a clock that counted, and was earlier
  EXPECT_THAT(Changes(Try(Shop(by_clock))), ElementsAre());
}

TEST_F(RulesTrialTest, ALogWithTooManyEntitiesIsRefusedWithTheLimit) {
  for (int i = 0; i < 5; ++i) Order(std::to_string(i), i, 'a', ACCEPTED);
  TrialOptions options;
  options.entities_max = 3;
  Try(Shop(kReview), options);
  EXPECT_EQ(status_.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(MessageOf(status_)), HasSubstr("more than 3 entities"));
}

TEST_F(RulesTrialTest, DamageIsSaidWithItsPosition) {
  RulesTrial trial(Shop(kReview), {epoch_});
  const absl::Status status = trial.Add({Position(7), "shop", true, "\xff", ""});
  EXPECT_THAT(std::string(MessageOf(status)), HasSubstr("position 7"));
}

}  // namespace
}  // namespace intentlog
