// A server of a benchmark, with views that `serve` does not have. A process of its own.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace intentlog::bench {

// As `serve` on the data folder, on a free port of loopback, with the views of that name
// (ViewsNamed). Says its address, one line on stdout, when all is folded and a snapshot of it is
// taken. Until a signal comes.
absl::Status RunBenchServer(const std::string& dir, const std::string& views);

}  // namespace intentlog::bench
