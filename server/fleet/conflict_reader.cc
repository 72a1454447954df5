#include "server/fleet/conflict_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "eventlog/log/conflict_case.h"
#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

// Positions that are read: (after, through].
struct Window {
  Position after;
  Position through;
};

Position Base(const Intent& mine, Position head) {
  return std::min(Position(mine.based_on().position()), head);
}

Position Before(Position position, uint64_t events) {
  return position.value() > events ? Position(position.value() - events) : Position();
}

// Those that meet become one; ascending.
std::vector<Window> Joined(std::vector<Window> windows) {
  std::sort(windows.begin(), windows.end(),
            [](const Window& a, const Window& b) { return a.after < b.after; });
  std::vector<Window> joined;
  for (const Window& window : windows) {
    if (window.after >= window.through) continue;
    if (joined.empty() || joined.back().through < window.after) {
      joined.push_back(window);
    } else {
      joined.back().through = std::max(joined.back().through, window.through);
    }
  }
  return joined;
}

absl::Status Show(const EventLog& log, const Window& window, ConflictCaseMaker& maker) {
  const auto reader = log.Read(window.after.Next());
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) return absl::OkStatus();
    RETURN_IF_ERROR(maker.See(reader->block()));
    if (reader->block().last() >= window.through) return absl::OkStatus();
  }
}

void Fill(const std::optional<ConflictSide>& side, ConflictEvent* event) {
  event->set_position(side->position.value());
  event->set_type(side->type);
  event->set_payload(side->payload);
  event->set_log_id(side->log.bytes().data(), side->log.bytes().size());
  event->set_server_time_us(side->server_time_us);
}

}  // namespace

absl::Status ReadConflicts(const EventLog& log, std::shared_ptr<const Schema> schema,
                           uint64_t base_events_max, std::vector<OpenEvent> open,
                           ListConflictsReply& reply) {
  const Position head = log.head().position;
  ConflictCaseMaker maker(std::move(schema));
  std::vector<Window> windows;
  for (const OpenEvent& one : open) {
    RETURN_IF_ERROR(maker.Want(one));
    Intent mine;
    mine.ParseFromString(one.intent());  // as Want did
    const Position base = Base(mine, head);
    windows.push_back({Before(base, base_events_max), base});
    const Position theirs(one.reason().other_position());
    if (theirs > Position() && theirs <= head) windows.push_back({Before(theirs, 1), theirs});
  }
  for (const Window& window : Joined(std::move(windows))) {
    RETURN_IF_ERROR(Show(log, window, maker));
  }
  for (ConflictCase& one : maker.Take()) {
    FleetConflict& conflict = *reply.add_conflicts();
    *conflict.mutable_open() = std::move(one.open);
    if (one.theirs) Fill(one.theirs, conflict.mutable_theirs());
    if (one.base) Fill(one.base, conflict.mutable_base());
    conflict.set_base_not_found(!one.base && Base(one.mine, head).value() > base_events_max);
  }
  return absl::OkStatus();
}

}  // namespace intentlog
