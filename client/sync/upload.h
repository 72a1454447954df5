// An Upload decides what of one device log to push next in one session: from the first count
// without a receipt, whole batches, several frames in flight up to the server's window. Frames have
// the counts of the wire, all else those of the device (device_logs.h).
//
// Thread-compatible: belongs to the session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/device_logs.h"
#include "client/outbox/outbox.h"
#include "eventlog/runtime/ids.h"
#include "proto/sync.pb.h"

namespace intentlog {

struct UploadOptions {
  // Intents in one frame; a larger batch goes alone.
  size_t push_frame_bytes = 256 << 10;
  // Where the server names no limit.
  size_t frame_bytes_max = 1 << 20;
  size_t push_window_bytes = 1 << 20;
};

class Upload {
 public:
  Upload(Outbox& outbox, const DeviceLogs::Named& log, const UploadOptions& options);

  // The server's Welcome: what it has, and how much it takes. `leaving`: this log may be left for
  // another one. REQUIRES: called once, first.
  absl::Status Start(Count server_highest, const Limits& limits, bool leaving);
  // The next frame, of about `bytes_max` or one batch; nothing if all is pushed, the window is
  // full, or this log is stopped. Of the window, `bytes_of_others` are taken by other logs.
  // Syncs what is not durable yet before it is pushed. DATA_LOSS, or the outbox's failure.
  absl::StatusOr<bool> Next(size_t bytes_of_others, size_t bytes_max, Push* push);

  // The outbox as receipts must be judged against.
  OutboxView view() const;
  // Receipts came: the window opens.
  void Receipted();
  // Receipts for a push came, through a count.
  void Compared(Count through) { compare_ = through >= compare_ ? Count() : compare_; }
  // From a count of the wire. INVALID_ARGUMENT if the server asks for what was never pushed;
  // FAILED_PRECONDITION if for what it has acknowledged, and not to compare.
  absl::Status Resend(uint64_t from);
  // A count of the wire as one of the device; nothing if this device never pushed it.
  std::optional<Count> Pushed(uint64_t wire) const;
  // Nothing more of this log is pushed.
  void Stop() { stopped_ = true; }

  bool stopped() const { return stopped_; }
  bool server_ahead() const { return server_ahead_; }
  // False while the server is asked whether what this log has receipts for is what it has. Who
  // leaves a log never compares it again.
  bool compared() const { return compare_ == Count(); }
  bool in_flight() const { return !frames_.empty(); }
  size_t bytes_in_flight() const { return bytes_in_flight_; }
  PriorityClass priority() const { return log_.priority; }
  const LogId& log_id() const { return log_.id; }
  const DeviceLogs::Named& log() const { return log_; }

 private:
  struct Frame {
    Count last;
    size_t bytes;
  };

  Outbox& outbox_;
  const DeviceLogs::Named log_;
  UploadOptions options_;
  bool started_ = false;
  bool stopped_ = false;
  bool server_ahead_ = false;
  Count compare_;             // pushed again; 0: nothing is
  Count server_has_;          // at its Welcome
  Count pushed_;              // highest ever, in this session
  Count next_;                // to push
  std::deque<Frame> frames_;  // in flight, in count order
  size_t bytes_in_flight_ = 0;
};

}  // namespace intentlog
