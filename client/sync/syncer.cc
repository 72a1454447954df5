#include "client/sync/syncer.h"

#include <algorithm>

#include "client/sync/queue_health.h"
#include "client/sync/syncer_core.h"
#include "client/sync/why.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

Syncer::Core::Core(Device& device, const SyncerOptions& options, const Runtime& runtime,
                   const InstanceId& instance, std::function<double()> jitter)
    : device_(device),
      options_(options),
      clock_(*runtime.clock),
      executor_(*runtime.executor),
      instance_(instance),
      jitter_(std::move(jitter)),
      retries_(*device.store, options.backoff) {
  PublishLogs();
  const RetryState& worst = retries_.worst();
  state_.reason_text = "sync was not started";
  if (worst.attempts() > 0) {
    state_.reason_text +=
        Cat("; the last of ", worst.attempts(), " attempts failed: ", worst.last_error());
  }
  state_.since = clock_.Passed();
}

// ---- starting and stopping

absl::Status Syncer::Core::Start(Connector& connector, const SliceBudget* budget, SliceDone done) {
  const std::lock_guard<std::mutex> lock(run_);
  if (running_) return FailedPrecondition("sync is running already");
  running_ = true;
  ++starts_;
  connector_ = &connector;
  bad_sessions_ = 0;
  refused_ = failed_ = asked_ = skip_backoff_ = progress_asked_ = false;
  slice_.reset();
  if (budget != nullptr) {
    slice_.emplace(*budget);
    slice_done_ = std::move(done);
    slice_end_ = clock_.Passed() + budget->time;
    slice_receipts_ = ReceiptsNow();
    slice_timer_ = executor_.PostAfter(budget->time, Guarded([](Core& core) { core.OutOfTime(); }));
  }
  SetReason(SyncState::Reason::kOffline, "connecting to the server", absl::InfiniteFuture());
  Allowed();
  Post([](Core& core) { core.Consider(); });
  tick_timer_ = executor_.PostAfter(options_.tick, Guarded([](Core& core) { core.Tick(); }));
  Publish();
  return absl::OkStatus();
}

void Syncer::Core::Stop(bool tell) {
  const std::lock_guard<std::mutex> lock(run_);
  if (!running_) return;
  if (!tell) slice_done_ = nullptr;
  if (slice_) return FinishSlice(SliceReport::End::kStopped, absl::OkStatus());
  Halt("sync was stopped");
}

void Syncer::Core::Halt(const std::string& text) {
  DropConnection();
  for (const Executor::TimerId timer : {retry_timer_, tick_timer_, slice_timer_}) {
    executor_.Cancel(timer);
  }
  running_ = false;
  SetReason(SyncState::Reason::kStopped, text, absl::InfiniteFuture());
  Publish();
}

void Syncer::Core::Wake() {
  if (woken_.exchange(true)) return;
  executor_.Post([self = shared_from_this()] {
    self->woken_ = false;
    // Without a session: a log may have begun that nothing holds.
    self->Enter([&] { self->Consider(); });
  });
}

void Syncer::Core::SetConditions(const Conditions& conditions) {
  bool network_back = false;
  {
    const std::lock_guard<std::mutex> lock(state_mutex_);
    if (conditions == conditions_) return;
    network_back = conditions_.network == NetworkKind::kNone;
    conditions_ = conditions;
  }
  executor_.Post([self = shared_from_this(), network_back] {
    self->Enter([&] {
      // What failed before says nothing of this network.
      self->skip_backoff_ = self->skip_backoff_ || network_back;
      self->Consider();
    });
  });
}

absl::Status Syncer::Core::Now(Ask ask) {
  const std::lock_guard<std::mutex> lock(run_);
  if (!running_) return FailedPrecondition("sync was not started");
  asked_ = asked_ || ask == Ask::kAnyway;
  skip_backoff_ = true;
  Post([](Core& core) { core.Consider(); });
  return absl::OkStatus();
}

// ---- connecting

// Decides what to do now: stay, leave, wait or connect. Whatever may have changed, this is right.
void Syncer::Core::Consider() {
  if (failed_) return;
  const ClassSet logs = Allowed();
  if (session_ != nullptr) {
    if (logs.any()) {
      TakePart(logs);
      Publish();
      Run([](Session& session) { return session.Pump(); });
      return Progress();
    }
    DropConnection();
  }
  executor_.Cancel(retry_timer_);
  if (logs.none()) {
    SetReason(SyncState::Reason::kHeld, "nothing may be synced now", absl::InfiniteFuture());
    if (slice_) return FinishSlice(SliceReport::End::kHeld, absl::OkStatus());
    return Publish();
  }
  const absl::Duration wait = WaitLeft();
  if (wait > absl::ZeroDuration()) return WaitFor(wait);
  Connect(logs);
}

