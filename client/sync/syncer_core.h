// What the tasks of a Syncer hold on to. Private to this folder.
//
// Everything but `state_` and `conditions_` is touched under `run_`, which a task holds while it
// runs; once it is not `running_`, the device may be gone.
//
//             ┌── what the policy lets go, and when it may be tried, is considered anew ──┐
//             ▼                                                                          │
//   held ── conditions ──► waiting ── timer ──► connected ── failure, goodbye ───────────┘
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "client/sync/retry.h"
#include "client/sync/syncer.h"

namespace intentlog {

class Syncer::Core final : public ChannelListener,
                           public SessionHost,
                           public std::enable_shared_from_this<Syncer::Core> {
 public:
  Core(Device& device, const SyncerOptions& options, const Runtime& runtime,
       const InstanceId& instance, std::function<double()> jitter);

  absl::Status Start(Connector& connector, const SliceBudget* budget, SliceDone done);
  void Stop(bool tell);
  void Wake();
  void SetConditions(const Conditions& conditions);
  absl::Status Now(Ask ask);
  SyncState state() const {
    const std::lock_guard<std::mutex> lock(state_mutex_);
    return state_;
  }
  void set_on_change(std::function<void()> callback) { on_change_ = std::move(callback); }

  // ---- ChannelListener; on the executor
  void OnFrame(std::string bytes) override;
  void OnWritable() override;
  void OnClosed(const absl::Status& status) override;

  // ---- SessionHost; within a task
  void Send(std::string frame) override;
  size_t unsent_bytes() const override;
  void FoldSoon() override;
  void PumpAfter(absl::Duration delay) override;
  void Changed() override;
  uint64_t PushAllowance(PriorityClass priority) const override;
  void Pushed() override;
  uint64_t GrantCredit(uint64_t bytes) override;

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

  void Consider();
  void Connect(const ClassSet& logs);
  absl::Duration WaitLeft();
  void WaitFor(absl::Duration wait);
  void Opened();
  void End(const absl::Status& status);
  void Fail(const absl::Status& status);
  void DropConnection();
  void Halt(const std::string& text);
  void Tick();

  // ---- what may go
  ClassSet Allowed();
  void TakePart(const ClassSet& logs);
  bool CaughtUp() const;
  void Progress();
  void CheckProgress();

  // ---- slices
  void FinishSlice(SliceReport::End end, const absl::Status& status);
  void OutOfTime();
  bool FitsSlice(absl::Duration wait) const;
  uint64_t ReceiptsNow() const;

  // ---- what is told
  void Publish();
  void PublishLogs();
  void SetReason(SyncState::Reason reason, std::string text, absl::Time until);
  absl::Duration AwayFor() const;

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
  Executor::TimerId slice_timer_ = 0;
  Retries retries_;
  uint64_t bad_sessions_ = 0;                // in a row, that ended by what the server said
  bool refused_ = false;                     // by the server, at the last attempt
  bool failed_ = false;                      // the folder did
  bool asked_ = false;                       // a person did, and it is not done
  bool skip_backoff_ = false;                // at the next attempt
  std::optional<absl::Duration> wait_ends_;  // of the wait for it, in passed time
  bool progress_asked_ = false;              // a task will look at it
  std::array<Hold, kClasses> holds_ = {};
  ClassSet in_attempt_;  // logs that take part in the attempt or session
  DigestCheck digests_;

  std::optional<Slice> slice_;
  SliceDone slice_done_;
  absl::Duration slice_end_;     // in passed time
  uint64_t slice_receipts_ = 0;  // when it began

  mutable std::mutex state_mutex_;
  SyncState state_;        // protected by state_mutex_
  Conditions conditions_;  // protected by state_mutex_
};

}  // namespace intentlog
