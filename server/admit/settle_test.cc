#include "server/admit/settle.h"

#include <string>
#include <vector>

#include "eventlog/log/decision.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admit/decided.h"

namespace intentlog {
namespace {

using testing::HasSubstr;
using Kind = Control::Kind;

Intent Asking(const google::protobuf::Message& message) {
  Intent intent;
  intent.set_type(message.GetTypeName());
  intent.set_payload(message.SerializeAsString());
  intent.set_entity_type("product");
  intent.set_entity_id("milk");
  intent.set_scope("shop");
  return intent;
}

Control ControlOf(Kind kind) {
  Control control;
  control.kind = kind;
  control.of = 7;
  return control;
}

TEST(SettleTest, EachControlIsReadWithWhatItSays) {
  Resolve resolve;
  resolve.set_of(7);
  resolve.set_verdict(Resolve::REPLACE);
  resolve.set_replacement_type("a.B");
  resolve.set_replacement("bytes");
  const auto replaced = ParseControl(Asking(resolve));
  ASSERT_TRUE(std::holds_alternative<Control>(replaced));
  EXPECT_EQ(std::get<Control>(replaced).kind, Kind::kReplace);
  EXPECT_EQ(std::get<Control>(replaced).type, "a.B");
  EXPECT_EQ(std::get<Control>(replaced).payload, "bytes");
  Dismiss dismiss;
  EXPECT_TRUE(std::holds_alternative<Reason>(ParseControl(Asking(dismiss))));  // of nothing
  dismiss.set_of(3);
  dismiss.set_followers_too(true);
  EXPECT_TRUE(std::get<Control>(ParseControl(Asking(dismiss))).followers_too);
  Intent garbage = Asking(dismiss);
  garbage.set_payload("\xff");
  EXPECT_EQ(std::get<Reason>(ParseControl(garbage)).code(), Reason::MALFORMED);
}

TEST(SettleTest, WhoeverMayAskAndHowDependsOnWhatIsOpen) {
  struct Row {
    Decision open;
    Kind kind;
    bool own;
    bool by_operator;
    Reason::Code refused;
  };
  const std::vector<Row> rows = {
      {CONFLICTED, Kind::kApply, false, false, Reason::CODE_UNSPECIFIED},
      {CONFLICTED, Kind::kDrop, true, false, Reason::CODE_UNSPECIFIED},
      {CONFLICTED, Kind::kAmend, true, false, Reason::NOT_OPEN},
      {CONFLICTED, Kind::kDismiss, true, false, Reason::NOT_OPEN},
      {REJECTED, Kind::kApply, true, false, Reason::NOT_OPEN},
      {REJECTED, Kind::kReplace, true, false, Reason::NOT_OPEN},
      {REJECTED, Kind::kAmend, true, false, Reason::CODE_UNSPECIFIED},
      {REJECTED, Kind::kAmend, false, false, Reason::NOT_YOURS},
      {REJECTED, Kind::kAmend, false, true, Reason::CODE_UNSPECIFIED},
      {REJECTED, Kind::kDismiss, false, false, Reason::NOT_YOURS},
      {PARKED, Kind::kApply, true, true, Reason::NOT_OPEN},
      {PARKED, Kind::kDismiss, true, true, Reason::NOT_OPEN},
  };
  const std::vector<OwnLog> mine = {LogId::FromBytes(std::string(16, 'm'))};
  const Intent intent = Asking(Resolve());
  for (const Row& row : rows) {
    OpenEvent open;
    open.set_position(7);
    open.set_decision(row.open);
    open.set_log_id(std::string(16, row.own ? 'm' : 'o'));
    ControlFacts facts;
    facts.intent = &intent;
    facts.own_logs = mine;
    facts.by_operator = row.by_operator;
    facts.open = &open;
    facts.open_intent = &intent;
    const auto reason = CheckControl(ControlOf(row.kind), facts);
    EXPECT_EQ(reason ? reason->code() : Reason::CODE_UNSPECIFIED, row.refused)
        << DecisionWord(row.open) << " " << static_cast<int>(row.kind);
  }
}

TEST(SettleTest, WhatWaitsBehindAnotherCanBeGivenUpAndNothingElse) {
  const Intent intent = Asking(Resolve());
  OpenEvent open;
  open.set_decision(CONFLICTED);
  ControlFacts facts;
  facts.intent = facts.open_intent = &intent;
  facts.open = &open;
  facts.waits_behind = 5;
  Control drop = ControlOf(Kind::kDrop);
  EXPECT_FALSE(CheckControl(drop, facts).has_value());
  drop.followers_too = true;
  EXPECT_EQ(CheckControl(drop, facts)->other_position(), 5u);
  EXPECT_THAT(CheckControl(ControlOf(Kind::kApply), facts)->text(), HasSubstr("settle that first"));
}

TEST(SettleTest, WhatBecomesOfItFollowsFromAdmitsVerdict) {
  const Verdict accepted;
  const Verdict merged = Decided(MERGED, Reason::CODE_UNSPECIFIED, "", "");
  const Verdict clash = Decided(CONFLICTED, Reason::CONCURRENT_CHANGE, "", "");
  const Verdict lost = Decided(REJECTED, Reason::CONCURRENT_CHANGE, "", "");
  const Verdict invalid = Decided(REJECTED, Reason::FIELD_TOO_SMALL, "price", "");
  const Verdict unknown = Decided(PARKED, Reason::UNKNOWN_TYPE, "", "");
  const Verdict suspected = Decided(CONFLICTED, Reason::SUSPECTED_DUPLICATE, "", "");
  const auto text = [](Kind kind, const Verdict& original, const Verdict& admitted) {
    const auto result = SettledAs(ControlOf(kind), original, admitted);
    if (const auto* const reason = std::get_if<Reason>(&result)) {
      return Reason::Code_Name(reason->code());
    }
    const Settled& settled = std::get<Settled>(result);
    return DecisionWord(settled.decision) + (settled.turned ? ", turned" : "");
  };
  EXPECT_EQ(text(Kind::kApply, accepted, accepted), "accepted");
  EXPECT_EQ(text(Kind::kApply, merged, merged), "merged");
  EXPECT_EQ(text(Kind::kApply, suspected, suspected), "merged");
  EXPECT_EQ(text(Kind::kApply, clash, clash), "STALE");
  EXPECT_EQ(text(Kind::kApply, lost, lost), "STALE");
  EXPECT_EQ(text(Kind::kDrop, accepted, accepted), "rejected");
  EXPECT_EQ(text(Kind::kDrop, clash, clash), "STALE");
  EXPECT_EQ(text(Kind::kReplace, accepted, merged), "merged");
  EXPECT_EQ(text(Kind::kReplace, accepted, clash), "STALE");
  EXPECT_EQ(text(Kind::kReplace, clash, accepted), "STALE");
  EXPECT_EQ(text(Kind::kReplace, accepted, invalid), "FIELD_TOO_SMALL");
  EXPECT_EQ(text(Kind::kReplace, accepted, unknown), "UNKNOWN_TYPE");
  EXPECT_EQ(text(Kind::kAmend, invalid, accepted), "accepted");
  EXPECT_EQ(text(Kind::kAmend, invalid, clash), "conflicted, turned");
  EXPECT_EQ(text(Kind::kAmend, invalid, suspected), "conflicted, turned");
  EXPECT_EQ(text(Kind::kAmend, invalid, lost), "CONCURRENT_CHANGE");
  EXPECT_EQ(text(Kind::kAmend, invalid, unknown), "UNKNOWN_TYPE");
  EXPECT_EQ(text(Kind::kDismiss, invalid, invalid), "rejected");
}

TEST(SettleTest, AReplacementHasTheTimeOfWhoeverMadeIt) {
  Intent open = Asking(Resolve());
  open.set_type("shop.PriceSet");
  open.set_schema_version(3);
  open.set_device_time_us(1);
  Intent asking = Asking(Amend());
  asking.set_device_time_us(50);
  asking.set_clock_steps(2);
  Control control = ControlOf(Kind::kAmend);
  control.payload = "new";
  const Intent same_type = Replaced(open, control, asking);
  EXPECT_EQ(same_type.type(), "shop.PriceSet");
  EXPECT_EQ(same_type.schema_version(), 3u);
  EXPECT_EQ(same_type.payload(), "new");
  EXPECT_EQ(same_type.device_time_us(), 50);
  EXPECT_EQ(same_type.clock_steps(), 2u);
  control.type = "shop.PriceCut";
  EXPECT_EQ(Replaced(open, control, asking).schema_version(), 0u);
}

}  // namespace
}  // namespace intentlog
