#include "tools/commands/fleet_text.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/commerce.pb.h"
#include "tools/commands/status_json.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNow = 1'700'000'000'000'000;
constexpr int64_t kMinute = 60'000'000;

std::shared_ptr<const Schema> Shop() {
  return Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
}

std::string Customer(const std::string& name, int64_t credit) {
  commerce::CustomerUpdated customer;
  customer.set_customer_id("17");
  customer.set_name(name);
  customer.set_credit_limit_micros(credit);
  return customer.SerializeAsString();
}

FleetConflict Conflict() {
  FleetConflict conflict;
  OpenEvent& open = *conflict.mutable_open();
  open.set_position(30);
  open.set_decision(CONFLICTED);
  open.set_device("till-2");
  open.set_opened_at_us(kNow - 5 * kMinute);
  open.mutable_reason()->set_text("both set the credit limit");
  open.mutable_reason()->set_rule(REVIEW);
  open.mutable_reason()->add_fields("credit_limit_micros");
  Intent mine;
  mine.set_type("intentlog.commerce.CustomerUpdated");
  mine.set_entity_type("customer");
  mine.set_entity_id("17");
  mine.set_payload(Customer("Ann", 300));
  open.set_intent(mine.SerializeAsString());
  conflict.mutable_theirs()->set_position(20);
  conflict.mutable_theirs()->set_type(mine.type());
  conflict.mutable_theirs()->set_payload(Customer("Ann", 200));
  conflict.mutable_base()->set_position(10);
  conflict.mutable_base()->set_type(mine.type());
  conflict.mutable_base()->set_payload(Customer("Anne", 100));
  return conflict;
}

TEST(FleetTextTest, AConflictIsShownSideBySideWithWhatClosesIt) {
  EXPECT_EQ(ConflictText(Conflict(), *Shop(), kNow),
            "position 30: conflicted, customer/17, intentlog.commerce.CustomerUpdated by till-2, 5 "
            "min ago\n"
            "    both set the credit limit (rule review)\n"
            "                           mine (30)  theirs (20)  base (10)\n"
            "      customer_id          17         17           17\n"
            "      name                 Ann        Ann          Anne\n"
            "    * credit_limit_micros  300        200          100\n"
            "    fleet resolve 30 apply (mine holds) | drop (theirs stays) | replace JSON\n");
}

TEST(FleetTextTest, WhatIsMissingIsSaid) {
  FleetConflict conflict = Conflict();
  conflict.clear_base();
  conflict.set_base_not_found(true);
  conflict.clear_theirs();
  const std::string text = ConflictText(conflict, *Shop(), kNow);
  EXPECT_THAT(text, HasSubstr("base (further back)"));
  EXPECT_THAT(text, HasSubstr("* credit_limit_micros  300        -       -"));
}

TEST(FleetTextTest, WhatClosesItDependsOnTheDecision) {
  FleetConflict conflict = Conflict();
  conflict.mutable_open()->set_decision(REJECTED);
  EXPECT_THAT(ConflictText(conflict, *Shop(), kNow), HasSubstr("replace JSON (corrected)"));
  conflict.mutable_open()->set_decision(PARKED);
  conflict.mutable_open()->set_behind(7);
  EXPECT_EQ(ConflictText(conflict, *Shop(), kNow),
            "position 30: parked, customer/17, intentlog.commerce.CustomerUpdated by till-2, 5 min "
            "ago\n"
            "    both set the credit limit (rule review)\n"
            "    waits behind 7: settle that\n");
  conflict.mutable_open()->clear_behind();
  EXPECT_THAT(ConflictText(conflict, *Shop(), kNow), HasSubstr("waits for the schema"));
}

TEST(FleetTextTest, ABrokenIntentOrUnknownTypeIsShownAsFarAsItGoes) {
  FleetConflict conflict = Conflict();
  conflict.mutable_open()->set_intent("\xff\xff");
  EXPECT_THAT(ConflictText(conflict, *Shop(), kNow), HasSubstr("theirs (20)"));
  const Json json = FleetConflictJson(conflict, *Shop(), kNow);
  EXPECT_EQ(json["position"], 30);
  EXPECT_FALSE(json.contains("mine"));
  conflict = Conflict();
  conflict.mutable_theirs()->set_type("elsewhere.Thing");
  EXPECT_THAT(ConflictText(conflict, *Shop(), kNow), HasSubstr("unknown_type"));
}

