#include "tools/demo_story/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr char kSelf[] = "/proc/self/exe";
constexpr absl::Duration kLook = absl::Milliseconds(10);

// In the new process: only calls that are safe after fork in a program with threads.
[[noreturn]] void Become(char* const* arguments, int channel, int stderr_fd, pid_t parent) {
  setpgid(0, 0);  // Ctrl-C goes to the parent, which ends its children itself
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(channel, 0);
  dup2(channel, 1);
  dup2(stderr_fd, 2);
  execv(kSelf, arguments);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Child>> Child::Start(const std::vector<std::string>& arguments,
                                                    const std::string& stderr_file) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Unavailable("no channel for a new process: ", std::strerror(errno));
  }
  const int log = open(stderr_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  std::vector<char*> argv = {const_cast<char*>("intentlog")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = log < 0 ? -1 : fork();
  if (pid == 0) Become(argv.data(), ends[1], log, parent);
  const int error = errno;
  close(ends[1]);
  if (log >= 0) close(log);
  if (pid < 0) {
    close(ends[0]);
    return Unavailable("no new process with its log in ", stderr_file, ": ", std::strerror(error));
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<Child>(new Child(pid, ends[0]));
}

bool Child::ReadLines(std::vector<std::string>& lines) {
  char buffer[16384];
  while (fd_ >= 0) {
    const ssize_t n = read(fd_, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return true;
    if (n <= 0) return false;
    partial_.append(buffer, static_cast<size_t>(n));
    size_t begin = 0;
    for (size_t end; (end = partial_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      lines.push_back(partial_.substr(begin, end - begin));
    }
    partial_.erase(0, begin);
  }
  return false;
}

// Lines are short against the channel's buffer: one that does not fit means a child that hangs.
bool Child::WriteLine(const std::string& line) {
  const std::string bytes = line + "\n";
  return fd_ >= 0 &&
         send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void Child::Kill() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Close();
}

bool Child::Stop(absl::Duration patience, int signal) {
  if (pid_ <= 0) return false;
  if (signal != 0) kill(pid_, signal);
  const absl::Duration until = SystemClock().Passed() + patience;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (SystemClock().Passed() > until) {
      Kill();
      return false;
    }
    poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(kLook)));
  }
  Close();
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void Child::Close() {
  pid_ = 0;
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void WaitForChildren(const std::vector<Child*>& children, absl::Duration patience) {
  std::vector<pollfd> fds;
  for (const Child* child : children) {
    if (child != nullptr && child->fd() >= 0) fds.push_back({child->fd(), POLLIN, 0});
  }
  poll(fds.data(), fds.size(), static_cast<int>(absl::ToInt64Milliseconds(patience)));
}

}  // namespace intentlog
