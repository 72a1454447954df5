// A ChildProcess is this program again, in a process of its own, with another command line: what is
// measured does not share a heap, a scheduler queue or gRPC's threads with what measures it.
// Thread-compatible. The destructor kills it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace intentlog::bench {

class ChildProcess {
 public:
  // stderr goes to the end of `log_file`.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const std::vector<std::string>& args,
                                                             const std::string& log_file);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The next line of its stdout. UNAVAILABLE with what it said last on stderr if it ended.
  absl::StatusOr<std::string> ReadLine();
  // Resident memory, as ProcessMemory.
  absl::StatusOr<uint64_t> ResidentBytes() const;
  // Asks it to end and waits. UNAVAILABLE if it ended otherwise than with exit code 0.
  absl::Status Stop();
  // Waits until it ends by itself, as Stop.
  absl::Status Wait();

 private:
  ChildProcess(pid_t pid, int out, std::string name, std::string log_file);
  std::string LastWords() const;

  pid_t pid_;  // 0: ended
  int out_;
  const std::string name_;
  const std::string log_file_;
  std::string buffer_;
};

// `field` of /proc/PROCESS/status in bytes: "VmRSS", "VmHWM". `process`: a number, or "self".
absl::StatusOr<uint64_t> ProcessMemory(const std::string& process, const std::string& field);

// `intentlog serve` on the data folder, on a free port of loopback.
struct Served {
  std::unique_ptr<ChildProcess> process;
  std::string address;
};
absl::StatusOr<Served> Serve(const std::string& dir, const std::string& log_file);

// As `serve`, with the views of that name; a snapshot of them is taken (bench_server.h).
absl::StatusOr<Served> ServeViews(const std::string& dir, const std::string& views,
                                  const std::string& log_file);

// The bare gRPC server of raw_server.h; either of the first two may be empty.
absl::StatusOr<Served> ServeRaw(const std::string& messages_file, const std::string& commit_dir,
                                const std::string& log_file);

// The first HOST:PORT of an IPv4 address in `line`; empty if there is none.
std::string AddressIn(const std::string& line);

}  // namespace intentlog::bench
