// Projections are pure (I19): the same program folds the same log in processes of their own, each
// in another world: another language, time zone, clock, allocator, and other addresses, which is
// what hash tables are seeded with. Rows, digests, dumps and fingerprints are equal.
//
// Other compilers and optimization: kAllOfIt is the same with gcc -O2 (opt), clang -O1 (asan) and
// clang -O0 (cov).
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <locale>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/digest.h"
#include "projections/engine/dump.h"
#include "projections/engine/fingerprint.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_lines.h"
#include "projections/engine/made_store.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_access.h"
#include "projections/views/commerce_views.h"
#include "projections/views/shop_view.h"
#include "tests/integration/child.h"

namespace {

// How many seconds this process is ahead of the machine.
long SecondsAhead() {
  static const char* const text = std::getenv("INTENTLOG_SECONDS_AHEAD");
  return text == nullptr ? 0 : std::strtol(text, nullptr, 10);
}

}  // namespace

// In place of the C library's: whoever in this process asks for the time of day gets this one's.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long failed = syscall(SYS_clock_gettime, clock, time);
  if (failed == 0 && clock == CLOCK_REALTIME) time->tv_sec += SecondsAhead();
  return static_cast<int>(failed);
}
extern "C" time_t time(time_t* out) noexcept {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

namespace intentlog::integration {
namespace {

// Changes with the code of a view, with the golden log, and with MadeLines; with nothing else.
constexpr char kAllOfIt[] = "90d182fcadae29ec330a209da745ec07";

constexpr uint64_t kMadeEvents = 1500;
constexpr uint64_t kBatchEvents = 97;

// 1.234,5 instead of 1234.5
class Commas final : public std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

// The golden log and made lines behind it, folded by the engine.
class Fold {
 public:
  Fold() : store_("purity"), models_(*ReadModels::Open(*store_, CommerceViews())) {
    ShopGoldenLog([this](const Event& event) { Add(event); });
    MadeLines lines(/*seed=*/19);
    for (uint64_t i = 0; i < kMadeEvents; ++i) {
      const std::string scope = i % 3 == 0 ? "east" : i % 3 == 1 ? "shared" : "west";
      const MadeEvent made(last_ + 1, scope, *lines.Next(), /*effective=*/i % 20 != 0);
      Add(made.event());
    }
    Commit();
  }

  // A line for each view and scope, and for each view's rows as text.
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    for (const auto& view : models_->projections()) {
      const std::string& name = view->info().name;
      lines.push_back(Cat(name, " code ", Hex(FingerprintOf(*view, ShopGoldenLog))));
      const auto scopes = models_->Scopes(name);
      for (const ScopeState& scope : *scopes) {
        lines.push_back(Cat(name, " ", scope.scope, " ", scope.rows, " rows, ", scope.parked,
                            " parked, ", Hex(scope.digest.Bytes())));
      }
      lines.push_back(Cat(name, " text ", Hex(TextOf(*view))));
    }
    return lines;
  }

 private:
  void Add(const Event& event) {
    last_ = event.position.value();
    scopes_.insert(std::string(event.scope));
    const absl::Status added = models_->Add(event);
    INTENTLOG_CHECK(added.ok());
    if (last_ % kBatchEvents == 0) Commit();
  }
  void Commit() {
    StoreBatch batch;
    for (const std::string& scope : scopes_) {
      INTENTLOG_CHECK(models_->Finish(scope, Position(last_), batch).ok());
    }
    INTENTLOG_CHECK(store_->Commit(batch, Sync::kBuffered).ok());
    models_->Committed();
  }
  std::string TextOf(const Projection& view) const {
    Digest128 digest;
    const auto rows = models_->Scan(view.info().name);
    // Some rows have no text, which the error says.
    const absl::Status dumped = DumpTsv(**rows, view, [&digest](std::string_view line) {
      digest.Add(line, "");
      return absl::OkStatus();
    });
    digest.Add("", std::string(dumped.message()));
    return digest.Bytes();
  }

  MadeStore store_;
  std::unique_ptr<ReadModels> models_;
  std::set<std::string> scopes_;
  uint64_t last_ = 0;
};

// What the other test runs in other worlds.
TEST(PurityTest, AFoldOfTheGoldenLogIsTheSameWithEveryCompiler) {
  if (std::getenv("INTENTLOG_COMMAS") != nullptr) {
    std::locale::global(std::locale(std::locale(), new Commas));
    EXPECT_EQ((std::ostringstream() << 1234.5).str(), "1.234,5");
  }
  tzset();
  Digest128 all;
  for (const std::string& line : Fold().Lines()) {
    std::printf("= %s\n", line.c_str());
    all.Add(line, "");
  }
  EXPECT_EQ(Hex(all.Bytes()), kAllOfIt);
  const time_t now = std::time(nullptr);
  tm local = {};
  localtime_r(&now, &local);
  std::printf("hour %d, year %d\n", local.tm_hour, local.tm_year + 1900);
  std::fflush(stdout);
}

// The lines of a fold in a process with these settings, and what its clock shows.
struct World {
  std::string lines, clock;
};
World FoldIn(const std::vector<std::string>& settings) {
  std::vector<std::string> command = {"/usr/bin/env", "-u", "XML_OUTPUT_FILE", "-u",
                                      "TEST_PREMATURE_EXIT_FILE"};
  command.insert(command.end(), settings.begin(), settings.end());
  command.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  command.push_back("--gtest_filter=*AFoldOfTheGoldenLogIsTheSameWithEveryCompiler");
  Child child(command);
  EXPECT_EQ(child.Wait(), 0) << child.Output();
  World world;
  std::istringstream lines(child.Output());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("= ")) world.lines += line + "\n";
    if (line.starts_with("hour ")) world.clock = line;
  }
  return world;
}

TEST(PurityTest, I19_RowsAndDigestsAreTheSameInEveryLanguageTimeZoneHourAndMemory) {
  const World here = FoldIn({});
  ASSERT_NE(here.lines, "");
  const std::string asan =
      std::getenv("ASAN_OPTIONS") == nullptr ? "" : std::getenv("ASAN_OPTIONS");
  const std::vector<std::vector<std::string>> worlds = {
      {},  // other addresses
      {"LC_ALL=C.utf8", "LANG=de_DE.UTF-8", "INTENTLOG_COMMAS=1"},
      {"MALLOC_PERTURB_=165", "MALLOC_ARENA_MAX=1", "MALLOC_MMAP_THRESHOLD_=4096",
       Cat("ASAN_OPTIONS=", asan, ":malloc_fill_byte=165:max_malloc_fill_size=1000000")},
      {"TZ=FAR-13:45"},
      {"TZ=FAR+11:30", "INTENTLOG_SECONDS_AHEAD=315360000"},
      {"INTENTLOG_SECONDS_AHEAD=-315360000"},
  };
  std::set<std::string> clocks;
  for (const auto& settings : worlds) {
    const World there = FoldIn(settings);
    EXPECT_EQ(there.lines, here.lines) << testing::PrintToString(settings);
    clocks.insert(there.clock);
  }
  EXPECT_GE(clocks.size(), 4u) << "the settings did not reach the clock";
}

}  // namespace
}  // namespace intentlog::integration
