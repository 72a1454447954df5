#include "tools/bench/child_process.h"

#include <gtest/gtest.h>

namespace intentlog::bench {
namespace {

TEST(ChildProcessTest, FindsTheAddressInALine) {
  EXPECT_EQ(AddressIn("ready on 127.0.0.1:7420"), "127.0.0.1:7420");
  EXPECT_EQ(AddressIn("12:30:01 serving year at 10.0.0.12:80, and more"), "10.0.0.12:80");
  EXPECT_EQ(AddressIn("nothing: here"), "");
  EXPECT_EQ(AddressIn("1.2.3.4:"), "");
  EXPECT_EQ(AddressIn(""), "");
}

TEST(ChildProcessTest, ReadsTheMemoryOfAProcess) {
  const auto resident = ProcessMemory("self", "VmRSS");
  ASSERT_TRUE(resident.ok());
  EXPECT_GT(*resident, 1u << 20);
  EXPECT_FALSE(ProcessMemory("self", "VmNothing").ok());
  EXPECT_FALSE(ProcessMemory("no-process", "VmRSS").ok());
}

}  // namespace
}  // namespace intentlog::bench
