// Index keys (FORMAT.md); numbers big-endian:
//
//   "e", type, NUL, id              EntitySummary
//   "m", name                       head and epochs
//   "r", log_id, first count        Run
//   "s", scope, NUL, last position  empty: the block that ends there holds events of that scope
#include "eventlog/log/event_log.h"

#include <algorithm>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/log/decision.h"
#include "eventlog/log/event_log_keys.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr std::string_view kOwnLetters = "emrs";

bool IsOwnKey(std::string_view key) {
  return key.empty() || kOwnLetters.find(key[0]) != std::string_view::npos;
}

template <class Row>
absl::StatusOr<Row> ParseRow(std::string_view bytes, std::string_view what) {
  Row row;
  if (row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return row;
  return DataLoss(what, " does not parse; restore the store from a backup");
}

// A walk that goes from key to key would not come to its end.
absl::Status NoSuchKey(std::string_view key) {
  return DataLoss("the index has a row under the key ", Hex(key),
                  ", which no version writes; restore the store from a backup");
}

IndexRow HeadRow(const LogEnd& end, Term term) {
  LogHead head;
  head.set_position(end.position.value());
  head.set_chain(end.chain.data(), end.chain.size());
  head.set_server_time_us(end.server_time_us);
  head.set_term(term.value());
  return {std::string(kHeadKey), head.SerializeAsString()};
}

}  // namespace

std::string EntityKey(std::string_view type, std::string_view id) {
  return Cat('e', type, '\0', id);
}

// ---- EventGroup

EventGroup::EventGroup(const LogEnd& after, const EventLogOptions& options)
    : options_(options), end_(after) {}

void EventGroup::Add(const Header& header, std::string_view header_bytes,
                     std::string_view intent_bytes, std::string_view scope, bool ends_batch) {
  INTENTLOG_CHECK(header.position() == next().value());
  if (batch_ended_ && EndsOneScope(scope)) CutBlock();
  end_.position = next();
  end_.chain = NextChain(end_.chain, header_bytes, intent_bytes);
  end_.server_time_us = header.server_time_us();
  builder_.Add({end_.position, scope, IsInFeed(header), header_bytes, intent_bytes});
  ++events_;
  batch_ended_ = ends_batch;
  if (ends_batch && builder_.bytes() >= options_.block_bytes) CutBlock();
}

// A block of one scope is read for that scope alone. Where much of one comes before another begins,
// that is worth a cut; where scopes take turns it is not.
bool EventGroup::EndsOneScope(std::string_view next) const {
  return builder_.bytes() >= options_.block_bytes / 2 && builder_.scopes().size() == 1 &&
         builder_.scopes()[0] != next;
}

void EventGroup::CutBlock() {
  if (builder_.size() == 0) return;
  for (const std::string& scope : builder_.scopes()) {
    append_.index.push_back({ScopeKey(scope, end_.position), std::string()});
  }
  const Position first(end_.position.value() - builder_.size() + 1);
  append_.blocks.push_back({first, end_.position, builder_.Finish(end_.chain)});
  cut_bytes_ += append_.blocks.back().bytes.size();
}

void EventGroup::AddRun(const LogId& log, const Run& run) {
  append_.index.push_back({RunKey(log, Count(run.first_count())), run.SerializeAsString()});
}

void EventGroup::PutSummary(std::string_view entity_key, const EntitySummary& summary) {
  append_.index.push_back({std::string(entity_key), summary.SerializeAsString()});
}

void EventGroup::PutIndex(std::string key, std::string value) {
  INTENTLOG_CHECK(!IsOwnKey(key));
  append_.index.push_back({std::move(key), std::move(value)});
}

void EventGroup::DeleteIndex(std::string key) {
  INTENTLOG_CHECK(!IsOwnKey(key));
  append_.index.push_back({std::move(key), std::nullopt});
}

size_t EventGroup::bytes() const { return cut_bytes_ + builder_.bytes(); }

// ---- EventLog: opening and writing

EventLog::EventLog(Engine& engine, std::string tenant, const EventLogOptions& options)
    : engine_(engine), tenant_(std::move(tenant)), options_(options) {}

absl::StatusOr<std::unique_ptr<EventLog>> EventLog::Open(Engine& engine, std::string tenant,
                                                         const EpochId& epoch_id,
                                                         const EventLogOptions& options) {
  std::unique_ptr<EventLog> log(new EventLog(engine, std::move(tenant), options));
  RETURN_IF_ERROR(log->LoadEpochs());
  if (log->epochs().empty()) RETURN_IF_ERROR(log->MakeFirstEpoch(epoch_id));
  RETURN_IF_ERROR(log->LoadHead());
  ASSIGN_OR_RETURN(const auto merged, log->GetIndex(kMergedKey));
  if (merged.has_value() && merged->size() == kNumberBytes) {
    log->merge_from_ = Position(LoadBig64(*merged)).Next();
  }
  return log;
}

