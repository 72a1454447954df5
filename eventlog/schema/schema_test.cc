#include "eventlog/schema/schema.h"

#include <string>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/descriptor_set.h"
#include "eventlog/schema/schema_maker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Schema> Commerce() {
  return Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
}

// A second domain: the forms that a technician fills in at a customer's machine.
SchemaMaker InspectionForms() {
  SchemaMaker maker("inspection.proto", "inspection");
  maker.Enum("Verdict", {"VERDICT_UNSPECIFIED", "PASS", "FAIL"});
  maker.Message("Answer", {{"question", 1, "string", "required: true max_len: 20"},
                           {"passed", 2, "optional bool", "required: true"},
                           {"reading", 3, "optional sint32", "min: -40 max: 120"},
                           {"photos", 4, "repeated bytes", "max_len: 2"}});
  maker.Event("FormOpened",
              R"(entity: "form" key: "form_id" concurrent: FIRST_WRITER_WINS
                 pair: { against: "FormSigned" rule: COMMUTES })",
              {{"form_id", 1, "uint64", ""}, {"machine", 2, "string", "required: true"}});
  maker.Event("AnswersGiven",
              R"(entity: "form" key: "form_id" concurrent: FIELDWISE schema_version: 3)",
              {{"form_id", 1, "uint64", ""},
               {"answers", 2, "repeated .inspection.Answer", "required: true max_len: 3"},
               {"summary", 3, "optional string", "on_clash: REVIEW"}});
  maker.Event("FormSigned",
              R"(entity: "form" key: "form_id" concurrent: REVIEW
                 clock: DEVICE max_skew_ms: 60000
                 duplicate_key: { fields: "form_id" fields: "signer" period_ms: 60000 outcome: REVIEW })",
              {{"form_id", 1, "uint64", ""},
               {"signer", 2, "string", "required: true"},
               {"verdict", 3, "enum .inspection.Verdict", "required: true"},
               {"noted_at_us", 4, "sint64", "volatile: true"}});
  return maker;
}

std::shared_ptr<const Schema> Load(const SchemaMaker& maker) {
  auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return schema.ok() ? *schema : nullptr;
}

// ---- what a schema knows

TEST(SchemaTest, ACompiledSchemaHasEveryEventOfItsFiles) {
  const auto schema = Commerce();
  EXPECT_EQ(schema->types().size(), 10u);
  const EventType* type = schema->Find("intentlog.commerce.OrderLineAdded");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->entity_type(), "order");
  EXPECT_EQ(type->rules().concurrent(), COMMUTES);
  EXPECT_EQ(type->schema_version(), 1u);
  EXPECT_EQ(type->field_rules(3)->max_len(), 2000u);
  EXPECT_EQ(type->field_rules(4), nullptr);
  EXPECT_EQ(type->field_rules(99), nullptr);
}

TEST(SchemaTest, ATypeIsFoundWithoutItsPackage) {
  const auto schema = Commerce();
  EXPECT_EQ(schema->Find("PriceSet"), schema->Find("intentlog.commerce.PriceSet"));
  EXPECT_EQ(schema->Find("PriceSett"), nullptr);
  EXPECT_EQ(schema->Find(""), nullptr);
}

TEST(SchemaTest, AShortNameOfTwoPackagesFindsNothing) {
  SchemaMaker maker = InspectionForms();
  SchemaMaker other("other.proto", "other");
  other.Event("FormOpened", R"(entity: "form" key: "id")", {{"id", 1, "string", ""}});
  *maker.set().add_file() = other.file();
  const auto schema = Load(maker);
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(schema->Find("FormOpened"), nullptr);
  EXPECT_NE(schema->Find("other.FormOpened"), nullptr);
  EXPECT_NE(schema->Find("FormSigned"), nullptr);
}

TEST(SchemaTest, TheEntityIdIsTheKeyAsText) {
  const auto schema = Commerce();
  commerce::OrderOpened order;
  order.set_order_id("581482");
  EXPECT_EQ(schema->Find("OrderOpened")->EntityId(order), "581482");

  const auto forms = Load(InspectionForms());
  auto payload = forms->Find("FormOpened")->NewPayload();
  const auto* key = payload->GetDescriptor()->FindFieldByName("form_id");
  payload->GetReflection()->SetUInt64(payload.get(), key, 18446744073709551615u);
  EXPECT_EQ(forms->Find("FormOpened")->EntityId(*payload), "18446744073709551615");
}

