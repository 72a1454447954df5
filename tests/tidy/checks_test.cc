#include "tests/tidy/checks.h"

#include <gtest/gtest.h>

#include <string>

namespace intentlog::tidy {
namespace {

// The first problem's message, or "" if there is none.
std::string First(const Problems& problems) {
  return problems.empty() ? "" : problems[0].check + ":" + std::to_string(problems[0].line);
}

std::string Banned(std::string path, std::string_view text) {
  return First(CheckBannedWords(MakeSource(std::move(path), text)));
}

std::string Arrow(std::string path, std::string_view text) {
  return First(CheckIncludeArrows(MakeSource(std::move(path), text)));
}

std::string System(std::string path, std::string_view text) {
  return First(CheckSystemIncludes(MakeSource(std::move(path), text)));
}

std::string Function(std::string_view head, int lines) {
  std::string text = std::string(head) + " {\n";
  for (int i = 2; i < lines; ++i) text += "  if (x) { y({1}); }  // }\n";
  return First(CheckFunctionLengths(MakeSource("a/a.cc", text + "}\n")));
}

TEST(BlankNonCodeTest, BlanksCommentsStringsAndCharacters) {
  EXPECT_EQ(BlankNonCode("a // b\nc"), "a     \nc");
  EXPECT_EQ(BlankNonCode("a /* b\n*/ c"), "a     \n   c");
  EXPECT_EQ(BlankNonCode("f(\"x\\\"y\") g"), "f(      ) g");
  EXPECT_EQ(BlankNonCode("R\"x(a)\" b)x\" c"), "R            c");
  EXPECT_EQ(BlankNonCode("'\\'' + 1'000"), "     + 1'000");
}

TEST(BannedWordsTest, AreFoundInCodeOnly) {
  EXPECT_EQ(Banned("client/a.cc", "\nauto t = std::chrono::steady_clock::now();"),
            "steady_clock:2");
  EXPECT_EQ(Banned("client/a.cc", "int i = rand();"), "rand(:1");
  EXPECT_EQ(Banned("client/a.cc", "int i = std::rand();"), "rand(:1");
  EXPECT_EQ(Banned("client/a.cc", "std::thread t;"), "std::thread:1");
  EXPECT_EQ(Banned("client/a.cc", "// std::thread\n\"rand()\""), "");
}

TEST(BannedWordsTest, AreWholeWords) {
  EXPECT_EQ(Banned("client/a.cc", "operand(); random.rand(); absl::Nowhere(); set_time(0);"), "");
  EXPECT_EQ(Banned("client/a.cc", "std::thread::id owner; std::this_thread::get_id();"), "");
}

TEST(BannedWordsTest, AreFreeWhereTheRealWorldIs) {
  for (const char* path : {"eventlog/runtime/clock.cc", "client/wire/channel.cc", "tools/demo.cc",
                           "tests/integration/kill_test.cc"}) {
    EXPECT_EQ(Banned(path, "std::thread t;"), "") << path;
  }
}

TEST(IncludeArrowsTest, PointOneWay) {
  EXPECT_EQ(Arrow("client/a.h", "#include \"eventlog/log/event_log.h\""), "");
  EXPECT_EQ(Arrow("client/a.h", "#include \"server/admit/admit.h\""), "include-arrow:1");
  EXPECT_EQ(Arrow("server/a.h", "#include \"client/sync/a.h\""), "include-arrow:1");
  EXPECT_EQ(Arrow("eventlog/a.cc", "\n#include \"projections/a.h\""), "include-arrow:2");
  EXPECT_EQ(Arrow("tools/a.cc", "#include \"tests/a.h\""), "include-arrow:1");
  EXPECT_EQ(Arrow("tests/a.cc", "#include \"server/a.h\"\n#include \"tests/b.h\""), "");
  EXPECT_EQ(Arrow("client/a.h", "#include \"absl/status/status.h\"\n#include <server>"), "");
}

TEST(SystemIncludesTest, StayInTheirLayer) {
  EXPECT_EQ(System("projections/a.cc", "#include <rocksdb/db.h>"), "rocksdb-include:1");
  EXPECT_EQ(System("projections/a.cc", "#include \"rocksdb/db.h\""), "rocksdb-include:1");
  EXPECT_EQ(System("eventlog/store/a.cc", "#include <rocksdb/db.h>"), "");
  EXPECT_EQ(System("client/sync/a.cc", "#include <grpcpp/grpcpp.h>"), "grpc-include:1");
  EXPECT_EQ(System("client/sync/a.cc", "#include \"proto/sync.grpc.pb.h\""), "grpc-include:1");
  EXPECT_EQ(System("client/wire/a.cc", "#include <grpcpp/grpcpp.h>"), "");
  EXPECT_EQ(System("client/sync/a.cc", "// #include <grpcpp/grpcpp.h>"), "");
}

TEST(FunctionLengthsTest, CountFromTheHeadToTheLastBrace) {
  EXPECT_EQ(Function("void F(int a = 1)", 70), "");
  EXPECT_EQ(Function("void F(int a = 1)", 71), "function-length:1");
  EXPECT_EQ(Function("namespace a {\nclass B : C<int> {\n  int F() const", 80),
            "function-length:3");
  EXPECT_EQ(Function("A::A(int b)\n    : b_(b)", 70), "function-length:1");
  EXPECT_EQ(Function("template <typename T>\nvoid F(T t)", 80), "function-length:1");
}

TEST(FunctionLengthsTest, StartAfterAnAccessSpecifier) {
  EXPECT_EQ(Function("class A {\n public:\n  void F()", 70), "");
  EXPECT_EQ(Function("class A {\n public:\n  void F()", 71), "function-length:3");
}

TEST(FunctionLengthsTest, DoNotCountWhatIsNoFunction) {
  EXPECT_EQ(Function("class A", 80), "");
  EXPECT_EQ(Function("constexpr int kTable[] =", 80), "");
  EXPECT_EQ(Function("enum class A : int", 80), "");
}

TEST(LineLengthsTest, CountColumnsNotBytes) {
  const std::string umlauts = [] {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "ü";
    return text;
  }();
  EXPECT_EQ(First(CheckLineLengths(MakeSource("a/BUILD", umlauts))), "");
  EXPECT_EQ(First(CheckLineLengths(MakeSource("a/BUILD", "\n" + umlauts + "x"))), "line-length:2");
}

TEST(SourceLengthTest, HasALimit) {
  EXPECT_EQ(First(CheckSourceLength(MakeSource("a/a.cc", std::string(600, '\n')))), "");
  EXPECT_EQ(First(CheckSourceLength(MakeSource("a/a.cc", std::string(601, '\n')))),
            "source-length:601");
}

TEST(TasksTest, HaveNames) {
  const std::string task = std::string("// TO") + "DO";
  EXPECT_EQ(First(CheckTasksHaveNames(MakeSource("a/a.cc", task + ": later"))), "task-name:1");
  EXPECT_EQ(First(CheckTasksHaveNames(MakeSource("a/a.cc", task + "(ada): later"))), "");
}

}  // namespace
}  // namespace intentlog::tidy
