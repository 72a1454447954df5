#include "server/fleet/fleet_desk.h"

#include <memory>
#include <string>
#include <vector>

#include "eventlog/log/memory_engine.h"
#include "eventlog/runtime/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kNow = 1'700'000'000'000'000;
constexpr int64_t kHour = 3'600'000'000;

std::string Text(const absl::Status& status) { return std::string(MessageOf(status)); }

// A server of a few rows.
class SmallServer final : public FleetBackend {
 public:
  void OperateView(const OperateViewRequest&, Operated) override {}
  SmallServer() {
    auto log = EventLog::Open(engine_, "default", EpochId(), {});
    EXPECT_TRUE(log.ok()) << log.status();
    log_ = std::move(*log);
    EXPECT_TRUE(log_->Fence().ok());
  }

  KnownDevice& Add(const std::string& name) {
    KnownDevice& device = devices.emplace_back();
    device.record.set_device(name);
    device.record.set_last_seen_us(kNow);
    return device;
  }
  // A price, decided. Returns its position.
  uint64_t Price(int64_t micros, Decision decision, uint64_t base, uint64_t theirs,
                 const std::string& device = "till-1") {
    commerce::PriceSet price;
    price.set_product_id("milk");
    price.set_price_micros(micros);
    Intent intent;
    intent.set_type(price.GetTypeName());
    intent.set_entity_type("product");
    intent.set_entity_id("milk");
    intent.set_scope("shop");
    intent.mutable_based_on()->set_position(base);
    intent.set_payload(price.SerializeAsString());
    EventGroup group(log_->head(), {});
    Header header;
    header.set_position(group.next().value());
    header.set_decision(decision);
    const std::string bytes = intent.SerializeAsString();
    group.Add(header, header.SerializeAsString(), bytes, "shop");
    EXPECT_TRUE(log_->Append(std::move(group)).ok());
    if (decision == ACCEPTED) return header.position();
    OpenEvent& event = open.emplace_back();
    event.set_position(header.position());
    event.set_decision(decision);
    event.set_device(device);
    event.set_opened_at_us(kNow - kHour);
    event.mutable_reason()->set_other_position(theirs);
    event.set_intent(bytes);
    return header.position();
  }

  absl::StatusOr<std::vector<KnownDevice>> Devices(std::string_view) const override {
    return devices;
  }
  absl::StatusOr<std::vector<intentlog::OpenEvent>> OpenEvents(std::string_view, Position after,
                                                               size_t limit) const override {
    std::vector<OpenEvent> page;
    for (const OpenEvent& one : open) {
      if (one.position() > after.value() && page.size() < limit) page.push_back(one);
    }
    return page;
  }
  absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const override {
    if (tenant != "default") return NotFound("there is no tenant ", tenant);
    return std::shared_ptr<const EventLog>(log_);
  }
  std::shared_ptr<const Schema> schema() const override { return schema_; }
  int64_t now_us() const override { return kNow; }
  void Settle(const SettleRequest&, Settled) override {}

  std::vector<KnownDevice> devices;
  std::vector<intentlog::OpenEvent> open;

 private:
  MemoryEngine engine_;
  std::shared_ptr<EventLog> log_;
  const std::shared_ptr<const Schema> schema_ =
      Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
};

class FleetDeskTest : public ::testing::Test {
 protected:
  ListDevicesReply Devices(const std::string& after = "", uint32_t limit = 0) {
    ListDevicesRequest request;
    request.set_tenant("default");
    request.set_after(after);
    request.set_limit(limit);
    const auto reply = desk().ListDevices(request);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.value_or(ListDevicesReply());
  }
  absl::StatusOr<ListConflictsReply> Conflicts(uint64_t position = 0, uint64_t after = 0,
                                               const std::string& device = "") {
    ListConflictsRequest request;
    request.set_tenant("default");
    request.set_position(position);
    request.set_after(after);
    request.set_device(device);
    return desk().ListConflicts(request);
  }
  std::string WhyUnknown(const std::string& name) {
    GetDeviceRequest request;
    request.set_tenant("default");
    request.set_device(name);
    return Text(desk().GetDevice(request).status());
  }
  static int64_t PriceOf(const std::string& payload) {
    commerce::PriceSet price;
    EXPECT_TRUE(price.ParseFromString(payload));
    return price.price_micros();
  }
  FleetDesk desk() { return FleetDesk(server_, options_); }

  SmallServer server_;
  FleetOptions options_;
};

