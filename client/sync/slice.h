// A slice is a piece of sync work with a budget of bytes and time, such as an operating system
// gives to an application that its user does not see. The Slice counts what is spent. It keeps no
// time and knows no connection. Thread-compatible: belongs to the syncer.
//
//   Slice slice(budget);
//   slice.Sent(frame.size());
//   if (slice.PushAllowance(caught_up) > 0) …
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/conditions/blocked_by.h"

namespace intentlog {

struct SliceBudget {
  // Up and down together. It is exceeded by one batch, one feed frame and their answers at most, so
  // that every slice moves something.
  uint64_t bytes = 4 << 20;
  // Of the 30 s that operating systems give, less what it takes to fold what has arrived.
  absl::Duration time = absl::Seconds(25);
};

struct SliceReport {
  enum class End {
    kDone,     // nothing waits that may go now
    kBytes,    // the budget of bytes is spent
    kTime,     // the time is over
    kHeld,     // the policy lets nothing go now
    kFailed,   // `status` says why, and trying again would come after the end
    kStopped,  // by StopSync
  };
  End end = End::kDone;
  absl::Status status;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t intents_received = 0;  // that the server has now, and had not before
  bool more_waits = false;        // here, or as far as is known on the server
  BlockedBy blocked_by;           // why, if something waits here
};

using SliceDone = std::function<void(const SliceReport& report)>;

class Slice {
 public:
  explicit Slice(const SliceBudget& budget) : budget_(budget) {}

  void Sent(uint64_t bytes) { sent_ += bytes; }
  void Received(uint64_t bytes) {
    received_ += bytes;
    credit_ -= std::min(credit_, bytes);
  }
  void Pushed() { pushed_ = true; }
  void Disconnected() { credit_ = 0; }

  // Of `wanted` bytes of feed, how many the server may send.
  uint64_t Grant(uint64_t wanted) {
    // Half of the budget at first: the other half is for what waits here.
    const uint64_t most =
        granted_ ? Left() - std::min(Left(), credit_) : std::max<uint64_t>(Left() / 2, 1);
    granted_ = true;
    const uint64_t bytes = std::min(wanted, most);
    credit_ += bytes;
    return bytes;
  }
  // How much may be pushed. What the server may send yet is kept for it, unless it has sent all.
  uint64_t PushAllowance(bool caught_up) const {
    const uint64_t kept = caught_up ? 0 : std::min(Left(), credit_);
    return std::max<uint64_t>(Left() - kept, pushed_ ? 0 : 1);
  }
  // Whether neither side may send more.
  bool Spent(bool caught_up) const {
    return PushAllowance(caught_up) == 0 && (caught_up || credit_ == 0);
  }

  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  const SliceBudget& budget() const { return budget_; }

 private:
  uint64_t Left() const { return budget_.bytes - std::min(budget_.bytes, sent_ + received_); }

  const SliceBudget budget_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t credit_ = 0;  // given and not used
  bool granted_ = false;
  bool pushed_ = false;
};

}  // namespace intentlog
