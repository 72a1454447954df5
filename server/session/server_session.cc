#include "server/session/server_session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "eventlog/log/epochs.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/text.h"
#include "server/session/ends.h"
#include "server/session/hello_check.h"
#include "server/session/push_lanes.h"
#include "server/tenant/installations.h"

namespace intentlog {
namespace {

// A count above this is no count of any device: adding to it stays far from overflow.
constexpr uint64_t kCountMax = uint64_t{1} << 62;
// More credit than this means "all there is".
constexpr int64_t kCreditMax = int64_t{1} << 40;

}  // namespace

ServerSession::ServerSession(ServerSessionHost& host, FrameSink& sink)
    : host_(host), sink_(&sink), heard_(host.clock().Passed()) {}

ServerSession::~ServerSession() = default;

void ServerSession::Send(const ServerFrame& frame) {
  if (sink_ != nullptr) sink_->Send(std::make_shared<std::string>(frame.SerializeAsString()));
}

// ---- the end

void ServerSession::LeaveTenant() {
  if (tenant_ == nullptr) return;
  if (follower_ != nullptr) tenant_->hub().Unfollow(follower_);
  if (entered_) tenant_->Leave(device_, *this);
  follower_.reset();
  tenant_ = nullptr;
  entered_ = false;
}

void ServerSession::Close(Goodbye::Code code, std::string_view text, absl::Duration retry_after) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  LeaveTenant();
  if (sink_ == nullptr) return;
  ServerFrame frame;
  Goodbye& goodbye = *frame.mutable_goodbye();
  goodbye.set_code(code);
  goodbye.set_text(text.data(), text.size());
  goodbye.set_retry_after_ms(absl::ToInt64Milliseconds(retry_after));
  Send(frame);
  sink_->Close();
}

void ServerSession::Detach() {
  sink_ = nullptr;
  state_ = State::kClosed;
  LeaveTenant();
}

// What waits of the session is not decided any more: who took over was told what there is.
void ServerSession::Supersede() {
  for (const auto& lane : lanes_) lane->superseded = true;
  Close(Goodbye::SUPERSEDED, "a newer session of this device took over");
}

// ---- frames of the device

void ServerSession::OnFrame(std::string_view bytes) {
  if (state_ == State::kClosed) return;
  heard_ = host_.clock().Passed();
  if (bytes.size() > host_.options().frame_bytes_max) {
    return Close(Goodbye::BAD_FRAME, Cat("a frame of ", bytes.size(), " bytes; at most ",
                                         host_.options().frame_bytes_max, " are allowed"));
  }
  auto frame = std::make_unique<const std::string>(bytes);
  absl::StatusOr<std::optional<PushFrame>> push = ParsePushFrame(*frame);
  if (!push.ok()) return Close(Goodbye::BAD_FRAME, MessageOf(push.status()));
  if (!push->has_value()) return OnOther(*frame);
  OnPush(std::move(frame), **std::move(push));
}

void ServerSession::OnOther(std::string_view bytes) {
  const absl::Status size = CheckHelloSize(bytes, host_.options());
  if (!size.ok()) return Close(Goodbye::BAD_FRAME, MessageOf(size));
  DeviceFrame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Close(Goodbye::BAD_FRAME, "the frame does not parse");
  }
  if (frame.has_hello() != (state_ == State::kBegun)) {
    return Close(Goodbye::BAD_FRAME, "Hello comes first, and once");
  }
  if (frame.has_hello()) return OnHello(frame.hello());
  if (frame.has_credit()) return OnCredit(frame.credit());
  if (frame.has_inquiry()) return OnInquiry(frame.inquiry());
  if (frame.has_report() && entered_) tenant_->Note(device_, frame.report());
}

void ServerSession::OnInquiry(const Inquiry& inquiry) {
  if (state_ != State::kWelcomed) return Close(Goodbye::BAD_FRAME, "an Inquiry before the Welcome");
  const uint32_t asked_max = host_.options().asked_max;
  if (static_cast<uint32_t>(inquiry.open_size()) > asked_max) {
    return Close(Goodbye::BAD_FRAME, Cat("an Inquiry about ", inquiry.open_size(),
                                         " open events; at most ", asked_max, " are allowed"));
  }
  auto ends = EndsOf(tenant_->log(), inquiry, [this](std::string_view log_id, uint64_t position) {
    return std::any_of(lanes_.begin(), lanes_.end(),
                       [&](const auto& lane) { return Owns(lane->own_logs, log_id, position); });
  });
  if (!ends.ok()) return Close(Goodbye::STORE_FAILED, MessageOf(ends.status()));
  if (ends->ends_size() == 0) return;
  ServerFrame frame;
  *frame.mutable_ends() = *std::move(ends);
  Send(frame);
}

