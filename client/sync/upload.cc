#include "client/sync/upload.h"

#include <algorithm>

#include "client/outbox/intent_reader.h"
#include "client/outbox/lost_runs.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// What a frame holds besides its intents: ids and hash.
constexpr size_t kFrameOverhead = 128;

}  // namespace

Upload::Upload(Outbox& outbox, const DeviceLogs::Named& log, const UploadOptions& options)
    : outbox_(outbox), log_(log), options_(options) {}

absl::Status Upload::Start(Count server_highest, const Limits& limits, bool leaving) {
  INTENTLOG_CHECK(!started_);
  started_ = true;
  if (limits.max_frame_bytes() > 0) options_.frame_bytes_max = limits.max_frame_bytes();
  if (limits.push_window_bytes() > 0) options_.push_window_bytes = limits.push_window_bytes();
  const size_t largest = std::min(options_.frame_bytes_max, options_.push_window_bytes);
  options_.push_frame_bytes =
      std::min(options_.push_frame_bytes, largest > kFrameOverhead ? largest - kFrameOverhead : 1);
  const OutboxView view = outbox_.view(log_.priority);
  next_ = PushFrom(view);
  // No count of a log comes near this: the sum can not overflow.
  constexpr uint64_t kCountMax = uint64_t{1} << 62;
  server_has_ = log_.before.Plus(std::min(server_highest.value(), kCountMax));
  server_ahead_ = CompareHighest(view, server_has_) == LogStanding::kServerAhead;
  if ((leaving || server_ahead_) && next_ > view.last && view.last > log_.before) {
    compare_ = next_ = view.last;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Upload::Next(size_t bytes_of_others, size_t bytes_max, Push* push) {
  if (!started_ || stopped_) return false;
  RETURN_IF_ERROR(outbox_.failed());
  OutboxView now = outbox_.view(log_.priority);
  if (next_ > now.last) return false;
  const size_t in_flight = bytes_in_flight_ + bytes_of_others;
  if (in_flight > 0 && in_flight + options_.push_frame_bytes > options_.push_window_bytes) {
    return false;
  }
  if (Planted(Bug::kPushedBeforeSync)) now.synced = now.last;
  if (now.synced < now.last && outbox_.store().failed().ok()) {
    RETURN_IF_ERROR(outbox_.Sync());
    now = outbox_.view(log_.priority);
  }
  // What was recorded under another name goes under that.
  if (log_.until && now.receipted <= *log_.until) now.synced = std::min(now.synced, *log_.until);
  if (next_ > now.synced) return false;
  push->Clear();
  push->set_log_id(std::string(log_.id.bytes()));
  IntentReader reader(outbox_.store(), log_.priority);
  ASSIGN_OR_RETURN(const Count last, reader.FillPush(next_, now.synced,
                                                     std::min(bytes_max, options_.push_frame_bytes),
                                                     log_.before, push));
  if (last > now.receipted) {
    RETURN_IF_ERROR(AddLostRuns(outbox_.store(), log_.priority, log_.before, *push));
  }
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
  OutboxView view = outbox_.view(log_.priority);
  view.pushed = pushed_;
  return view;
}

void Upload::Receipted() {
  const Count receipted = outbox_.view(log_.priority).receipted;
  while (!frames_.empty() && frames_.front().last <= receipted) {
    bytes_in_flight_ -= frames_.front().bytes;
    frames_.pop_front();
  }
  if (compared()) next_ = std::max(next_, receipted.Next());
}

std::optional<Count> Upload::Pushed(uint64_t wire) const {
  if (wire == 0 || pushed_ <= log_.before || wire > log_.OnWire(pushed_)) return std::nullopt;
  return log_.before.Plus(wire);
}

absl::Status Upload::Resend(uint64_t wire) {
  const uint64_t next = pushed_ > log_.before ? log_.OnWire(pushed_) + 1 : 1;
  if (wire == 0 || wire > next) {
    return Invalid("resend: count ", wire, " was never pushed; ", next - 1,
                   " is the last that was");
  }
  const Count from = log_.before.Plus(wire);
  const Count receipted = outbox_.view(log_.priority).receipted;
  // What it has it may want to compare; what it lacks it was said to have.
  if (from <= receipted && from > server_has_) {
    return FailedPrecondition("the server asks again for count ", from, ", of ", receipted,
                              " that it has acknowledged: it has lost some of its history");
  }
  frames_.clear();
  bytes_in_flight_ = 0;
  next_ = from;
  return absl::OkStatus();
}

}  // namespace intentlog