TEST_F(FleetDeskTest, DevicesComeWithTheirClassAndWhatTheServerHoldsOpen) {
  server_.Add("till-1").live = true;
  server_.Add("till-2").record.mutable_health()->set_attempts(5);
  server_.devices.back().undecided = 1;
  server_.Add("till-3").record.set_last_seen_us(kNow - 50 * kHour);
  server_.Price(1, CONFLICTED, 0, 0, "till-1");
  server_.Price(2, PARKED, 0, 0, "till-2");
  const ListDevicesReply reply = Devices();
  ASSERT_EQ(reply.devices_size(), 3);
  EXPECT_EQ(reply.devices(0).health_class(), LAGGING);
  EXPECT_EQ(reply.devices(0).open().conflicted(), 1u);
  EXPECT_TRUE(reply.devices(0).live());
  EXPECT_EQ(reply.devices(1).health_class(), LAGGING);
  EXPECT_EQ(reply.devices(1).open().parked(), 1u);
  EXPECT_EQ(reply.devices(2).health_class(), SILENT);
  EXPECT_EQ(reply.devices(2).why(), "not heard for 2 days");
  EXPECT_FALSE(reply.more());
}

TEST_F(FleetDeskTest, AReportIsCorrectedByWhatTheServerHasGotSince) {
  KnownDevice& device = server_.Add("till-1");
  device.record.set_skew_us(kHour);
  QueueHealth& health = *device.record.mutable_health();
  health.set_pending(7);
  health.set_conflicted(2);
  health.set_attempts(29);
  health.set_oldest_pending_time_us(kNow - 30 * kHour + kHour);
  health.set_blocked_kind("offline");
  health.set_blocked_by("no server was reached");

  // It went without a word after all had been taken up.
  FleetDevice seen = Devices().devices(0);
  EXPECT_EQ(seen.health_class(), HEALTHY) << seen.why();
  EXPECT_EQ(seen.health().pending(), 0u);
  EXPECT_EQ(seen.health().conflicted(), 0u);
  EXPECT_EQ(seen.health().blocked_by(), "");
  EXPECT_EQ(seen.oldest_pending_age_us(), 0);

  // Some of it is parked here: since then it waits, whatever the device's clock says.
  server_.Price(1, PARKED, 0, 0, "till-1");
  seen = Devices().devices(0);
  EXPECT_EQ(seen.health().pending(), 1u);
  EXPECT_EQ(seen.health().blocked_kind(), "parked");
  EXPECT_EQ(seen.oldest_pending_age_us(), kHour);

  // Some of it never came.
  server_.devices[0].undecided = 3;
  seen = Devices().devices(0);
  EXPECT_EQ(seen.health().pending(), 4u);
  EXPECT_EQ(seen.health().blocked_kind(), "offline");
  EXPECT_EQ(seen.oldest_pending_age_us(), 30 * kHour);
  EXPECT_EQ(seen.health_class(), STUCK);
}

TEST_F(FleetDeskTest, ListsComeInPages) {
  for (const char* name : {"a", "b", "c"}) server_.Add(name);
  const ListDevicesReply first = Devices("", 2);
  EXPECT_TRUE(first.more());
  ASSERT_EQ(first.devices_size(), 2);
  const ListDevicesReply second = Devices(first.devices(1).device(), 2);
  ASSERT_EQ(second.devices_size(), 1);
  EXPECT_EQ(second.devices(0).device(), "c");
  EXPECT_FALSE(second.more());

  options_.conflicts_max = 2;
  for (int i = 0; i < 3; ++i) server_.Price(i, CONFLICTED, 0, 0);
  const auto page = Conflicts();
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->conflicts_size(), 2);
  EXPECT_TRUE(page->more());
  const auto rest = Conflicts(0, page->next_after());
  ASSERT_TRUE(rest.ok());
  ASSERT_EQ(rest->conflicts_size(), 1);
  EXPECT_EQ(rest->conflicts(0).open().position(), 3u);
  EXPECT_FALSE(rest->more());
}

TEST_F(FleetDeskTest, WhatIsOpenIsCountedWithinABound) {
  server_.Add("till-1");
  for (int i = 0; i < 5; ++i) server_.Price(i, CONFLICTED, 0, 0);
  options_.open_scan_max = 3;
  const ListDevicesReply reply = Devices();
  EXPECT_TRUE(reply.open_incomplete());
  EXPECT_EQ(reply.devices(0).open().conflicted(), 3u);
}

TEST_F(FleetDeskTest, AConflictShowsMineTheirsAndTheBase) {
  const uint64_t base = server_.Price(10, ACCEPTED, 0, 0);
  const uint64_t theirs = server_.Price(20, ACCEPTED, base, 0);
  const uint64_t mine = server_.Price(30, CONFLICTED, base, theirs);
  const auto reply = Conflicts();
  ASSERT_TRUE(reply.ok()) << reply.status();
  ASSERT_EQ(reply->conflicts_size(), 1);
  const FleetConflict& one = reply->conflicts(0);
  EXPECT_EQ(one.open().position(), mine);
  Intent intent;
  ASSERT_TRUE(intent.ParseFromString(one.open().intent()));
  EXPECT_EQ(PriceOf(intent.payload()), 30);
  EXPECT_EQ(one.theirs().position(), theirs);
  EXPECT_EQ(PriceOf(one.theirs().payload()), 20);
  EXPECT_EQ(one.base().position(), base);
  EXPECT_EQ(PriceOf(one.base().payload()), 10);
  EXPECT_FALSE(one.base_not_found());
  EXPECT_EQ(reply->as_of(), mine);
}

