#include "server/fleet/device_health.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// Kinds of `QueueHealth.blocked_kind` by which the device's own policy holds work back.
constexpr std::string_view kHeldKinds[] = {"metered", "data-saver", "battery", "background",
                                           "manual"};
// … and those that no waiting ends: another program or a person has to come first.
constexpr std::string_view kEndlessKinds[] = {"auth", "refused", "forked", "store-failed",
                                              "schema-too-old"};

template <size_t N>
bool IsOneOf(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(words, words + N, word) != words + N;
}

// How long ago by server time; a moment in the future counts as now.
absl::Duration Since(int64_t moment_us, int64_t now_us) {
  if (moment_us == 0 || moment_us >= now_us) return absl::ZeroDuration();
  return absl::Microseconds(now_us) - absl::Microseconds(moment_us);
}

// A moment of the device's wall clock.
absl::Duration SinceByDevice(int64_t moment_us, const DeviceRecord& record, int64_t now_us) {
  if (moment_us == 0) return absl::ZeroDuration();
  const absl::Duration age = absl::Microseconds(now_us) - absl::Microseconds(moment_us) +
                             absl::Microseconds(record.skew_us());
  return std::max(age, absl::ZeroDuration());
}

struct Finding {
  HealthClass health_class;
  std::string why;
};

std::optional<Finding> FindSilence(const DeviceFacts& facts, int64_t now_us,
                                   const HealthLimits& limits) {
  const absl::Duration age = Since(facts.record.last_seen_us(), now_us);
  if (facts.live || age < limits.silent_after) return std::nullopt;
  return Finding{SILENT, Cat("not heard for ", AgeWords(age))};
}

std::optional<Finding> FindPendingAge(const DeviceFacts& facts, absl::Duration age,
                                      const HealthLimits& limits) {
  const QueueHealth& health = facts.record.health();
  if (health.pending() == 0) return std::nullopt;
  const bool held = IsOneOf(health.blocked_kind(), kHeldKinds);
  const absl::Duration lagging = held ? limits.stuck_after : limits.lagging_after;
  absl::Duration stuck = held ? limits.held_stuck_after : limits.stuck_after;
  if (IsOneOf(health.blocked_kind(), kEndlessKinds)) stuck = limits.lagging_after;
  if (age < lagging && age < stuck) return std::nullopt;
  const std::string why = Cat(health.pending(), " pending, the oldest for ", AgeWords(age));
  return Finding{age < stuck ? LAGGING : STUCK, why};
}

std::optional<Finding> FindReview(const DeviceFacts& facts, int64_t now_us,
                                  const HealthLimits& limits) {
  if (facts.oldest_review_us == 0) return std::nullopt;
  const absl::Duration age = Since(facts.oldest_review_us, now_us);
  return Finding{age < limits.review_after ? LAGGING : STUCK,
                 Cat("a person's decision is waited for, for ", AgeWords(age))};
}

std::optional<Finding> FindAttempts(const DeviceFacts& facts, const HealthLimits& limits) {
  const uint64_t attempts = facts.record.health().attempts();
  if (attempts < limits.lagging_attempts && attempts < limits.stuck_attempts) return std::nullopt;
  return Finding{attempts < limits.stuck_attempts ? LAGGING : STUCK,
                 Cat(attempts, " attempts failed in a row")};
}

std::optional<Finding> FindPendingCount(const DeviceFacts& facts, const HealthLimits& limits) {
  const uint64_t pending = facts.record.health().pending();
  if (pending < limits.lagging_pending) return std::nullopt;
  return Finding{LAGGING, Cat(pending, " intents are pending")};
}

// STUCK before LAGGING before HEALTHY; of equals the first that was found.
void Take(std::optional<Finding> found, DeviceHealth& health) {
  if (!found || found->health_class <= health.health_class) return;
  health.health_class = found->health_class;
  health.why = std::move(found->why);
}

}  // namespace

DeviceHealth Classify(const DeviceFacts& facts, int64_t now_us, const HealthLimits& limits) {
  static_assert(HEALTHY < LAGGING && LAGGING < STUCK && STUCK < SILENT);
  const DeviceRecord& record = facts.record;
  const QueueHealth& reported = record.health();
  DeviceHealth health;
  health.health_class = HEALTHY;
  if (reported.pending() > 0) {
    health.oldest_pending_age = SinceByDevice(reported.oldest_pending_time_us(), record, now_us);
  }
  health.blocked_age = SinceByDevice(reported.blocked_since_us(), record, now_us);
  Take(FindSilence(facts, now_us, limits), health);
  Take(FindPendingAge(facts, health.oldest_pending_age, limits), health);
  Take(FindReview(facts, now_us, limits), health);
  Take(FindAttempts(facts, limits), health);
  Take(FindPendingCount(facts, limits), health);
  return health;
}

const char* HealthWord(HealthClass health_class) {
  switch (health_class) {
    case HEALTHY:
      return "healthy";
    case LAGGING:
      return "lagging";
    case STUCK:
      return "stuck";
    case SILENT:
      return "silent";
    default:
      return "unknown";
  }
}

std::string AgeWords(absl::Duration age) {
  if (age < absl::Minutes(1)) return Cat(absl::ToInt64Seconds(age), " s");
  if (age < absl::Hours(1)) return Cat(absl::ToInt64Minutes(age), " min");
  if (age < absl::Hours(48)) return Cat(absl::ToInt64Hours(age), " h");
  return Cat(absl::ToInt64Hours(age) / 24, " days");
}

}  // namespace intentlog