absl::Status EventLog::LoadEpochs() {
  ASSIGN_OR_RETURN(const auto rows,
                   engine_.ScanIndex(tenant_, kEpochPrefix, kEpochPrefix, SIZE_MAX));
  std::vector<Epoch> epochs;
  for (const IndexRow& row : rows) {
    ASSIGN_OR_RETURN(epochs.emplace_back(), ParseRow<Epoch>(*row.value, "an epoch row"));
  }
  std::lock_guard<std::mutex> hold(mutex_);
  epochs_ = std::move(epochs);
  return absl::OkStatus();
}

absl::Status EventLog::MakeFirstEpoch(const EpochId& epoch_id) {
  ASSIGN_OR_RETURN(const EngineHead head, engine_.Head(tenant_));
  if (head.position != Position()) {
    return DataLoss("tenant ", tenant_, " has events but no epoch; restore it from a backup");
  }
  RETURN_IF_ERROR(Fence().status());
  Epoch epoch;
  epoch.set_number(1);
  epoch.set_first_position(1);
  return PutEpoch(std::move(epoch), epoch_id);
}

absl::Status EventLog::StartEpoch(const EpochId& id, EpochCause cause) {
  Epoch epoch;
  epoch.set_number(epochs().back().number() + 1);
  epoch.set_first_position(head().position.Next().value());
  epoch.set_found_out(cause == EpochCause::kFoundOut);
  return PutEpoch(std::move(epoch), id);
}

absl::Status EventLog::PutEpoch(Epoch epoch, const EpochId& id) {
  epoch.set_id(std::string(id.bytes()));
  EngineAppend append;
  append.index.push_back({EpochKey(epoch.number()), epoch.SerializeAsString()});
  RETURN_IF_ERROR(engine_.Append(tenant_, term(), append));
  return LoadEpochs();
}

// The head row and the last block were written together, so they must agree.
absl::Status EventLog::LoadHead() {
  ASSIGN_OR_RETURN(const EngineHead engine_head, engine_.Head(tenant_));
  LogEnd end;
  std::string bytes;
  ASSIGN_OR_RETURN(const bool found, engine_.GetIndex(tenant_, kHeadKey, &bytes));
  if (found) {
    ASSIGN_OR_RETURN(const LogHead row, ParseRow<LogHead>(bytes, "the head row"));
    end.position = Position(row.position());
    end.server_time_us = row.server_time_us();
    if (!ToChainValue(row.chain(), &end.chain)) return DataLoss("the head row has no chain value");
  }
  if (end.position != engine_head.position) {
    return DataLoss("the log of tenant ", tenant_, " ends at position ", engine_head.position,
                    ", but its head row says ", end.position, "; restore it from a backup");
  }
  if (end.position != Position()) {
    BlockView block;
    RETURN_IF_ERROR(ReadBlockAt(end.position, &bytes, &block));
    if (block.last() != end.position || block.chain() != end.chain) {
      return DataLoss("the last block of tenant ", tenant_, " does not agree with the head at ",
                      end.position, "; restore it from a backup");
    }
  }
  std::lock_guard<std::mutex> hold(mutex_);
  head_ = end;
  return absl::OkStatus();
}

LogEnd EventLog::head() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return head_;
}

std::vector<Epoch> EventLog::epochs() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return epochs_;
}

Term EventLog::term() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return term_;
}

absl::StatusOr<Term> EventLog::Fence() {
  ASSIGN_OR_RETURN(const Term term, engine_.Fence(tenant_));
  {
    std::lock_guard<std::mutex> hold(mutex_);
    term_ = term;
  }
  RETURN_IF_ERROR(LoadHead());  // the one before may have written until now
  return term;
}

absl::Status EventLog::Append(EventGroup group) {
  group.CutBlock();
  const Term by = term();
  if (group.size() > 0) group.append_.index.push_back(HeadRow(group.end_, by));
  RETURN_IF_ERROR(engine_.Append(tenant_, by, group.append_));
  if (group.size() == 0) return absl::OkStatus();
  std::lock_guard<std::mutex> hold(mutex_);
  head_ = group.end_;
  return absl::OkStatus();
}

absl::Status EventLog::PutIndex(std::string key, std::string value) {
  INTENTLOG_CHECK(!IsOwnKey(key));
  EngineAppend append;
  append.index.push_back({std::move(key), std::move(value)});
  return engine_.Append(tenant_, term(), append);
}

// ---- EventLog: lookups

absl::Status EventLog::ReadBlockAt(Position position, std::string* bytes, BlockView* block) const {
  RETURN_IF_ERROR(engine_.ReadBlock(tenant_, position, bytes));
  ASSIGN_OR_RETURN(*block, BlockView::Parse(*bytes));
  if (block->first() <= position && position <= block->last()) return absl::OkStatus();
  return DataLoss("the event at position ", position, " of tenant ", tenant_,
                  " is missing; restore it from a backup");
}

