// What the server knows besides events: its schema, duplicate keys, clocks, devices.
#include <memory>
#include <string>
#include <vector>

#include "eventlog/schema/json.h"
#include "eventlog/schema/schema_maker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/life_world.h"

namespace intentlog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

SchemaMaker Forms() {
  SchemaMaker maker("forms.proto", "forms");
  maker.Event("FormOpened",
              R"(entity: "form" key: "form_id" concurrent: REVIEW
                 duplicate_key: { fields: "number" outcome: SAME_IS_DUPLICATE })",
              {{"form_id", 1, "string", "volatile: true"},
               {"number", 2, "string", ""},
               {"title", 3, "string", ""}});
  maker.Event("FormNoted",
              R"(entity: "form" key: "form_id" concurrent: LAST_WRITER_WINS
                 clock: DEVICE max_skew_ms: 60000)",
              {{"form_id", 1, "string", ""}, {"note", 2, "string", ""}});
  return maker;
}
std::shared_ptr<const Schema> SchemaOf(const SchemaMaker& maker) {
  auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}
std::shared_ptr<const Schema> WithSignatures() {
  SchemaMaker maker = Forms();
  maker.Event("FormSigned", R"(entity: "form" key: "form_id" concurrent: COMMUTES)",
              {{"form_id", 1, "string", ""}, {"by", 2, "string", ""}});
  return SchemaOf(maker);
}
ServerOptions Deciding(std::shared_ptr<const Schema> schema) {
  ServerOptions options;
  options.schema = std::move(schema);
  options.readmissions_max = 3;
  return options;
}

class ServerSchemaTest : public testing::Test {
 protected:
  ~ServerSchemaTest() override { EXPECT_THAT(world_.Problems(), IsEmpty()); }

  // By the newest schema, whatever the server knows.
  std::unique_ptr<google::protobuf::Message> Event(const std::string& type,
                                                   const std::string& json) {
    auto event = PayloadFromJson(*newest_->Find("forms." + type), json);
    EXPECT_TRUE(event.ok()) << event.status();
    return *std::move(event);
  }
  LifeWorld::Receipt Open(ScriptedDevice& device, const std::string& id, const std::string& number,
                          const std::string& title = "") {
    const auto event = Event("FormOpened", Cat(R"({"form_id": ")", id, R"(", "number": ")", number,
                                               R"(", "title": ")", title, R"("})"));
    return world_.DoBlindly(device, *event, "form", id);
  }
  LifeWorld::Receipt Sign(ScriptedDevice& device, const std::string& id) {
    return world_.Do(device, *Event("FormSigned", Cat(R"({"form_id": ")", id, R"("})")), "form",
                     id);
  }
  LifeWorld::Receipt Resolved(uint64_t of, Resolve::Verdict verdict, const std::string& id) {
    return world_.Do(office_, MakeResolve(of, verdict), "form", id);
  }

  const std::shared_ptr<const Schema> newest_ = WithSignatures();
  LifeWorld world_{Deciding(SchemaOf(Forms()))};
  ScriptedDevice till_{"till", {"shop"}};
  ScriptedDevice office_{"office", {"shop"}};
};

// ---- schemas

TEST_F(ServerSchemaTest, WhatWaitsForASchemaIsAdmittedAgainInOrderWhenItComes) {
  world_.Connect({&till_, &office_});
  const std::string first_digest = till_.welcome().schema_digest();
  EXPECT_EQ(first_digest, SchemaOf(Forms())->digest());
  EXPECT_EQ(till_.welcome().rule_set(), 0u);
  std::vector<uint64_t> expected;
  for (int i = 0; i < 8; ++i) {  // more than one group may admit again
    const auto signature = Sign(till_, Cat("f", i));
    EXPECT_EQ(signature.reason.code(), Reason::UNKNOWN_TYPE);
    expected.push_back(signature.position);
  }
  const auto follower = Open(till_, "f0", "1");
  EXPECT_EQ(follower.reason.code(), Reason::BEHIND_OPEN);
  EXPECT_THAT(Resolved(expected[0], Resolve::APPLY, "f0").reason.text(),
              HasSubstr("waits for the schema"));
  ASSERT_TRUE(world_.server()->AdoptSchema(newest_).ok());
  world_.Run();
  EXPECT_THAT(world_.Open(), IsEmpty());
  expected.insert(expected.begin() + 1, follower.position);  // its lane is open at once
  EXPECT_EQ(world_.SettledInOrder(), expected);
  for (const uint64_t position : expected) {
    EXPECT_EQ(world_.SettlementOf(position)->decision(), ACCEPTED);
  }
  const auto receipt = Sign(till_, "f1");
  EXPECT_EQ(receipt.decision, ACCEPTED);
  EXPECT_EQ(world_.Events()[receipt.position - 1].header.rule_set(), 1u);
  world_.Connect({&till_});
  EXPECT_EQ(till_.welcome().schema_digest(), newest_->digest());
  EXPECT_EQ(till_.welcome().rule_set(), 1u);
}

