#include "tests/integration/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "eventlog/runtime/check.h"

namespace intentlog::integration {

Child::Child(const std::vector<std::string>& command) {
  int ends[2];
  INTENTLOG_CHECK(pipe2(ends, O_CLOEXEC) == 0);
  // Appends are told in one write each: a full pipe must not stop the device.
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  std::vector<char*> arguments;
  for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  pid_ = fork();
  INTENTLOG_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(ends[1]);
  pipe_ = ends[0];
}

Child::~Child() {
  Kill();
  close(pipe_);
}

bool Child::ReadSome(bool wait) {
  constexpr int kPatienceMs = 60'000;
  pollfd poll_for = {pipe_, POLLIN, 0};
  if (poll(&poll_for, 1, wait ? kPatienceMs : 0) <= 0) return false;
  char buffer[1 << 16];
  const ssize_t size = read(pipe_, buffer, sizeof buffer);
  if (size <= 0) return false;
  output_.append(buffer, static_cast<size_t>(size));
  return true;
}

const std::string& Child::Output() {
  while (ReadSome(pid_ < 0)) {
  }
  return output_;
}

std::string Child::FirstLine() {
  while (output_.find('\n') == std::string::npos) {
    if (!ReadSome(true)) return "";
  }
  return output_.substr(0, output_.find('\n'));
}

void Child::Signal(int signal) {
  if (pid_ > 0) kill(pid_, signal);
}

void Child::Kill() {
  Signal(SIGKILL);
  Wait();
}

int Child::Wait() {
  if (pid_ <= 0) return 0;
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace intentlog::integration
