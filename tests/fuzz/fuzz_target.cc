#include "tests/fuzz/fuzz_target.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/stubs/logging.h"
#include "tests/fuzz/limits.h"

extern "C" {
int LLVMFuzzerInitialize(int* argc, char*** argv);
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed);
// libFuzzer's own.
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);
// AddressSanitizer asks: much of the time would go into stacks of allocations, and into memory that
// no cache holds.
const char* __asan_default_options() { return "malloc_context_size=3:quarantine_size_mb=16"; }
}

namespace intentlog::fuzz {
namespace {

// An input that takes too long is run again: a page that was not there, a first use of a table, are
// not its fault.
constexpr int kTries = 3;
// 1.5 million over all targets become 20 million.
constexpr uint64_t kLongTimes = 14;

std::optional<std::string> too_slow;
uint64_t executions = 0;

void WriteSeeds(const std::string& dir) {
  std::filesystem::create_directories(dir);
  for (const Seed& seed : Seeds()) {
    std::ofstream file(dir + "/" + seed.name, std::ios::binary);
    const std::string bytes = JoinPieces(seed.pieces);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    INTENTLOG_CHECK(file.good());
  }
}

const char* Env(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

const char* FuzzSeed() { return Env("INTENTLOG_FUZZ_SEED", "1"); }

void PrintExecutions() {
  std::fprintf(stderr, "FIGURE fuzz executions: %llu, seed %s\n",
               static_cast<unsigned long long>(executions), FuzzSeed());
}

// The arguments as libFuzzer gets them; it ends at a folder that is not there.
std::vector<std::string> Arguments(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  arguments.erase(std::remove_if(arguments.begin() + 1, arguments.end(),
                                 [](const std::string& one) {
                                   return one.front() != '-' && !std::filesystem::exists(one);
                                 }),
                  arguments.end());
  const uint64_t times = std::getenv("INTENTLOG_LONG") == nullptr ? 1 : kLongTimes;
  for (std::string& argument : arguments) {
    constexpr std::string_view kRuns = "-runs=";
    if (argument.compare(0, kRuns.size(), kRuns) != 0) continue;
    argument = Cat(kRuns, times * std::strtoull(argument.c_str() + kRuns.size(), nullptr, 10));
  }
  const std::string seed = Cat("-seed=", FuzzSeed());
  // Files that failed are kept with the test's outputs; what the fuzzer finds new goes to its
  // first folder.
  const std::string outputs = Env("TEST_UNDECLARED_OUTPUTS_DIR", ".");
  arguments.insert(arguments.begin() + 1, {seed, Cat("-artifact_prefix=", outputs, "/")});
  if (const char* const scratch = std::getenv("TEST_TMPDIR")) {
    const std::string found = Cat(scratch, "/found");
    // The seeds as this program makes them, beside those that were kept.
    WriteSeeds(found);
    arguments.insert(arguments.begin() + 1, found);
  }
  return arguments;
}

void MutateOnce(std::string& bytes) {
  const size_t size = bytes.size();
  const size_t room = std::min(kPieceBytesMax, size + size / 3 + 16);
  bytes.resize(room);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(bytes.data()), size, room));
}

}  // namespace

void Fail(const std::string& what) {
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::abort();
}

void Hostile(size_t bytes, absl::FunctionRef<void()> use) {
  const Usage usage = Measure(use);
  const std::optional<std::string> problem = OverLimit(usage, bytes);
  if (!problem) return;
  if (usage.micros <= kMicrosMax) Fail(*problem);
  too_slow = problem;
}

}  // namespace intentlog::fuzz

int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using namespace intentlog::fuzz;  // NOLINT: this file's own
  if (*argc >= 3 && std::strcmp((*argv)[*argc - 2], "--write_seeds") == 0) {
    WriteSeeds((*argv)[*argc - 1]);
    std::exit(0);
  }
  google::protobuf::SetLogHandler(nullptr);  // a line for each text that is not UTF-8
  static std::vector<std::string> arguments;
  static std::vector<char*> pointers;
  arguments = Arguments(*argc, *argv);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  *argc = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  *argv = pointers.data();
  std::atexit(PrintExecutions);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace intentlog::fuzz;  // NOLINT
  const Pieces pieces = ParsePieces({reinterpret_cast<const char*>(data), size});
  ++executions;
  for (int i = 0; i < kTries; ++i) {
    too_slow.reset();
    Run(pieces);
    if (!too_slow) return 0;
  }
  Fail(*too_slow);
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed) {
  using namespace intentlog::fuzz;  // NOLINT
  Dice dice(seed);
  Pieces pieces = ParsePieces({reinterpret_cast<const char*>(data), size});
  MutatePieces(pieces, dice, kMessages, MutateOnce);
  std::string bytes = JoinPieces(pieces);
  bytes.resize(std::min(bytes.size(), size_max));
  bytes.copy(reinterpret_cast<char*>(data), bytes.size());
  return bytes.size();
}
