#include "client/sync/syncer.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "client/outbox/rows.h"
#include "client/sync/queue_health.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

// What tasks hold on to. Everything but `state_` is touched under `run_`, which a task holds while
// it runs; after `stopped_` the device may be gone.
class Syncer::Core final : public ChannelListener,
                           public SessionHost,
                           public std::enable_shared_from_this<Syncer::Core> {
 public:
  Core(Device& device, const SyncerOptions& options, const Runtime& runtime,
       const InstanceId& instance, std::function<double()> jitter)
      : device_(device),
        options_(options),
        clock_(*runtime.clock),
        executor_(*runtime.executor),
        instance_(instance),
        jitter_(std::move(jitter)) {
    LoadRetry();
    state_.reason_text = "sync was not started";
    state_.since = clock_.Passed();
  }

  absl::Status Start(Connector& connector);
  void Stop();
  void Wake();
  SyncState state() const {
    const std::lock_guard<std::mutex> lock(state_mutex_);
    return state_;
  }
  void set_on_change(std::function<void()> callback) { on_change_ = std::move(callback); }

  // ---- ChannelListener; on the executor
  void OnFrame(std::string bytes) override {
    Enter([&] {
      if (session_ == nullptr) return;
      const bool was_open = session_->open();
      const absl::Status status = session_->OnFrame(bytes);
      if (session_->open() && !was_open) Opened();
      if (!status.ok()) End(status);
    });
  }
  void OnWritable() override {
    Enter([&] { Run([](Session& session) { return session.Pump(); }); });
  }
  void OnClosed(const absl::Status& status) override {
    Enter([&] {
      if (session_ == nullptr) return;
      End(status.ok() ? Unavailable("the server closed the connection") : status);
    });
  }

  // ---- SessionHost; within a task
  void Send(std::string frame) override {
    if (channel_ != nullptr) channel_->Send(std::move(frame));
  }
  size_t unsent_bytes() const override {
    return channel_ != nullptr ? channel_->unsent_bytes() : 0;
  }
  void FoldSoon() override {
    Post([](Core& core) { core.Run([](Session& session) { return session.Fold(); }); });
  }
  void PumpAfter(absl::Duration delay) override {
    executor_.PostAfter(delay, Guarded([](Core& core) {
                          core.Run([](Session& session) { return session.Pump(); });
                        }));
  }
  void Changed() override { Publish(); }

 private:
  template <class Action>
  void Enter(Action action) {
    const std::lock_guard<std::mutex> lock(run_);
    if (running_) action();
  }
  template <class Action>
  Task Guarded(Action action) {
    return [self = shared_from_this(), start = starts_, action]() mutable {
      self->Enter([&] {
        if (self->starts_ == start) action(*self);
      });
    };
  }
  template <class Action>
  void Post(Action action) {
    executor_.Post(Guarded(std::move(action)));
  }
  template <class Step>
  void Run(Step step) {
    if (session_ == nullptr) return;
    const absl::Status status = step(*session_);
    if (!status.ok()) End(status);
  }

  void Connect();
  void Opened();
  void End(const absl::Status& status);
  void DropConnection();
  void WaitAndConnect();
  void Tick();
  void Publish();
  void SetReason(SyncState::Reason reason, std::string text, absl::Time until);
  void LoadRetry();
  void NoteAttempts();
  void StoreRetry();
  absl::Duration ServerDelayLeft() const;

  Device& device_;
  const SyncerOptions options_;
  const Clock& clock_;
  Executor& executor_;
  const InstanceId instance_;
  const std::function<double()> jitter_;
  std::function<void()> on_change_;

  std::atomic<bool> woken_{false};
  std::mutex run_;
  bool running_ = false;  // protected by run_
  uint64_t starts_ = 0;   // protected by run_; tasks of an earlier start do nothing
  Connector* connector_ = nullptr;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Channel> channel_;
  Executor::TimerId retry_timer_ = 0;
  Executor::TimerId tick_timer_ = 0;
  RetryState retry_;
  uint64_t bad_sessions_ = 0;  // in a row, that ended by what the server said
  DigestCheck digests_;

  mutable std::mutex state_mutex_;
  SyncState state_;  // protected by state_mutex_
};

