// A Decider gives intents their positions and decisions. Its state runs ahead of the log: it holds
// what the groups in flight will have changed once they are durable, so that the next group can be
// decided while this one syncs. If one of them fails, Load drops it all and begins from the log.
//
// Reads the log, and blocks while it does. Thread-compatible.
//
//   decider.Begin(7, now_us, live);
//   for (each unit) outcome = decider.Decide(unit);
//   EventGroup group = decider.End();      // to be appended
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/schema/schema.h"
#include "proto/store.pb.h"
#include "proto/sync.pb.h"
#include "server/admit/admission.h"
#include "server/admit/summary.h"
#include "server/feed/live_group.h"
#include "server/sequencer/entity_cache.h"
#include "server/sequencer/push_unit.h"

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
    size_t entities_max = 20000;
    size_t logs_max = 20000;
    EventLogOptions log;
  };

  // `log` must outlive the decider.
  Decider(const EventLog& log, std::shared_ptr<const Schema> schema, const Options& options);

  // Begins at the durable head. Whatever was decided above it is forgotten.
  absl::Status Load();

  // Groups are numbered by the caller, ascending from 1. `live` must live until End.
  void Begin(uint64_t group_number, int64_t now_us, LiveGroup& live);
  // An error means that the log could not be read: nothing decided since Load may be appended.
  absl::StatusOr<UnitOutcome> Decide(const PushUnit& unit);
  // A row of the server's own, durable with this group.
  void PutIndex(std::string key, std::string value);
  size_t group_bytes() const { return group_->bytes(); }
  EventGroup End();

  // Everything up to this group is durable: what only it held may be forgotten.
  void Durable(uint64_t group_number);

  // Decisions, entities and device logs, those in flight included.
  const StatsReply& stats() const { return stats_; }

 private:
  struct LogState {
    Count highest;
    ChainValue hash = {};
    uint64_t last_group = 0;
  };
  struct Member {
    std::string_view bytes;
    std::unique_ptr<Intent> intent = std::make_unique<Intent>();
    bool parsed = false;
    CachedEntity* entity = nullptr;  // null: it has no lane
    bool gave_scope = false;
    Verdict verdict;
    Footprint footprint;  // of what is effective, if it is
  };

  absl::StatusOr<LogState*> StateOf(const LogId& log);
  bool CoversOrWaits(const PushUnit& unit, const LogState& state, UnitOutcome& outcome) const;
  absl::Status DecideNew(const PushUnit& unit, size_t begin, LogState& state, UnitOutcome& outcome);
  absl::Status AdmitMember(const PushLane& lane, Member& member);
  AdmitInput InputFor(const PushLane& lane, const Member& member);
  const google::protobuf::Message* ParsePayload(const Intent& intent, const EventType** type);
  void AddMember(PushLane& lane, LogState& state, Member& member, bool ends_batch,
                 UnitOutcome& outcome);
  void FillHeader(PushLane& lane, const LogState& state, const Member& member);
  void CountDecision(Decision decision);

  const EventLog& log_;
  const std::shared_ptr<const Schema> schema_;
  const Options options_;

  // Ahead of the log.
  LogEnd end_;
  std::string epoch_id_;
  EntityCache entities_;
  std::unordered_map<LogId, LogState> logs_;
  StatsReply stats_;
  bool restart_pending_ = true;

  // The group that is being decided.
  std::optional<EventGroup> group_;
  LiveGroup* live_ = nullptr;
  uint64_t group_number_ = 0;
  int64_t now_us_ = 0;
  std::vector<CachedEntity*> touched_;

  // Reused.
  std::vector<Member> members_;
  std::vector<Verdict> verdicts_;
  Header header_;
  std::string header_bytes_;
  std::string last_type_name_;
  const EventType* last_type_ = nullptr;
  google::protobuf::Message* last_payload_ = nullptr;
  std::unordered_map<const EventType*, std::unique_ptr<google::protobuf::Message>> payloads_;
};

// Adds one receipt: consecutive counts at consecutive positions with equal decisions are one run.
void AddToRuns(Count count, Position position, Decision decision, const Reason& reason,
               uint64_t pointer, std::vector<ReceiptRun>& runs);

// The rows that the server keeps in the log's index, beside the log's own.
std::string StatsKey();
std::string DeviceKey(std::string_view device);

}  // namespace intentlog