TEST_F(ServerSchemaTest, AnAdoptionIsAnEventOnceWithTheDescriptors) {
  world_.Connect({&till_});
  const auto adoptions = [&] {
    std::vector<SchemaAdopted> found;
    for (const LifeWorld::Stored& stored : world_.Events()) {
      if (stored.intent.type() != "intentlog.SchemaAdopted") continue;
      EXPECT_TRUE(found.emplace_back().ParseFromString(stored.intent.payload()));
    }
    return found;
  };
  EXPECT_THAT(adoptions(), IsEmpty());
  ASSERT_TRUE(world_.server()->AdoptSchema(newest_).ok());
  ASSERT_TRUE(world_.server()->AdoptSchema(newest_).ok());
  world_.Run();
  world_.server().SetSchema(newest_);
  world_.CrashAndReopen();
  world_.Run();
  ASSERT_EQ(adoptions().size(), 1u);
  EXPECT_EQ(adoptions()[0].number(), 1u);
  EXPECT_EQ(adoptions()[0].sha256(), newest_->digest());
  const auto again = Schema::FromDescriptorSet(adoptions()[0].descriptor_set());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->digest(), newest_->digest());
  EXPECT_FALSE(till_.seen().contains(1));
}

TEST_F(ServerSchemaTest, ASchemaThatComesWithARestartIsAdoptedToo) {
  world_.Connect({&till_});
  const auto signature = Sign(till_, "f1");
  world_.server().SetSchema(newest_);
  world_.CrashAndReopen();
  world_.Run();
  EXPECT_EQ(world_.SettlementOf(signature.position)->decision(), ACCEPTED);
}

TEST_F(ServerSchemaTest, ASchemaThatDropsATypeOfTheLogIsRefusedAndTheOldOneStays) {
  world_.Connect({&till_});
  ASSERT_TRUE(world_.server()->AdoptSchema(newest_).ok());
  EXPECT_EQ(Sign(till_, "f1").decision, ACCEPTED);
  const absl::Status status = world_.server()->AdoptSchema(SchemaOf(Forms()));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.ToString(), HasSubstr("tenant default: the schema lacks forms.FormSigned"));
  EXPECT_EQ(Sign(till_, "f2").decision, ACCEPTED);
  world_.server().Crash();
  const absl::Status opened = world_.server().TryOpen();  // with the old schema
  EXPECT_THAT(opened.ToString(), HasSubstr("tenant default: the schema lacks forms.FormSigned"));
  world_.server().SetSchema(newest_);
  ASSERT_TRUE(world_.server().TryOpen().ok());
}

// ---- duplicate keys

TEST_F(ServerSchemaTest, TheSameContentWithTheSameKeyIsADuplicateAndOtherContentIsSuspected) {
  world_.Connect({&till_, &office_});
  const auto first = Open(till_, "a", "17");
  EXPECT_EQ(first.decision, ACCEPTED);
  const auto same = Open(office_, "b", "17");
  EXPECT_EQ(same.decision, DUPLICATE);
  EXPECT_EQ(same.pointer, first.position);
  const auto other = Open(office_, "c", "17", "another");
  EXPECT_EQ(other.decision, CONFLICTED);
  EXPECT_EQ(other.reason.code(), Reason::SUSPECTED_DUPLICATE);
  EXPECT_EQ(Open(office_, "d", "18").decision, ACCEPTED);
  // A person says that it is one of its own; the first stays the first.
  EXPECT_EQ(Resolved(other.position, Resolve::APPLY, "c").decision, ACCEPTED);
  EXPECT_EQ(world_.SettlementOf(other.position)->decision(), ACCEPTED);
  EXPECT_EQ(Open(till_, "e", "17").pointer, first.position);
}

TEST_F(ServerSchemaTest, WhileTheFirstIsOpenTheOthersWaitForIt) {
  world_.Connect({&till_, &office_});
  for (const bool apply : {true, false}) {
    const std::string number = apply ? "17" : "18";
    const std::string form = Cat("a", number);
    world_.Do(office_, *Event("FormNoted", Cat(R"({"form_id": ")", form, R"("})")), "form", form);
    const auto first = Open(till_, form, number);  // against the note: a person decides
    ASSERT_EQ(first.decision, CONFLICTED) << first.reason.text();
    const auto second = Open(office_, Cat("b", number), number);
    EXPECT_EQ(second.decision, PARKED);
    EXPECT_EQ(second.pointer, first.position);
    const auto third = Open(office_, Cat("c", number), number);
    EXPECT_EQ(third.decision, PARKED);
    EXPECT_THAT(Resolved(second.position, Resolve::APPLY, Cat("b", number)).reason.text(),
                HasSubstr(Cat("waits behind position ", first.position)));
    EXPECT_EQ(Resolved(first.position, apply ? Resolve::APPLY : Resolve::DROP, form).decision,
              ACCEPTED);
    // Dropped: the next one is the first.
    EXPECT_EQ(world_.SettlementOf(second.position)->decision(), apply ? DUPLICATE : ACCEPTED);
    EXPECT_EQ(world_.SettlementOf(third.position)->decision(), DUPLICATE);
    EXPECT_EQ(Open(till_, Cat("d", number), number).pointer,
              apply ? first.position : second.position);
  }
  EXPECT_THAT(world_.Open(), IsEmpty());
}