TEST_F(FleetDeskTest, ABaseThatLiesTooFarBackIsSaidToBeSo) {
  server_.Price(10, ACCEPTED, 0, 0);
  commerce::StockMoved moved;
  for (int i = 0; i < 5; ++i) server_.Price(11, REJECTED, 0, 0);
  const uint64_t theirs = server_.Price(20, ACCEPTED, 0, 0);
  server_.Price(30, CONFLICTED, 6, theirs);
  options_.base_events_max = 3;
  const auto reply = Conflicts(8);
  ASSERT_TRUE(reply.ok()) << reply.status();
  ASSERT_EQ(reply->conflicts_size(), 1);
  EXPECT_TRUE(reply->conflicts(0).base_not_found());
  EXPECT_FALSE(reply->conflicts(0).has_base());
  EXPECT_EQ(PriceOf(reply->conflicts(0).theirs().payload()), 20);
}

TEST_F(FleetDeskTest, OnePositionOrOneDeviceCanBeAskedFor) {
  server_.Price(1, CONFLICTED, 0, 0, "till-1");
  server_.Price(2, CONFLICTED, 0, 0, "till-2");
  server_.Price(3, ACCEPTED, 0, 0, "till-2");
  const auto of_device = Conflicts(0, 0, "till-2");
  ASSERT_TRUE(of_device.ok());
  ASSERT_EQ(of_device->conflicts_size(), 1);
  EXPECT_EQ(of_device->conflicts(0).open().position(), 2u);
  const auto of_position = Conflicts(1);
  ASSERT_TRUE(of_position.ok());
  ASSERT_EQ(of_position->conflicts_size(), 1);
  EXPECT_FALSE(of_position->more());
  EXPECT_THAT(Text(Conflicts(3).status()), HasSubstr("position 3 is not open"));
}

TEST_F(FleetDeskTest, AnUnknownDeviceIsAnsweredWithSimilarNames) {
  EXPECT_EQ(WhyUnknown("till-1"), "no device has connected to this server yet");
  for (const char* name : {"till-1", "till-2", "office"}) server_.Add(name);
  EXPECT_EQ(WhyUnknown("tlil-1"), "no device is named \"tlil-1\"; similar ones: till-1");
  EXPECT_EQ(WhyUnknown("till"), "no device is named \"till\"; similar ones: till-1, till-2");
  EXPECT_EQ(WhyUnknown("warehouse"),
            "no device is named \"warehouse\"; there are 3: fleet list shows them");
}

TEST_F(FleetDeskTest, TheAgeOfASchemaIsSaidAsFarAsItIsKnown) {
  server_.Add("silent about it");
  server_.Add("same").record.set_schema_digest(server_.schema()->digest());
  server_.Add("newer").record.set_schema_digest("x");
  server_.Add("other").record.set_schema_digest("y");
  server_.Price(1, PARKED, 0, 0, "newer");
  server_.open.back().mutable_reason()->set_code(Reason::NEWER_SCHEMA);
  const ListDevicesReply reply = Devices();
  std::vector<SchemaAge> ages;
  for (const FleetDevice& device : reply.devices()) ages.push_back(device.schema());
  EXPECT_THAT(ages, ElementsAre(SCHEMA_AGE_UNSPECIFIED, SAME_SCHEMA, NEWER_SCHEMA_THAN_SERVER,
                                OTHER_SCHEMA));
}

TEST_F(FleetDeskTest, ASettlementThatSaysTooLittleIsRefused) {
  SettleRequest request;
  EXPECT_THAT(Text(desk().CheckSettle(request)), HasSubstr("resolve, amend or dismiss"));
  request.mutable_resolve()->set_of(3);
  EXPECT_THAT(Text(desk().CheckSettle(request)), HasSubstr("apply, drop or replace"));
  request.mutable_resolve()->set_verdict(Resolve::REPLACE);
  EXPECT_THAT(Text(desk().CheckSettle(request)), HasSubstr("a replacement needs its type"));
  request.mutable_resolve()->set_replacement_type("PriceSet");
  EXPECT_TRUE(desk().CheckSettle(request).ok());
  request.mutable_dismiss();
  EXPECT_THAT(Text(desk().CheckSettle(request)), HasSubstr("no position"));
  request.mutable_amend()->set_of(2);
  EXPECT_THAT(Text(desk().CheckSettle(request)), HasSubstr("needs its type"));
}

TEST(SimilarNamesTest, BestFirstAndNoMoreThanWanted) {
  const std::vector<std::string> names = {"till-10", "till-1", "shop-till-1", "toll-1", "x"};
  EXPECT_THAT(SimilarNames("till-1", names, 9),
              ElementsAre("till-1", "till-10", "shop-till-1", "toll-1"));
  EXPECT_THAT(SimilarNames("till-1", names, 1), ElementsAre("till-1"));
  EXPECT_THAT(SimilarNames("", names, 9), ElementsAre());
  EXPECT_THAT(SimilarNames("y", names, 9), ElementsAre());
}

}  // namespace
}  // namespace intentlog
