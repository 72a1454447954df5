// A domain that this program has never seen: its rules hold as they arrive, in descriptors.
#include <map>
#include <memory>
#include <string>

#include "eventlog/schema/inspection_forms.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admit/test_entity.h"

namespace intentlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class InspectionTest : public testing::Test {
 protected:
  static std::shared_ptr<const Schema> Forms() {
    auto schema = Schema::FromDescriptorSet(InspectionForms());
    EXPECT_TRUE(schema.ok()) << schema.status();
    return *schema;
  }

  // Two technicians, neither of whom has seen the other's work since position `base_`.
  Verdict Ann(const std::string& type, const std::map<std::string, std::string>& fields) {
    return form_.Do(By(0, type, fields));
  }
  Verdict Ben(const std::string& type, const std::map<std::string, std::string>& fields) {
    return form_.Do(By(1, type, fields));
  }
  Deed By(int log, const std::string& type,
          const std::map<std::string, std::string>& fields) const {
    Deed deed = {type, fields, {TestLog(log)}, base_};
    deed.device_time_us = time_us_;
    return deed;
  }

  TestEntity form_{Forms(), "form", "form_id"};
  uint64_t base_ = 0;
  int64_t time_us_ = 1000;
};

TEST_F(InspectionTest, WhoOpensAFormFirstHasIt) {
  EXPECT_EQ(Ann("FormOpened", {{"machine", "pump"}}).decision, ACCEPTED);
  const Verdict second = Ben("FormOpened", {{"machine", "pump"}});
  EXPECT_EQ(second.decision, REJECTED);
  EXPECT_EQ(second.reason.code(), Reason::CONCURRENT_CHANGE);
  EXPECT_EQ(second.reason.rule(), FIRST_WRITER_WINS);
  EXPECT_EQ(second.reason.other_position(), 1u);
  EXPECT_THAT(second.reason.text(), HasSubstr("inspection.FormOpened at position 1 came first"));
}

TEST_F(InspectionTest, PhotosCommuteWithEachOtherAndWithFindings) {
  EXPECT_EQ(Ann("PhotoAdded", {{"photo", "a"}}).decision, ACCEPTED);
  EXPECT_EQ(Ann("FindingsNoted", {{"remark", "dusty"}}).decision, ACCEPTED);
  const Verdict photo = Ben("PhotoAdded", {{"photo", "b"}});
  EXPECT_EQ(photo.decision, MERGED);
  EXPECT_EQ(photo.reason.code(), Reason::CODE_UNSPECIFIED);
}

TEST_F(InspectionTest, FindingsMergeFieldByField) {
  Ann("FindingsNoted", {{"remark", "dusty"}, {"serial_number", "17"}});
  const Verdict apart = Ben("FindingsNoted", {{"cooling", "fine"}});
  EXPECT_EQ(apart.decision, MERGED);
  EXPECT_THAT(apart.without, ElementsAre());
  EXPECT_EQ(apart.reason.code(), Reason::CODE_UNSPECIFIED);
  // The remark of who comes later stands, and the serial number of who came first.
  const Verdict both = Ben("FindingsNoted", {{"remark", "rusty"}, {"serial_number", "71"}});
  EXPECT_EQ(both.decision, MERGED);
  EXPECT_THAT(both.without, ElementsAre(3u));
  EXPECT_FALSE(both.without_all);
  EXPECT_EQ(both.reason.rule(), FIELDWISE);
  EXPECT_THAT(both.reason.fields(), ElementsAre("serial_number"));
  EXPECT_EQ(both.reason.field(), "serial_number");
  const Verdict nothing_left = Ben("FindingsNoted", {{"serial_number", "71"}});
  EXPECT_EQ(nothing_left.decision, MERGED);
  EXPECT_TRUE(nothing_left.without_all);
}

TEST_F(InspectionTest, TwoVerdictsNeedAPersonAndTheFieldIsNamed) {
  Ann("FindingsNoted", {{"verdict", "PASS"}, {"remark", "fine"}});
  const Verdict verdict = Ben("FindingsNoted", {{"verdict", "FAIL"}, {"remark", "rusty"}});
  EXPECT_EQ(verdict.decision, CONFLICTED);
  EXPECT_THAT(verdict.reason.fields(), ElementsAre("verdict"));
  EXPECT_EQ(verdict.reason.text(),
            "verdict: what inspection.FindingsNoted at position 1, which was not seen, set too; a "
            "person decides");
}

TEST_F(InspectionTest, TheLaterReadingStandsWhicheverArrivesFirst) {
  time_us_ = 5000;
  Ann("GaugeRead", {{"bar", "7"}});
  time_us_ = 4000;
  const Verdict earlier = Ben("GaugeRead", {{"bar", "6"}});
  EXPECT_EQ(earlier.decision, MERGED);
  EXPECT_TRUE(earlier.without_all);
  EXPECT_EQ(earlier.reason.rule(), LAST_WRITER_WINS);
  time_us_ = 6000;
  const Verdict later = form_.Do(By(2, "GaugeRead", {{"bar", "8"}}));
  EXPECT_EQ(later.decision, MERGED);
  EXPECT_FALSE(later.without_all);
}

