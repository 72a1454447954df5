// Duplicate keys: one order number, however often it comes.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/life_world.h"

namespace intentlog {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

commerce::OrderOpened Opened(const std::string& order, const std::string& customer) {
  commerce::OrderOpened opened;
  opened.set_order_id(order);
  opened.set_customer_id(customer);
  return opened;
}

class ServerKeyTest : public testing::Test {
 protected:
  ServerKeyTest() { world_.Connect({&till_, &office_}); }
  ~ServerKeyTest() override {
    EXPECT_THAT(world_.Problems(), IsEmpty());
    for (ScriptedDevice* const device : {&till_, &office_}) device->Disconnect();
  }
  LifeWorld::Receipt Open(ScriptedDevice& device, const std::string& customer) {
    return world_.Do(device, Opened("7", customer), "order", "7");
  }

  LifeWorld world_;
  ScriptedDevice till_{"till", {"shop"}};
  ScriptedDevice office_{"office", {"shop"}};
};

TEST_F(ServerKeyTest, WhatRepeatsTheFirstIsItsDuplicateAlsoBySomebodyWhoSawIt) {
  const auto first = Open(till_, "ann");
  EXPECT_EQ(first.decision, ACCEPTED);
  const auto again = Open(office_, "ann");
  EXPECT_EQ(again.decision, DUPLICATE);
  EXPECT_EQ(again.reason.other_position(), first.position);
  EXPECT_THAT(world_.Open(), IsEmpty());
}

TEST_F(ServerKeyTest, OtherContentUnderTheSameKeyIsForAPerson) {
  Open(till_, "ann");
  const auto other = Open(office_, "ben");
  EXPECT_EQ(other.decision, CONFLICTED);
  EXPECT_EQ(other.reason.code(), Reason::SUSPECTED_DUPLICATE);
}

TEST_F(ServerKeyTest, TwoOfOneBatchWithOneKeyAreForAPerson) {
  const uint64_t first = till_.Record(Opened("7", "ann"), "order", "7");
  till_.Record(Opened("7", "ann"), "order", "7");
  till_.SetBatchSize(first, 2);
  world_.Push(till_);
  world_.Run();
  EXPECT_EQ(till_.receipts().at(first).decision, CONFLICTED);
  const auto second = till_.receipts().at(first + 1);
  EXPECT_EQ(second.decision, CONFLICTED);
  EXPECT_EQ(second.reason.code(), Reason::SUSPECTED_DUPLICATE);
  EXPECT_THAT(second.reason.text(), HasSubstr("member 1 of its batch"));
  // The person may mean both.
  const auto resolved = world_.Do(
      office_, MakeResolve(till_.receipts().at(first).position, Resolve::APPLY), "order", "7");
  EXPECT_EQ(resolved.decision, ACCEPTED) << resolved.reason.text();
  EXPECT_THAT(world_.Open(), IsEmpty());
}

}  // namespace
}  // namespace intentlog
