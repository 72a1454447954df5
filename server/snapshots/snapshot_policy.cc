#include "server/snapshots/snapshot_policy.h"

#include <algorithm>

namespace intentlog {
namespace {

constexpr int kDoublingsMax = 20;

}  // namespace

absl::Duration SnapshotDueIn(const SnapshotPolicy& policy, const SnapshotSince& since) {
  if (since.events == 0) return absl::InfiniteDuration();
  if (since.failures > 0) {
    const int doublings = std::min(since.failures - 1, kDoublingsMax);
    const absl::Duration wait = std::min(policy.retry_first * (1 << doublings), policy.retry_max);
    return std::max(wait - since.passed, absl::ZeroDuration());
  }
  const bool much = since.events >= policy.events || since.log_bytes >= policy.log_bytes;
  const absl::Duration rest = std::max(policy.interval_min, policy.rest * since.last_took);
  const absl::Duration wait = much ? rest : std::max(rest, policy.interval);
  return std::max(wait - since.passed, absl::ZeroDuration());
}

}  // namespace intentlog