absl::StatusOr<ChainValue> EventLog::ChainAt(Position position) const {
  if (position == Position()) return ChainValue{};
  const LogEnd end = head();
  if (position == end.position) return end.chain;
  if (position > end.position) {
    return NotFound("position ", position, " is above the head, ", end.position);
  }
  std::string bytes;
  BlockView block;
  RETURN_IF_ERROR(ReadBlockAt(position, &bytes, &block));
  if (block.last() == position) return block.chain();
  ChainValue chain = {};
  if (block.first() > Position(1)) {
    std::string bytes_before;
    BlockView before;
    RETURN_IF_ERROR(ReadBlockAt(Position(block.first().value() - 1), &bytes_before, &before));
    chain = before.chain();
  }
  for (size_t i = 0; i < block.size() && block.position(i) <= position; ++i) {
    const EventRef event = block.event(i);
    chain = NextChain(chain, event.header, event.intent);
  }
  return chain;
}

absl::StatusOr<std::vector<std::string>> EventLog::Scopes() const {
  std::vector<std::string> scopes;
  std::string from(kScopePrefix);
  while (true) {
    ASSIGN_OR_RETURN(const auto rows, engine_.ScanIndex(tenant_, kScopePrefix, from, 1));
    if (rows.empty()) return scopes;
    scopes.emplace_back(ScopeOfKey(rows[0].key));
    from = ScopeKey(scopes.back(), Position(UINT64_MAX)) + '\0';  // past all of that scope
    if (from <= rows[0].key) return NoSuchKey(rows[0].key);
  }
}

// The last run of `log` that begins at or below `at`.
absl::StatusOr<std::optional<Run>> EventLog::LastRun(const LogId& log, Count at) const {
  const auto row = engine_.LastIndex(tenant_, RunPrefix(log), RunKey(log, at));
  if (!row.ok()) return row.status();
  if (!row->has_value()) return std::optional<Run>();
  ASSIGN_OR_RETURN(Run run, ParseRow<Run>((*row)->value.value_or(std::string()), "a run row"));
  if (run.length() == 0) return DataLoss("the run of device log ", ToText(log), " is empty");
  return std::optional<Run>(std::move(run));
}

absl::StatusOr<std::optional<Run>> EventLog::FindRun(const LogId& log, Count count) const {
  ASSIGN_OR_RETURN(auto run, LastRun(log, count));
  if (run.has_value() && count.value() - run->first_count() >= run->length()) run.reset();
  return run;
}

absl::StatusOr<LogHighest> EventLog::Highest(const LogId& log) const {
  ASSIGN_OR_RETURN(const auto run, LastRun(log, Count(UINT64_MAX)));
  LogHighest highest;
  if (!run.has_value()) return highest;
  highest.count = Count(run->first_count() + run->length() - 1);
  if (!ToChainValue(run->hash_after(), &highest.hash)) {
    return DataLoss("the run of device log ", ToText(log), " at count ", run->first_count(),
                    " has no hash; restore the store from a backup");
  }
  return highest;
}

absl::StatusOr<std::vector<Run>> EventLog::Runs(const LogId& log, Count from, size_t limit) const {
  std::vector<Run> runs;
  ASSIGN_OR_RETURN(const auto holder, FindRun(log, from));
  if (holder.has_value() && holder->first_count() < from.value())
    from = Count(holder->first_count());
  ASSIGN_OR_RETURN(const auto rows,
                   engine_.ScanIndex(tenant_, RunPrefix(log), RunKey(log, from), limit));
  runs.reserve(rows.size());
  for (const IndexRow& row : rows) {
    ASSIGN_OR_RETURN(runs.emplace_back(), ParseRow<Run>(*row.value, "a run row"));
  }
  return runs;
}

absl::StatusOr<std::vector<LogId>> EventLog::DeviceLogs() const {
  std::vector<LogId> logs;
  std::string from(kRunPrefix);
  while (true) {
    ASSIGN_OR_RETURN(const auto rows, engine_.ScanIndex(tenant_, kRunPrefix, from, 1));
    if (rows.empty()) return logs;
    const LogId log = LogOfRunKey(rows[0].key);
    if (log.nil()) return NoSuchKey(rows[0].key);
    logs.push_back(log);
    from = RunKey(logs.back(), Count(UINT64_MAX)) + '\0';  // past all of that log
  }
}

absl::StatusOr<std::optional<EntitySummary>> EventLog::Summary(std::string_view entity_key) const {
  ASSIGN_OR_RETURN(const auto bytes, GetIndex(entity_key));
  if (!bytes.has_value()) return std::optional<EntitySummary>();
  ASSIGN_OR_RETURN(auto summary, ParseRow<EntitySummary>(*bytes, "an entity's summary"));
  return std::optional<EntitySummary>(std::move(summary));
}

absl::StatusOr<std::optional<std::string>> EventLog::GetIndex(std::string_view key) const {
  std::string value;
  ASSIGN_OR_RETURN(const bool found, engine_.GetIndex(tenant_, key, &value));
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(std::move(value));
}

absl::StatusOr<std::vector<IndexRow>> EventLog::ScanIndex(std::string_view prefix,
                                                          std::string_view from,
                                                          size_t limit) const {
  return engine_.ScanIndex(tenant_, prefix, from, limit);
}

}  // namespace intentlog
