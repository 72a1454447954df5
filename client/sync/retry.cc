#include "client/sync/retry.h"

#include <algorithm>
#include <utility>

#include "client/outbox/rows.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

RetryState AfterFailure(const RetryState& before, const RetryFailure& failure,
                        const BackoffOptions& options) {
  RetryState state = before;
  state.set_attempts(before.attempts() + 1);
  state.set_last_error(failure.error);
  if (before.attempts() == 0) state.set_failing_since_us(absl::ToUnixMicros(failure.now));
  const uint64_t attempts = std::max(state.attempts(), failure.attempts_min);
  const absl::Duration wait = RetryDelay(options, attempts, failure.unit, failure.server_delay);
  const bool asked = failure.server_delay > absl::ZeroDuration();
  // Where the server asked: from when on it is waited, so that what was asked is known whatever
  // becomes of the wall clock.
  state.set_next_attempt_us(absl::ToUnixMicros(asked ? failure.now : failure.now + wait));
  state.set_server_delay_until_us(asked ? absl::ToUnixMicros(failure.now + failure.server_delay)
                                        : 0);
  return state;
}

RetryState AfterSuccess(const RetryState& before) {
  RetryState state;
  state.set_attempts_ever(before.attempts_ever());
  return state;
}

absl::Duration ServerDelayLeft(const RetryState& state, absl::Time now,
                               const BackoffOptions& options) {
  if (state.server_delay_until_us() == 0) return absl::ZeroDuration();
  const absl::Time until = absl::FromUnixMicros(state.server_delay_until_us());
  const absl::Duration asked = until - absl::FromUnixMicros(state.next_attempt_us());
  return std::clamp(until - now, absl::ZeroDuration(),
                    std::clamp(asked, absl::ZeroDuration(), options.server_delay_max));
}

absl::Duration WaitLeft(const RetryState& state, absl::Time now, const BackoffOptions& options) {
  const absl::Duration asked = ServerDelayLeft(state, now, options);
  if (state.next_attempt_us() == 0 || state.server_delay_until_us() != 0) return asked;
  const absl::Duration left = absl::FromUnixMicros(state.next_attempt_us()) - now;
  return std::clamp(left, absl::ZeroDuration(), options.cap);
}

Retries::Retries(Store& store, const BackoffOptions& options) : store_(store), options_(options) {
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    std::string value;
    const auto found = store_.Get(Space::kMeta, ClassKey("retry", priority), &value);
    RetryState& state = states_[priority];
    if (!found.ok() || !*found || !state.ParseFromString(value)) state.Clear();
  }
}

void Retries::Attempted(const ClassSet& logs) {
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    if (!logs[priority]) continue;
    states_[priority].set_attempts_ever(states_[priority].attempts_ever() + 1);
  }
}

void Retries::Failed(const ClassSet& logs, const RetryFailure& failure) {
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    if (logs[priority]) Put(priority, AfterFailure(states_[priority], failure, options_));
  }
}

void Retries::Succeeded() {
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    if (states_[priority].attempts_ever() > 0) Put(priority, AfterSuccess(states_[priority]));
  }
}

const RetryState& Retries::worst() const {
  return *std::max_element(
      states_.begin(), states_.end(),
      [](const RetryState& a, const RetryState& b) { return a.attempts() < b.attempts(); });
}

absl::Duration Retries::WaitLeft(absl::Time now) const {
  absl::Duration wait;
  for (const RetryState& state : states_) {
    wait = std::max(wait, ::intentlog::WaitLeft(state, now, options_));
  }
  return wait;
}

absl::Duration Retries::ServerDelayLeft(absl::Time now) const {
  absl::Duration wait;
  for (const RetryState& state : states_) {
    wait = std::max(wait, ::intentlog::ServerDelayLeft(state, now, options_));
  }
  return wait;
}

void Retries::Put(PriorityClass priority, RetryState state) {
  states_[priority] = std::move(state);
  StoreBatch batch;
  batch.Put(Space::kMeta, ClassKey("retry", priority), states_[priority].SerializeAsString());
  // A failure shows in Store::failed, which ends the sync.
  store_.Commit(batch, Sync::kBuffered).IgnoreError();
}

}  // namespace intentlog