absl::Status Syncer::Core::Start(Connector& connector) {
  const std::lock_guard<std::mutex> lock(run_);
  if (running_) return FailedPrecondition("sync is running already");
  running_ = true;
  ++starts_;
  connector_ = &connector;
  bad_sessions_ = 0;
  SetReason(SyncState::Reason::kOffline, "connecting to the server", absl::InfiniteFuture());
  const absl::Duration wait = ServerDelayLeft();
  if (wait > absl::ZeroDuration()) {
    SetReason(SyncState::Reason::kServerAsked, "the server asked to come back later",
              clock_.WallNow() + wait);
  }
  retry_timer_ = executor_.PostAfter(std::max(wait, absl::ZeroDuration()),
                                     Guarded([](Core& core) { core.Connect(); }));
  tick_timer_ = executor_.PostAfter(options_.tick, Guarded([](Core& core) { core.Tick(); }));
  Publish();
  return absl::OkStatus();
}

void Syncer::Core::Stop() {
  const std::lock_guard<std::mutex> lock(run_);
  if (!running_) return;
  DropConnection();
  executor_.Cancel(retry_timer_);
  executor_.Cancel(tick_timer_);
  running_ = false;
  SetReason(SyncState::Reason::kStopped, "sync was stopped", absl::InfiniteFuture());
  Publish();
}

void Syncer::Core::Wake() {
  if (woken_.exchange(true)) return;
  executor_.Post([self = shared_from_this()] {
    self->woken_ = false;
    self->Enter([&] { self->Run([](Session& session) { return session.Pump(); }); });
  });
}

void Syncer::Core::Connect() {
  retry_.set_attempts_ever(retry_.attempts_ever() + 1);
  NoteAttempts();
  SetReason(SyncState::Reason::kOffline, "connecting to the server", absl::InfiniteFuture());
  session_ =
      std::make_unique<Session>(device_, options_.session, clock_, instance_, digests_, *this);
  channel_ = connector_->Connect(*this);
  session_->Start(HealthOf(device_, state()));
  Publish();
}

// The server's Welcome came.
void Syncer::Core::Opened() {
  retry_.set_attempts(0);
  retry_.clear_last_error();
  retry_.clear_next_attempt_us();
  retry_.clear_server_delay_until_us();
  StoreRetry();
  Publish();
}

// The connection is over. Tries again, unless nothing can come of it.
void Syncer::Core::End(const absl::Status& status) {
  if (session_->outgrown()) {
    DropConnection();
    return Connect();
  }
  const bool refused = session_->refused();
  const absl::Duration server_delay = session_->server_delay();
  const bool network = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  bad_sessions_ = network && session_->open() ? 0 : bad_sessions_ + 1;
  DropConnection();

  retry_.set_attempts(retry_.attempts() + 1);
  retry_.set_last_error(std::string(MessageOf(status)));
  const absl::Time now = clock_.WallNow();
  retry_.set_server_delay_until_us(
      server_delay > absl::ZeroDuration() ? absl::ToUnixMicros(now + server_delay) : 0);
  if (!device_.outbox->failed().ok() || !device_.store->failed().ok()) {
    SetReason(SyncState::Reason::kFailed,
              Cat("the folder failed and must be opened again: ", status), absl::InfiniteFuture());
    Publish();
    return;
  }
  const uint64_t attempts = std::max(retry_.attempts(), bad_sessions_);
  const absl::Duration wait = RetryDelay(options_.backoff, attempts, jitter_(), server_delay);
  retry_.set_next_attempt_us(absl::ToUnixMicros(now + wait));
  StoreRetry();
  const auto reason = refused                               ? SyncState::Reason::kRefused
                      : server_delay > absl::ZeroDuration() ? SyncState::Reason::kServerAsked
                                                            : SyncState::Reason::kBackOff;
  SetReason(reason, std::string(MessageOf(status)), now + wait);
  retry_timer_ = executor_.PostAfter(wait, Guarded([](Core& core) { core.Connect(); }));
  Publish();
}

