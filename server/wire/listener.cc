#include "server/wire/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<Addresses> ResolveHost(const std::string& host, const std::string& port) {
  addrinfo hints = {};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (failed == 0) return Addresses(found, &freeaddrinfo);
  return Unavailable("cannot listen on ", host, ": ", std::string_view(gai_strerror(failed)));
}

// A listening socket; negative: minus errno.
int ListenOn(const sockaddr* address, socklen_t size, int backlog) {
  const int fd =
      socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, /*protocol=*/0);
  if (fd < 0) return -errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address, size) == 0 && listen(fd, backlog) == 0) return fd;
  const int error = errno;
  close(fd);
  return -error;
}

in_port_t& PortOf(sockaddr* address) {
  return address->sa_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(address)->sin6_port
                                        : reinterpret_cast<sockaddr_in*>(address)->sin_port;
}

int BoundPort(int fd) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof bound;
  auto* const address = reinterpret_cast<sockaddr*>(&bound);
  INTENTLOG_CHECK(getsockname(fd, address, &size) == 0);
  return ntohs(PortOf(address));
}

absl::Status NotBound(const std::string& host, const std::string& port, int error) {
  const std::string name = Cat(host, ":", port);
  if (error == EADDRINUSE) {
    return Unavailable("cannot listen on ", name,
                       ": another program listens there; end it or choose another port");
  }
  return Unavailable("cannot listen on ", name, ": ", std::string_view(std::strerror(error)));
}

// Which socket a descriptor is now; 0: none. No two open ones have the same.
uint64_t SocketNumber(int fd) {
  struct stat info = {};
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

// Below this number descriptors are for connections; the largest number: there is no limit.
rlim_t DescriptorsEnd(const ListenerOptions& options) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<rlim_t>::max();
  }
  return limit.rlim_cur - std::min<rlim_t>(options.descriptors_reserved, limit.rlim_cur / 4);
}

}  // namespace

size_t ConnectionsPossible(const ListenerOptions& options) {
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (next < 0) return 0;
  close(next);
  const rlim_t end = DescriptorsEnd(options), taken = static_cast<rlim_t>(next);
  return end < taken ? 0 : std::min<size_t>(options.connections_max, end - taken);
}

struct Listener::Rep {
  enum class Accepted { kOne, kNobodyWaits, kNoRoom };

  explicit Rep(const ListenerOptions& given) : options(given) {}
  ~Rep() {
    CloseAll();
    if (stop_event >= 0) close(stop_event);
  }
  void CloseAll() {
    for (const int fd : listening) close(fd);
    listening.clear();
  }

  absl::Status Bind(const std::string& host, const std::string& port);
  void Run();
  bool Wait(bool is_full);
  bool HasRoom();
  bool HasDescriptors() const;
  void ForgetEnded();
  Accepted AcceptOne(int listener_fd);

  const ListenerOptions options;
  std::vector<int> listening;  // constant while running
  int port = 0;
  int stop_event = -1;
  Take take;

  // Belong to the accepting thread.
  std::vector<pollfd> polled;
  std::unordered_map<int, uint64_t> sockets;  // by descriptor, as handed on

  std::atomic<size_t> connections{0};
  std::atomic<uint64_t> full_looks{0};
  std::atomic<bool> full{false};
  std::unique_ptr<Executor> thread;
};

// ---- opening

absl::Status Listener::Rep::Bind(const std::string& host, const std::string& wanted_port) {
  stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_event < 0) return NotBound(host, wanted_port, errno);
  ASSIGN_OR_RETURN(const Addresses addresses, ResolveHost(host, wanted_port));
  int error = EADDRNOTAVAIL;
  for (addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    const bool any_port = PortOf(one->ai_addr) == 0;
    if (any_port) PortOf(one->ai_addr) = htons(static_cast<in_port_t>(port));
    const int fd = ListenOn(one->ai_addr, one->ai_addrlen, options.backlog);
    if (fd >= 0) {
      listening.push_back(fd);
      port = BoundPort(fd);
      continue;
    }
    error = -fd;
    // A name may mean an address that this machine has not; a port that is taken is for a person.
    if (error == EADDRINUSE && !any_port) return NotBound(host, wanted_port, error);
  }
  return listening.empty() ? NotBound(host, wanted_port, error) : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(const std::string& host,
                                                         const std::string& port,
                                                         const ListenerOptions& options) {
  auto rep = std::make_unique<Rep>(options);
  RETURN_IF_ERROR(rep->Bind(host, port));
  return std::unique_ptr<Listener>(new Listener(std::move(rep)));
}

