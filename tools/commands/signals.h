// A StopSignal waits for SIGTERM or SIGINT, which then end nothing by themselves. Make it on the
// main thread before any other thread begins. A second signal ends the process at once. If asked
// to, it takes SIGHUP too, as a wish to read files again.
#pragma once

#include <csignal>
#include <utility>

#include "absl/time/time.h"

namespace intentlog {

class StopSignal {
 public:
  enum class Hangup { kEnds, kReloads };
  explicit StopSignal(Hangup hangup = Hangup::kEnds);
  ~StopSignal();  // signals do again what they did before
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Whether one came within `limit`. Returns earlier if a reload is wished for.
  bool Wait(absl::Duration limit);
  // Whether a reload was wished for since this was last asked.
  bool TakeReload() { return std::exchange(reload_, false); }

 private:
  void Release();

  sigset_t signals_;
  sigset_t before_;
  bool released_ = false;
  bool reload_ = false;
};

}  // namespace intentlog
