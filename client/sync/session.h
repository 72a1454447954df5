// A Session is a device's side of one connection, as a state machine without I/O of its own: frames
// come in, frames go out, and what they mean is written to the device. It lives for one connection
// and is never restarted; an error from any of its functions ends it.
//
//   opening ── Welcome ──► open ── Goodbye, error, close ──► gone
//
// Frames of the server are not trusted: each is checked whole before anything changes. Frames of a
// kind that this version does not know are left out.
//
// Thread-compatible: belongs to the client's executor.
//
//   Session session(device, options, clock, instance, host);
//   RETURN_IF_ERROR(session.Start(health));      // Hello
//   RETURN_IF_ERROR(session.OnFrame(bytes));     // for each frame
//   RETURN_IF_ERROR(session.Fold());             // when the host was asked to FoldSoon
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/device.h"
#include "client/sync/bootstrap.h"
#include "client/sync/digest_check.h"
#include "client/sync/download.h"
#include "client/sync/upload.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/ids.h"
#include "proto/sync.pb.h"

namespace intentlog {

struct SessionOptions {
  UploadOptions upload;
  DownloadOptions download;
  BootstrapOptions bootstrap;
  // Feed that may be on its way: what one commit folds, and as much that comes meanwhile.
  uint64_t feed_credit_bytes = 1 << 20;
  // Bytes that the transport has not taken; pushing waits above it.
  size_t unsent_bytes_max = 1 << 20;
  // Queue health goes out when it has changed, at most this often: what an operator looks at, not
  // what a program reacts to.
  absl::Duration report_interval = absl::Seconds(5);
  // … and as a sign of life, if nothing else went for this long.
  absl::Duration sign_of_life = absl::Seconds(30);
  // How own intents ended that are open in scopes without a feed here is asked for so often, and of
  // so many at a time: no operator decides in seconds.
  absl::Duration ask_interval = absl::Seconds(30);
  size_t asked_max = 256;
  // An answer that is outstanding for longer ends the session.
  absl::Duration silence_max = absl::Seconds(45);
  std::string app_version;
};

// What a Session asks of whoever owns the connection.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual void Send(std::string frame) = 0;
  virtual size_t unsent_bytes() const = 0;
  // Call Fold after the frames that have arrived already.
  virtual void FoldSoon() = 0;
  // Call Pump after `delay`.
  virtual void PumpAfter(absl::Duration delay) = 0;
  // Something that Status tells of has changed.
  virtual void Changed() = 0;
  // How many bytes of this log may go now; 0 while something holds it.
  virtual uint64_t PushAllowance(PriorityClass priority) const = 0;
  virtual void Pushed() = 0;
  // Of the feed that could be taken, how much the server may send.
  virtual uint64_t GrantCredit(uint64_t bytes) = 0;
};

class Session {
 public:
  Session(Device& device, const SessionOptions& options, const Clock& clock,
          const InstanceId& instance, DigestCheck& digests, SessionHost& host);

  absl::Status Start(const QueueHealth& health);
  absl::Status OnFrame(std::string bytes);
  absl::Status Fold();
  // Pushes what may be pushed now.
  absl::Status Pump();
  // Time has passed: sends a report if one is due. UNAVAILABLE if an answer is overdue.
  absl::Status Tick(const QueueHealth& health);

  bool open() const { return open_; }
  Position server_head() const { return head_; }
  bool forked(PriorityClass priority) const;
  // Something was pushed or has come that is not done with.
  bool busy() const { return BytesInFlight() > 0 || folding(); }
  bool folding() const { return bootstrap_.waiting() || download_.waiting(); }
  // Every subscribed scope has what the server had when this session was opened.
  bool has_feed() const;
  // The Hello does not say what is so now, because a log began, got another name, or the server
  // lost something: another session will do.
  bool outgrown() const { return outgrown_; }
  // Another session of the device took over.
  bool superseded() const { return superseded_; }
  // This server will not do, whatever is tried: another history, another protocol.
  bool refused() const { return refused_; }
  // What the server asked for before it ends or takes more; zero: nothing.
  absl::Duration server_delay() const { return server_delay_; }
  bool throttled() const { return throttle_left() > absl::ZeroDuration(); }
  absl::Duration throttle_left() const { return throttled_until_ - clock_.Passed(); }

 private:
  absl::Status OnWelcome(const Welcome& welcome);
  absl::Status MeetServer(const Welcome& welcome);
  // Whether such a frame may come now.
  absl::Status CheckTurn(ServerFrame::FrameCase kind) const;
  absl::Status OnOther(std::string_view bytes);
  absl::Status OnFeed(FrameBytes bytes, const FeedView& feed);
  absl::Status OnSnapshot(const absl::Status& added);
  absl::Status StepBootstrap();
  void FoldSoon();
  absl::Status OnReceipts(Receipts& receipts);
  absl::Status OnResend(const Resend& resend);
  // ---- `session_fork.cc`
  absl::Status OnForked(const Forked& forked);
  absl::Status ForgetReceipts(PriorityClass priority, Count from);
  absl::Status OnSuperseded();
  absl::StatusOr<bool> Leave(Upload& upload, Count first, std::string why);
  absl::Status LeaveSettledLogs();
  absl::StatusOr<bool> GoBackBehindLosses(const Welcome& welcome);
  void NoteServerAhead(const Upload& upload);
  absl::Status LeaveIfTrimmed(Upload& upload, Count server_highest);
  // ----
  void NameLogs(Hello& hello) const;
  absl::Status OnDigest(const Digest& digest);
  absl::Status OnThrottle(const Throttle& throttle);
  absl::Status OnGoodbye(const Goodbye& goodbye);
  absl::StatusOr<Upload*> UploadOf(std::string_view frame, std::string_view log_id);
  size_t BytesInFlight() const;
  void GiveCredit(uint64_t bytes);
  absl::StatusOr<bool> PushNext();
  absl::Status SeedDigests();
  void SendFrame(const DeviceFrame& frame);
  void SendReport(const QueueHealth& health);
  absl::Status AskForEnds();
  absl::Status OnEnds(const Ends& ends);

  Device& device_;
  const SessionOptions options_;
  const Clock& clock_;
  const InstanceId instance_;
  DigestCheck& digests_;
  SessionHost& host_;
  std::vector<Upload> uploads_;  // one for each log, in the order of their classes
  Bootstrap bootstrap_;
  Download download_;

  bool open_ = false;
  bool refused_ = false;
  bool outgrown_ = false;
  bool superseded_ = false;
  bool fold_asked_ = false;
  EpochId epoch_;
  Position head_;
  Position head_at_welcome_;
  absl::Duration server_delay_;
  absl::Duration throttled_until_;  // in passed time
  absl::Duration last_heard_;       // in passed time
  absl::Duration last_report_;      // in passed time
  absl::Duration last_ask_;         // in passed time
  size_t asked_max_ = 0;            // by the server, too
  Position asked_through_;          // the next ones are those behind it
  std::string reported_;            // the last health that went out
  DeviceFrame outgoing_;
  ServerFrame incoming_;
};

}  // namespace intentlog
