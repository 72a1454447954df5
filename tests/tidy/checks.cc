#include "tests/tidy/checks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <map>
#include <set>
#include <utility>

namespace intentlog::tidy {
namespace {

bool IsIdentifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool IsUnder(const std::string& path, std::initializer_list<std::string_view> folders) {
  return std::ranges::any_of(folders, [&](std::string_view f) { return path.starts_with(f); });
}

bool IsWire(const std::string& path) { return IsUnder(path, {"client/wire/", "server/wire/"}); }

// Where the real world may be touched: its clock, its chance, its threads.
bool TouchesReality(const std::string& path) {
  return IsWire(path) ||
         IsUnder(path, {"eventlog/runtime/", "tools/", "tests/integration/", "tests/bench/"});
}

std::string_view TopFolder(std::string_view path) { return path.substr(0, path.find('/')); }

// What an include line includes, empty if it is another line.
std::string_view Included(const Source& source, size_t i) {
  if (!source.code[i].starts_with("#include")) return {};
  const std::string_view line = source.lines[i];
  const size_t open = line.find_first_of("<\"");
  if (open == std::string_view::npos) return {};
  const size_t close = line.find_first_of(">\"", open + 1);
  return line.substr(open + 1, close - open - 1);
}

template <typename Visit>
void ForEachInclude(const Source& source, Visit visit) {
  if (!source.IsCpp()) return;
  for (size_t i = 0; i < source.code.size(); ++i) {
    const std::string_view included = Included(source, i);
    if (!included.empty()) visit(static_cast<int>(i) + 1, included);
  }
}

struct Ban {
  std::string_view word;
  std::string_view instead;
};

constexpr std::string_view kClock = "take a Clock& (eventlog/runtime), so that tests own the time";
constexpr std::string_view kChance = "take a Random& (eventlog/runtime), so that a seed repeats it";
constexpr std::string_view kSleep =
    "schedule on the Executor, or let the simulation run until quiet";
constexpr std::string_view kThread = "take an Executor& (eventlog/runtime): one owner, one thread";

constexpr std::array kBans = {
    Ban{"system_clock", kClock},
    Ban{"steady_clock", kClock},
    Ban{"high_resolution_clock", kClock},
    Ban{"absl::Now", kClock},
    Ban{"absl::GetCurrentTimeNanos", kClock},
    Ban{"time(nullptr)", kClock},
    Ban{"time(NULL)", kClock},
    Ban{"time(0)", kClock},
    Ban{"clock_gettime(", kClock},
    Ban{"gettimeofday(", kClock},
    Ban{"sleep_for", kSleep},
    Ban{"sleep_until", kSleep},
    Ban{"absl::SleepFor", kSleep},
    Ban{"sleep(", kSleep},
    Ban{"usleep(", kSleep},
    Ban{"nanosleep(", kSleep},
    Ban{"absl::BitGen", kChance},
    Ban{"absl::InsecureBitGen", kChance},
    Ban{"std::random_device", kChance},
    Ban{"rand(", kChance},
    Ban{"std::thread", kThread},
    Ban{"std::jthread", kThread},
    Ban{"std::async", kThread},
};

// Whether the line uses the word: not as a part of a longer one, nor as somebody's member. What
// only names a thread's part (std::thread::id) is no use of it.
bool Uses(std::string_view line, std::string_view word) {
  for (size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const char before = at == 0 ? ' ' : line[at - 1];
    if (IsIdentifier(before) || before == '.' || before == '>') continue;
    const std::string_view rest = line.substr(at + word.size());
    const char after = rest.empty() ? ' ' : rest[0];
    if (IsIdentifier(word.back()) && IsIdentifier(after)) continue;
    if (word.ends_with("thread") && rest.starts_with("::")) continue;
    return true;
  }
  return false;
}

// Finds functions by their braces: a function is what opens after a parenthesis, in scopes that are
// all namespaces or classes. Good enough for code that clang-format has laid out.
class FunctionFinder {
 public:
  explicit FunctionFinder(const Source& source) : source_(source) {}

  Problems Run() {
    for (line_ = 0; line_ < source_.code.size(); ++line_) {
      const std::string& line = source_.code[line_];
      if (line.starts_with("#")) continue;
      for (const char c : line) Take(c);
      Take(' ');
    }
    return std::move(problems_);
  }

 private:
  enum class Scope { kOpen, kFunction, kOther };

  void Take(char c) {
    if (c == '{') {
      Open();
    } else if (c == '}') {
      Close();
    } else if (c == ';' || (c == ':' && IsAccess())) {
      head_.clear();
    } else if (!head_.empty() || c != ' ') {
      if (head_.empty()) head_line_ = line_;
      head_.push_back(c);
    }
  }

  bool IsAccess() const { return head_ == "public" || head_ == "protected" || head_ == "private"; }

  void Open() {
    const bool outside = std::ranges::all_of(scopes_, [](Scope s) { return s == Scope::kOpen; });
    scopes_.push_back(outside ? Classify() : Scope::kOther);
    if (scopes_.back() == Scope::kFunction) function_line_ = head_.empty() ? line_ : head_line_;
    head_.clear();
  }

  void Close() {
    head_.clear();
    if (scopes_.empty()) return;
    const Scope scope = scopes_.back();
    scopes_.pop_back();
    const int lines = static_cast<int>(line_ - function_line_) + 1;
    if (scope != Scope::kFunction || lines <= kFunctionLinesMax) return;
    problems_.push_back({"function-length", source_.path, static_cast<int>(function_line_) + 1,
                         "a function of " + std::to_string(lines) + " lines; at most " +
                             std::to_string(kFunctionLinesMax) +
                             ": move the meaning out into a function of its own"});
  }

