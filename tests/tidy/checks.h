// Tidy checks: what a compiler does not refuse and a reviewer should not have to. Each is a pure
// function from a Source to its problems; a message says where, what, and what to do instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/source.h"

namespace intentlog::tidy {

inline constexpr int kColumnsMax = 100;
inline constexpr int kFunctionLinesMax = 70;
inline constexpr int kSourceLinesMax = 600;

// A Problem is excused by a line "check path reason" in exceptions.txt.
struct Problem {
  std::string check;  // the check's name, or the banned word
  std::string path;
  int line = 0;  // from 1
  std::string message;
};

using Problems = std::vector<Problem>;

// RocksDB and gRPC are included only where the layers say so.
Problems CheckSystemIncludes(const Source& source);

// proto <- eventlog <- projections <- {client, server} <- tools; tests include all, nobody tests.
Problems CheckIncludeArrows(const Source& source);

// Time, chance and threads come from eventlog/runtime; tests do not sleep.
Problems CheckBannedWords(const Source& source);

Problems CheckFunctionLengths(const Source& source);
Problems CheckLineLengths(const Source& source);
Problems CheckSourceLength(const Source& source);

// A task left in the code names who knows about it.
Problems CheckTasksHaveNames(const Source& source);

}  // namespace intentlog::tidy