void ServerSession::OnCredit(const Credit& credit) {
  const auto more = static_cast<int64_t>(std::min<uint64_t>(credit.bytes(), kCreditMax));
  credit_bytes_ = std::min(kCreditMax, credit_bytes_ + more);
  if (follower_ != nullptr) tenant_->hub().Resume(follower_);
}

void ServerSession::OnWritable() {
  if (follower_ != nullptr) tenant_->hub().Resume(follower_);
}

// ---- opening

void ServerSession::SetClocks(const std::optional<DeviceRecord>& before) {
  if (!before) return;
  for (const auto& lane : lanes_) {
    lane->clock.known_before = true;
    lane->clock.skew_before_us = before->skew_us();
    lane->clock.steps_before = before->clock_steps();
  }
}

void ServerSession::OnHello(const Hello& hello) {
  if (const std::optional<Goodbye> goodbye = CheckHello(hello, host_.options())) {
    return Close(goodbye->code(), goodbye->text());
  }
  const absl::StatusOr<Tenant*> tenant = host_.TenantFor(hello.tenant());
  if (!tenant.ok()) {
    INTENTLOG_MARK("session: a Hello finds no tenant");
    const bool full = absl::IsResourceExhausted(tenant.status());
    return Close(full ? Goodbye::UNKNOWN_TENANT : Goodbye::STORE_FAILED, MessageOf(tenant.status()),
                 host_.ComeBackAfter());
  }
  tenant_ = *tenant;
  instance_ = InstanceId::FromBytes(hello.instance());
  state_ = State::kIntroduced;
  auto kept = std::make_shared<const Hello>(hello);
  tenant_->Introduce(*kept, [weak = weak_from_this(), kept](const auto& introduced) {
    if (const auto session = weak.lock()) session->OnIntroduced(*kept, introduced);
  });
}

void ServerSession::OnIntroduced(const Hello& hello,
                                 const absl::StatusOr<Tenant::Introduced>& introduced) {
  if (state_ != State::kIntroduced) return;
  if (!introduced.ok()) {
    const absl::Status& why = introduced.status();
    const Goodbye::Code code = absl::IsFailedPrecondition(why) ? Goodbye::EPOCH_MISMATCH
                               : absl::IsInvalidArgument(why)  ? Goodbye::BAD_FRAME
                                                               : Goodbye::STORE_FAILED;
    return Close(code, MessageOf(why));
  }
  device_ = introduced->name;
  entered_ = tenant_->Enter(device_, introduced->session, *this);
  if (!entered_) return Supersede();
  auto lanes = MakePushLanes(hello, device_, tenant_->log(), host_.clock().WallMicros());
  if (!lanes.ok()) return Close(Goodbye::STORE_FAILED, MessageOf(lanes.status()));
  lanes_ = *std::move(lanes);
  SetClocks(introduced->before);
  const absl::Status status = SendWelcome(hello, *introduced);
  if (!status.ok()) return Close(Goodbye::STORE_FAILED, MessageOf(status));
  state_ = State::kWelcomed;
  if (!introduced->has_lost) BeginFeed(hello);
}

absl::Status ServerSession::SendWelcome(const Hello& hello, const Tenant::Introduced& introduced) {
  const EventLog& log = tenant_->log();
  const ServerOptions& options = host_.options();
  const LogEnd head = log.head();
  const Epoch epoch = log.epochs().back();
  ServerFrame frame;
  Welcome& welcome = *frame.mutable_welcome();
  welcome.set_session(introduced.session);
  // Before the first group there is no row yet.
  const std::string& digest = introduced.schema.digest();
  welcome.set_schema_digest(digest.empty() ? options.schema->digest() : digest);
  welcome.set_rule_set(introduced.schema.number());
  welcome.set_epoch_number(epoch.number());
  welcome.set_epoch_id(epoch.id());
  *welcome.mutable_history() = ToWire(log.epochs());
  for (const std::string& scope : introduced.lost_scopes) welcome.add_lost_scopes(scope);
  welcome.set_head(head.position.value());
  welcome.set_durable_through(tenant_->durable_through().value());
  welcome.set_server_time_us(std::max(host_.clock().WallMicros(), head.server_time_us));
  for (const DeviceLog& one : hello.logs()) {
    ASSIGN_OR_RETURN(const LogHighest highest, log.Highest(LogId::FromBytes(one.log_id())));
    HighestCount& count = *welcome.add_highest();
    count.set_log_id(one.log_id());
    count.set_count(highest.count.value());
  }
  Limits& limits = *welcome.mutable_limits();
  limits.set_max_frame_bytes(options.frame_bytes_max);
  limits.set_push_window_bytes(options.push_window_bytes);
  limits.set_max_batch_intents(options.batch_intents_max);
  limits.set_max_batch_bytes(options.batch_bytes_max);
  limits.set_max_asked(options.asked_max);
  Send(frame);
  return absl::OkStatus();
}

