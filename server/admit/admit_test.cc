#include "server/admit/admit.h"

#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema_maker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admit/summary.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

// One type of event for each rule; `Limited` has field rules.
std::shared_ptr<const Schema> AllRules() {
  SchemaMaker maker("ruled.proto", "ruled");
  for (const char* rule : {"COMMUTES", "LAST_WRITER_WINS", "REVIEW", "FIRST_WRITER_WINS",
                           "FIELDWISE", "SAME_IS_DUPLICATE"}) {
    maker.Event(rule, Cat("entity: \"thing\" key: \"id\" concurrent: ", rule),
                {{"id", 1, "string", "required: true"}, {"note", 2, "optional string", ""}});
  }
  maker.Event("Limited", R"(entity: "thing" key: "id" concurrent: COMMUTES schema_version: 3)",
              {{"id", 1, "string", "required: true"}, {"size", 2, "sint64", "min: 1"}});
  auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}

LogId Log(int number) { return LogId::FromBytes(std::string(16, static_cast<char>('a' + number))); }

class AdmitTest : public testing::Test {
 protected:
  // An intent on thing/1 in scope "shop".
  Intent IntentOf(const std::string& type) const {
    Intent intent;
    intent.set_intent_id(std::string(16, 'i'));
    intent.set_type("ruled." + type);
    intent.set_entity_type("thing");
    intent.set_entity_id("1");
    intent.set_scope("shop");
    return intent;
  }

  void Add(const std::string& type, Decision decision, const LogId& log, Position position,
           EntitySummary& summary) const {
    const Intent intent = IntentOf(type);
    const EventType& event = *schema_->Find(intent.type());
    Verdict verdict;
    verdict.decision = decision;
    AddToSummary(intent, verdict, FootprintOf(event, *event.NewPayload(), intent, {}), log,
                 position, summary);
  }

  Verdict Decide(const Intent& intent, const EntitySummary* entity,
                 std::vector<OwnLog> own = {Log(0)}, uint64_t base = 0,
                 const std::string& id = "1") const {
    AdmitInput input;
    input.intent = &intent;
    input.schema = schema_.get();
    input.type = schema_->Find(intent.type());
    std::unique_ptr<google::protobuf::Message> payload;
    if (input.type != nullptr) {
      payload = input.type->NewPayload();
      payload->GetReflection()->SetString(payload.get(),
                                          payload->GetDescriptor()->FindFieldByName("id"), id);
      const auto* size = payload->GetDescriptor()->FindFieldByName("size");
      if (size != nullptr) payload->GetReflection()->SetInt64(payload.get(), size, size_);
      input.payload = payload.get();
    }
    input.entity = entity;
    input.own_logs = own;
    input.base = Position(base);
    return Admit(input);
  }

  const std::shared_ptr<const Schema> schema_ = AllRules();
  int64_t size_ = 1;
};

TEST_F(AdmitTest, ANewEntitysFirstIntentIsAcceptedPlainly) {
  const Verdict verdict = Decide(IntentOf("REVIEW"), nullptr);
  EXPECT_EQ(verdict.decision, ACCEPTED);
  EXPECT_EQ(verdict.reason.code(), Reason::CODE_UNSPECIFIED);
}

TEST_F(AdmitTest, WhatWonOrClashedIsNamed) {
  EntitySummary summary;
  Add("COMMUTES", ACCEPTED, Log(1), Position(7), summary);
  Add("REVIEW", ACCEPTED, Log(2), Position(8), summary);
  const Verdict conflicted = Decide(IntentOf("COMMUTES"), &summary);
  EXPECT_EQ(conflicted.decision, CONFLICTED);
  EXPECT_EQ(conflicted.reason.code(), Reason::CONCURRENT_CHANGE);
  EXPECT_EQ(conflicted.reason.other_position(), 8u);
  const Verdict rejected = Decide(IntentOf("FIRST_WRITER_WINS"), &summary);
  EXPECT_EQ(rejected.decision, REJECTED);
  EXPECT_NE(rejected.reason.other_position(), 0u);
}

