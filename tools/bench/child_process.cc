#include "tools/bench/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

extern char** environ;

namespace intentlog::bench {
namespace {

constexpr const char* kThisProgram = "/proc/self/exe";

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& args, int out,
                            const std::string& log_file) {
  std::vector<char*> argv = {const_cast<char*>("intentlog")};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_file.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, kThisProgram, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Unavailable("cannot start a process: ", std::strerror(error));
  return pid;
}

}  // namespace

ChildProcess::ChildProcess(pid_t pid, int out, std::string name, std::string log_file)
    : pid_(pid), out_(out), name_(std::move(name)), log_file_(std::move(log_file)) {}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& args, const std::string& log_file) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Unavailable("no pipe: ", std::strerror(errno));
  const absl::StatusOr<pid_t> pid = Spawn(args, ends[1], log_file);
  close(ends[1]);
  if (!pid.ok()) {
    close(ends[0]);
    return pid.status();
  }
  return std::unique_ptr<ChildProcess>(
      new ChildProcess(*pid, ends[0], args.empty() ? "" : args[0], log_file));
}

ChildProcess::~ChildProcess() {
  close(out_);
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string ChildProcess::LastWords() const {
  std::ifstream log(log_file_);
  std::string line, last;
  while (std::getline(log, line)) {
    if (!line.empty()) last = line;
  }
  return last.empty() ? "it said nothing" : "it said: " + last;
}

absl::StatusOr<std::string> ChildProcess::ReadLine() {
  while (true) {
    const size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    char bytes[4096];
    const ssize_t size = read(out_, bytes, sizeof bytes);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return Unavailable("\"", name_, "\" ended early; ", LastWords());
    buffer_.append(bytes, static_cast<size_t>(size));
  }
}

absl::StatusOr<uint64_t> ProcessMemory(const std::string& process, const std::string& field) {
  std::ifstream status("/proc/" + process + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.compare(0, field.size() + 1, field + ":") != 0) continue;
    std::istringstream figures(line.substr(field.size() + 1));
    uint64_t kilobytes = 0;
    figures >> kilobytes;
    return kilobytes << 10;
  }
  return Unavailable("process ", process, " shows no ", field);
}

absl::StatusOr<uint64_t> ChildProcess::ResidentBytes() const {
  return ProcessMemory(std::to_string(pid_), "VmRSS");
}

absl::Status ChildProcess::Stop() {
  if (pid_ != 0) kill(pid_, SIGTERM);
  return Wait();
}

absl::Status ChildProcess::Wait() {
  if (pid_ == 0) return absl::OkStatus();
  int code = 0;
  while (waitpid(pid_, &code, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  if (WIFEXITED(code) && WEXITSTATUS(code) == 0) return absl::OkStatus();
  return Unavailable("\"", name_, "\" ended with ", WIFSIGNALED(code) ? "signal " : "exit code ",
                     WIFSIGNALED(code) ? WTERMSIG(code) : WEXITSTATUS(code), "; ", LastWords());
}

std::string AddressIn(const std::string& line) {
  const auto part_of_host = [](char c) { return std::isdigit(c) || c == '.'; };
  for (size_t colon = line.find(':'); colon != std::string::npos;
       colon = line.find(':', colon + 1)) {
    size_t begin = colon, end = colon + 1;
    while (begin > 0 && part_of_host(line[begin - 1])) --begin;
    while (end < line.size() && std::isdigit(line[end])) ++end;
    if (colon - begin >= 7 && end > colon + 1) return line.substr(begin, end - begin);
  }
  return "";
}

namespace {

absl::StatusOr<Served> StartServer(const std::vector<std::string>& args,
                                   const std::string& log_file) {
  Served served;
  ASSIGN_OR_RETURN(served.process, ChildProcess::Start(args, log_file));
  ASSIGN_OR_RETURN(const std::string line, served.process->ReadLine());
  served.address = AddressIn(line);
  if (served.address.empty()) return Unavailable(args[0], " names no address: ", line);
  return served;
}

}  // namespace

absl::StatusOr<Served> Serve(const std::string& dir, const std::string& log_file) {
  return StartServer({"serve", "--data", dir, "--listen", "127.0.0.1:0"}, log_file);
}

absl::StatusOr<Served> ServeViews(const std::string& dir, const std::string& views,
                                  const std::string& log_file) {
  return StartServer({"bench-part", "serve", "--data", dir, "--views", views}, log_file);
}

absl::StatusOr<Served> ServeRaw(const std::string& messages_file, const std::string& commit_dir,
                                const std::string& log_file) {
  return StartServer(
      {"bench-part", "raw-server", "--messages", messages_file, "--commit", commit_dir}, log_file);
}

}  // namespace intentlog::bench