TEST(SchemaTest, TheRuleOfAPairIsItsOverrideWhicheverCameFirst) {
  const auto schema = Commerce();
  const EventType& line = *schema->Find("OrderLineAdded");
  const EventType& cancelled = *schema->Find("OrderCancelled");
  const EventType& price = *schema->Find("PriceSet");
  const EventType& described = *schema->Find("ProductDescribed");
  EXPECT_EQ(schema->RuleFor(line, cancelled), REVIEW);
  EXPECT_EQ(schema->RuleFor(cancelled, line), REVIEW);
  EXPECT_EQ(schema->RuleFor(price, described), COMMUTES);
  EXPECT_EQ(schema->RuleFor(described, price), COMMUTES);
}

TEST(SchemaTest, WithoutOverrideTheStricterDefaultHolds) {
  const auto schema = Commerce();
  const EventType& line = *schema->Find("OrderLineAdded");
  const EventType& cancelled = *schema->Find("OrderCancelled");
  EXPECT_EQ(schema->RuleFor(line, line), COMMUTES);
  EXPECT_EQ(schema->RuleFor(*schema->Find("GoodsReturned"), *schema->Find("OrderOpened")), REVIEW);
  EXPECT_EQ(schema->RuleFor(cancelled, cancelled), SAME_IS_DUPLICATE);
  EXPECT_EQ(schema->RuleFor(*schema->Find("GoodsReturned"), cancelled), REVIEW);
  const auto forms = Load(InspectionForms());
  const EventType& opened = *forms->Find("FormOpened");
  EXPECT_EQ(forms->RuleFor(*forms->Find("AnswersGiven"), opened), FIRST_WRITER_WINS);
  EXPECT_EQ(forms->RuleFor(*forms->Find("FormSigned"), opened), COMMUTES);
}

TEST(SchemaTest, StrictnessHasOneOrder) {
  const Rule order[] = {COMMUTES,          LAST_WRITER_WINS, FIELDWISE,
                        SAME_IS_DUPLICATE, REVIEW,           FIRST_WRITER_WINS};
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) EXPECT_EQ(Stricter(order[i], order[j]), order[std::max(i, j)]);
  }
  EXPECT_EQ(Stricter(RULE_UNSPECIFIED, FIELDWISE), REVIEW);
  EXPECT_EQ(Stricter(RULE_UNSPECIFIED, REVIEW), REVIEW);
  EXPECT_EQ(Stricter(RULE_UNSPECIFIED, FIRST_WRITER_WINS), FIRST_WRITER_WINS);
}

// ---- schemas that were not compiled in

TEST(SchemaTest, ASecondDomainNeedsNothingButItsDescriptors) {
  const auto schema = Load(InspectionForms());
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(schema->types().size(), 3u);
  EXPECT_EQ(schema->Find("AnswersGiven")->schema_version(), 3u);
  EXPECT_EQ(schema->Find("AnswersGiven")->field_rules(3)->on_clash(), REVIEW);
  const EventType& signed_type = *schema->Find("inspection.FormSigned");
  EXPECT_EQ(signed_type.rules().duplicate_key().fields_size(), 2);
  EXPECT_EQ(signed_type.rules().clock(), DEVICE);
  EXPECT_TRUE(signed_type.field_rules(4)->volatile_());
  EXPECT_EQ(schema->Find("Answer"), nullptr);
}

TEST(SchemaTest, ADescriptorSetOfACompiledSchemaGivesAnEqualSchema) {
  const auto compiled = Commerce();
  const auto loaded = Schema::FromDescriptorSet(compiled->DescriptorSet());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->digest(), compiled->digest());
  EXPECT_EQ((*loaded)->types().size(), compiled->types().size());
  EXPECT_EQ((*loaded)->DescriptorSet(), compiled->DescriptorSet());
}

