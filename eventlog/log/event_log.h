// An EventLog is the ordered record of one tenant: what every device did, as the server decided it.
// It knows what the engine does not: blocks, chain, scopes, runs, entity summaries, epochs.
//
// Reading is thread-safe and sees only what is durable. Append, Fence and MergeSmallBlocks belong
// to one executor each (README.md); the engine must outlive the log.
//
//   EventGroup group(log.head(), options);
//   group.Add(header, intent_bytes, entity, log_hash);   // any number of events
//   RETURN_IF_ERROR(log.Append(std::move(group)));       // durable, visible
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/block.h"
#include "eventlog/log/chain.h"
#include "eventlog/log/engine.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

struct EventLogOptions {
  // A block is cut when it reaches this: large enough to scan fast, small enough to skip by scope.
  // From half of it on it is cut where its only scope ends, too.
  size_t block_bytes = 64 << 10;
};

// The end of the log: what the next event follows.
struct LogEnd {
  Position position;
  ChainValue chain = {};
  int64_t server_time_us = 0;
};

// Decided events on their way to one append, with the rows that index them. Thread-compatible.
class EventGroup {
 public:
  EventGroup(const LogEnd& after, const EventLogOptions& options);

  // Position that the next Add takes; the caller writes it into the header.
  Position next() const { return end_.position.Next(); }
  // `header` is serialized by the caller once; both byte strings are stored verbatim.
  // No block is cut after an event that does not end its batch, so that whatever ends with a block
  // holds whole batches. REQUIRES: header.position() is next(); `scope` has no NUL.
  void Add(const Header& header, std::string_view header_bytes, std::string_view intent_bytes,
           std::string_view scope, bool ends_batch = true);
  // One row per pushed batch.
  void AddRun(const LogId& log, const Run& run);
  // One row per entity and append: the last one wins. `entity_key` as EntityKey() makes it.
  void PutSummary(std::string_view entity_key, const EntitySummary& summary);
  // A row of the caller's own. REQUIRES: `key` begins with none of the log's own letters "emrs".
  void PutIndex(std::string key, std::string value);
  void DeleteIndex(std::string key);

  const LogEnd& end() const { return end_; }
  uint64_t size() const { return events_; }
  size_t bytes() const;  // of events so far

 private:
  friend class EventLog;
  bool EndsOneScope(std::string_view next) const;
  void CutBlock();

  EventLogOptions options_;
  LogEnd end_;
  uint64_t events_ = 0;
  bool batch_ended_ = true;
  size_t cut_bytes_ = 0;  // of blocks in append_
  BlockBuilder builder_;
  EngineAppend append_;
};

// Blocks in order; views valid until the next call. Thread-compatible; the log must outlive it.
//
//   while (true) {
//     ASSIGN_OR_RETURN(const bool more, reader->Next());
//     if (!more) break;
//     for (size_t i = reader->begin(); i < reader->block().size(); ++i)
//     Use(reader->block().event(i));
//   }
class BlockReader {
 public:
  virtual ~BlockReader() = default;
  // False at the durable end; calling again later goes on from there.
  // DATA_LOSS with the position if a block is damaged or positions have a hole.
  virtual absl::StatusOr<bool> Next() = 0;
  virtual const BlockView& block() const = 0;
  // The first event of block() that is wanted and was not given before: a block may begin below
  // what was asked for, and neighbours are merged while they are read.
  virtual size_t begin() const = 0;
};

// What a device log has brought so far.
struct LogHighest {
  Count count;           // 0: nothing
  ChainValue hash = {};  // rolling hash at `count`
};

class EventLog {
 public:
  // Reads head and epochs; makes the first epoch (with `epoch_id`) for a new tenant.
  static absl::StatusOr<std::unique_ptr<EventLog>> Open(Engine& engine, std::string tenant,
                                                        const EpochId& epoch_id,
                                                        const EventLogOptions& options);

  const std::string& tenant() const { return tenant_; }
  LogEnd head() const;                // durable
  std::vector<Epoch> epochs() const;  // oldest first; never empty

  // ---- writing
  absl::StatusOr<Term> Fence();
  // Durable and visible when it returns OK. Errors as Engine::Append.
  absl::Status Append(EventGroup group);
  // Merges neighbouring blocks smaller than a quarter of block_bytes, once they are enough for one.
  // Reads at most 4 MiB a call and goes on from there at the next. Returns how many blocks went
  // away.
  absl::StatusOr<int> MergeSmallBlocks();
  enum class EpochCause : uint8_t { kRestored, kFoundOut };  // Epoch.found_out
  // A new epoch begins after the head: whatever other histories have above it is lost here. Durable
  // when it returns OK. REQUIRES: fenced; nothing is being appended.
  absl::Status StartEpoch(const EpochId& id, EpochCause cause = EpochCause::kRestored);
  // As EventGroup::PutIndex, alone and durable.
  absl::Status PutIndex(std::string key, std::string value);

  // ---- reading
  std::unique_ptr<BlockReader> Read(Position from) const;
  // Only blocks that hold an event of `scope` above `after`. They hold events of other scopes too.
  std::unique_ptr<BlockReader> ReadScope(std::string scope, Position after) const;
  // Chain value at `position`; NOT_FOUND above the head.
  absl::StatusOr<ChainValue> ChainAt(Position position) const;
  absl::StatusOr<std::vector<std::string>> Scopes() const;

  absl::StatusOr<LogHighest> Highest(const LogId& log) const;
  // The run that holds `count`; nothing if the log never brought it.
  absl::StatusOr<std::optional<Run>> FindRun(const LogId& log, Count count) const;
  // Up to `limit` runs that hold counts at or above `from`, in order.
  absl::StatusOr<std::vector<Run>> Runs(const LogId& log, Count from, size_t limit) const;
  // Every device log that has brought something.
  absl::StatusOr<std::vector<LogId>> DeviceLogs() const;
  // Nothing for an entity without events. `entity_key` as EntityKey() makes it.
  absl::StatusOr<std::optional<EntitySummary>> Summary(std::string_view entity_key) const;
  absl::StatusOr<std::optional<std::string>> GetIndex(std::string_view key) const;
  // Up to `limit` rows with `prefix`, the first at or after `from`, in order.
  absl::StatusOr<std::vector<IndexRow>> ScanIndex(std::string_view prefix, std::string_view from,
                                                  size_t limit) const;
  Engine& engine() const { return engine_; }

 private:
  EventLog(Engine& engine, std::string tenant, const EventLogOptions& options);
  absl::Status LoadHead();
  absl::Status LoadEpochs();
  absl::Status MakeFirstEpoch(const EpochId& epoch_id);
  absl::Status PutEpoch(Epoch epoch, const EpochId& id);
  absl::StatusOr<std::optional<Run>> LastRun(const LogId& log, Count at) const;
  absl::Status ReadBlockAt(Position position, std::string* bytes, BlockView* block) const;
  absl::Status MergeRun(const std::vector<std::string>& run);
  Term term() const;

  Engine& engine_;
  const std::string tenant_;
  const EventLogOptions options_;
  Position merge_from_{1};  // owned by MergeSmallBlocks' executor
  mutable std::mutex mutex_;
  LogEnd head_;                // protected by mutex_
  std::vector<Epoch> epochs_;  // protected by mutex_
  Term term_;                  // protected by mutex_
};

// Index key of an entity: "e", type, NUL, id.
std::string EntityKey(std::string_view type, std::string_view id);

}  // namespace intentlog
