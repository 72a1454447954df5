// A Decider gives intents their positions and decisions. Its state runs ahead of the log
// (LogAhead), so that the next group can be decided while this one syncs. If one of them fails,
// Load drops it all and begins from the log.
//
// Reads the log, and blocks while it does. Thread-compatible.
//
//   decider.Begin(7, now_us, live);
//   for (each unit) outcome = decider.Decide(unit);
//   EventGroup group = decider.End();      // to be appended
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/schema/schema.h"
#include "proto/store.pb.h"
#include "proto/sync.pb.h"
#include "server/feed/live_group.h"
#include "server/sequencer/admitter.h"
#include "server/sequencer/log_ahead.h"
#include "server/sequencer/open_lanes.h"
#include "server/sequencer/own_receipt.h"
#include "server/sequencer/push_unit.h"
#include "server/sequencer/settler.h"

namespace intentlog {

// What became of one unit.
struct UnitOutcome {
  bool passed_over = false;       // it was on its way when a Resend was asked for
  std::optional<Count> gap_from;  // it follows a gap: resend from here
  // Counts of the unit up to here were decided before: answered from the log once it is durable.
  std::optional<Count> covered_through;
  bool hash_differs = false;     // its history is not the server's: resend from an earlier count
  std::vector<ReceiptRun> runs;  // of what was decided now
};

class Decider {
 public:
  struct Options {
    LogAhead::Options log;
    Settler::Options settle;
  };

  // `log` must outlive the decider.
  Decider(const EventLog& log, std::shared_ptr<const Schema> schema, const Options& options);

  // Begins at the durable head. Whatever was decided above it is forgotten. FAILED_PRECONDITION if
  // the schema lacks a type that the log holds.
  absl::Status Load();

  // ---- the schema
  // Decides by it from the next group on, which says so in the log. FAILED_PRECONDITION as Load,
  // and nothing changes.
  absl::Status MayAdopt(const Schema& schema) const { return admitter_.MayAdopt(schema); }
  absl::Status Adopt(std::shared_ptr<const Schema> schema);

  // ---- a group
  // Groups are numbered by the caller, ascending from 1. `live` must live until End. What waits to
  // be admitted again goes first.
  absl::Status Begin(uint64_t group_number, int64_t now_us, LiveGroup& live);
  // An error means that the log could not be read: nothing decided since Load may be appended.
  absl::StatusOr<UnitOutcome> Decide(const PushUnit& unit);
  // An operator's Resolve, Amend or Dismiss, as an intent of the server's own device log. An empty
  // entity, scope or base is that of the event it closes, and the head.
  absl::StatusOr<OwnReceipt> DecideOwn(const Intent& asked, std::string_view resolver);
  // A row of the server's own, durable with this group.
  void PutIndex(std::string key, std::string value) {
    ahead_.PutRow(std::move(key), std::move(value));
  }
  size_t group_bytes() const { return ahead_.group_bytes(); }
  EventGroup End() { return ahead_.End(); }
  // Groups have something to do without anybody's asking.
  bool has_work() const {
    return (adoption_due_ && !adopted_.digest().empty()) || lanes_.has_readmissions();
  }
  // The group in hand changes something, if only rows.
  bool group_has_rows() const { return ahead_.group_has_rows(); }

  // Everything up to this group is durable: what only it held may be forgotten.
  void Durable(uint64_t group_number) { ahead_.Durable(group_number); }

  // Decisions, entities and device logs, those in flight included.
  const StatsReply& stats() const { return ahead_.stats(); }

 private:
  struct Member {
    std::string_view bytes;
    std::unique_ptr<Intent> intent = std::make_unique<Intent>();
    bool parsed = false;
    CachedEntity* entity = nullptr;  // null: it has no lane
    std::optional<SeenClock> clock;
    // Where it stood in an epoch that was lost, and whether it had an effect there.
    std::optional<LostPlace> was;
    bool was_effective = false;
  };
  // The intents of one batch in a frame.
  struct Pushed {
    const PushFrame* push;
    size_t begin;
    size_t size;
  };

  bool CoversOrWaits(const PushUnit& unit, const LogAhead::LogState& state,
                     UnitOutcome& outcome) const;
  absl::Status DecideNew(const PushUnit& unit, size_t begin, LogAhead::LogState& state,
                         UnitOutcome& outcome);
  absl::Status DecideBatch(PushLane& lane, const Pushed& batch, LogAhead::LogState& state,
                           UnitOutcome& outcome);
  absl::Status DecideControl(PushLane& lane, Member& member, LogAhead::LogState& state,
                             UnitOutcome& outcome);
  absl::Status ReadMember(const Pushed& batch, size_t index, const PushLane& lane, Member& member);
  void Record(PushLane& lane, LogAhead::LogState& state, size_t index, size_t size,
              UnitOutcome& outcome);
  void KeepOpen(const PushLane& lane, Member& member, const Candidate& candidate, Position position,
                size_t index, size_t size);
  Position Append(PushLane* lane, const Member& member, const Verdict& verdict, bool counts,
                  uint64_t key_hash, bool ends_batch, LogAhead::LogState& state);
  void CountDecision(Decision decision);
  absl::StatusOr<OwnReceipt> WriteUnpark(const Intent& asked);
  absl::Status CompleteOwn(const Intent& asked, Intent& intent);
  absl::Status LoadSchema();
  absl::Status WriteAdoption();

  const EventLog& log_;
  LogAhead ahead_;
  Admitter admitter_;
  OpenLanes lanes_;
  Settler settler_;
  AdoptedSchema adopted_;      // as the groups in flight will have it
  bool adoption_due_ = false;  // the next group writes it

  // Reused.
  std::vector<Member> members_;
  std::vector<Candidate> candidates_;
  Header header_;
};

}  // namespace intentlog