// The channel goes by a task of its own: it belongs to the executor, and may be calling us just
// now.
void Syncer::Core::DropConnection() {
  session_.reset();
  if (channel_ == nullptr) return;
  executor_.Post(
      [self = shared_from_this(), channel = std::move(channel_)]() mutable { channel.reset(); });
}

void Syncer::Core::Tick() {
  if (session_ != nullptr) {
    const QueueHealth health = HealthOf(device_, state());
    Run([&](Session& session) { return session.Tick(health); });
  }
  tick_timer_ = executor_.PostAfter(options_.tick, Guarded([](Core& core) { core.Tick(); }));
}

void Syncer::Core::Publish() {
  {
    const std::lock_guard<std::mutex> lock(state_mutex_);
    state_.syncing = running_;
    state_.connected = session_ != nullptr && session_->open();
    state_.attempts = retry_.attempts();
    state_.attempts_ever = retry_.attempts_ever();
    state_.last_error = retry_.last_error();
    state_.digests_equal = digests_.equal();
    state_.digests_unequal = digests_.unequal();
    if (state_.connected) state_.server_head = session_->server_head();
  }
  if (session_ != nullptr && session_->open()) {
    if (session_->forked()) {
      SetReason(SyncState::Reason::kForked,
                "the server has other intents under this device log's counts: a copy of this "
                "folder was used elsewhere",
                absl::InfiniteFuture());
    } else if (session_->throttled()) {
      SetReason(SyncState::Reason::kServerAsked, "the server asked to push later",
                clock_.WallNow() + session_->server_delay());
    } else {
      SetReason(SyncState::Reason::kNone, "on its way to the server", absl::InfiniteFuture());
    }
  }
  if (on_change_) on_change_();
}

// Its age counts from when the reason became this one; connecting and waiting to connect are one.
void Syncer::Core::SetReason(SyncState::Reason reason, std::string text, absl::Time until) {
  const auto away = [](SyncState::Reason r) {
    return r == SyncState::Reason::kOffline || r == SyncState::Reason::kBackOff ||
           r == SyncState::Reason::kServerAsked || r == SyncState::Reason::kRefused;
  };
  const std::lock_guard<std::mutex> lock(state_mutex_);
  if (reason != state_.reason && !(away(reason) && away(state_.reason))) {
    state_.since = clock_.Passed();
  }
  state_.reason = reason;
  state_.reason_text = std::move(text);
  state_.until = until;
}

void Syncer::Core::LoadRetry() {
  std::string value;
  const auto found = device_.store->Get(Space::kMeta, ClassKey("retry", kPlainClass), &value);
  // A row that does not parse is no reason to refuse the folder: it only says how long to wait.
  if (!found.ok() || !*found || !retry_.ParseFromString(value)) retry_.Clear();
  NoteAttempts();
}

void Syncer::Core::NoteAttempts() {
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    device_.outbox->set_attempts_ever(priority, retry_.attempts_ever());
  }
}

void Syncer::Core::StoreRetry() {
  StoreBatch batch;
  batch.Put(Space::kMeta, ClassKey("retry", kPlainClass), retry_.SerializeAsString());
  // A failure shows in Store::failed, which ends the sync.
  device_.store->Commit(batch, Sync::kBuffered).IgnoreError();
}

absl::Duration Syncer::Core::ServerDelayLeft() const {
  if (retry_.server_delay_until_us() == 0) return absl::ZeroDuration();
  const absl::Duration left =
      absl::FromUnixMicros(retry_.server_delay_until_us()) - clock_.WallNow();
  return std::min(left, options_.backoff.server_delay_max);
}

Syncer::Syncer(Device& device, const SyncerOptions& options, const Runtime& runtime,
               const InstanceId& instance, std::function<double()> jitter)
    : core_(std::make_shared<Core>(device, options, runtime, instance, std::move(jitter))) {}

Syncer::~Syncer() { core_->Stop(); }

void Syncer::OnChange(std::function<void()> callback) { core_->set_on_change(std::move(callback)); }
absl::Status Syncer::Start(Connector& connector) { return core_->Start(connector); }
void Syncer::Stop() { core_->Stop(); }
void Syncer::Wake() { core_->Wake(); }
SyncState Syncer::state() const { return core_->state(); }

}  // namespace intentlog
