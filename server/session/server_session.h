// A ServerSession is one connected device: Hello, Welcome, then pushes up and feed down, until one
// side says goodbye. It does no I/O: frames come in through OnFrame and leave through a FrameSink.
// It lives for one connection and is never restarted.
//
//   begun ─Hello─► introduced ─number durable─► welcomed ─Goodbye─► closed
//
// Every frame of the device is untrusted: it is checked whole before any state is touched.
// Everything on the core executor.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/ids.h"
#include "proto/sync.pb.h"
#include "server/feed/feed_hub.h"
#include "server/options.h"
#include "server/sequencer/push_unit.h"
#include "server/session/frame_sink.h"
#include "server/tenant/tenant.h"

namespace intentlog {

class ServerSession;

// The server around its sessions.
class ServerSessionHost {
 public:
  virtual ~ServerSessionHost() = default;
  // Opens or makes the tenant. UNAVAILABLE: not now, RESOURCE_EXHAUSTED: there are too many.
  virtual absl::StatusOr<Tenant*> TenantFor(const std::string& name) = 0;
  virtual const ServerOptions& options() const = 0;
  virtual const Clock& clock() const = 0;
  virtual Executor& core() = 0;
  // How long one more device is to stay away that is sent away for a short while.
  virtual absl::Duration ComeBackAfter() = 0;
};

class ServerSession final : public FeedReceiver,
                            public DeviceSession,
                            public std::enable_shared_from_this<ServerSession> {
 public:
  // Both must outlive the session, `sink` until Detach.
  ServerSession(ServerSessionHost& host, FrameSink& sink);
  ~ServerSession() override;

  void OnFrame(std::string_view bytes);
  void OnWritable();
  size_t unprocessed_bytes() const { return unprocessed_bytes_; }

  // Says goodbye and closes. Harmless when closed.
  void Close(Goodbye::Code code, std::string_view text, absl::Duration retry_after = {});
  // The connection is gone: nothing is sent any more.
  void Detach();
  bool closed() const { return state_ == State::kClosed; }
  // When the device was last heard, in the clock's passed time.
  absl::Duration heard() const { return heard_; }

  // ---- FeedReceiver, DeviceSession
  bool CanTakeFeed() const override;
  void SendFeed(const SharedFrame& frame) override;
  void SendDigest(const SharedFrame& frame) override;
  void FeedFailed(const absl::Status& status) override;
  void Supersede() override;

 private:
  enum class State : uint8_t { kBegun, kIntroduced, kWelcomed, kClosed };

  void OnPush(std::unique_ptr<const std::string> frame, PushFrame push);
  absl::Status CheckPush(const PushFrame& push, const PushLane* lane) const;
  void OnOther(std::string_view bytes);
  void OnHello(const Hello& hello);
  void OnIntroduced(const Hello& hello, const absl::StatusOr<Tenant::Introduced>& introduced);
  absl::Status SendWelcome(const Hello& hello, const Tenant::Introduced& introduced);
  bool HasAllReceipts(const Hello& hello) const;
  void BeginFeed(const Hello& hello);
  void OnCredit(const Credit& credit);
  void OnInquiry(const Inquiry& inquiry);
  void NoteFork(const PushLane& lane, const PushAnswer& answer);
  void OnAnswer(const std::shared_ptr<PushLane>& lane, PushAnswer answer);
  void OnWaits(std::string_view why);
  void AskAgainLater(PushLane& lane, Count first, std::string_view reason);
  void SetClocks(const std::optional<DeviceRecord>& before);
  std::shared_ptr<PushLane> LaneOf(std::string_view log_id) const;
  void Send(const ServerFrame& frame);
  void LeaveTenant();

  ServerSessionHost& host_;
  FrameSink* sink_;  // null: detached
  Tenant* tenant_ = nullptr;
  std::string device_;  // as its operator calls it, once it is introduced
  InstanceId instance_;
  std::vector<std::shared_ptr<PushLane>> lanes_;
  std::shared_ptr<FeedHub::Follower> follower_;
  int64_t credit_bytes_ = 0;  // of feed; a frame may overdraw it
  size_t unprocessed_bytes_ = 0;
  absl::Duration heard_;
  State state_ = State::kBegun;
  bool entered_ = false;
};

}  // namespace intentlog