TEST(FleetTextTest, APayloadOfAFormerVersionIsShownInTodaysForm) {
  commerce::StockCountedV1 old;
  old.set_product_id("milk");
  old.set_counted_at_us(7);
  const std::string bytes = old.SerializeAsString();
  const auto shown = [&](const std::string& payload, std::optional<uint32_t> version) {
    return PayloadJson(*Shop(), "intentlog.commerce.StockCounted", payload, version).dump();
  };
  EXPECT_EQ(shown(bytes, 1), R"({"product_id":"milk","count":{"at_us":"7"}})");
  EXPECT_EQ(shown(bytes, 0), shown(bytes, 1));
  EXPECT_THAT(shown("\xff", 1), HasSubstr("version 1 does not become version 2"));
  EXPECT_EQ(shown(bytes, 3), R"({"newer_version":3,"unread":"8 bytes"})");
}

TEST(FleetTextTest, AConflictAsAnObjectHasAllSides) {
  const Json json = FleetConflictJson(Conflict(), *Shop(), kNow);
  EXPECT_EQ(json["entity"], "customer/17");
  EXPECT_EQ(json["age_seconds"], 300);
  EXPECT_EQ(json["mine"]["credit_limit_micros"], "300");
  EXPECT_EQ(json["theirs"]["payload"]["credit_limit_micros"], "200");
  EXPECT_EQ(json["base"]["position"], 10);
  EXPECT_EQ(json["reason"]["rule"], "review");
  EXPECT_EQ(json["reason"]["fields"][0], "credit_limit_micros");
}

TEST(FleetTextTest, WhyTellsTheClassTheQueueAndWhatToDo) {
  GetDeviceReply reply;
  reply.set_now_us(kNow);
  FleetDevice& device = *reply.mutable_device();
  device.set_device("till-2");
  device.set_health_class(STUCK);
  device.set_why("3 pending, the oldest for 30 h");
  device.set_last_seen_us(kNow - 5 * kMinute);
  device.set_oldest_pending_age_us(30 * 60 * kMinute);
  device.mutable_health()->set_pending(3);
  device.mutable_health()->set_blocked_by("waits for an unmetered network");
  device.mutable_health()->set_blocked_kind("metered");
  device.set_blocked_age_us(7 * kMinute);
  *reply.add_open() = Conflict().open();
  EXPECT_EQ(WhyText(reply),
            "till-2 is stuck: 3 pending, the oldest for 30 h\n"
            "last heard 5 min ago\n"
            "3 pending (the oldest for 30 h), 0 failed, 0 conflicted\n"
            "blocked by: waits for an unmetered network (metered, for 7 min)\n"
            "position 30 is conflicted for 5 min: both set the credit limit\n"
            "    fleet resolve 30 apply (mine holds) | drop (theirs stays) | replace JSON\n");
  device.set_health_class(HEALTHY);
  device.clear_why();
  device.clear_health();
  device.set_live(true);
  reply.clear_open();
  EXPECT_EQ(WhyText(reply),
            "till-2 is healthy\n"
            "it is connected\n"
            "0 pending, 0 failed, 0 conflicted\n");
}

TEST(FleetTextTest, SkewsAndAgesAreShort) {
  EXPECT_EQ(SkewText(0), "0 s");
  EXPECT_EQ(SkewText(-400'000), "0 s");
  EXPECT_EQ(SkewText(40 * kMinute), "+40 min");
  EXPECT_EQ(SkewText(40 * kMinute - 2'000), "+40 min");
  EXPECT_EQ(SkewText(-3'000'000), "-3 s");
  EXPECT_EQ(AgoText(0, kNow), "");
  EXPECT_EQ(AgoText(kNow + 1, kNow), "0 s");
}

}  // namespace
}  // namespace intentlog
