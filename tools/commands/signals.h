// A StopSignal waits for SIGTERM or SIGINT, which then end nothing by themselves. Make it on the
// main thread before any other thread begins. A second signal ends the process at once.
#pragma once

#include <csignal>

#include "absl/time/time.h"

namespace intentlog {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();  // signals do again what they did before
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Whether one came within `limit`.
  bool Wait(absl::Duration limit);

 private:
  void Release();

  sigset_t signals_;
  sigset_t before_;
  bool released_ = false;
};

}  // namespace intentlog
