// A FoldWatch is with a fold that a person waits for: shows how far it is, on a terminal, and ends
// it when a signal comes, so that the temporary place goes away.
//
// While there is one, signals end nothing but what asks it, nor does an output that nobody reads
// any more. Make it on the main thread, before any other thread begins; used there.
#pragma once

#include "absl/status/status.h"
#include "eventlog/runtime/numbers.h"
#include "tools/commands/signals.h"
#include "tools/commands/terminal.h"

namespace intentlog {

class FoldWatch {
 public:
  FoldWatch();

  // As AsOfOptions::progress. CANCELLED once a signal has come.
  absl::Status Update(Position through);
  // The same for what is done with the rows afterwards; the bar goes away.
  absl::Status Look();

 private:
  StopSignal stop_;
  ProgressBar bar_{"folding", 0};
};

}  // namespace intentlog
