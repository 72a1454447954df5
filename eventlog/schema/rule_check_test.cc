// Rules that make no sense are refused when a schema is loaded, with file, message and field.
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/schema/schema.h"
#include "eventlog/schema/schema_maker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::HasSubstr;
using Fields = std::vector<SchemaMaker::Field>;

const char kGood[] = R"(entity: "order" key: "id")";
const SchemaMaker::Field kId = {"id", 1, "string", ""};

std::string ErrorOf(const SchemaMaker& maker) {
  const auto schema = Schema::FromDescriptorSet(maker.Bytes());
  if (schema.ok()) return "";
  EXPECT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(schema.status().message());
}

// Of a schema with the one event shop.Sold.
std::string EventError(std::string_view rules, const Fields& fields = {kId}) {
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold", rules, fields);
  return ErrorOf(maker);
}

std::string FieldError(const std::string& type, const std::string& rules) {
  return EventError(kGood, {kId, {"price", 2, type, rules}});
}

std::string FieldwiseError(const std::string& type, const std::string& rules) {
  return EventError(R"(entity: "order" key: "id" concurrent: FIELDWISE)",
                    {kId, {"price", 2, type, rules}});
}

TEST(RuleCheckTest, RulesThatMakeSenseAreTaken) {
  EXPECT_EQ(EventError(kGood), "");
  EXPECT_EQ(FieldError("sint64", "min: 1 max: 1"), "");
  EXPECT_EQ(FieldError("repeated sint64", "min: 1 max_len: 3 required: true"), "");
  EXPECT_EQ(FieldError("optional bool", "required: true"), "");
  EXPECT_EQ(FieldwiseError("optional bool", "required: true on_clash: FIRST_WRITER_WINS"), "");
}

TEST(RuleCheckTest, AnEventNeedsAnEntity) {
  EXPECT_EQ(EventError(R"(key: "id")"),
            "shop.proto: message shop.Sold: entity is missing: name the entity type that the event "
            "is about");
  EXPECT_THAT(EventError(R"(entity: "a/b" key: "id")"), HasSubstr("\"a/b\" contains a slash"));
}

TEST(RuleCheckTest, AnEventNeedsAKeyThatNamesOneThing) {
  EXPECT_THAT(EventError(R"(entity: "order")"), HasSubstr("message shop.Sold: key is missing"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "ident")"),
              HasSubstr("message shop.Sold: key: the message has no field ident"));
  EXPECT_THAT(EventError(kGood, {{"id", 1, "repeated string", ""}}),
              HasSubstr("message shop.Sold, field id: a repeated field cannot be the key"));
  EXPECT_THAT(EventError(kGood, {{"id", 1, ".shop.Sold", ""}}),
              HasSubstr("field id: the key must be a string or an integer, and is message"));
  EXPECT_THAT(EventError(kGood, {{"id", 1, "bytes", ""}}), HasSubstr("and is bytes"));
  EXPECT_THAT(EventError(kGood, {{"id", 1, "double", ""}}), HasSubstr("and is double"));
}

TEST(RuleCheckTest, AKeyInAOneofIsRefused) {
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold", kGood, {kId});
  maker.file().mutable_message_type(0)->add_oneof_decl()->set_name("choice");
  maker.file().mutable_message_type(0)->mutable_field(0)->set_oneof_index(0);
  EXPECT_THAT(ErrorOf(maker), HasSubstr("a member of a oneof cannot be the key"));
}