TEST_F(InspectionTest, AReadingByAWrongClockIsForAPerson) {
  Ann("GaugeRead", {{"bar", "7"}});
  Deed wrong = By(1, "GaugeRead", {{"bar", "6"}});
  wrong.clock.skew_before_us = 40LL * 60 * 1'000'000;
  const Verdict verdict = form_.Ask(wrong);
  EXPECT_EQ(verdict.decision, CONFLICTED);
  EXPECT_EQ(verdict.reason.code(), Reason::CLOCK_UNTRUSTED);
  EXPECT_EQ(verdict.reason.rule(), LAST_WRITER_WINS);
  // With nothing to compare it with, its clock does not matter.
  wrong.base = 1;
  EXPECT_EQ(form_.Do(wrong).decision, ACCEPTED);
  // And nothing can be compared with it then.
  EXPECT_EQ(Ben("GaugeRead", {{"bar", "9"}}).decision, MERGED);  // its own log's
  EXPECT_EQ(form_.Ask(By(2, "GaugeRead", {{"bar", "9"}})).reason.code(), Reason::CLOCK_UNTRUSTED);
}

TEST_F(InspectionTest, SigningTwiceIsADuplicateWhateverTheTime) {
  Ann("FormSigned", {{"signer", "chief"}, {"signed_at_us", "1"}});
  const Verdict again = Ben("FormSigned", {{"signer", "chief"}, {"signed_at_us", "2"}});
  EXPECT_EQ(again.decision, DUPLICATE);
  EXPECT_EQ(again.duplicate_of, 1u);
  EXPECT_EQ(again.reason.code(), Reason::SAME_CONTENT);
  EXPECT_EQ(again.reason.rule(), SAME_IS_DUPLICATE);
  const Verdict other = form_.Ask(By(1, "FormSigned", {{"signer", "deputy"}}));
  EXPECT_EQ(other.decision, CONFLICTED);
  EXPECT_EQ(other.reason.rule(), SAME_IS_DUPLICATE);
}

TEST_F(InspectionTest, SigningAgainAfterNewFindingsIsNoDuplicate) {
  Ann("FormSigned", {{"signer", "chief"}});
  base_ = 1;
  Ann("FindingsNoted", {{"remark", "leaks after all"}});
  base_ = 0;
  EXPECT_EQ(Ben("FormSigned", {{"signer", "chief"}}).decision, CONFLICTED);
}

TEST_F(InspectionTest, OwnWorkInBetweenMakesItNoDuplicateEither) {
  Ann("FormSigned", {{"signer", "chief"}});
  Verdict applied;
  form_.Add(By(1, "FindingsNoted", {{"remark", "leaks after all"}}), applied);
  EXPECT_EQ(Ben("FormSigned", {{"signer", "chief"}}).decision, CONFLICTED);
}

TEST_F(InspectionTest, TwoEstimatesNeedAPerson) {
  Ann("CostsEstimated", {{"cents", "100"}});
  const Verdict verdict = Ben("CostsEstimated", {{"cents", "200"}});
  EXPECT_EQ(verdict.decision, CONFLICTED);
  EXPECT_EQ(verdict.reason.rule(), REVIEW);
  EXPECT_EQ(verdict.reason.other_position(), 1u);
}

TEST_F(InspectionTest, WhatASchemaDidNotAskAboutBeforeCountsAsAnything) {
  // Under other rules nobody noted which fields were set, what was equal, or when.
  std::string bytes = InspectionForms();
  google::protobuf::FileDescriptorSet before;
  ASSERT_TRUE(before.ParseFromString(bytes));
  for (auto& message : *before.mutable_file(0)->mutable_message_type()) {
    if (!message.options().HasExtension(event)) continue;
    EventRules& rules = *message.mutable_options()->MutableExtension(event);
    rules.set_concurrent(COMMUTES);
    for (const char* rule : {"pair", "clock", "max_skew_ms", "duplicate_key"}) {
      rules.GetReflection()->ClearField(&rules, EventRules::descriptor()->FindFieldByName(rule));
    }
    for (auto& one : *message.mutable_field()) {
      if (!one.options().HasExtension(field)) continue;
      one.mutable_options()->MutableExtension(field)->clear_on_clash();
    }
  }
  const auto plain = Schema::FromDescriptorSet(before.SerializeAsString());
  ASSERT_TRUE(plain.ok()) << plain.status();
  form_.Use(*plain);
  Ann("FindingsNoted", {{"remark", "dusty"}});
  Ann("GaugeRead", {{"bar", "7"}});
  Ann("FormSigned", {{"signer", "chief"}});
  form_.Use(Forms());
  const auto ask = [&](const std::string& type, const std::map<std::string, std::string>& fields) {
    return form_.Ask(By(1, type, fields)).decision;
  };
  form_.summary().mutable_types()->DeleteSubrange(2, 1);  // by itself a signature wants a person
  EXPECT_EQ(ask("FindingsNoted", {{"serial_number", "17"}}), CONFLICTED);
  EXPECT_EQ(ask("FindingsNoted", {{"verdict", "PASS"}}), CONFLICTED);
  EXPECT_EQ(form_.Ask(By(1, "GaugeRead", {{"bar", "8"}})).reason.code(), Reason::CLOCK_UNTRUSTED);
}

}  // namespace
}  // namespace intentlog
