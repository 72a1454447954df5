#include "tests/integration/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "eventlog/runtime/check.h"

extern char** environ;

namespace intentlog {
namespace {

constexpr char kProgram[] = "tools/intentlog";

std::string TestFolder() {
  const char* dir = std::getenv("TEST_TMPDIR");
  return dir == nullptr ? std::filesystem::temp_directory_path().string() : dir;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

pid_t Spawn(const std::vector<std::string>& arguments, posix_spawn_file_actions_t* actions) {
  std::vector<char*> argv = {const_cast<char*>("intentlog")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  INTENTLOG_CHECK(posix_spawn(&pid, kProgram, actions, nullptr, argv.data(), environ) == 0);
  return pid;
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Ran RunIntentlog(const std::vector<std::string>& arguments, const std::string& input) {
  const std::string base = FreshFolder("run");
  const std::string in = base + "/in", out = base + "/out", err = base + "/err";
  std::ofstream(in, std::ios::binary) << input;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), flags, 0600);
  const pid_t pid = Spawn(arguments, &actions);
  posix_spawn_file_actions_destroy(&actions);
  Ran ran;
  ran.exit_code = WaitFor(pid);
  ran.out = ReadFile(out);
  ran.err = ReadFile(err);
  return ran;
}

Background::Background(const std::vector<std::string>& arguments) {
  int ends[2];
  INTENTLOG_CHECK(pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  pid_ = Spawn(arguments, &actions);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  out_ = fdopen(ends[0], "r");
}

Background::~Background() {
  if (pid_ > 0) Stop(SIGKILL);
  std::fclose(out_);
}

std::string Background::ReadLine() {
  std::string line;
  for (int c = std::fgetc(out_); c != EOF && c != '\n'; c = std::fgetc(out_)) {
    line.push_back(static_cast<char>(c));
  }
  return line;
}

int Background::Stop(int signal) {
  kill(pid_, signal);
  const int code = WaitFor(pid_);
  pid_ = -1;
  return code;
}

std::string FreshFolder(const std::string& name) {
  static int made = 0;
  const std::string path = TestFolder() + "/" + name + "-" + std::to_string(++made);
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

}  // namespace intentlog