// The wall clock says what an earlier process left to wait. From the first look on passed time
// counts too: a wall clock that was set back by years would begin the wait anew whenever it ends.
absl::Duration Syncer::Core::WaitLeft() {
  const absl::Time now = clock_.WallNow();
  const absl::Duration wait =
      skip_backoff_ ? retries_.ServerDelayLeft(now) : retries_.WaitLeft(now);
  if (Planted(Bug::kWaitsByWallClock)) return wait;
  if (!wait_ends_) wait_ends_ = clock_.Passed() + wait;
  return std::min(wait, *wait_ends_ - clock_.Passed());
}

void Syncer::Core::WaitFor(absl::Duration wait) {
  const absl::Time now = clock_.WallNow();
  const auto reason = refused_ ? SyncState::Reason::kRefused
                      : retries_.ServerDelayLeft(now) > absl::ZeroDuration()
                          ? SyncState::Reason::kServerAsked
                          : SyncState::Reason::kBackOff;
  const std::string text = retries_.worst().last_error();
  SetReason(reason, text, now + wait);
  if (!FitsSlice(wait)) return FinishSlice(SliceReport::End::kFailed, Unavailable(text));
  retry_timer_ = executor_.PostAfter(wait, Guarded([](Core& core) { core.Consider(); }));
  Publish();
}

void Syncer::Core::Connect(const ClassSet& logs) {
  skip_backoff_ = false;
  wait_ends_.reset();
  in_attempt_.reset();
  TakePart(logs);
  // What it notes is durable before the Hello tells of it; a failure shows in Store::failed.
  device_.clock->Look().IgnoreError();
  device_.clock->Note().IgnoreError();
  SetReason(SyncState::Reason::kOffline, "connecting to the server", absl::InfiniteFuture());
  session_ =
      std::make_unique<Session>(device_, options_.session, clock_, instance_, digests_, *this);
  channel_ = connector_->Connect(*this);
  Run([&](Session& session) { return session.Start(HealthOf(device_, state(), clock_)); });
  Publish();
}

// The server's Welcome came.
void Syncer::Core::Opened() {
  retries_.Succeeded();
  refused_ = false;
  Publish();
}

// The connection is over. Tries again, unless nothing can come of it.
void Syncer::Core::End(const absl::Status& status) {
  if (session_->outgrown()) {
    DropConnection();
    // Behind what the old connection brought: it is not the next session's.
    return Post([](Core& core) { core.Consider(); });
  }
  refused_ = session_->refused();
  if (refused_) INTENTLOG_MARK("syncer: refused by the server");
  const bool network = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  // Two copies that take over from each other do it more and more seldom.
  const bool good = network && session_->open() && !session_->superseded();
  bad_sessions_ = good ? 0 : bad_sessions_ + 1;
  RetryFailure failure;
  failure.error = std::string(MessageOf(status));
  failure.now = clock_.WallNow();
  failure.server_delay = session_->server_delay();
  failure.attempts_min = bad_sessions_;
  failure.unit = jitter_();
  DropConnection();
  asked_ = false;
  retries_.Failed(in_attempt_, failure);
  wait_ends_.reset();
  if (!device_.outbox->failed().ok() || !device_.store->failed().ok()) return Fail(status);
  if (slice_ && refused_) return FinishSlice(SliceReport::End::kFailed, status);
  Consider();
}

void Syncer::Core::Fail(const absl::Status& status) {
  failed_ = true;
  SetReason(SyncState::Reason::kFailed, Cat("the folder failed and must be opened again: ", status),
            absl::InfiniteFuture());
  if (slice_) return FinishSlice(SliceReport::End::kFailed, status);
  Publish();
}

// The channel goes by a task of its own: it belongs to the executor, and may be calling us just
// now.
void Syncer::Core::DropConnection() {
  session_.reset();
  if (slice_) slice_->Disconnected();
  if (channel_ == nullptr) return;
  executor_.Post(
      [self = shared_from_this(), channel = std::move(channel_)]() mutable { channel.reset(); });
}

void Syncer::Core::Tick() {
  device_.clock->Look().IgnoreError();
  if (session_ != nullptr) {
    const QueueHealth health = HealthOf(device_, state(), clock_);
    Run([&](Session& session) { return session.Tick(health); });
  }
  if (!running_) return;
  tick_timer_ = executor_.PostAfter(options_.tick, Guarded([](Core& core) { core.Tick(); }));
}

// ---- what may go