// Whether the device knows how everything stands that this log has of it.
bool ServerSession::HasAllReceipts(const Hello& hello) const {
  const std::vector<const DeviceLog*> pushed = PushedLogs(hello);
  return std::all_of(pushed.begin(), pushed.end(), [&](const DeviceLog* one) {
    const auto highest = tenant_->log().Highest(LogId::FromBytes(one->log_id()));
    return highest.ok() && highest->count.value() <= one->receipted();
  });
}

void ServerSession::BeginFeed(const Hello& hello) {
  const int64_t initial =
      static_cast<int64_t>(std::min<uint64_t>(hello.initial_credit_bytes(), kCreditMax));
  credit_bytes_ = std::min(kCreditMax, credit_bytes_ + initial);
  FeedHub::Wish wish;
  for (const Cursor& cursor : hello.cursors()) {
    wish.cursors.push_back({cursor.scope(), Position(cursor.position())});
  }
  wish.all_scopes = hello.all_scopes();
  wish.form = hello.takes_packed() ? FeedForm::kPacked : FeedForm::kPlain;
  const SnapshotFiles files =
      HasAllReceipts(hello) ? tenant_->snapshots().usable() : SnapshotFiles();
  follower_ = tenant_->hub().Follow(*this, wish, [&](std::string_view scope, Position cursor) {
    return OfferSnapshot(files, hello, scope, cursor, host_.options());
  });
}

// ---- pushes

std::shared_ptr<PushLane> ServerSession::LaneOf(std::string_view log_id) const {
  for (const auto& lane : lanes_) {
    if (lane->log.bytes() == log_id) return lane;
  }
  return nullptr;
}

absl::Status ServerSession::CheckPush(const PushFrame& push, const PushLane* lane) const {
  const ServerOptions& options = host_.options();
  if (state_ != State::kWelcomed) return Invalid("a Push before the Welcome");
  if (lane == nullptr) return Invalid("a Push of a device log that the Hello does not name");
  if (push.first_count == 0 || push.first_count > kCountMax) {
    return Invalid("a Push from count ", push.first_count);
  }
  if (push.intents.empty() || push.intents.size() > options.frame_intents_max) {
    return Invalid("a Push of ", push.intents.size(), " intents; allowed are 1 to ",
                   options.frame_intents_max);
  }
  ChainValue hash;
  if (!ToChainValue(push.hash_before, &hash)) return Invalid("hash_before is not 32 bytes");
  if ((push.first_count == 1) != (hash == ChainValue())) {
    return Invalid("hash_before is empty before count 1, and there alone");
  }
  RETURN_IF_ERROR(CheckBatches(push, {options.batch_intents_max, options.batch_bytes_max}));
  return CheckLost(push);
}

