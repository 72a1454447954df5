// A server that is short of descriptors: it accepts again when there are some (CVE-2023-4785 is a
// listener that does not).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/integration/process.h"

namespace intentlog {
namespace {

using nlohmann::json;

// Connections that say nothing; closed when destroyed.
class Mutes {
 public:
  Mutes(int port, int count) {
    for (int i = 0; i < count; ++i) {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address = {};
      address.sin_family = AF_INET;
      address.sin_port = htons(static_cast<in_port_t>(port));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      fds_.push_back(fd);
    }
  }
  ~Mutes() {
    for (const int fd : fds_) close(fd);
  }
  Mutes(const Mutes&) = delete;
  Mutes& operator=(const Mutes&) = delete;

 private:
  std::vector<int> fds_;
};

void LimitDescriptors(pid_t process, rlim_t count) {
  rlimit limit = {};
  ASSERT_EQ(prlimit(process, RLIMIT_NOFILE, nullptr, &limit), 0);
  limit.rlim_cur = count;
  ASSERT_EQ(prlimit(process, RLIMIT_NOFILE, &limit, nullptr), 0);
}

TEST(ConnectionsTest, AServerThatRanOutOfDescriptorsAcceptsAgain) {
  const std::string device = FreshFolder("device"), data = FreshFolder("data");
  Background server({"serve", "--data", data, "--listen", "127.0.0.1:0", "--json"});
  const json ready = json::parse(server.ReadLine(), nullptr, /*allow_exceptions=*/false);
  const std::string address = ready.value("address", "");
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  const auto sync = [&](const std::string& order) {
    const json line = {{"order_id", order}, {"product_id", "milk"}, {"quantity", 1}};
    EXPECT_EQ(RunIntentlog({"device", "append", "--dir", device, "OrderLineAdded", line.dump()})
                  .exit_code,
              0);
    return RunIntentlog({"device", "sync", "--dir", device, "--server", address, "--wait", "30s"});
  };
  EXPECT_EQ(sync("1").exit_code, 0);
  LimitDescriptors(server.pid(), 200);
  {
    const Mutes many(port, 400);
    // Fewer than it has already: the next accept would fail.
    LimitDescriptors(server.pid(), 40);
    const Mutes more(port, 10);
  }
  LimitDescriptors(server.pid(), 200);
  const Ran after = sync("2");
  EXPECT_EQ(after.exit_code, 0) << after.err;
  EXPECT_EQ(server.Stop(SIGTERM), 0);
}

}  // namespace
}  // namespace intentlog