// ---- clocks

TEST_F(ServerSchemaTest, ADevicesTimeDecidesWhereBothHellosShowAGoodClock) {
  const auto note = [&](ScriptedDevice& device, int64_t time_us) {
    const uint64_t count =
        device.Record(*Event("FormNoted", R"({"form_id": "f", "note": "n"})"), "form", "f");
    device.SetBasedOn(HistoryPoint());
    device.SetDeviceTime(time_us);

    world_.Push(device);
    world_.Run();
    return device.receipts().at(count);
  };
  const auto connect = [&](ScriptedDevice& device, absl::Duration skew) {
    Hello hello = device.MakeHello();
    hello.set_wall_time_us(world_.server().clock().WallMicros() + absl::ToInt64Microseconds(skew));
    device.Connect(*world_.server(), hello);
    world_.server().RunUntilIdle();
    device.Absorb();
  };
  world_.Connect({&till_, &office_});
  connect(till_, absl::ZeroDuration());
  connect(office_, absl::ZeroDuration());
  world_.server().RunFor(absl::Seconds(10));
  const int64_t now_us = world_.server().clock().WallMicros();
  EXPECT_EQ(note(office_, now_us - 1000000).decision, ACCEPTED);
  EXPECT_EQ(note(till_, now_us - 500000).decision, MERGED);  // later, by good clocks
  const auto earlier = note(till_, now_us - 2000000);
  EXPECT_EQ(earlier.decision, MERGED);
  EXPECT_TRUE(world_.Events()[earlier.position - 1].header.without_all());
  // A clock that is 40 minutes wrong at the next hello decides nothing about what came before it.
  connect(till_, absl::Minutes(40));
  const auto doubtful = note(till_, now_us - 100000);
  EXPECT_EQ(doubtful.decision, CONFLICTED);
  EXPECT_EQ(doubtful.reason.code(), Reason::CLOCK_UNTRUSTED);
}

// ---- devices

TEST_F(ServerSchemaTest, TheServerKeepsWhatADeviceLastReported) {
  Hello hello = till_.MakeHello();
  hello.set_wall_time_us(world_.server().clock().WallMicros() + 5000000);
  hello.set_app_version("3.1");
  hello.set_clock_steps(2);
  hello.set_schema_digest(std::string(32, 'd'));
  hello.mutable_health()->set_pending(7);
  till_.Connect(*world_.server(), hello);
  world_.Run();
  const auto record = [&] {
    const auto records = *world_.server()->Devices("default");
    EXPECT_EQ(records.size(), 1u);
    return records.at(0);
  };
  EXPECT_EQ(record().device(), "till");
  EXPECT_EQ(record().skew_us(), 5000000);
  EXPECT_EQ(record().clock_steps(), 2u);
  EXPECT_EQ(record().app_version(), "3.1");
  EXPECT_EQ(record().schema_digest(), std::string(32, 'd'));
  EXPECT_EQ(record().health().pending(), 7u);
  const auto report = [&](uint64_t pending) {
    DeviceFrame frame;
    frame.mutable_report()->mutable_health()->set_pending(pending);
    till_.SendBytes(frame.SerializeAsString());
    world_.Run();
  };
  report(8);  // too soon to be written
  EXPECT_EQ(record().health().pending(), 7u);
  world_.server().RunFor(absl::Seconds(11));
  report(9);
  EXPECT_EQ(record().health().pending(), 9u);
  EXPECT_EQ(record().last_seen_us(), world_.server().clock().WallMicros());
  report(10);
  till_.Disconnect();
  world_.Run();
  EXPECT_EQ(record().health().pending(), 10u);
  EXPECT_EQ(record().session(), 1u);
}

TEST_F(ServerSchemaTest, ADeviceThatNamesTheServersOwnLogIsRefused) {
  world_.Connect({&till_, &office_});
  Open(till_, "a", "1");
  Open(till_, "a", "2", "x");
  ASSERT_TRUE(world_.server()->AdoptSchema(newest_).ok());
  world_.Run();
  const std::string own = world_.Events().back().header.log_id();
  ScriptedDevice thief("thief", {"shop"});
  Hello hello = thief.MakeHello();
  hello.mutable_logs(0)->set_log_id(own);
  thief.Connect(*world_.server(), hello);
  world_.Run();
  thief.Absorb();
  ASSERT_TRUE(thief.goodbye().has_value());
  EXPECT_EQ(thief.goodbye()->code(), Goodbye::BAD_FRAME);
  thief.Disconnect();
}

}  // namespace
}  // namespace intentlog
