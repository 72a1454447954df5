#include "tools/commands/signals.h"

#include <cerrno>
#include <ctime>

namespace intentlog {

StopSignal::StopSignal(Hangup hangup) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  if (hangup == Hangup::kReloads) sigaddset(&signals_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

StopSignal::~StopSignal() { Release(); }

bool StopSignal::Wait(absl::Duration limit) {
  const timespec time = absl::ToTimespec(limit);
  const int signal = sigtimedwait(&signals_, nullptr, &time);
  if (signal == SIGHUP) {
    reload_ = true;
    return false;
  }
  const bool came = signal > 0;
  if (came) Release();
  return came;
}

void StopSignal::Release() {
  if (released_) return;
  released_ = true;
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace intentlog