  Scope Classify() const {
    std::string_view head = head_;
    if (head.starts_with("template")) {
      // The end of the parameter list is the last '>' before the word that matters.
      const size_t end = head.find("> ");
      head.remove_prefix(end == std::string_view::npos ? 0 : end + 2);
    }
    for (std::string_view word :
         {"namespace", "class", "struct", "union", "extern", "inline names"}) {
      if (head.starts_with(word)) return Scope::kOpen;
    }
    if (head.starts_with("enum")) return Scope::kOther;
    const size_t paren = head.find('(');
    const bool assigns = head.find(" = ") < paren && head.find("operator") >= paren;
    return paren == std::string_view::npos || assigns ? Scope::kOther : Scope::kFunction;
  }

  const Source& source_;
  std::vector<Scope> scopes_;
  std::string head_;  // the text since the last statement or brace
  size_t line_ = 0;
  size_t head_line_ = 0;
  size_t function_line_ = 0;
  Problems problems_;
};

int Columns(std::string_view line) {
  return static_cast<int>(std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

Problems CheckSystemIncludes(const Source& source) {
  Problems problems;
  const bool rocksdb =
      IsUnder(source.path, {"eventlog/store/", "eventlog/log/", "tools/bench/", "tests/"});
  const bool grpc = IsWire(source.path) || IsUnder(source.path, {"tools/bench/", "tests/"});
  ForEachInclude(source, [&](int line, std::string_view included) {
    if (included.starts_with("rocksdb/") && !rocksdb) {
      problems.push_back({"rocksdb-include", source.path, line,
                          "RocksDB is opened in eventlog/store only: use its Store, or name the "
                          "type by forward declaration"});
    }
    if ((included.starts_with("grpc") || included.ends_with(".grpc.pb.h")) && !grpc) {
      problems.push_back({"grpc-include", source.path, line,
                          "gRPC stays in client/wire and server/wire: use the SyncChannel or "
                          "another interface without transport"});
    }
  });
  return problems;
}

Problems CheckIncludeArrows(const Source& source) {
  static const std::map<std::string_view, std::set<std::string_view>> kMayInclude = {
      {"proto", {"proto"}},
      {"eventlog", {"proto", "eventlog"}},
      {"projections", {"proto", "eventlog", "projections"}},
      {"client", {"proto", "eventlog", "projections", "client"}},
      {"server", {"proto", "eventlog", "projections", "server"}},
      {"tools", {"proto", "eventlog", "projections", "client", "server", "tools"}},
      {"tests", {"proto", "eventlog", "projections", "client", "server", "tools", "tests"}},
  };
  Problems problems;
  const auto from = kMayInclude.find(TopFolder(source.path));
  if (from == kMayInclude.end()) return problems;
  ForEachInclude(source, [&](int line, std::string_view included) {
    const std::string_view to = TopFolder(included);
    if (to == included || !kMayInclude.contains(to) || from->second.contains(to)) return;
    const std::string instead = to == "tests" ? "a fake lies beside its interface, not in tests/"
                                              : "move what both need to a folder below both";
    problems.push_back(
        {"include-arrow", source.path, line,
         std::string(from->first) + " must not include " + std::string(included) +
             " (proto <- eventlog <- projections <- {client, server} <- tools): " + instead});
  });
  return problems;
}

Problems CheckBannedWords(const Source& source) {
  Problems problems;
  if (TouchesReality(source.path)) return problems;
  for (size_t i = 0; i < source.code.size(); ++i) {
    for (const Ban& ban : kBans) {
      if (!Uses(source.code[i], ban.word)) continue;
      problems.push_back({std::string(ban.word), source.path, static_cast<int>(i) + 1,
                          std::string(ban.word) + " is banned here: " + std::string(ban.instead)});
    }
  }
  return problems;
}

Problems CheckFunctionLengths(const Source& source) {
  return source.IsCpp() ? FunctionFinder(source).Run() : Problems();
}

Problems CheckLineLengths(const Source& source) {
  Problems problems;
  for (size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    const int columns = Columns(line);
    if (columns <= kColumnsMax || line.find("://") != std::string::npos) continue;
    problems.push_back({"line-length", source.path, static_cast<int>(i) + 1,
                        "a line of " + std::to_string(columns) + " columns; at most " +
                            std::to_string(kColumnsMax) + ": break it"});
  }
  return problems;
}

Problems CheckSourceLength(const Source& source) {
  const int lines = static_cast<int>(source.lines.size());
  if (lines <= kSourceLinesMax) return {};
  return {{"source-length", source.path, lines,
           "a source of " + std::to_string(lines) + " lines; at most " +
               std::to_string(kSourceLinesMax) + ": split it by meaning"}};
}

Problems CheckTasksHaveNames(const Source& source) {
  Problems problems;
  for (size_t i = 0; i < source.lines.size(); ++i) {
    const std::string_view line = source.lines[i];
    // Written in two parts, so that this line is not a task itself.
    for (const std::string& word : {std::string("TO") + "DO", std::string("FIX") + "ME"}) {
      const size_t at = line.find(word);
      if (at == std::string_view::npos) continue;
      const std::string_view rest = line.substr(at + word.size());
      if (rest.size() >= 2 && rest[0] == '(' && IsIdentifier(rest[1])) continue;
      problems.push_back({"task-name", source.path, static_cast<int>(i) + 1,
                          "a " + word + " without a name: write " + word + "(name), or do it"});
    }
  }
  return problems;
}

}  // namespace intentlog::tidy
