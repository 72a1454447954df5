// A fuzz target is one file, NAME_fuzz.cc, that defines the three below; fuzz_target.cc joins it to
// libFuzzer. Built without the fuzzer, it runs its seeds and nothing else.
//
// With `--write_seeds DIR` it writes its seeds as files, as they lie in corpus/NAME. In the
// environment INTENTLOG_FUZZ_SEED is the seed of chance (1 unless set), and INTENTLOG_LONG, if it
// is set, makes many more runs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tests/fuzz/pieces.h"

namespace intentlog::fuzz {

// ---- what a target defines

// Uses the pieces as if they came from outside. What they must not cause is a crash here: a failed
// check, what sanitizers see, or a limit of Hostile. Equal pieces do equal things, every time.
void Run(const Pieces& pieces);

struct Seed {
  std::string name;
  Pieces pieces;
};
std::vector<Seed> Seeds();

// Whether pieces are serialized messages, to be changed field by field.
extern const bool kMessages;

// ---- what it has

// What handles the hostile bytes: limits.h holds in it.
void Hostile(size_t bytes, absl::FunctionRef<void()> use);

// Crashes with the sentence.
[[noreturn]] void Fail(const std::string& what);

}  // namespace intentlog::fuzz