TEST(RuleCheckTest, PairRulesNameAnotherEventOfTheSameEntityOnce) {
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" pair: { against: "Bought" rule: REVIEW })"),
              HasSubstr("message shop.Sold: pair.against: there is no event type Bought"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" pair: { rule: REVIEW })"),
              HasSubstr("pair.against is missing"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" pair: { against: "Sold" })"),
              HasSubstr("pair against Sold has no rule"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" pair: { against: "Sold" rule: REVIEW }
                            pair: { against: "Sold" rule: COMMUTES })"),
              HasSubstr("there are two pair rules against Sold"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" pair: { against: "Sold" rule: REVIEW }
                            pair: { against: "shop.Sold" rule: COMMUTES })"),
              HasSubstr("there are two pair rules against shop.Sold"));
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold", R"(entity: "order" key: "id" pair: { against: "Counted" rule: REVIEW })",
              {kId});
  maker.Event("Counted", R"(entity: "stock" key: "id")", {kId});
  EXPECT_THAT(ErrorOf(maker), HasSubstr("shop.Counted is about entity stock and this is about "
                                        "order, so they never meet"));
}

TEST(RuleCheckTest, TwoTypesMustNotSayDifferentThingsAboutOnePair) {
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold", R"(entity: "order" key: "id" pair: { against: "Voided" rule: REVIEW })",
              {kId});
  maker.Event("Voided", R"(entity: "order" key: "id" pair: { against: "Sold" rule: COMMUTES })",
              {kId});
  EXPECT_EQ(ErrorOf(maker),
            "shop.proto: message shop.Sold: pair against shop.Voided says REVIEW, and shop.proto: "
            "message shop.Voided says COMMUTES about the same pair");
}

TEST(RuleCheckTest, TwoTypesMaySayTheSameAboutOnePair) {
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold", R"(entity: "order" key: "id" pair: { against: "Voided" rule: REVIEW })",
              {kId});
  maker.Event("Voided", R"(entity: "order" key: "id" pair: { against: "Sold" rule: REVIEW })",
              {kId});
  EXPECT_EQ(ErrorOf(maker), "");
}

TEST(RuleCheckTest, AnIntegerHasBoundsAndAStringHasALength) {
  EXPECT_EQ(FieldError("string", "min: 1"),
            "shop.proto: message shop.Sold, field price: min is for integers, and this is string");
  EXPECT_THAT(FieldError("double", "max: 1"), HasSubstr("max is for integers, and this is double"));
  EXPECT_THAT(FieldError("sint64", "max_len: 5"),
              HasSubstr("max_len is for strings, bytes and repeated fields, and this is sint64"));
  EXPECT_THAT(FieldError("sint64", "min: 2 max: 1"), HasSubstr("min 2 is greater than max 1"));
}

TEST(RuleCheckTest, ARequiredBooleanMustBeAbleToBeAbsent) {
  EXPECT_THAT(FieldError("bool", "required: true"), HasSubstr("declare it `optional bool`"));
}

TEST(RuleCheckTest, OnClashTakesOnlyRulesForOneField) {
  EXPECT_THAT(FieldError("sint64", "on_clash: COMMUTES"),
              HasSubstr("field price: on_clash: COMMUTES says nothing about one field"));
  EXPECT_THAT(FieldError("sint64", "on_clash: FIELDWISE"), HasSubstr("FIELDWISE says nothing"));
  EXPECT_THAT(FieldError("sint64", "on_clash: SAME_IS_DUPLICATE"), HasSubstr("says nothing"));
}

TEST(RuleCheckTest, ADuplicateKeyNamesSingleExactFieldsOnceAndSaysWhatFollows) {
  const auto key = [](const std::string& text) {
    return EventError(R"(entity: "order" key: "id" duplicate_key: {)" + text + "}",
                      {kId, {"tags", 2, "repeated string", ""}, {"rate", 3, "double", ""}});
  };
  EXPECT_EQ(key(R"(fields: "id" outcome: REVIEW)"), "");
  EXPECT_THAT(key(R"(fields: "amount" outcome: REVIEW)"),
              HasSubstr("duplicate_key: the message has no field amount"));
  EXPECT_THAT(key("outcome: REVIEW"), HasSubstr("names no fields"));
  EXPECT_THAT(key(R"(fields: "id")"), HasSubstr("outcome must be"));
  EXPECT_THAT(key(R"(fields: "id" outcome: COMMUTES)"), HasSubstr("outcome must be"));
  EXPECT_THAT(key(R"(fields: "tags" outcome: REVIEW)"), HasSubstr("this is repeated string"));
  EXPECT_THAT(key(R"(fields: "rate" outcome: REVIEW)"), HasSubstr("this is double"));
  EXPECT_THAT(key(R"(fields: "id" fields: "id" outcome: REVIEW)"), HasSubstr("the field twice"));
}

