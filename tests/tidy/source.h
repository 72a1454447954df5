// A Source is a file of the tree as tidy checks see it: its lines as written, and its lines as
// code, where comments, strings and characters are blanks of the same width. Immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace intentlog::tidy {

struct Source {
  std::string path;                // from the root of the repository, "eventlog/log/block.cc"
  std::vector<std::string> lines;  // as written
  std::vector<std::string> code;   // C++ without comments, strings and characters

  bool IsCpp() const;  // .h or .cc
};

// A Source of this text, for a check or a check's test.
Source MakeSource(std::string path, std::string_view text);

// All sources of ours under `root`, ordered by path: C++, protos, BUILD files, .bzl, .py and
// scripts. Hidden folders and links (bazel-out) are left out.
std::vector<Source> ReadTree(const std::string& root);

// The text of a file, empty if there is none.
std::string ReadFile(const std::string& path);

std::vector<std::string> SplitLines(std::string_view text);

// The same text with comments, strings and characters blanked; line breaks stay.
std::string BlankNonCode(std::string_view text);

}  // namespace intentlog::tidy
