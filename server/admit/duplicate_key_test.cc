// Duplicate keys, by enumeration: what became of the first × content × outcome × period × clocks.
#include "server/admit/duplicate_key.h"

#include <memory>
#include <string>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema_maker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admit/admit.h"
#include "server/admit/content.h"

namespace intentlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kPeriodUs = 60'000;

std::shared_ptr<const Schema> Receipts() {
  SchemaMaker maker("till.proto", "till");
  for (const char* outcome : {"SAME_IS_DUPLICATE", "REVIEW"}) {
    for (const bool period : {false, true}) {
      maker.Event(Cat(outcome, period ? "_for_a_while" : ""),
                  Cat(R"(entity: "sale" key: "id" concurrent: COMMUTES duplicate_key: {
                         fields: "till" fields: "number" outcome: )",
                      outcome, period ? " period_ms: 60 } clock: DEVICE max_skew_ms: 1" : "}"),
                  {{"id", 1, "string", "volatile: true"},
                   {"till", 2, "string", ""},
                   {"number", 3, "sint64", ""},
                   {"total", 4, "sint64", ""}});
    }
  }
  auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}

class DuplicateKeyTest : public testing::Test {
 protected:
  // A sale of the type, numbered 5 by till 2, of 100.
  Verdict Decide(const std::string& type_name, bool trusted) {
    const EventType& type = *schema_->Find(type_name);
    const auto payload = type.NewPayload();
    const auto* const reflection = payload->GetReflection();
    reflection->SetString(payload.get(), type.descriptor()->FindFieldByName("id"), "b");
    reflection->SetString(payload.get(), type.descriptor()->FindFieldByName("till"), "2");
    reflection->SetInt64(payload.get(), type.descriptor()->FindFieldByName("number"), 5);
    reflection->SetInt64(payload.get(), type.descriptor()->FindFieldByName("total"), 100);
    if (equal_) first_.set_content(ContentHash(type, *payload));
    Intent intent;
    intent.set_intent_id(std::string(16, 'i'));
    intent.set_type(type.name());
    intent.set_entity_type("sale");
    intent.set_entity_id("b");
    intent.set_scope("shop");
    intent.set_device_time_us(time_us_);
    AdmitInput input;
    input.intent = &intent;
    input.type = &type;
    input.payload = payload.get();
    input.schema = schema_.get();
    input.own_logs = own_;
    input.first_with_key = &first_;
    input.clock = {trusted, 0, 0, 0, 0, 1'000'000};
    input.batch_content = batch_content_;
    return Admit(input);
  }

  const std::shared_ptr<const Schema> schema_ = Receipts();
  const OwnLog own_[1] = {LogId::FromBytes(std::string(16, 'a'))};
  FirstWithKey first_;
  bool equal_ = true;
  int64_t time_us_ = 500'000;
  uint64_t batch_content_ = 0;
};

enum class Since { kWithin, kOver };

Decision Expected(Decision first, bool equal, bool review, bool has_period, bool both_trusted,
                  Since since) {
  const bool measured = !has_period || both_trusted;
  if (has_period && both_trusted && since == Since::kOver) return ACCEPTED;
  if (first == CONFLICTED || first == PARKED || first == REJECTED) return PARKED;
  const bool effective = first == ACCEPTED || first == MERGED;
  return effective && equal && !review && measured ? DUPLICATE : CONFLICTED;
}

TEST_F(DuplicateKeyTest, EveryCaseIsAsTheRuleSays) {
  first_.set_position(7);
  for (const Decision first : {ACCEPTED, MERGED, CONFLICTED, PARKED, REJECTED, DUPLICATE}) {
    for (int bits = 0; bits < 64; ++bits) {
      const bool review = (bits & 1) != 0;
      const bool has_period = (bits & 2) != 0;
      const bool first_trusted = (bits & 4) != 0;
      const bool trusted = (bits & 8) != 0;
      const Since since = (bits & 16) != 0 ? Since::kOver : Since::kWithin;
      equal_ = (bits & 32) != 0;
      first_.set_decision(first);
      first_.set_content(1);
      first_.set_time_trusted(first_trusted);
      for (const int side : {-1, 1}) {  // the one that came first may be the later one by time
        first_.set_device_time_us(time_us_ + side * (kPeriodUs + (since == Since::kOver ? 1 : 0)));
        const std::string type =
            Cat(review ? "REVIEW" : "SAME_IS_DUPLICATE", has_period ? "_for_a_while" : "");
        const Verdict verdict = Decide(type, trusted);
        const std::string text = Cat(Decision_Name(first), ", ", type, ", bits ", bits);
        EXPECT_EQ(verdict.decision,
                  Expected(first, equal_, review, has_period, first_trusted && trusted, since))
            << text;
        EXPECT_EQ(verdict.duplicate_of, verdict.decision == DUPLICATE ? 7u : 0u) << text;
        EXPECT_EQ(verdict.behind, verdict.decision == PARKED ? 7u : 0u) << text;
        if (verdict.decision == ACCEPTED) continue;
        EXPECT_EQ(verdict.reason.other_position(), 7u) << text;
        EXPECT_THAT(verdict.reason.fields(), ElementsAre("till", "number")) << text;
      }
    }
  }
}

TEST_F(DuplicateKeyTest, TheReasonSaysWhatIsSo) {
  first_.set_position(7);
  first_.set_decision(ACCEPTED);
  EXPECT_EQ(Decide("SAME_IS_DUPLICATE", true).reason.code(), Reason::SAME_CONTENT);
  equal_ = false;
  first_.set_content(1);
  const Verdict other = Decide("SAME_IS_DUPLICATE", true);
  EXPECT_EQ(other.reason.code(), Reason::SUSPECTED_DUPLICATE);
  EXPECT_THAT(other.reason.text(), HasSubstr("position 7 and other content"));
  EXPECT_EQ(Decide("REVIEW", true).reason.rule(), REVIEW);
  EXPECT_THAT(Decide("SAME_IS_DUPLICATE_for_a_while", false).reason.text(),
              HasSubstr("the clock is not trusted"));
  first_.set_decision(CONFLICTED);
  EXPECT_EQ(Decide("SAME_IS_DUPLICATE", true).reason.code(), Reason::BEHIND_OPEN);
}

TEST_F(DuplicateKeyTest, OfABatchTheContentOfTheWholeCounts) {
  first_.set_position(7);
  first_.set_decision(ACCEPTED);
  batch_content_ = 99;
  EXPECT_EQ(Decide("SAME_IS_DUPLICATE", true).decision, CONFLICTED);
  equal_ = false;
  first_.set_content(99);
  const Verdict whole = Decide("SAME_IS_DUPLICATE", true);
  EXPECT_EQ(whole.decision, DUPLICATE);
  EXPECT_TRUE(whole.whole_batch);
}

}  // namespace
}  // namespace intentlog
