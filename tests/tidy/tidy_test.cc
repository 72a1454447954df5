// Runs the tidy checks over the tree that this test was built from.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/tidy/checks.h"
#include "tests/tidy/source.h"

namespace intentlog::tidy {
namespace {

// What a newcomer reads to understand the system.
constexpr std::string_view kReadFirst[] = {
    "README.md",
    "proto/event.proto",
    "proto/sync.proto",
    "projections/engine/projection.h",
    "eventlog/log/event_log.h",
    "client/sync/reconcile.h",
    "server/admit/admit.h",
};
constexpr int kReadFirstLinesMax = 1000;

// "check path" of each line of exceptions.txt, with its reason.
using Exceptions = std::map<std::pair<std::string, std::string>, std::string>;

class TidyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    root_ = std::filesystem::canonical("WORKSPACE").parent_path().string();
    sources_ = ReadTree(root_);
    for (const std::string& line : SplitLines(ReadFile(root_ + "/tests/tidy/exceptions.txt"))) {
      if (line.empty() || line.starts_with("#")) continue;
      std::istringstream words(line);
      std::string check, path, reason;
      words >> check >> path >> std::ws;
      std::getline(words, reason);
      exceptions_[{check, path}] = reason;
    }
  }

  // Expects that a check finds nothing in the tree but what is excused.
  static void ExpectClean(Problems (*check)(const Source&)) {
    for (const Source& source : sources_) {
      for (const Problem& problem : check(source)) {
        if (!exceptions_.contains({problem.check, problem.path})) {
          ADD_FAILURE_AT(problem.path.c_str(), problem.line) << problem.message;
        }
      }
    }
  }

  static std::string root_;
  static std::vector<Source> sources_;
  static Exceptions exceptions_;
};

std::string TidyTest::root_;
std::vector<Source> TidyTest::sources_;
Exceptions TidyTest::exceptions_;

TEST_F(TidyTest, TheTreeIsFound) { EXPECT_GT(sources_.size(), 5u) << "in " << root_; }

TEST_F(TidyTest, SystemLibrariesAreIncludedWhereTheLayersSay) { ExpectClean(CheckSystemIncludes); }

TEST_F(TidyTest, IncludesFollowTheArrows) { ExpectClean(CheckIncludeArrows); }

TEST_F(TidyTest, TimeChanceAndThreadsComeFromTheRuntime) { ExpectClean(CheckBannedWords); }

TEST_F(TidyTest, FunctionsFitOnAScreen) { ExpectClean(CheckFunctionLengths); }

TEST_F(TidyTest, LinesFit) { ExpectClean(CheckLineLengths); }

TEST_F(TidyTest, SourcesAreShort) { ExpectClean(CheckSourceLength); }

TEST_F(TidyTest, TasksHaveNames) { ExpectClean(CheckTasksHaveNames); }

TEST_F(TidyTest, EveryExceptionIsNeededAndHasAReason) {
  std::set<std::pair<std::string, std::string>> found;
  for (const Source& source : sources_) {
    for (auto check :
         {CheckSystemIncludes, CheckIncludeArrows, CheckBannedWords, CheckFunctionLengths,
          CheckLineLengths, CheckSourceLength, CheckTasksHaveNames}) {
      for (const Problem& problem : check(source)) found.insert({problem.check, problem.path});
    }
  }
  for (const auto& [key, reason] : exceptions_) {
    EXPECT_TRUE(found.contains(key))
        << key.first << " " << key.second << " excuses nothing: remove it from exceptions.txt";
    EXPECT_FALSE(reason.empty()) << key.first << " " << key.second << ": say why";
  }
}

TEST_F(TidyTest, ReadmeNamesSevenFilesThatOneCanRead) {
  const std::string readme = ReadFile(root_ + "/README.md");
  if (readme.empty()) GTEST_SKIP() << "there is no README.md yet";
  int lines = 0;
  for (const std::string_view path : kReadFirst) {
    EXPECT_NE(readme.find(path), std::string::npos) << "README.md does not name " << path;
    const std::string text = ReadFile(root_ + "/" + std::string(path));
    EXPECT_FALSE(text.empty()) << path << " does not exist, and a newcomer should read it";
    lines += static_cast<int>(SplitLines(text).size());
  }
  EXPECT_LT(lines, kReadFirstLinesMax) << "the seven files that are read first have grown too long";
}

}  // namespace
}  // namespace intentlog::tidy
