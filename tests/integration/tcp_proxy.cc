#include "tests/integration/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog::integration {
namespace {

constexpr int kTickMs = 5;

sockaddr_in ToAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(text.substr(colon + 1))));
  INTENTLOG_CHECK(inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) == 1);
  return address;
}

void SendAtOnce(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

TcpProxy::Connection::~Connection() {
  // A reset, as when a machine goes: what the kernel still holds is not delivered.
  const linger hard = {1, 0};
  for (const int socket : {device, server}) {
    if (socket < 0) continue;
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(socket);
  }
}

TcpProxy::TcpProxy(const std::string& target) : target_(target) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any = ToAddress("127.0.0.1:0");
  INTENTLOG_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof(any)) == 0);
  INTENTLOG_CHECK(listen(listener_, 16) == 0);
  INTENTLOG_CHECK(pipe(wake_) == 0);
  thread_ = std::thread([this] { Run(); });
}

TcpProxy::~TcpProxy() {
  stopped_ = true;
  INTENTLOG_CHECK(write(wake_[1], "x", 1) == 1);
  thread_.join();
  open_.clear();
  for (const int file : {listener_, wake_[0], wake_[1]}) close(file);
}

std::string TcpProxy::address() const {
  sockaddr_in bound = {};
  socklen_t size = sizeof(bound);
  INTENTLOG_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  return Cat("127.0.0.1:", ntohs(bound.sin_port));
}

void TcpProxy::Accept() {
  auto connection = std::make_unique<Connection>();
  connection->device = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection->device < 0) return;
  connection->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in target = ToAddress(target_);
  if (connect(connection->server, reinterpret_cast<sockaddr*>(&target), sizeof(target)) != 0) {
    return;
  }
  SendAtOnce(connection->device);
  SendAtOnce(connection->server);
  connection->up = {connection->device, connection->server, cut_up_, false};
  connection->down = {connection->server, connection->device, cut_down_, true};
  down_bytes_ = 0;
  ++connections_;
  open_.push_back(std::move(connection));
}

// False when the connection is over: cut, or closed by one of them.
bool TcpProxy::Forward(Direction& direction) {
  const uint64_t most = std::min<uint64_t>(std::min(piece_.load(), direction.left), 64 << 10);
  if (most == 0) return false;
  std::vector<char> buffer(most);
  const ssize_t got = recv(direction.from, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  const auto bytes = static_cast<size_t>(got);
  for (size_t sent = 0; sent < bytes;) {
    const ssize_t now = send(direction.to, buffer.data() + sent, bytes - sent, MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += static_cast<size_t>(now);
  }
  if (direction.left != kNever) direction.left -= bytes;
  if (direction.down) down_bytes_ += bytes;
  return direction.left > 0;
}

void TcpProxy::Run() {
  uint64_t cuts_seen = 0;
  while (!stopped_) {
    std::vector<pollfd> files = {{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    if (!held_) {
      for (const auto& one : open_) {
        files.push_back({one->device, POLLIN, 0});
        files.push_back({one->server, POLLIN, 0});
      }
    }
    poll(files.data(), files.size(), kTickMs);
    if (cuts_ != cuts_seen) {
      cuts_seen = cuts_;
      open_.clear();
      continue;
    }
    size_t at = 2;
    for (auto one = open_.begin(); at + 1 < files.size() && one != open_.end(); at += 2) {
      const bool up = (files[at].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
      const bool down = (files[at + 1].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
      const bool goes_on = (!up || Forward((*one)->up)) && (!down || Forward((*one)->down));
      one = goes_on ? std::next(one) : open_.erase(one);
    }
    if ((files[1].revents & POLLIN) != 0) Accept();
  }
}

}  // namespace intentlog::integration
