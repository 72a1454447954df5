#include "tools/commands/signals.h"

#include <cerrno>
#include <ctime>

namespace intentlog {

StopSignal::StopSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

StopSignal::~StopSignal() { Release(); }

bool StopSignal::Wait(absl::Duration limit) {
  const timespec time = absl::ToTimespec(limit);
  const bool came = sigtimedwait(&signals_, nullptr, &time) > 0;
  if (came) Release();
  return came;
}

void StopSignal::Release() {
  if (released_) return;
  released_ = true;
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace intentlog
