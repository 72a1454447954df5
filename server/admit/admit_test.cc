#include "server/admit/admit.h"

#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema_maker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

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

const std::array<std::string, 6> kRuled = {"COMMUTES",  "LAST_WRITER_WINS",
                                           "REVIEW",    "FIRST_WRITER_WINS",
                                           "FIELDWISE", "SAME_IS_DUPLICATE"};

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

  Verdict Decide(const Intent& intent, const EntitySummary* entity,
                 std::vector<LogId> own = {Log(0)}, uint64_t base = 0,
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

Decision ExpectedFor(Rule rule) {
  switch (rule) {
    case COMMUTES:
    case LAST_WRITER_WINS:
      return MERGED;
    case FIRST_WRITER_WINS:
      return REJECTED;
    default:
      return CONFLICTED;
  }
}

TEST_F(AdmitTest, ANewEntitysFirstIntentIsAcceptedPlainly) {
  const Verdict verdict = Decide(IntentOf("REVIEW"), nullptr);
  EXPECT_EQ(verdict.decision, ACCEPTED);
  EXPECT_EQ(verdict.reason.code(), Reason::CODE_UNSPECIFIED);
}

TEST_F(AdmitTest, EveryPairOfRulesAsTheStricterOfBothWhenConcurrentAndAcceptedWhenNot) {
  for (const std::string& earlier : kRuled) {
    EntitySummary summary;
    AddToSummary(IntentOf(earlier), ACCEPTED, Log(1), Position(10), summary);
    for (const std::string& later : kRuled) {
      const Intent intent = IntentOf(later);
      const Rule rule =
          schema_->RuleFor(*schema_->Find("ruled." + later), *schema_->Find("ruled." + earlier));
      const std::string pair = Cat(later, " upon ", earlier);
      // By another log: not seen, seen exactly, seen and more.
      EXPECT_EQ(Decide(intent, &summary, {Log(0)}, 9).decision, ExpectedFor(rule)) << pair;
      EXPECT_EQ(Decide(intent, &summary, {Log(0)}, 10).decision, ACCEPTED) << pair;
      EXPECT_EQ(Decide(intent, &summary, {Log(0)}, 11).decision, ACCEPTED) << pair;
      // By its own log, and by one that it continues.
      EXPECT_EQ(Decide(intent, &summary, {Log(1)}, 0).decision, ACCEPTED) << pair;
      EXPECT_EQ(Decide(intent, &summary, {Log(0), Log(1)}, 0).decision, ACCEPTED) << pair;
    }
  }
}

TEST_F(AdmitTest, WhatWonOrClashedIsNamed) {
  EntitySummary summary;
  AddToSummary(IntentOf("COMMUTES"), ACCEPTED, Log(1), Position(7), summary);
  AddToSummary(IntentOf("REVIEW"), ACCEPTED, Log(2), Position(8), summary);
  const Verdict conflicted = Decide(IntentOf("COMMUTES"), &summary);
  EXPECT_EQ(conflicted.decision, CONFLICTED);
  EXPECT_EQ(conflicted.reason.code(), Reason::CONCURRENT_CHANGE);
  EXPECT_EQ(conflicted.reason.other_position(), 8u);
  const Verdict rejected = Decide(IntentOf("FIRST_WRITER_WINS"), &summary);
  EXPECT_EQ(rejected.decision, REJECTED);
  EXPECT_NE(rejected.reason.other_position(), 0u);
}

// All events of one entity, kept whole: what the summary must agree with.
struct NaiveEvent {
  std::string type;
  LogId log;
  uint64_t position;
};

Decision NaiveDecision(const Schema& schema, const std::vector<NaiveEvent>& effective,
                       const std::string& type, const std::vector<LogId>& own, uint64_t base) {
  const std::set<LogId> owned(own.begin(), own.end());
  Rule strictest = RULE_UNSPECIFIED;
  bool any = false;
  for (const NaiveEvent& event : effective) {
    if (event.position <= base || owned.count(event.log) > 0) continue;
    const Rule rule =
        schema.RuleFor(*schema.Find("ruled." + type), *schema.Find("ruled." + event.type));
    strictest = any ? Stricter(strictest, rule) : rule;
    any = true;
  }
  return any ? ExpectedFor(strictest) : ACCEPTED;
}

TEST_F(AdmitTest, TheSummaryDecidesAsTheWholeHistoryWould) {
  SeededRandom random(20260101);
  for (int history = 0; history < 60; ++history) {
    EntitySummary summary;
    std::vector<NaiveEvent> effective;
    for (uint64_t position = 1; position <= 60; ++position) {
      const std::string& type = kRuled[random.Below(kRuled.size())];
      const LogId log = Log(static_cast<int>(random.Below(8)));
      AddToSummary(IntentOf(type), random.Below(2) == 0 ? ACCEPTED : MERGED, log,
                   Position(position), summary);
      effective.push_back({type, log, position});
      std::vector<LogId> own;
      for (uint64_t i = 0; i <= random.Below(4); ++i) {
        own.push_back(Log(static_cast<int>(random.Below(8))));
      }
      const std::string& next = kRuled[random.Below(kRuled.size())];
      const uint64_t base = random.Below(position + 2);
      ASSERT_EQ(Decide(IntentOf(next), &summary, own, base).decision,
                NaiveDecision(*schema_, effective, next, own, base))
          << "history " << history << ", position " << position << ", base " << base;
    }
    EXPECT_EQ(summary.version(), 60u);
    EXPECT_EQ(summary.last_effective(), 60u);
    for (const auto& type : summary.types()) EXPECT_LE(type.writers_size(), kWritersPerType);
  }
}

TEST_F(AdmitTest, BehindWhatDidNotTakeEffectLaterIntentsOfThatLogAreParked) {
  for (const Decision open : {CONFLICTED, REJECTED, PARKED}) {
    EntitySummary summary;
    AddToSummary(IntentOf("COMMUTES"), ACCEPTED, Log(1), Position(4), summary);
    AddToSummary(IntentOf("COMMUTES"), open, Log(0), Position(5), summary);
    const Verdict own = Decide(IntentOf("COMMUTES"), &summary, {Log(0)}, 5);
    EXPECT_EQ(own.decision, PARKED);
    EXPECT_EQ(own.reason.code(), Reason::BEHIND_OPEN);
    EXPECT_EQ(own.behind, 5u);
    // It goes on naming the first one; other devices do not wait.
    AddToSummary(IntentOf("COMMUTES"), PARKED, Log(0), Position(6), summary);
    EXPECT_EQ(Decide(IntentOf("COMMUTES"), &summary, {Log(0)}, 6).behind, 5u);
    EXPECT_EQ(Decide(IntentOf("COMMUTES"), &summary, {Log(2)}, 6).decision, ACCEPTED);
    // A log that continues it does.
    EXPECT_EQ(Decide(IntentOf("COMMUTES"), &summary, {Log(3), Log(0)}, 6).decision, PARKED);
  }
}

TEST_F(AdmitTest, WhatDidNotTakeEffectIsNotConcurrent) {
  EntitySummary summary;
  AddToSummary(IntentOf("REVIEW"), CONFLICTED, Log(1), Position(5), summary);
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
  AddToSummary(IntentOf("COMMUTES"), ACCEPTED, Log(0), Position(1), summary);
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
  AddToSummary(IntentOf("COMMUTES"), REJECTED, Log(0), Position(1), summary);
  EXPECT_EQ(summary.scope(), "");
  AddToSummary(IntentOf("COMMUTES"), CONFLICTED, Log(0), Position(2), summary);
  EXPECT_EQ(summary.scope(), "shop");
}

TEST_F(AdmitTest, I4_ABatchHasTheDecisionOfItsStrictestMember) {
  const std::vector<Decision> ascending = {ACCEPTED, MERGED,     DUPLICATE,
                                           PARKED,   CONFLICTED, REJECTED};
  for (size_t worst = 0; worst < ascending.size(); ++worst) {
    std::vector<Verdict> members(worst + 1);
    for (size_t i = 0; i <= worst; ++i) {
      members[i].decision = ascending[i];
      if (ascending[i] == PARKED) members[i].behind = 77;
    }
    DecideAsOne(absl::MakeSpan(members));
    for (size_t i = 0; i <= worst; ++i) {
      EXPECT_EQ(members[i].decision, ascending[worst]);
      EXPECT_EQ(members[i].reason.code() == Reason::BATCH_MEMBER, i < worst);
      EXPECT_EQ(members[i].behind, ascending[worst] == PARKED ? 77u : 0u);
    }
  }
}

}  // namespace
}  // namespace intentlog
