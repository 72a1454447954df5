// What tests that run seeds have in common. For tests alone.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/mark.h"

namespace intentlog::simulation {

// A number in the environment.
inline uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Marks that nothing has reached in this process, by name.
inline std::vector<std::string_view> MarksUnreached() {
  std::vector<std::string_view> unreached;
  for (const Mark* mark = Mark::first(); mark != nullptr; mark = mark->next()) {
    if (mark->hits() == 0) unreached.push_back(mark->name());
  }
  std::sort(unreached.begin(), unreached.end());
  return unreached;
}

// While it lives, relative paths are in a folder of their own, in memory where there is one: worlds
// whose stores are in memory put their snapshots there.
class ScratchFolder {
 public:
  ScratchFolder() : before_(std::filesystem::current_path()) {
    std::string path = "/dev/shm/intentlog-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      path = testing::TempDir() + "/XXXXXX";
      if (mkdtemp(path.data()) == nullptr) std::abort();
    }
    path_ = path;
    std::filesystem::current_path(path_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::current_path(before_, ignored);
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

 private:
  const std::filesystem::path before_;
  std::filesystem::path path_;
};

class Stopwatch {
 public:
  double seconds() const { return absl::ToDoubleSeconds(SystemClock().Passed() - began_); }

 private:
  const absl::Duration began_ = SystemClock().Passed();
};

}  // namespace intentlog::simulation
