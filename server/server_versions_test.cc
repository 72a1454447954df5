// Intents whose payloads have the form of another version of their type than the server's.
#include "eventlog/log/event.h"
#include "eventlog/schema/parcel_versions.h"
#include "eventlog/schema/parcels.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/life_world.h"

namespace intentlog {
namespace {

using parcels::ParcelWeighed;
using parcels::ParcelWeighedV1;
using testing::HasSubstr;
using testing::IsEmpty;

ServerOptions Deciding(std::shared_ptr<const Schema> schema) {
  ServerOptions options;
  options.schema = std::move(schema);
  return options;
}

ParcelWeighedV1 Old(const std::string& weight, const std::string& scales) {
  ParcelWeighedV1 old;
  old.set_parcel_id("p-1");
  old.set_weight(weight);
  old.set_scales(scales);
  return old;
}

ParcelWeighed New(int64_t grams, const std::string& scales) {
  ParcelWeighed weighed;
  weighed.set_parcel_id("p-1");
  weighed.mutable_weight()->set_grams(grams);
  weighed.set_scales(scales);
  return weighed;
}

class ServerVersionsTest : public testing::Test {
 protected:
  explicit ServerVersionsTest(std::shared_ptr<const Schema> schema = ParcelSchema())
      : world_(Deciding(std::move(schema))) {
    world_.Connect({&till_, &office_});
  }
  ~ServerVersionsTest() override { EXPECT_THAT(world_.Problems(), IsEmpty()); }

  // Of somebody who has seen nothing yet.
  LifeWorld::Receipt Weigh(ScriptedDevice& device, const google::protobuf::Message& payload,
                           uint32_t version) {
    const uint64_t count = device.Record(payload, "parcel", "p-1");
    device.SetType(kParcelType);
    device.SetSchemaVersion(version);
    device.SetBasedOn(HistoryPoint());
    world_.Push(device);
    world_.Run();
    return device.receipts().at(count);
  }
  // The event as everybody folds it.
  std::string Folded(uint64_t position) {
    const auto log = *world_.server()->Log("default");
    const auto reader = log->Read(Position(position));
    EXPECT_TRUE(*reader->Next());
    EventDecoder decoder(ParcelSchema());
    const auto event = decoder.Decode(reader->block().event(reader->begin()));
    EXPECT_TRUE(event.ok()) << event.status();
    const auto* const weighed = (*event)->As<ParcelWeighed>();
    return weighed == nullptr ? "" : weighed->ShortDebugString();
  }

  LifeWorld world_;
  ScriptedDevice till_{"till", {"shop"}};
  ScriptedDevice office_{"office", {"shop"}};
};

TEST_F(ServerVersionsTest, AFormerVersionIsAdmittedByItsOwnRulesAndStoredAsItCame) {
  const ParcelWeighedV1 old = Old("12 kg", "gate");
  const auto receipt = Weigh(till_, old, 1);
  EXPECT_EQ(receipt.decision, ACCEPTED) << receipt.reason.text();
  EXPECT_EQ(world_.Events()[receipt.position - 1].intent.payload(), old.SerializeAsString());
  EXPECT_EQ(Folded(receipt.position), R"(parcel_id: "p-1" scales: "gate" weight { grams: 12000 })");
}

TEST_F(ServerVersionsTest, WhatBreaksTheRulesOfItsVersionIsRejectedByField) {
  const auto receipt = Weigh(till_, Old("0000000012 kg", "gate"), 1);
  EXPECT_EQ(receipt.decision, REJECTED);
  EXPECT_EQ(receipt.reason.code(), Reason::FIELD_TOO_LONG);
  EXPECT_EQ(receipt.reason.field(), "weight");
}

TEST_F(ServerVersionsTest, RulesThatCameLaterDoNotHold) {
  EXPECT_EQ(Weigh(till_, Old("", "gate"), 0).decision, ACCEPTED);  // required since version 3
}

TEST_F(ServerVersionsTest, WhatCannotBeUpcastIsRejectedWithTypeAndVersion) {
  const auto receipt = Weigh(till_, Old("12 lb", "gate"), 1);
  EXPECT_EQ(receipt.decision, REJECTED);
  EXPECT_EQ(receipt.reason.code(), Reason::MALFORMED);
  EXPECT_THAT(receipt.reason.text(), HasSubstr("parcels.ParcelWeighed of version 1 does not"));
}

TEST_F(ServerVersionsTest, ANewerVersionIsParked) {
  const auto receipt = Weigh(till_, New(5, "gate"), 5);
  EXPECT_EQ(receipt.decision, PARKED);
  EXPECT_EQ(receipt.reason.code(), Reason::NEWER_SCHEMA);
}

TEST_F(ServerVersionsTest, VersionsMeetInTodaysForm) {
  EXPECT_EQ(Weigh(till_, New(5, "gate"), 4).decision, ACCEPTED);
  const auto merged = Weigh(office_, Old("12 kg", "yard"), 1);
  EXPECT_EQ(merged.decision, MERGED);
  const Header header = world_.Events()[merged.position - 1].header;
  EXPECT_THAT(header.without(), testing::ElementsAre(3));  // scales, as version 4 numbers it
  EXPECT_EQ(header.without_version(), 4u);
  EXPECT_EQ(Folded(merged.position), R"(parcel_id: "p-1" weight { grams: 12000 })");
}

TEST_F(ServerVersionsTest, AReplacementSaysItsVersion) {
  const auto rejected = Weigh(till_, Old("12 lb", "gate"), 1);
  Amend amend = MakeAmend(rejected.position, New(7, "gate"));
  amend.set_replacement_version(4);
  EXPECT_EQ(world_.Do(till_, amend, "parcel", "p-1").decision, ACCEPTED);
  const auto settlement = world_.SettlementOf(rejected.position);
  ASSERT_TRUE(settlement);
  EXPECT_EQ(settlement->schema_version(), 4u);
}

class OldServerTest : public ServerVersionsTest {
 protected:
  OldServerTest() : ServerVersionsTest(AtVersionOne(*ParcelSchema(), kParcelType)) {}
};

TEST_F(OldServerTest, FieldsThatHadOtherNumbersBeforeAreNotTakenForUnset) {
  const auto first = Weigh(till_, Old("12 kg", "gate"), 1);
  EXPECT_EQ(first.decision, ACCEPTED);
  EXPECT_EQ(Weigh(till_, New(5, "gate"), 4).reason.code(), Reason::NEWER_SCHEMA);
  ASSERT_TRUE(world_.server()->AdoptSchema(ParcelSchema()).ok());
  world_.Run();
  EXPECT_EQ(world_.SettlementOf(first.position + 1)->decision(), ACCEPTED);
  // Which of them set the scales, the summary cannot say in today's numbers.
  EXPECT_EQ(Weigh(office_, New(6, "yard"), 4).decision, CONFLICTED);
}

}  // namespace
}  // namespace intentlog
