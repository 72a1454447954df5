// A Listener accepts connections on an address, so many at a time, and hands them on. gRPC's own
// accepts without a cap, and never again once descriptors have run out (CVE-2023-4785).
//
// While there are as many as may be, or the process has no descriptors to spare, new ones wait in
// the system's backlog; they are taken when others have ended. Thread-safe.
//
//   ASSIGN_OR_RETURN(auto listener, Listener::Open("127.0.0.1", "0", options));
//   listener->Start([](int listener_fd, int fd) { … owns fd … });
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace intentlog {

struct ListenerOptions {
  // Connections at a time: as many as a server has sessions, and some for readers.
  size_t connections_max = 20'480;
  // Connections that wait to be accepted, as the system counts them: a herd of devices comes back
  // at once.
  int backlog = 4096;
  // Descriptors that connections leave to the stores' files; never more than a quarter of what the
  // process may have.
  size_t descriptors_reserved = 256;
  // How often it is looked whether there is room again. A look costs a microsecond a connection.
  absl::Duration look_interval = absl::Milliseconds(250);
  // A peer that does not acknowledge what was sent is given up after this; 0: as the system has it.
  absl::Duration unacknowledged_max = absl::Seconds(20);
};

// How many more files the process may open, as its limit is now, but for the descriptors that are
// reserved; at most connections_max.
size_t ConnectionsPossible(const ListenerOptions& options);

class Listener {
 public:
  // Binds every address that `host` means; port "0": any free one. UNAVAILABLE: the port is in use
  // or the address is not this machine's; says which.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(const std::string& host,
                                                        const std::string& port,
                                                        const ListenerOptions& options);
  ~Listener();  // stops

  int port() const;

  // Called on a thread of the listener's own; `fd` is non-blocking and belongs to the callee.
  using Take = std::function<void(int listener_fd, int fd)>;
  // Once.
  void Start(Take take);
  // Accepts nothing more, and frees the address. `take` is not called any more. Harmless to repeat.
  void Stop();

  // Connections that were handed on and are not known to have ended.
  size_t connections() const;
  // How often there was no room to accept more.
  uint64_t full_looks() const;
  // There is no room now: whoever connects waits.
  bool full() const;

 private:
  struct Rep;
  explicit Listener(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