TEST(SchemaTest, ADescriptorSetThatWasCutOffIsNoneAndTheErrorSaysHowOneIsMade) {
  const std::string bytes = Commerce()->DescriptorSet();
  for (const size_t size : {bytes.size() - 1, bytes.size() / 2, size_t{1}}) {
    const absl::Status status = Schema::FromDescriptorSet(bytes.substr(0, size)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << size;
    EXPECT_NE(status.message().find("no descriptor set"), absl::string_view::npos) << status;
    EXPECT_NE(status.message().find("protoc"), absl::string_view::npos) << status;
  }
}

TEST(SchemaTest, TheDigestDependsOnTypesAndRulesAndNotOnFiles) {
  const std::string digest = Load(InspectionForms())->digest();
  EXPECT_EQ(digest.size(), 32u);
  SchemaMaker renamed = InspectionForms();
  renamed.file().set_name("forms/v1.proto");
  EXPECT_EQ(Load(renamed)->digest(), digest);
  SchemaMaker longer = InspectionForms();
  longer.Message("Unused", {});
  EXPECT_EQ(Load(longer)->digest(), digest);

  SchemaMaker other_rule = InspectionForms();
  other_rule.file()
      .mutable_message_type(1)
      ->mutable_options()
      ->MutableExtension(intentlog::event)
      ->set_concurrent(REVIEW);
  EXPECT_NE(Load(other_rule)->digest(), digest);
  SchemaMaker other_inside = InspectionForms();
  other_inside.file().mutable_message_type(0)->mutable_field(0)->set_number(9);
  EXPECT_NE(Load(other_inside)->digest(), digest);
  SchemaMaker other_value = InspectionForms();
  other_value.Enum("More", {"MORE_UNSPECIFIED"});
  other_value.file().mutable_enum_type(0)->mutable_value(2)->set_name("FAILED");
  EXPECT_NE(Load(other_value)->digest(), digest);
}

TEST(SchemaTest, ASetWithoutTheFilesThatAllHaveIsEnough) {
  SchemaMaker maker("a.proto", "a");
  maker.file().add_dependency("google/protobuf/timestamp.proto");
  maker.Event("E", R"(entity: "e" key: "id")",
              {{"id", 1, "string", ""}, {"at", 2, ".google.protobuf.Timestamp", ""}});
  EXPECT_NE(Load(maker), nullptr);
}

TEST(SchemaTest, ImportsMayComeInAnyOrder) {
  SchemaMaker maker("a.proto", "a");
  maker.file().add_dependency("b.proto");
  maker.Event("E", R"(entity: "e" key: "id")", {{"id", 1, "string", ""}, {"b", 2, ".b.B", ""}});
  SchemaMaker imported("b.proto", "b");
  imported.Message("B", {{"x", 1, "string", "max_len: 1"}});
  *maker.set().add_file() = imported.file();
  const auto schema = Load(maker);
  ASSERT_NE(schema, nullptr);
  const EventType& type = *schema->Find("E");
  auto payload = type.NewPayload();
  EXPECT_EQ(type.Read(1, "\x0a\x01i\x12\x04\x0a\x02xx", *payload)->field, "b.x");
}

std::string LoadError(const SchemaMaker& maker) {
  const auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument) << schema.status();
  return std::string(schema.status().message());
}

TEST(SchemaTest, I33_BytesThatAreNoSchemaAreRefused) {
  for (const std::string& bytes : {std::string(), std::string("\xff\xff\xff"), std::string("text"),
                                   std::string(5 << 20, 'x')}) {
    const auto schema = Schema::FromDescriptorSet(bytes);
    EXPECT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(schema.status().message()), HasSubstr("descriptor set"));
  }
}

TEST(SchemaTest, I33_UnsoundSetsAreRefusedByName) {
  SchemaMaker missing("a.proto", "a");
  missing.file().add_dependency("lost.proto");
  EXPECT_THAT(LoadError(missing), HasSubstr("lacks file lost.proto, which a.proto imports"));

  SchemaMaker foreign("a.proto", "a");  // known to this program, but not the set's to rely on
  foreign.file().add_dependency("proto/event.proto");
  EXPECT_THAT(LoadError(foreign), HasSubstr("lacks file proto/event.proto"));

  SchemaMaker twice("a.proto", "a");
  *twice.set().add_file() = twice.file();
  EXPECT_THAT(LoadError(twice), HasSubstr("holds file a.proto twice"));

  SchemaMaker circle("a.proto", "a");
  circle.file().add_dependency("b.proto");
  SchemaMaker back("b.proto", "b");
  back.file().add_dependency("a.proto");
  *circle.set().add_file() = back.file();
  EXPECT_THAT(LoadError(circle), HasSubstr("not sound"));

  SchemaMaker unknown("a.proto", "a");
  unknown.Message("M", {{"x", 1, ".a.Nothing", ""}});
  EXPECT_THAT(LoadError(unknown), HasSubstr("a.proto: a.M.x: \".a.Nothing\" is not defined"));
}