TEST(RuleCheckTest, ATrustedClockNeedsItsSkew) {
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" clock: DEVICE)"), HasSubstr("max_skew_ms"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" max_skew_ms: 5)"),
              HasSubstr("no effect without clock: DEVICE"));
}

TEST(RuleCheckTest, AClockIsSaidToBeTrustedOnlyWhereARuleLooksAtOne) {
  const auto clock = [](const std::string& rules, const Fields& fields = {kId}) {
    return EventError(R"(entity: "order" key: "id" clock: DEVICE max_skew_ms: 5 )" + rules, fields);
  };
  const std::string unused = "shop.proto: message shop.Sold: clock: DEVICE has no effect";
  EXPECT_THAT(clock(""), HasSubstr(unused));
  EXPECT_THAT(clock("concurrent: COMMUTES"), HasSubstr(unused));
  EXPECT_THAT(clock("concurrent: FIRST_WRITER_WINS"), HasSubstr(unused));
  EXPECT_EQ(clock("concurrent: LAST_WRITER_WINS"), "");
  EXPECT_EQ(clock(R"(duplicate_key: { fields: "id" period_ms: 1 outcome: REVIEW })"), "");
  // A field counts if by its own rule the last writer wins.
  EXPECT_EQ(clock("concurrent: FIELDWISE", {kId, {"note", 2, "string", ""}}), "");
  EXPECT_THAT(clock("concurrent: FIELDWISE", {kId, {"note", 2, "string", "on_clash: REVIEW"}}),
              HasSubstr(unused));
}

TEST(RuleCheckTest, TimesOfTwoTypesAreComparedOnlyIfBothHaveADeviceClock) {
  const auto against = [](const std::string& clock) {
    SchemaMaker maker("shop.proto", "shop");
    maker.Event("Sold", R"(entity: "order" key: "id" clock: DEVICE max_skew_ms: 5
                           pair: { against: "Voided" rule: LAST_WRITER_WINS })",
                {kId});
    maker.Event("Voided", R"(entity: "order" key: "id")" + clock, {kId});
    return ErrorOf(maker);
  };
  EXPECT_THAT(against(""), HasSubstr("message shop.Sold: clock: DEVICE has no effect"));
  EXPECT_EQ(against("clock: DEVICE max_skew_ms: 9"), "");
}

TEST(RuleCheckTest, APeriodIsMeasuredWithDeviceClocks) {
  EXPECT_THAT(EventError(R"(entity: "order" key: "id"
                            duplicate_key: { fields: "id" period_ms: 9 outcome: REVIEW })"),
              HasSubstr("message shop.Sold: duplicate_key.period_ms compares device times"));
}

TEST(RuleCheckTest, SkewsAndPeriodsHaveALimit) {
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" clock: DEVICE max_skew_ms: 86400001)"),
              HasSubstr("max_skew_ms is 86400001; the most allowed is 86400000"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" clock: DEVICE max_skew_ms: 1 duplicate_key: {
                            fields: "id" period_ms: 9999999999999 outcome: REVIEW })"),
              HasSubstr("duplicate_key.period_ms is 9999999999999; the most allowed is"));
}

TEST(RuleCheckTest, FieldwiseNeedsAFieldBesideTheKey) {
  EXPECT_EQ(EventError(R"(entity: "order" key: "id" concurrent: FIELDWISE)"),
            "shop.proto: message shop.Sold: FIELDWISE against shop.Sold, yet there is no field but "
            "the key");
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold", R"(entity: "order" key: "id" pair: { against: "Voided" rule: FIELDWISE })",
              {kId, {"note", 2, "string", ""}});
  maker.Event("Voided", kGood, {kId});
  EXPECT_THAT(ErrorOf(maker), HasSubstr("message shop.Voided: FIELDWISE against shop.Sold"));
}