TEST_F(AdmitTest, BehindWhatDidNotTakeEffectLaterIntentsOfThatLogAreParked) {
  for (const Decision open : {CONFLICTED, REJECTED, PARKED}) {
    EntitySummary summary;
    Add("COMMUTES", ACCEPTED, Log(1), Position(4), summary);
    Add("COMMUTES", open, Log(0), Position(5), summary);
    const Verdict own = Decide(IntentOf("COMMUTES"), &summary, {Log(0)}, 5);
    EXPECT_EQ(own.decision, PARKED);
    EXPECT_EQ(own.reason.code(), Reason::BEHIND_OPEN);
    EXPECT_EQ(own.behind, 5u);
    // It goes on naming the first one; other devices do not wait.
    Add("COMMUTES", PARKED, Log(0), Position(6), summary);
    EXPECT_EQ(Decide(IntentOf("COMMUTES"), &summary, {Log(0)}, 6).behind, 5u);
    EXPECT_EQ(Decide(IntentOf("COMMUTES"), &summary, {Log(2)}, 6).decision, ACCEPTED);
    // A log that continues it does.
    EXPECT_EQ(Decide(IntentOf("COMMUTES"), &summary, {Log(3), Log(0)}, 6).decision, PARKED);
  }
}

TEST_F(AdmitTest, WhatDidNotTakeEffectIsNotConcurrent) {
  EntitySummary summary;
  Add("REVIEW", CONFLICTED, Log(1), Position(5), summary);
  EXPECT_EQ(Decide(IntentOf("REVIEW"), &summary, {Log(0)}, 0).decision, ACCEPTED);
  EXPECT_EQ(summary.version(), 0u);
}

TEST_F(AdmitTest, MalformedEnvelopesAreRejectedWithTheField) {
  const auto field_of = [&](auto change) {
    Intent intent = IntentOf("COMMUTES");
    change(intent);
    const Verdict verdict = Decide(intent, nullptr);
    EXPECT_EQ(verdict.decision, REJECTED);
    EXPECT_EQ(verdict.reason.code(), Reason::MALFORMED);
    return verdict.reason.field();
  };
  EXPECT_EQ(field_of([](Intent& intent) { intent.set_intent_id("short"); }), "intent_id");
  EXPECT_EQ(field_of([](Intent& intent) { intent.clear_type(); }), "type");
  EXPECT_EQ(field_of([](Intent& intent) { intent.set_entity_type("a/b"); }), "entity_type");
  EXPECT_EQ(field_of([](Intent& intent) { intent.clear_entity_id(); }), "entity_id");
  EXPECT_EQ(field_of([](Intent& intent) { intent.set_scope(std::string("a\0b", 3)); }), "scope");
  AdmitInput nothing;
  EXPECT_EQ(Admit(nothing).reason.code(), Reason::MALFORMED);
}

TEST_F(AdmitTest, UnknownTypesAndNewerSchemasAreParked) {
  const Verdict unknown = Decide(IntentOf("NotYetKnown"), nullptr);
  EXPECT_EQ(unknown.decision, PARKED);
  EXPECT_EQ(unknown.reason.code(), Reason::UNKNOWN_TYPE);
  EXPECT_EQ(unknown.behind, 0u);
  Intent intent = IntentOf("Limited");
  intent.set_schema_version(4);
  EXPECT_EQ(Decide(intent, nullptr).reason.code(), Reason::NEWER_SCHEMA);
  intent.set_schema_version(3);
  EXPECT_EQ(Decide(intent, nullptr).decision, ACCEPTED);
}

TEST_F(AdmitTest, TheWrongScopeEntityOrFieldIsRejectedByName) {
  EntitySummary summary;
  Add("COMMUTES", ACCEPTED, Log(0), Position(1), summary);
  Intent moved = IntentOf("COMMUTES");
  moved.set_scope("other");
  EXPECT_EQ(Decide(moved, &summary).reason.code(), Reason::SCOPE_MISMATCH);
  EXPECT_THAT(Decide(moved, &summary).reason.text(), HasSubstr("thing/1 lives in scope shop"));
  EXPECT_EQ(Decide(IntentOf("COMMUTES"), nullptr, {Log(0)}, 0, "2").reason.code(),
            Reason::ENTITY_MISMATCH);
  size_ = 0;
  const Verdict small = Decide(IntentOf("Limited"), nullptr);
  EXPECT_EQ(small.reason.code(), Reason::FIELD_TOO_SMALL);
  EXPECT_EQ(small.reason.field(), "size");
}

TEST_F(AdmitTest, ARejectedIntentDoesNotGiveItsEntityAScope) {
  EntitySummary summary;
  Add("COMMUTES", REJECTED, Log(0), Position(1), summary);
  EXPECT_EQ(summary.scope(), "");
  Add("COMMUTES", CONFLICTED, Log(0), Position(2), summary);
  EXPECT_EQ(summary.scope(), "shop");
}

}  // namespace
}  // namespace intentlog
