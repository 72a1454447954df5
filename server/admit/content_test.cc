#include "server/admit/content.h"

#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema.h"
#include "eventlog/schema/schema_maker.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

using google::protobuf::Message;

constexpr uint64_t kLineHash = 5444205739577608167;
constexpr uint64_t kOrderHash = 4498292507653878897;
constexpr uint64_t kFilledHash = 6319799520839885824;

constexpr const char* kTypes[] = {"int32", "int64", "uint32", "uint64",
                                  "bool",  "float", "double", "enum .forms.Kind"};

class ContentTest : public testing::Test {
 protected:
  ContentTest() {
    SchemaMaker maker("forms.proto", "forms");
    maker.Message("Answer", {{"text", 1, "string", ""}, {"noted", 2, "string", "volatile: true"}});
    maker.Event("Filled", R"(entity: "form" key: "id" concurrent: SAME_IS_DUPLICATE
                             duplicate_key: { fields: "till" fields: "number"
                                              outcome: REVIEW })",
                {{"id", 1, "string", ""},
                 {"answers", 2, "repeated .forms.Answer", ""},
                 {"till", 3, "string", ""},
                 {"number", 4, "optional sint32", ""},
                 {"rate", 5, "double", ""},
                 {"tags", 6, "repeated string", ""},
                 {"noted", 7, "string", "volatile: true"},
                 {"levels", 8, "repeated .forms.Filled.LevelsEntry", ""}});
    maker.Event("Emptied", R"(entity: "form" key: "id")", {{"id", 1, "string", ""}});
    maker.Enum("Kind", {"NONE", "ONE", "TWO"});
    std::vector<SchemaMaker::Field> of_each_type = {{"id", 1, "string", ""}};
    for (int i = 0; i < static_cast<int>(std::size(kTypes)); ++i) {
      of_each_type.push_back({Cat("one", i), 10 + i, kTypes[i], ""});
      of_each_type.push_back({Cat("all", i), 20 + i, Cat("repeated ", kTypes[i]), ""});
    }
    maker.Event("Typed", R"(entity: "form" key: "id")", of_each_type);
    // map<string, int64> levels, as protoc writes it.
    auto& entry = *maker.file().mutable_message_type(1)->add_nested_type();
    entry.set_name("LevelsEntry");
    entry.mutable_options()->set_map_entry(true);
    const auto add = [&](const char* name, int number, auto type) {
      auto& field = *entry.add_field();
      field.set_name(name);
      field.set_number(number);
      field.set_type(type);
      field.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
    };
    add("key", 1, google::protobuf::FieldDescriptorProto::TYPE_STRING);
    add("value", 2, google::protobuf::FieldDescriptorProto::TYPE_INT64);
    auto schema = Schema::FromDescriptorSet(maker.Bytes());
    EXPECT_TRUE(schema.ok()) << schema.status();
    schema_ = *schema;
  }

  std::unique_ptr<Message> Payload(const std::string& text, const char* type = "Filled") const {
    auto payload = schema_->Find(type)->NewPayload();
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, payload.get())) << text;
    return payload;
  }
  uint64_t Content(const std::string& text, const char* type = "Filled") const {
    return ContentHash(*schema_->Find(type), *Payload(text, type));
  }
  std::optional<uint64_t> Key(const std::string& text) const {
    return DuplicateKeyHash(*schema_->Find("Filled"), *Payload(text));
  }

  std::shared_ptr<const Schema> schema_;
};

TEST_F(ContentTest, WhateverDiffersMakesOtherContent) {
  const std::vector<std::string> texts = {
      "",
      R"(id: "a")",
      R"(till: "a")",
      R"(id: "a" number: 0)",
      R"(id: "a" number: 1)",
      R"(id: "a" number: -1)",
      R"(id: "a" rate: 1)",
      R"(id: "a" rate: 2)",
      R"(id: "a" tags: "ab")",
      R"(id: "a" tags: "a" tags: "b")",
      R"(id: "a" tags: "b" tags: "a")",
      R"(id: "a" tags: "")",
      R"(id: "a" answers: {})",
      R"(id: "a" answers: { text: "x" })",
      R"(id: "a" answers: { text: "x" } answers: {})",
      R"(id: "a" levels: { key: "oil" value: 1 })",
      R"(id: "a" levels: { key: "oil" value: 2 })",
      R"(id: "a" levels: { key: "" value: 0 })",
  };
  std::set<uint64_t> hashes;
  for (const std::string& text : texts) hashes.insert(Content(text));
  hashes.insert(Content(R"(id: "a")", "Emptied"));  // another type
  EXPECT_EQ(hashes.size(), texts.size() + 1);
  EXPECT_EQ(hashes.count(0), 0u);
}

