// intentlog bench: the promises of the system in figures, each beside its ceiling. README.md.
#pragma once

#include <CLI/CLI.hpp>

namespace intentlog {

// `bench`, and `bench-part` (not in --help): its processes.
void RegisterBench(CLI::App& app, int* exit_code);

}  // namespace intentlog
