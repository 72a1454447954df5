// A Child is any program as a process with a pipe from its stdout; destroying it kills it. Not
// thread-safe.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace intentlog::integration {

class Child {
 public:
  // CHECK-fails if it cannot start.
  explicit Child(const std::vector<std::string>& command);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // What it has written so far, without waiting; all of it after it ended.
  const std::string& Output();
  // Waits until its output holds a whole line. Empty if it ended before.
  std::string FirstLine();
  void Signal(int signal);
  // SIGKILL, and waits for its end.
  void Kill();
  // Waits for its end: the exit code, or 128 + signal.
  int Wait();
  pid_t pid() const { return pid_; }

 private:
  bool ReadSome(bool wait);

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string output_;
};

}  // namespace intentlog::integration
