#include <string>

#include "eventlog/schema/schema_maker.h"
#include "gtest/gtest.h"
#include "tools/commands/rules.h"

namespace intentlog {
namespace {

// A technician's forms, with a rule of every kind.
std::shared_ptr<const Schema> Forms() {
  SchemaMaker maker("forms.proto", "forms");
  maker.Event("FormFilled",
              R"(entity: "form" key: "form_id" concurrent: FIELDWISE
                 pair: { against: "FormSigned" rule: REVIEW }
                 duplicate_key: { fields: "number" outcome: SAME_IS_DUPLICATE })",
              {{"form_id", 1, "string", "max_len: 40"},
               {"number", 2, "sint64", "min: 1 max: 9"},
               {"verdict", 3, "optional string", "on_clash: REVIEW required: true"},
               {"note", 4, "optional string", "volatile: true"}});
  maker.Event("FormSigned", R"(entity: "form" key: "form_id" concurrent: SAME_IS_DUPLICATE)",
              {{"form_id", 1, "string", ""}});
  maker.Event("HoursRead",
              R"(entity: "machine" key: "id" concurrent: LAST_WRITER_WINS clock: DEVICE
                 max_skew_ms: 300000)",
              {{"id", 1, "string", ""}, {"hours", 2, "sint64", ""}});
  auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}

TEST(RulesShowTest, EveryTypeIsShownWithItsEffectiveRules) {
  const Json types = RulesJson(*Forms());
  ASSERT_EQ(types.size(), 3u);
  const Json& filled = types[0];
  EXPECT_EQ(filled["type"], "forms.FormFilled");
  EXPECT_EQ(filled["entity"], "form");
  EXPECT_EQ(filled["key"], "form_id");
  EXPECT_EQ(filled["rule"], "fieldwise");
  EXPECT_EQ(filled["clock"], "server");
  EXPECT_EQ(ToText(filled["duplicate_key"]),
            R"({"fields":["number"],"period_ms":0,"outcome":"duplicate"})");
}

TEST(RulesShowTest, PairsAreShownOnBothSidesWhicheverNamesThem) {
  const Json types = RulesJson(*Forms());
  EXPECT_EQ(ToText(types[0]["pairs"]), R"({"forms.FormSigned":"review"})");
  EXPECT_EQ(ToText(types[1]["pairs"]), R"({"forms.FormFilled":"review"})");
  EXPECT_EQ(ToText(types[2]["pairs"]), "{}");
}

TEST(RulesShowTest, FieldsAreShownWithWhatHoldsForThem) {
  const Json types = RulesJson(*Forms());
  EXPECT_EQ(ToText(types[0]["fields"]),
            R"([{"name":"form_id","number":1,"key":true,"max_len":40},)"
            R"({"name":"number","number":2,"min":1,"max":9,"on_clash":"last_writer_wins"},)"
            R"({"name":"verdict","number":3,"required":true,"on_clash":"review"},)"
            R"({"name":"note","number":4,"volatile":true,"on_clash":"last_writer_wins"}])");
  EXPECT_EQ(ToText(types[2]["fields"]),
            R"([{"name":"id","number":1,"key":true},{"name":"hours","number":2}])");
}

TEST(RulesShowTest, AClockThatCountsIsShownWithItsBound) {
  const Json types = RulesJson(*Forms());
  EXPECT_EQ(types[2]["clock"], "device");
  EXPECT_EQ(types[2]["max_skew_ms"], 300000);
  EXPECT_FALSE(types[0].contains("max_skew_ms"));
}

TEST(RulesShowTest, WhatNobodySpecifiedCountsAsReview) {
  EXPECT_EQ(EffectiveRuleWord(RULE_UNSPECIFIED), "review");
  EXPECT_EQ(EffectiveRuleWord(FIRST_WRITER_WINS), "first_writer_wins");
}

}  // namespace
}  // namespace intentlog