// The logs that nothing holds, of those that there are. Says what holds the others.
ClassSet Syncer::Core::Allowed() {
  const std::lock_guard<std::mutex> lock(state_mutex_);
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    const Hold hold =
        asked_ ? HoldOfAsked(conditions_) : HoldOf(conditions_, options_.policy, priority);
    SyncState::OfLog& log = state_.logs[priority];
    if (hold != log.hold) log.since = clock_.Passed();
    log.hold = holds_[priority] = hold;
    log.hold_text = HoldText(hold, conditions_, options_.policy, priority);
  }
  ClassSet logs;
  for (const DeviceLogs::Named& log : device_.logs->All()) {
    logs[log.priority] = holds_[log.priority] == Hold::kNone;
  }
  return logs;
}

// These logs are in the attempt from now on.
void Syncer::Core::TakePart(const ClassSet& logs) {
  retries_.Attempted(logs & ~in_attempt_);
  in_attempt_ |= logs;
}

// Nothing waits that may go, and every scope is at the server's head.
bool Syncer::Core::CaughtUp() const {
  if (session_ == nullptr || !session_->open() || session_->busy()) return false;
  for (const DeviceLogs::Named& log : device_.logs->All()) {
    const OutboxCounts counts = device_.outbox->counts(log.priority);
    const bool may_go = holds_[log.priority] == Hold::kNone && !session_->forked(log.priority);
    if (may_go && counts.pending > counts.parked) return false;
  }
  return session_->has_feed();
}

uint64_t Syncer::Core::PushAllowance(PriorityClass priority) const {
  if (holds_[priority] != Hold::kNone) return 0;
  return slice_ ? slice_->PushAllowance(session_->has_feed()) : UINT64_MAX;
}

void Syncer::Core::Pushed() {
  if (slice_) slice_->Pushed();
}

uint64_t Syncer::Core::GrantCredit(uint64_t bytes) { return slice_ ? slice_->Grant(bytes) : bytes; }

// Something went on. Whether that is all is looked at by a task, because the session that tells of
// it is not done with it.
void Syncer::Core::Progress() {
  if ((!slice_ && !asked_) || progress_asked_) return;
  progress_asked_ = true;
  Post([](Core& core) { core.CheckProgress(); });
}

void Syncer::Core::CheckProgress() {
  progress_asked_ = false;
  if (session_ == nullptr) return;
  const bool caught_up = CaughtUp();
  if (slice_) {
    if (caught_up) return FinishSlice(SliceReport::End::kDone, absl::OkStatus());
    if (session_->open() && !session_->busy() && slice_->Spent(session_->has_feed())) {
      FinishSlice(SliceReport::End::kBytes, absl::OkStatus());
    }
    return;
  }
  if (!caught_up || !asked_) return;
  asked_ = false;
  Consider();
}

// ---- slices

bool Syncer::Core::FitsSlice(absl::Duration wait) const {
  return !slice_ || clock_.Passed() + wait < slice_end_;
}

uint64_t Syncer::Core::ReceiptsNow() const {
  const OutboxCounts counts = device_.outbox->counts();
  return counts.recorded - (counts.pending - counts.parked);
}

// What has arrived is kept.
void Syncer::Core::OutOfTime() {
  while (session_ != nullptr && session_->folding()) {
    const absl::Status status = session_->Fold();
    if (status.ok()) continue;
    return FinishSlice(SliceReport::End::kFailed, status);
  }
  FinishSlice(SliceReport::End::kTime, absl::OkStatus());
}

void Syncer::Core::FinishSlice(SliceReport::End end, const absl::Status& status) {
  SliceReport report;
  report.end = end;
  report.status = status;
  report.bytes_sent = slice_->sent();
  report.bytes_received = slice_->received();
  report.intents_received = ReceiptsNow() - slice_receipts_;
  const OutboxCounts counts = device_.outbox->counts();
  const bool has_feed = session_ != nullptr ? session_->has_feed() : end != SliceReport::End::kTime;
  report.more_waits = counts.pending > counts.parked || !has_feed || !status.ok();
  report.blocked_by = WhyDevice(device_, state(), clock_);
  slice_.reset();
  Halt("the slice of sync work has ended");
  SliceDone done = std::exchange(slice_done_, nullptr);
  if (done == nullptr) return;
  executor_.Post([done = std::move(done), report] { done(report); });
}

// ---- what is told

void Syncer::Core::Publish() {
  PublishLogs();
  {
    const std::lock_guard<std::mutex> lock(state_mutex_);
    state_.syncing = running_;
    state_.connected = session_ != nullptr && session_->open();
    state_.digests_equal = digests_.equal();
    state_.digests_unequal = digests_.unequal();
    if (state_.connected) state_.server_head = session_->server_head();
  }
  if (session_ != nullptr && session_->open()) {
    if (session_->throttled()) {
      SetReason(SyncState::Reason::kServerAsked, "the server asked to push later",
                clock_.WallNow() + session_->throttle_left());
    } else {
      SetReason(SyncState::Reason::kNone, "on its way to the server", absl::InfiniteFuture());
    }
  }
  if (on_change_) on_change_();
}

