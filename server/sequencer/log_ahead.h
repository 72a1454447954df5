// A LogAhead is the log as the groups in flight will have made it: its end, what each device log
// has brought, summaries of entities, rows. If a group fails, Load drops it all and begins from the
// log.
//
// Reads the log, and blocks while it does. Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/feed/live_group.h"
#include "server/sequencer/entity_cache.h"
#include "server/sequencer/index_ahead.h"

namespace intentlog {

class LogAhead {
 public:
  struct Options {
    size_t entities_max = 20000;
    size_t logs_max = 20000;
    EventLogOptions log;
  };
  // How far a device log has come.
  struct LogState {
    LogId log;
    Count highest;
    ChainValue hash = {};
    uint64_t last_group = 0;
  };

  // `log` must outlive this.
  LogAhead(const EventLog& log, const Options& options);

  // Begins at the durable head. Whatever was decided above it is forgotten.
  absl::Status Load();

  // ---- the group in hand
  // Groups are numbered by the caller, ascending from 1. `live` must live until End.
  void Begin(uint64_t group_number, int64_t now_us, LiveGroup& live);
  // Appends an event: position, time, log and count, rule set and the like are filled in here.
  // Events one after another of one device log are one run, until EndRun.
  Position Append(Header& header, std::string_view intent_bytes, std::string_view scope,
                  LogState& state, bool ends_batch);
  // What a device pushed in one piece has runs of its own.
  void EndRun();
  // The entity's summary has changed.
  void Touch(CachedEntity& entity);
  // A row of no one else's concern, durable with this group.
  void PutRow(std::string key, std::string value) { index_.Put(std::move(key), std::move(value)); }
  EventGroup End();
  size_t group_bytes() const { return group_->bytes(); }
  bool group_has_rows() const { return !touched_.empty() || index_.group_has_rows(); }
  int64_t now_us() const { return now_us_; }

  // Everything up to this group is durable: what only it held may be forgotten.
  void Durable(uint64_t group_number);

  // ---- reading
  Position head() const { return group_ ? group_->end().position : end_.position; }
  // Before the group in hand: what a device can have seen at most.
  Position seen_max() const { return end_.position; }
  // Where `point` lies in this log. Of an epoch that was lost: behind the last event that was
  // brought back of those before it, or where the epoch was cut off. 0: nowhere.
  struct Place {
    Position at;
    bool ahead = false;  // above what a device can have seen
  };
  absl::StatusOr<Place> PlaceOf(const HistoryPoint& point) const;
  // The event that was at `position` when the epoch of `base` was this log's; 0: it is not here.
  absl::StatusOr<Position> EventAt(const HistoryPoint& base, Position position) const;
  // Valid until Durable or Load.
  absl::StatusOr<LogState*> StateOf(const LogId& log);
  absl::StatusOr<CachedEntity*> Entity(std::string_view type, std::string_view id) {
    return entities_.Find(type, id);
  }
  IndexAhead& index() { return index_; }
  StatsReply& stats() { return stats_; }
  const StatsReply& stats() const { return stats_; }
  void set_rule_set(uint32_t number) { rule_set_ = number; }
  uint32_t rule_set() const { return rule_set_; }

 private:
  const EventLog& log_;
  const Options options_;

  // Through which position the epoch of `epoch_id` is this log's history; nothing: it is not.
  std::optional<Position> EndOf(std::string_view epoch_id) const;

  LogEnd end_;
  std::vector<Epoch> epochs_;
  EntityCache entities_;
  IndexAhead index_;
  std::unordered_map<LogId, LogState> logs_;
  StatsReply stats_;
  uint32_t rule_set_ = 0;
  bool restart_pending_ = true;

  // The group in hand.
  std::optional<EventGroup> group_;
  LiveGroup* live_ = nullptr;
  uint64_t group_number_ = 0;
  int64_t now_us_ = 0;
  std::vector<CachedEntity*> touched_;
  LogState* run_of_ = nullptr;  // null: no run is open
  Run run_;

  std::string header_bytes_;  // reused
};

}  // namespace intentlog
