// A Child is another process of this program, with a line of text at a time in both directions. It
// dies with its parent, and with its Child. What it says on stderr goes to a file.
// Thread-compatible; start children on the main thread, because a child dies with the thread that
// started it.
//
//   ASSIGN_OR_RETURN(auto child, Child::Start({"serve", "--data", dir}, log_file));
//   if (child->ReadLines(lines)) …        // what has come; false once it has ended
//   child->Kill();                        // as a power cut would: SIGKILL
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace intentlog {

class Child {
 public:
  // Runs this very program with `arguments`.
  static absl::StatusOr<std::unique_ptr<Child>> Start(const std::vector<std::string>& arguments,
                                                      const std::string& stderr_file);
  ~Child() { Kill(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Whole lines that have come, without line ends. False if nothing will come any more.
  bool ReadLines(std::vector<std::string>& lines);
  // False if the child has ended or does not take it.
  bool WriteLine(const std::string& line);
  // For poll(); readable when ReadLines has something to say.
  int fd() const { return fd_; }
  pid_t pid() const { return pid_; }

  void Kill();  // SIGKILL; returns when it is gone
  // Sends `signal` (0: none, it was told otherwise) and waits, then kills. True if it ended by
  // itself with exit code 0.
  bool Stop(absl::Duration patience, int signal);

 private:
  Child(pid_t pid, int fd) : pid_(pid), fd_(fd) {}
  void Close();

  pid_t pid_;  // 0: gone
  int fd_;
  std::string partial_;  // of a line
};

// Waits until one of `children` has something to read, at most `patience`. Null ones are skipped.
void WaitForChildren(const std::vector<Child*>& children, absl::Duration patience);

}  // namespace intentlog