void Syncer::Core::PublishLogs() {
  const std::lock_guard<std::mutex> lock(state_mutex_);
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    const RetryState& retry = retries_.Of(priority);
    SyncState::OfLog& log = state_.logs[priority];
    log.attempts = retry.attempts();
    log.attempts_ever = retry.attempts_ever();
    log.last_error = retry.last_error();
    if (session_ != nullptr && session_->open()) log.forked = session_->forked(priority);
    device_.outbox->set_attempts_ever(priority, retry.attempts_ever());
  }
  state_.attempts = retries_.worst().attempts();
  state_.last_error = retries_.worst().last_error();
}

// Its age counts from when the reason became this one; connecting and waiting to connect are one,
// and began with the first attempt that failed, in whatever process that was.
void Syncer::Core::SetReason(SyncState::Reason reason, std::string text, absl::Time until) {
  const auto away = [](SyncState::Reason r) {
    return r == SyncState::Reason::kOffline || r == SyncState::Reason::kBackOff ||
           r == SyncState::Reason::kServerAsked || r == SyncState::Reason::kRefused;
  };
  const absl::Duration away_for = AwayFor();
  const std::lock_guard<std::mutex> lock(state_mutex_);
  if (reason != state_.reason && !(away(reason) && away(state_.reason))) {
    state_.since = clock_.Passed() - (away(reason) ? away_for : absl::ZeroDuration());
  }
  state_.reason = reason;
  state_.reason_text = std::move(text);
  state_.until = until;
}

absl::Duration Syncer::Core::AwayFor() const {
  const int64_t since_us = retries_.worst().failing_since_us();
  if (since_us == 0) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(), clock_.WallNow() - absl::FromUnixMicros(since_us));
}

// ---- frames

void Syncer::Core::OnFrame(std::string bytes) {
  Enter([&] {
    if (session_ == nullptr) return;
    if (slice_) slice_->Received(bytes.size());
    const bool was_open = session_->open();
    const absl::Status status = session_->OnFrame(std::move(bytes));
    if (session_->open() && !was_open) Opened();
    if (!status.ok()) return End(status);
    Progress();
  });
}

void Syncer::Core::OnWritable() {
  Enter([&] { Run([](Session& session) { return session.Pump(); }); });
}

void Syncer::Core::OnClosed(const absl::Status& status) {
  Enter([&] {
    if (session_ == nullptr) return;
    End(status.ok() ? Unavailable("the server closed the connection") : status);
  });
}

void Syncer::Core::Send(std::string frame) {
  if (channel_ == nullptr) return;
  if (slice_) slice_->Sent(frame.size());
  channel_->Send(std::move(frame));
}

size_t Syncer::Core::unsent_bytes() const {
  return channel_ != nullptr ? channel_->unsent_bytes() : 0;
}

void Syncer::Core::FoldSoon() {
  Post([](Core& core) {
    core.Run([](Session& session) { return session.Fold(); });
    core.Progress();
  });
}

void Syncer::Core::PumpAfter(absl::Duration delay) {
  executor_.PostAfter(delay, Guarded([](Core& core) {
                        core.Run([](Session& session) { return session.Pump(); });
                        core.Publish();
                      }));
}

void Syncer::Core::Changed() {
  Publish();
  Progress();
}

// ---- the face

Syncer::Syncer(Device& device, const SyncerOptions& options, const Runtime& runtime,
               const InstanceId& instance, std::function<double()> jitter)
    : core_(std::make_shared<Core>(device, options, runtime, instance, std::move(jitter))) {}

Syncer::~Syncer() { core_->Stop(/*tell=*/false); }

void Syncer::OnChange(std::function<void()> callback) { core_->set_on_change(std::move(callback)); }
absl::Status Syncer::Start(Connector& connector) {
  return core_->Start(connector, nullptr, nullptr);
}
absl::Status Syncer::StartSlice(Connector& connector, const SliceBudget& budget, SliceDone done) {
  return core_->Start(connector, &budget, std::move(done));
}
void Syncer::Stop() { core_->Stop(/*tell=*/true); }
void Syncer::Wake() { core_->Wake(); }
void Syncer::SetConditions(const Conditions& conditions) { core_->SetConditions(conditions); }
absl::Status Syncer::Now(Ask ask) { return core_->Now(ask); }
SyncState Syncer::state() const { return core_->state(); }

}  // namespace intentlog