void ServerSession::OnPush(std::unique_ptr<const std::string> frame, PushFrame push) {
  const std::shared_ptr<PushLane> lane = LaneOf(push.log_id);
  const absl::Status status = CheckPush(push, lane.get());
  if (!status.ok()) return Close(Goodbye::BAD_FRAME, MessageOf(status));
  if (lane->not_taken && push.first_count > lane->not_taken->value()) return;  // it comes again
  const ServerOptions& options = host_.options();
  unprocessed_bytes_ += push.intent_bytes;
  if (unprocessed_bytes_ > options.push_window_bytes + options.frame_bytes_max) {
    return Close(Goodbye::WINDOW_EXCEEDED,
                 Cat(unprocessed_bytes_, " bytes are pushed and not receipted; at most ",
                     options.push_window_bytes, " are allowed"));
  }
  PushUnit unit;
  unit.lane = lane;
  ToChainValue(push.hash_before, &unit.hash_before);
  unit.frame = std::move(frame);
  unit.push = std::move(push);
  const size_t bytes = unit.push.intent_bytes;
  const Count first = unit.first();
  unit.done = [weak = weak_from_this(), lane](PushAnswer answer) {
    if (const auto session = weak.lock()) session->OnAnswer(lane, std::move(answer));
  };
  unit.waits = [weak = weak_from_this()](std::string_view why) {
    if (const auto session = weak.lock()) session->OnWaits(why);
  };
  lane->not_taken.reset();
  const absl::Status taken = tenant_->sequencer().Submit(std::move(unit));
  if (taken.ok()) return;
  unprocessed_bytes_ -= bytes;
  AskAgainLater(*lane, first, MessageOf(taken));
}

// The device pushes this again, after a while.
void ServerSession::AskAgainLater(PushLane& lane, Count first, std::string_view reason) {
  lane.not_taken = first;
  ServerFrame frame;
  frame.mutable_throttle()->set_retry_after_ms(1000);
  frame.mutable_throttle()->set_reason(reason.data(), reason.size());
  INTENTLOG_MARK("session: a push is to come again later");
  Send(frame);
  Resend& resend = *frame.mutable_resend();
  resend.set_log_id(lane.log.bytes().data(), LogId::kSize);
  resend.set_from_count(first.value());
  Send(frame);
}

// A sign of life, and why nothing else comes.
void ServerSession::OnWaits(std::string_view why) {
  if (state_ != State::kWelcomed) return;
  ServerFrame frame;
  frame.mutable_throttle()->set_reason(why.data(), why.size());
  Send(frame);
}

// Nothing of it is written to the log; an operator can see that it was there.
void ServerSession::NoteFork(const PushLane& lane, const PushAnswer& answer) {
  ForkSeen fork;
  fork.set_log_id(std::string(lane.log.bytes()));
  fork.set_count(answer.forked_at->value());
  fork.set_at_us(host_.clock().WallMicros());
  fork.set_instance(std::string(instance_.bytes()));
  fork.set_intent(answer.forked_intent);
  tenant_->NoteFork(device_, std::move(fork));
}

void ServerSession::OnAnswer(const std::shared_ptr<PushLane>& lane, PushAnswer answer) {
  unprocessed_bytes_ -= answer.bytes;
  if (state_ != State::kWelcomed) return;
  if (!answer.refused.empty()) return Close(Goodbye::BAD_FRAME, answer.refused);
  const std::string log_id(lane->log.bytes());
  ServerFrame frame;
  if (!answer.runs.empty()) {
    Receipts& receipts = *frame.mutable_receipts();
    receipts.set_log_id(log_id);
    for (ReceiptRun& run : answer.runs) *receipts.add_runs() = std::move(run);
    receipts.set_durable_through(tenant_->durable_through().value());
    Send(frame);
  }
  if (answer.forked_at) {
    NoteFork(*lane, answer);
    frame.mutable_forked()->set_log_id(log_id);
    frame.mutable_forked()->set_first_differing_count(answer.forked_at->value());
    Send(frame);
  } else if (answer.resend_from) {
    frame.mutable_resend()->set_log_id(log_id);
    frame.mutable_resend()->set_from_count(answer.resend_from->value());
    Send(frame);
  }
  if (sink_ != nullptr) sink_->InputProcessed();
}

// ---- feed

bool ServerSession::CanTakeFeed() const {
  return state_ == State::kWelcomed && sink_ != nullptr && credit_bytes_ > 0 &&
         sink_->unsent_bytes() < host_.options().unsent_bytes_max;
}

void ServerSession::SendFeed(const SharedFrame& frame) {
  credit_bytes_ -= static_cast<int64_t>(frame->size());
  sink_->Send(frame);
}

void ServerSession::SendDigest(const SharedFrame& frame) {
  if (sink_ != nullptr && sink_->unsent_bytes() < host_.options().unsent_bytes_max) {
    sink_->Send(frame);
  }
}

void ServerSession::FeedFailed(const absl::Status& status) {
  host_.core().Post([weak = weak_from_this(), status] {
    if (const auto session = weak.lock()) session->Close(Goodbye::STORE_FAILED, MessageOf(status));
  });
}

}  // namespace intentlog
