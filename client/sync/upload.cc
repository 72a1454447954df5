#include "client/sync/upload.h"

#include <algorithm>

#include "client/outbox/intent_reader.h"
#include "client/outbox/lost_runs.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// What a frame holds besides its intents: ids and hash.
constexpr size_t kFrameOverhead = 128;

}  // namespace

Upload::Upload(Outbox& outbox, PriorityClass priority, const LogId& log_id,
               const UploadOptions& options)
    : outbox_(outbox), priority_(priority), log_id_(log_id), options_(options) {}

absl::Status Upload::Start(Count server_highest, const Limits& limits) {
  INTENTLOG_CHECK(!started_);
  started_ = true;
  if (limits.max_frame_bytes() > 0) options_.frame_bytes_max = limits.max_frame_bytes();
  if (limits.push_window_bytes() > 0) options_.push_window_bytes = limits.push_window_bytes();
  const size_t largest = std::min(options_.frame_bytes_max, options_.push_window_bytes);
  options_.push_frame_bytes =
      std::min(options_.push_frame_bytes, largest > kFrameOverhead ? largest - kFrameOverhead : 1);
  const OutboxView view = outbox_.view(priority_);
  next_ = PushFrom(view);
  if (CompareHighest(view, server_highest) == LogStanding::kServerAhead) {
    stopped_ = true;
    server_ahead_ = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Upload::Next(size_t bytes_of_others, size_t bytes_max, Push* push) {
  if (!started_ || stopped_) return false;
  RETURN_IF_ERROR(outbox_.failed());
  OutboxView now = outbox_.view(priority_);
  if (next_ > now.last) return false;
  const size_t in_flight = bytes_in_flight_ + bytes_of_others;
  if (in_flight > 0 && in_flight + options_.push_frame_bytes > options_.push_window_bytes) {
    return false;
  }
  if (now.synced < now.last) {
    RETURN_IF_ERROR(outbox_.Sync());
    now = outbox_.view(priority_);
  }
  push->Clear();
  push->set_log_id(std::string(log_id_.bytes()));
  IntentReader reader(outbox_.store(), priority_);
  ASSIGN_OR_RETURN(
      const Count last,
      reader.FillPush(next_, now.synced, std::min(bytes_max, options_.push_frame_bytes), push));
  RETURN_IF_ERROR(AddLostRuns(outbox_.store(), priority_, *push));
  const size_t bytes = push->ByteSizeLong();
  if (bytes > options_.frame_bytes_max) {
    return FailedPrecondition("the batch at count ", push->first_count(), " takes ", bytes,
                              " bytes, and the server takes frames of at most ",
                              options_.frame_bytes_max);
  }
  frames_.push_back({last, bytes});
  bytes_in_flight_ += bytes;
  next_ = last.Next();
  pushed_ = std::max(pushed_, last);
  return true;
}

OutboxView Upload::view() const {
  OutboxView view = outbox_.view(priority_);
  view.pushed = pushed_;
  return view;
}

void Upload::Receipted() {
  const Count receipted = outbox_.view(priority_).receipted;
  while (!frames_.empty() && frames_.front().last <= receipted) {
    bytes_in_flight_ -= frames_.front().bytes;
    frames_.pop_front();
  }
  next_ = std::max(next_, receipted.Next());
}

absl::Status Upload::Resend(Count from) {
  const OutboxView now = view();
  if (from == Count() || from > pushed_.Next()) {
    return Invalid("resend: count ", from, " was never pushed; ", pushed_, " is the last that was");
  }
  if (from <= now.receipted) {
    return FailedPrecondition("the server asks again for count ", from, ", of ", now.receipted,
                              " that it has acknowledged: it has lost some of its history");
  }
  frames_.clear();
  bytes_in_flight_ = 0;
  next_ = from;
  return absl::OkStatus();
}

}  // namespace intentlog
