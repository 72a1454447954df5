#include "server/tenant/installations.h"

#include <gtest/gtest.h>

namespace intentlog {
namespace {

std::string Id(char c) { return std::string(16, c); }

Hello Saying(const std::string& device, const std::string& log, const std::string& from = "") {
  Hello hello;
  hello.set_device(device);
  DeviceLog& one = *hello.add_logs();
  one.set_log_id(log);
  if (from.empty()) return hello;
  one.set_continues_log_id(from);
  hello.add_logs()->set_log_id(from);
  return hello;
}

TEST(InstallationsTest, ALogThatAnotherOneGoesOnFromIsNotPushedTo) {
  const Hello hello = Saying("till", Id('b'), Id('a'));
  const auto pushed = PushedLogs(hello);
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_EQ(pushed[0]->log_id(), Id('b'));
}

TEST(InstallationsTest, TheLogSaysWhichOfThoseWithOneNameItIs) {
  const std::vector<KnownInstallation> known = {{"till", {Id('a')}, true},
                                                {"till#62626262", {Id('b')}, false}};
  EXPECT_EQ(NameInstallation(Saying("till", Id('a')), known, {}), "till");
  EXPECT_EQ(NameInstallation(Saying("till", Id('b')), known, {}), "till#62626262");
  EXPECT_EQ(NameInstallation(Saying("till", Id('c')), known, {}), "till#63636363");
  EXPECT_EQ(NameInstallation(Saying("till", Id('c')), {}, {}), "till");
}

// After a fork the log is another copy's; one that nobody else wrote to was left for good.
TEST(InstallationsTest, WhoLeavesALogThatIsNobodyElsesKeepsItsName) {
  const Hello hello = Saying("till", Id('b'), Id('a'));
  const std::vector<KnownInstallation> known = {{"till", {Id('a')}, false}};
  const std::vector<KnownInstallation> live = {{"till", {Id('a')}, true}};
  EXPECT_EQ(NameInstallation(hello, known, {Id('a')}), "till");
  EXPECT_EQ(NameInstallation(hello, known, {}), "till#62626262");
  EXPECT_EQ(NameInstallation(hello, live, {Id('a')}), "till#62626262");
}

}  // namespace
}  // namespace intentlog