TEST(RuleCheckTest, OnClashNeedsAFieldwiseRule) {
  EXPECT_EQ(FieldError("sint64", "on_clash: REVIEW"),
            "shop.proto: message shop.Sold, field price: on_clash has no effect, because no rule "
            "of shop.Sold is FIELDWISE");
  EXPECT_EQ(FieldwiseError("sint64", "on_clash: REVIEW"), "");
  // A default that is milder than another type's is FIELDWISE against it.
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold", R"(entity: "order" key: "id" concurrent: COMMUTES)",
              {kId, {"note", 2, "string", "on_clash: REVIEW"}});
  EXPECT_THAT(ErrorOf(maker), HasSubstr("field note: on_clash has no effect"));
  maker.Event("Noted", R"(entity: "order" key: "id" concurrent: FIELDWISE)",
              {kId, {"note", 2, "string", ""}});
  EXPECT_EQ(ErrorOf(maker), "");
}

TEST(RuleCheckTest, OnClashIsNotForTheKeyNorForFieldsInsideOfMessages) {
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" concurrent: FIELDWISE)",
                         {{"id", 1, "string", "on_clash: REVIEW"}, {"note", 2, "string", ""}}),
              HasSubstr("message shop.Sold, field id: on_clash has no effect on the key"));
  SchemaMaker maker("shop.proto", "shop");
  maker.Message("Line", {{"text", 1, "string", "on_clash: REVIEW"}});
  EXPECT_THAT(ErrorOf(maker), HasSubstr("message shop.Line, field text: on_clash has no effect"));
}

TEST(RuleCheckTest, EventsOfTwoTypesAreNeverTheSame) {
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold",
              R"(entity: "order" key: "id" pair: { against: "Voided" rule: SAME_IS_DUPLICATE })",
              {kId});
  maker.Event("Voided", kGood, {kId});
  EXPECT_THAT(ErrorOf(maker), HasSubstr("message shop.Sold: pair against shop.Voided: "
                                        "SAME_IS_DUPLICATE is for events of one type"));
}

TEST(RuleCheckTest, AllFieldsButTheKeyMayBeVolatile) {
  EXPECT_EQ(EventError(R"(entity: "order" key: "id" concurrent: SAME_IS_DUPLICATE)",
                       {kId, {"note", 2, "string", "volatile: true"}}),
            "");
}

TEST(RuleCheckTest, I32_ARuleOfANewerVersionIsRefusedAndNeverPassedOver) {
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" concurrent: 77)"),
              HasSubstr("concurrent: 77 is not known to this program"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" pair: { against: "Sold" rule: 77 })"),
              HasSubstr("pair.rule: 77 is not known"));
  EXPECT_THAT(EventError(R"(entity: "order" key: "id" clock: 77)"), HasSubstr("clock: 77"));
  EXPECT_THAT(FieldError("sint64", "on_clash: 77"), HasSubstr("on_clash: 77 is not known"));
  SchemaMaker maker("shop.proto", "shop");
  maker.Event("Sold", kGood, {kId});
  EventRules* rules =
      maker.file().mutable_message_type(0)->mutable_options()->MutableExtension(event);
  rules->GetReflection()->MutableUnknownFields(rules)->AddVarint(500, 1);
  EXPECT_THAT(ErrorOf(maker),
              HasSubstr("message shop.Sold: rule number 500 of intentlog.EventRules is not known"));
}

TEST(RuleCheckTest, RulesOfNestedMessagesAreCheckedToo) {
  SchemaMaker maker("shop.proto", "shop");
  maker.Message("Line", {{"text", 1, "string", "min: 5"}});
  EXPECT_THAT(ErrorOf(maker), HasSubstr("message shop.Line, field text: min is for integers"));
}

}  // namespace
}  // namespace intentlog