TEST_F(ContentTest, ValuesOfEveryTypeCountAndSoDoesTheOrderOfMany) {
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    const std::string type = kTypes[i];
    const std::string one = type == "bool" ? "true" : type == kTypes[7] ? "ONE" : "1";
    const std::string other = type == "bool" ? "false" : type == kTypes[7] ? "TWO" : "2";
    const auto of = [&](const std::string& text) { return Content(text, "Typed"); };
    const std::string single = Cat("one", i, ": ");
    const std::string many = Cat("all", i, ": ");
    const std::set<uint64_t> hashes = {
        of(""),
        of(single + one),
        of(many + "[" + one + "]"),
        of(many + "[" + one + ", " + other + "]"),
        of(many + "[" + other + ", " + one + "]"),
    };
    EXPECT_EQ(hashes.size(), 5u) << type;
    EXPECT_NE(of(single + one), of(single + other)) << type;
  }
}

TEST_F(ContentTest, VolatileFieldsDoNotCountAtAnyDepth) {
  EXPECT_EQ(Content(R"(id: "a" noted: "now")"), Content(R"(id: "a" noted: "then")"));
  EXPECT_EQ(Content(R"(id: "a" answers: { text: "x" noted: "now" })"),
            Content(R"(id: "a" answers: { text: "x" })"));
}

TEST_F(ContentTest, MapsAreEqualInAnyOrder) {
  EXPECT_EQ(Content(R"(levels: { key: "oil" value: 1 } levels: { key: "air" value: 2 })"),
            Content(R"(levels: { key: "air" value: 2 } levels: { key: "oil" value: 1 })"));
}

TEST_F(ContentTest, WhatThisProgramCannotReadCounts) {
  const EventType& type = *schema_->Find("Emptied");
  std::set<uint64_t> hashes;
  for (const std::string bytes : {"", "\x20\x01", "\x20\x02", "\x28\x01"}) {
    const auto payload = type.NewPayload();
    ASSERT_TRUE(payload->ParseFromString(bytes));
    hashes.insert(ContentHash(type, *payload));
  }
  EXPECT_EQ(hashes.size(), 4u);
}

TEST_F(ContentTest, AKeyIsOfItsFieldsAloneAndOfNoneIfNoneIsSet) {
  EXPECT_EQ(Key(R"(id: "a")"), std::nullopt);
  EXPECT_EQ(Key(R"(id: "a" till: "2" number: 5)"), Key(R"(id: "b" till: "2" number: 5)"));
  EXPECT_NE(Key(R"(till: "2" number: 5)"), Key(R"(till: "2" number: 6)"));
  EXPECT_NE(Key(R"(till: "2")"), Key(R"(till: "2" number: 0)"));
  EXPECT_NE(Key(R"(number: 5)"), std::nullopt);
  EXPECT_EQ(DuplicateKeyHash(*schema_->Find("Emptied"), *Payload(R"(id: "a")", "Emptied")),
            std::nullopt);
}

TEST_F(ContentTest, ABatchIsEqualMemberByMemberInOrder) {
  EXPECT_EQ(BatchContent({7}), 7u);
  EXPECT_EQ(BatchContent({7, 8}), BatchContent({7, 8}));
  EXPECT_NE(BatchContent({7, 8}), BatchContent({8, 7}));
  EXPECT_NE(BatchContent({7, 8}), BatchContent({7}));
}

TEST_F(ContentTest, HashesAreKeptSoTheyStayTheSameWhateverMadeTheMessage) {
  commerce::OrderLineAdded line;
  line.set_order_id("581482");
  line.set_quantity(-3);
  line.set_country("United Kingdom");
  line.set_sold_at_us(5);  // volatile
  const auto compiled = Schema::Compiled({line.descriptor()->file()});
  const EventType& type = *compiled->Find("OrderLineAdded");
  EXPECT_EQ(ContentHash(type, line), kLineHash);
  commerce::OrderOpened opened;
  opened.set_order_id("581482");
  EXPECT_EQ(DuplicateKeyHash(*compiled->Find("OrderOpened"), opened), kOrderHash);
  EXPECT_EQ(Content(R"(id: "a" number: 7 levels: { key: "oil" value: 1 })"), kFilledHash);
}

}  // namespace
}  // namespace intentlog
