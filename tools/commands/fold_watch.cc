#include "tools/commands/fold_watch.h"

#include <csignal>

namespace intentlog {

FoldWatch::FoldWatch() { std::signal(SIGPIPE, SIG_IGN); }

absl::Status FoldWatch::Update(Position through) {
  bar_.Update(through.value());
  if (!stop_.Wait(absl::ZeroDuration())) return absl::OkStatus();
  return absl::CancelledError("interrupted");
}

absl::Status FoldWatch::Look() {
  bar_.Finish();
  if (!stop_.Wait(absl::ZeroDuration())) return absl::OkStatus();
  return absl::CancelledError("interrupted");
}

}  // namespace intentlog