// Messages that each hold the next.
SchemaMaker Chain(int messages) {
  SchemaMaker maker("chain.proto", "c");
  maker.Event("E", R"(entity: "e" key: "id")", {{"id", 1, "string", ""}, {"m", 2, ".c.M2", ""}});
  for (int i = 2; i < messages; ++i) {
    maker.Message("M" + std::to_string(i), {{"m", 1, ".c.M" + std::to_string(i + 1), ""}});
  }
  maker.Message("M" + std::to_string(messages), {{"text", 1, "string", "max_len: 1"}});
  return maker;
}

TEST(SchemaTest, I33_LongChainsOfMessagesAreLimited) {
  EXPECT_NE(Load(Chain(5000)), nullptr);
  EXPECT_THAT(LoadError(Chain(5001)), HasSubstr("5001 messages; the most allowed is 5000"));
}

TEST(SchemaTest, TheDigestIsTheSameInEveryVersionOfThisProgram) {
  EXPECT_EQ(Hex(Load(InspectionForms())->digest()),
            "6bd0eb80b3bf1cdb350380554bcdf41d6e8e631c815fe9aeae0f479d0b12f8ee");
}

TEST(SchemaDeathTest, ContradictoryCompiledRulesStopTheProgram) {
  // Descriptors that are not generated have no prototypes in the generated factory; only the rules
  // are looked at before that.
  google::protobuf::DescriptorPool pool;
  SchemaMaker maker("a.proto", "a");
  maker.Event("E", R"(key: "id")", {{"id", 1, "string", ""}});
  const auto files = BuildFiles(maker.Bytes(), pool);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_DEATH(Schema::Compiled({files->front()}), "message a.E: entity is missing");
}

// ---- a set that holds files of this program

TEST(SchemaTest, ASetAloneHasItsOwnRulesForTheProgramsTypesToo) {
  google::protobuf::FileDescriptorSet set;
  ASSERT_TRUE(set.ParseFromString(Commerce()->DescriptorSet()));
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      if (message.name() != "PriceSet") continue;
      message.mutable_options()->MutableExtension(event)->set_concurrent(FIRST_WRITER_WINS);
    }
  }
  const std::string bytes = set.SerializeAsString();
  const auto beside = Schema::FromDescriptorSet(bytes);
  const auto alone = Schema::FromDescriptorSetAlone(bytes);
  ASSERT_TRUE(beside.ok() && alone.ok()) << beside.status() << alone.status();
  EXPECT_EQ((*beside)->Find("PriceSet")->rules().concurrent(), REVIEW);
  EXPECT_EQ((*alone)->Find("PriceSet")->rules().concurrent(), FIRST_WRITER_WINS);
  EXPECT_EQ((*beside)->digest(), Commerce()->digest());
  EXPECT_NE((*alone)->digest(), Commerce()->digest());
  const auto same = Schema::FromDescriptorSetAlone(Commerce()->DescriptorSet());
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ((*same)->digest(), Commerce()->digest());
}

TEST(SchemaTest, ASetMayBuildOnTheProgramsOwnFilesAndItsMessagesStayTheOnesThatCodeKnows) {
  SchemaMaker maker("loyalty.proto", "loyalty");
  maker.Event("PointsGiven", R"(entity: "customer" key: "customer_id" concurrent: COMMUTES)",
              {{"customer_id", 1, "string", "required: true"}, {"points", 2, "sint64", ""}});
  google::protobuf::FileDescriptorSet set;
  ASSERT_TRUE(set.ParseFromString(Commerce()->DescriptorSet()));
  *set.add_file() = maker.file();
  const auto schema = Schema::FromDescriptorSet(set.SerializeAsString());
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ((*schema)->types().size(), 11u);
  EXPECT_NE((*schema)->Find("PointsGiven"), nullptr);
  EXPECT_EQ((*schema)->Find("OrderLineAdded")->descriptor(),
            commerce::OrderLineAdded::descriptor());
}

}  // namespace
}  // namespace intentlog