Listener::Listener(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Listener::~Listener() { Stop(); }

int Listener::port() const { return rep_->port; }
size_t Listener::connections() const { return rep_->connections.load(std::memory_order_relaxed); }
uint64_t Listener::full_looks() const { return rep_->full_looks.load(std::memory_order_relaxed); }

bool Listener::full() const { return rep_->full.load(std::memory_order_relaxed); }

void Listener::Start(Take take) {
  INTENTLOG_CHECK(rep_->thread == nullptr);
  rep_->take = std::move(take);
  rep_->thread = MakeThreadExecutor("accept");
  rep_->thread->Post([rep = rep_.get()] { rep->Run(); });
}

void Listener::Stop() {
  const uint64_t one = 1;
  INTENTLOG_CHECK(write(rep_->stop_event, &one, sizeof one) == sizeof one);
  rep_->thread.reset();  // its task ends first
  rep_->CloseAll();
}

// ---- accepting

void Listener::Rep::Run() {
  while (Wait(full.load(std::memory_order_relaxed))) {
    Accepted accepted = Accepted::kOne;
    for (const int fd : listening) {
      do {
        accepted = HasRoom() ? AcceptOne(fd) : Accepted::kNoRoom;
      } while (accepted == Accepted::kOne);
      if (accepted == Accepted::kNoRoom) break;
    }
    const bool no_room = accepted == Accepted::kNoRoom;
    if (no_room) full_looks.fetch_add(1, std::memory_order_relaxed);
    full.store(no_room, std::memory_order_relaxed);
  }
}

// Until somebody wants a connection, or when full for a while. False: stop.
bool Listener::Rep::Wait(bool is_full) {
  polled.assign(1, {stop_event, POLLIN, 0});
  if (!is_full) {
    for (const int fd : listening) polled.push_back({fd, POLLIN, 0});
  }
  const int timeout_ms = is_full
                             ? static_cast<int>(absl::ToInt64Milliseconds(options.look_interval))
                             : /*for ever*/ -1;
  poll(polled.data(), polled.size(), timeout_ms);
  return polled[0].revents == 0;
}

bool Listener::Rep::HasRoom() {
  if (sockets.size() >= options.connections_max) ForgetEnded();
  return sockets.size() < options.connections_max && HasDescriptors();
}

// The system gives the lowest free number, so the next one tells how many are taken.
bool Listener::Rep::HasDescriptors() const {
  const int next = fcntl(stop_event, F_DUPFD_CLOEXEC, 0);
  if (next < 0) return false;
  close(next);
  return static_cast<rlim_t>(next) < DescriptorsEnd(options);
}

// Who has a connection does not say when it ends: but then its descriptor is another socket's, or
// nobody's.
void Listener::Rep::ForgetEnded() {
  std::erase_if(sockets, [](const auto& one) { return SocketNumber(one.first) != one.second; });
  connections.store(sockets.size(), std::memory_order_relaxed);
}

Listener::Rep::Accepted Listener::Rep::AcceptOne(int listener_fd) {
  const int fd = accept4(listener_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    if (error == EAGAIN) return Accepted::kNobodyWaits;
    const bool systems = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
    return systems ? Accepted::kNoRoom : Accepted::kOne;  // others are about that connection alone
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto give_up_ms =
      static_cast<unsigned>(absl::ToInt64Milliseconds(options.unacknowledged_max));
  if (give_up_ms > 0) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof give_up_ms);
  sockets[fd] = SocketNumber(fd);
  connections.store(sockets.size(), std::memory_order_relaxed);
  take(listener_fd, fd);
  return Accepted::kOne;
}

}  // namespace intentlog
