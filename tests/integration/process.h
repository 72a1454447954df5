// Runs the intentlog command as a process of its own, to its end or in the background.
//
//   const Ran ran = RunIntentlog({"--version"});
//   EXPECT_EQ(ran.exit_code, 0) << ran.err;
//
//   Background server({"serve", "--data", dir, "--listen", "127.0.0.1:0"});
//   std::string line = server.ReadLine();
//   EXPECT_EQ(server.Stop(SIGTERM), 0);
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

namespace intentlog {

struct Ran {
  int exit_code = -1;  // 128 + signal if one ended it
  std::string out, err;
};

// Waits for its end. `input` is its standard input.
Ran RunIntentlog(const std::vector<std::string>& arguments, const std::string& input = "");

// Thread-compatible. Killed when destroyed.
class Background {
 public:
  explicit Background(const std::vector<std::string>& arguments);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // The next line of its standard output, without the line end; empty at the end.
  std::string ReadLine();
  // Sends the signal and waits. Returns the exit code, as Ran has it.
  int Stop(int signal);
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::FILE* out_ = nullptr;
};

// An empty folder of this test's own.
std::string FreshFolder(const std::string& name);

}  // namespace intentlog
