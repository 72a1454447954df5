#include "server/sequencer/log_ahead.h"

#include <algorithm>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {
namespace {

absl::StatusOr<Position> ReadPlace(std::string_view key, std::string_view row) {
  if (row.size() == kRowNumberBytes) return Position(LoadBig64(row));
  return DataLoss("the row ", Hex(key), " does not parse; restore the store from a backup");
}

}  // namespace

LogAhead::LogAhead(const EventLog& log, const Options& options)
    : log_(log), options_(options), entities_(log, options.entities_max), index_(log) {}

absl::Status LogAhead::Load() {
  group_.reset();
  touched_.clear();
  run_of_ = nullptr;
  logs_.clear();
  entities_.Clear();
  index_.Clear();
  end_ = log_.head();
  epochs_ = log_.epochs();
  rule_set_ = 0;
  restart_pending_ = true;
  ASSIGN_OR_RETURN(const std::optional<StatsReply> stats, index_.GetRow<StatsReply>(StatsKey()));
  stats_ = stats.value_or(StatsReply());
  return absl::OkStatus();
}

// ---- the group in hand

void LogAhead::Begin(uint64_t group_number, int64_t now_us, LiveGroup& live) {
  group_.emplace(end_, options_.log);
  live_ = &live;
  group_number_ = group_number;
  if (now_us < end_.server_time_us) INTENTLOG_MARK("log ahead: the wall clock is behind the log");
  now_us_ = Planted(Bug::kServerTimeFalls) ? now_us : std::max(now_us, end_.server_time_us);
  index_.Begin(group_number);
}

Position LogAhead::Append(Header& header, std::string_view intent_bytes, std::string_view scope,
                          LogState& state, bool ends_batch) {
  const Position position = group_->next();
  const Count count = state.highest.Next();
  header.set_position(position.value());
  header.set_server_time_us(now_us_);
  header.set_log_id(state.log.bytes().data(), LogId::kSize);
  header.set_count(count.value());
  header.set_rule_set(rule_set_);
  if (restart_pending_) header.set_restart(true);
  restart_pending_ = false;
  if (run_of_ != &state) {
    EndRun();
    run_of_ = &state;
    run_.set_first_count(count.value());
    run_.set_first_position(position.value());
    run_.set_length(0);
  }
  run_.set_length(run_.length() + 1);
  if (header.has_was()) {
    std::string place;
    AppendBig64(place, position.value());
    PutRow(WasKey(header.was().epoch_id(), header.was().position()), std::move(place));
  }
  header.SerializeToString(&header_bytes_);
  group_->Add(header, header_bytes_, intent_bytes, scope, ends_batch);
  if (IsInFeed(header)) live_->Add({position, scope, true, header_bytes_, intent_bytes});
  state.highest = count;
  state.hash = NextLogHash(state.hash, intent_bytes);
  state.last_group = group_number_;
  return position;
}

void LogAhead::EndRun() {
  if (run_of_ == nullptr) return;
  const std::string_view hash = Bytes(run_of_->hash);
  run_.set_hash_after(hash.data(), hash.size());
  group_->AddRun(run_of_->log, run_);
  run_of_ = nullptr;
}

void LogAhead::Touch(CachedEntity& entity) {
  if (!entity.exists) stats_.set_entities(stats_.entities() + 1);
  entity.exists = true;
  if (entity.last_group != group_number_) touched_.push_back(&entity);
  entity.last_group = group_number_;
}

EventGroup LogAhead::End() {
  EndRun();
  for (const CachedEntity* entity : touched_) group_->PutSummary(entity->key, entity->summary);
  touched_.clear();
  index_.AddTo(*group_);
  if (group_->size() > 0) group_->PutIndex(StatsKey(), stats_.SerializeAsString());
  end_ = group_->end();
  EventGroup group = *std::move(group_);
  group_.reset();
  live_ = nullptr;
  return group;
}

void LogAhead::Durable(uint64_t group_number) {
  index_.Durable(group_number);
  if (group_) return;  // what the group in hand points to stays where it is
  entities_.Trim(group_number);
  if (logs_.size() <= options_.logs_max) return;
  std::erase_if(logs_, [&](const auto& entry) { return entry.second.last_group <= group_number; });
}

// ---- reading

std::optional<Position> LogAhead::EndOf(std::string_view epoch_id) const {
  for (size_t i = 0; i < epochs_.size(); ++i) {
    if (epochs_[i].id() != epoch_id) continue;
    return i + 1 < epochs_.size() ? Position(epochs_[i + 1].first_position() - 1)
                                  : Position(UINT64_MAX);
  }
  return std::nullopt;
}

absl::StatusOr<LogAhead::Place> LogAhead::PlaceOf(const HistoryPoint& point) const {
  const Position position(point.position());
  if (point.epoch_id().empty()) return Place();
  const std::optional<Position> end = EndOf(point.epoch_id());
  if (end && position <= *end) return Place{position, position > seen_max()};
  ASSIGN_OR_RETURN(
      const std::optional<IndexAhead::Row> was,
      index_.Last(WasPrefix(point.epoch_id()), WasKey(point.epoch_id(), point.position())));
  if (!was) return Place{end.value_or(Position())};
  ASSIGN_OR_RETURN(const Position at, ReadPlace(was->key, was->value));
  return Place{at};
}

absl::StatusOr<Position> LogAhead::EventAt(const HistoryPoint& base, Position position) const {
  const std::optional<Position> end = EndOf(base.epoch_id());
  if (base.epoch_id().empty() || (end && position <= *end)) return position;
  ASSIGN_OR_RETURN(const std::optional<std::string> was,
                   index_.Get(WasKey(base.epoch_id(), position.value())));
  if (!was) return Position();
  return ReadPlace(WasKey(base.epoch_id(), position.value()), *was);
}

absl::StatusOr<LogAhead::LogState*> LogAhead::StateOf(const LogId& log) {
  const auto found = logs_.find(log);
  if (found != logs_.end()) return &found->second;
  ASSIGN_OR_RETURN(const LogHighest highest, log_.Highest(log));
  LogState& state = logs_[log];
  state.log = log;
  state.highest = highest.count;
  state.hash = highest.hash;
  if (Planted(Bug::kForgetsOnRestart)) state.highest = Count();
  return &state;
}

}  // namespace intentlog
