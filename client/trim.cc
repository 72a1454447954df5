#include "client/trim.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "client/conflict_rows.h"
#include "client/feed_blocks.h"
#include "eventlog/log/block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// Feed blocks that one write looks at.
constexpr size_t kBlocksAtOnce = 64;

// Positions that somebody will ask for: both sides of the conflicts that are open.
absl::StatusOr<std::set<Position>> WantedByPeople(const Device& device) {
  std::set<Position> wanted;
  ASSIGN_OR_RETURN(const std::vector<OpenEvent> conflicts, ReadConflicts(*device.store));
  for (const OpenEvent& open : conflicts) {
    wanted.insert(Position(open.position()));
    wanted.insert(Position(open.reason().other_position()));
  }
  return wanted;
}

bool HoldsOne(const BlockView& block, const std::set<Position>& wanted) {
  for (size_t i = 0; i < block.size(); ++i) {
    if (wanted.count(block.position(i)) > 0) return true;
  }
  return false;
}

// The feed up to here is in the rows, and no row that stands still waits for it.
absl::StatusOr<Position> SafeThrough(const Device& device, const std::string& scope,
                                     const ScopeCursor& cursor) {
  if (cursor.anew) return Position();
  ASSIGN_OR_RETURN(Position safe, device.models->Through(scope));
  safe = std::min(safe, cursor.position);
  for (const auto& projection : device.models->projections()) {
    ASSIGN_OR_RETURN(const std::vector<ParkedRow> parked,
                     device.models->Parked(projection->info().name, SIZE_MAX));
    for (const ParkedRow& row : parked) {
      if (row.scope == scope) safe = std::min(safe, Position(row.position.value() - 1));
    }
  }
  return safe;
}

uint64_t Share(const Device& device, double share) {
  return static_cast<uint64_t>(share * static_cast<double>(device.quota.bytes_max));
}

// Of the device's own: closed, in the server's backups, and in the rows, where it has any.
absl::StatusOr<uint64_t> TrimOwn(Device& device, uint64_t goal) {
  const Position durable(device.durable_through);
  const uint64_t excess = device.held_bytes() - goal;
  std::map<std::string, ScopeCursor, std::less<>> cursors;
  for (auto& [scope, cursor] : device.cursors->All()) cursors.emplace(scope, cursor);
  const auto is_safe = [&](const IntentOutcome& outcome, const IntentView& intent) {
    const auto cursor = cursors.find(intent.scope);
    const Position last = std::max(outcome.position, outcome.settled_at);
    return last <= durable &&
           (cursor == cursors.end() || (!cursor->second.anew && last <= cursor->second.position));
  };
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    ASSIGN_OR_RETURN(const uint64_t freed, device.outbox->Trim(priority, excess, is_safe));
    if (freed > 0) return freed;
  }
  return 0;
}

// The scope whose feed is the oldest gives some blocks.
absl::StatusOr<uint64_t> TrimFeed(Device& device) {
  ASSIGN_OR_RETURN(const std::set<Position> wanted, WantedByPeople(device));
  std::optional<std::pair<std::string, ScopeCursor>> oldest;
  Position oldest_safe;
  for (auto& [scope, cursor] : device.cursors->All()) {
    if (oldest && oldest->second.held_after <= cursor.held_after) continue;
    ASSIGN_OR_RETURN(const Position safe, SafeThrough(device, scope, cursor));
    if (safe <= cursor.held_after || cursor.held_bytes == 0) continue;
    oldest = {scope, cursor};
    oldest_safe = safe;
  }
  if (!oldest) return 0;
  auto& [scope, cursor] = *oldest;
  StoreBatch batch;
  uint64_t freed = 0;
  size_t looked_at = 0;
  Position through = oldest_safe;
  RETURN_IF_ERROR(ForEachFeedBlock(
      *device.store, scope, cursor.held_after.Next(),
      [&, &scope = scope](const BlockView& block, size_t bytes) -> absl::StatusOr<bool> {
        if (block.last() > oldest_safe) return false;
        if (looked_at++ == kBlocksAtOnce) return false;
        through = block.last();
        if (HoldsOne(block, wanted)) return true;
        const std::string key = FeedKey(scope, block.last());
        batch.Delete(Space::kLog, key);
        freed += bytes;
        return true;
      }));
  cursor.held_after = looked_at > kBlocksAtOnce ? through : oldest_safe;
  cursor.held_bytes -= std::min(cursor.held_bytes, freed);
  ScopeCursors::Put(scope, cursor, batch);
  RETURN_IF_ERROR(device.store->Commit(batch, Sync::kBuffered));
  device.cursors->Moved(scope, cursor);
  return std::max<uint64_t>(freed, 1);  // another scope may have more
}

}  // namespace

absl::StatusOr<uint64_t> TrimLog(Device& device) {
  const uint64_t held = device.held_bytes();
  if (held < Share(device, device.quota.begin) || held < device.trim_again_at) return 0;
  INTENTLOG_MARK("trim: begins");
  const uint64_t goal = Share(device, device.quota.end);
  uint64_t freed = 0;
  while (device.held_bytes() > goal) {
    ASSIGN_OR_RETURN(uint64_t more, TrimOwn(device, goal));
    if (more == 0) {
      ASSIGN_OR_RETURN(more, TrimFeed(device));
    }
    if (more == 0) break;
    freed += more;
  }
  // A hundredth more, and it is worth another look.
  device.trim_again_at = device.held_bytes() + device.quota.bytes_max / 100;
  return freed;
}

absl::Status MakeRoom(Device& device, uint64_t bytes) {
  const uint64_t held = device.held_bytes();
  if (held + bytes <= device.quota.bytes_max) {
    const bool due = held >= Share(device, device.quota.begin) && held >= device.trim_again_at;
    std::unique_lock<std::mutex> lock(device.folding, std::defer_lock);
    // Who folds trims, too.
    return due && lock.try_lock() ? TrimLog(device).status() : absl::OkStatus();
  }
  const std::lock_guard<std::mutex> lock(device.folding);
  device.trim_again_at = 0;
  RETURN_IF_ERROR(TrimLog(device).status());
  if (device.held_bytes() + bytes <= device.quota.bytes_max) return absl::OkStatus();
  INTENTLOG_MARK("trim: nothing more can go");
  const OutboxCounts counts = device.outbox->counts();
  return Exhausted("the device's log holds ", device.outbox->log_bytes(), " bytes of intents and ",
                   device.cursors->held_bytes(), " of feed, at most ", device.quota.bytes_max,
                   " together; ", counts.pending, " pending and ",
                   counts.failed + counts.conflicted,
                   " failed or conflicted records must stay: sync, decide about what is open, or "
                   "give the log a larger quota");
}

}  // namespace intentlog
