// An Engine keeps the logs of tenants: blocks in position order, and index rows whose meaning it
// does not know. One atomic durable write per append, fenced by term. RocksDB is the embedded
// engine; any other passes the same conformance suite (engine_conformance.h).
//
// Thread-safe; appends of one tenant must not overlap. A tenant's name is not empty and has no NUL:
// INVALID_ARGUMENT otherwise, from every method. Cursors must not outlive the engine.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

// Key and value of an index row; the engine adds the tenant in front. No value: the row is deleted.
struct IndexRow {
  std::string key;
  std::optional<std::string> value;
};

struct EngineBlock {
  Position first, last;
  std::string bytes;
};

struct EngineAppend {
  std::vector<EngineBlock> blocks;  // dense: each begins one after the one before
  std::vector<IndexRow> index;
};

struct EngineHead {
  Position position;
  Term term;
};

// Walks a tenant's blocks in order. Thread-compatible; the engine must outlive it. Between the
// first block and the end it may pin files and memory: do not keep one there for long.
class EngineCursor {
 public:
  virtual ~EngineCursor() = default;
  // The next block, valid until the next call; false at the end of what was durable when this call
  // began. A later call goes on from there; its block may begin at or below the last one, because
  // neighbours were merged meanwhile.
  virtual absl::StatusOr<bool> Next() = 0;
  // The block that holds `position`, or the first after it, among what was durable when the cursor
  // first looked, or since; false if there is none. Next goes on from there. Moving one cursor is
  // much cheaper than making one for each block.
  virtual absl::StatusOr<bool> Seek(Position position) = 0;
  virtual std::string_view block() const = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // A new term for the caller; appends under older ones are refused from now on.
  virtual absl::StatusOr<Term> Fence(std::string_view tenant) = 0;
  virtual absl::StatusOr<EngineHead> Head(std::string_view tenant) const = 0;
  // Durable when it returns OK. FAILED_PRECONDITION unless the first block begins at head + 1 and
  // `term` is the newest. An append with no blocks changes index rows alone. After any other error
  // the outcome is unknown: the engine must be opened again.
  virtual absl::Status Append(std::string_view tenant, Term term, const EngineAppend& append) = 0;
  // RESOURCE_EXHAUSTED while there is no room for new events of `bytes` beside the small appends
  // that must go on. Reading does.
  virtual absl::Status CheckRoom(uint64_t bytes) const = 0;
  // Puts `merged` in the place of the neighbouring blocks that cover the same positions, with index
  // changes, in one atomic write. It need not be durable at once: both forms hold the same events.
  virtual absl::Status Replace(std::string_view tenant, Term term, const EngineBlock& merged,
                               const std::vector<Position>& replaced_last,
                               const std::vector<IndexRow>& index) = 0;

  // From the block that holds `from` (or the first after it).
  virtual std::unique_ptr<EngineCursor> Read(std::string_view tenant, Position from) const = 0;
  // The block that holds `position`; NOT_FOUND above the head.
  virtual absl::Status ReadBlock(std::string_view tenant, Position position,
                                 std::string* block) const = 0;

  virtual absl::StatusOr<bool> GetIndex(std::string_view tenant, std::string_view key,
                                        std::string* value) const = 0;
  // The last row with `prefix` <= key <= `at`; nothing if there is none.
  virtual absl::StatusOr<std::optional<IndexRow>> LastIndex(std::string_view tenant,
                                                            std::string_view prefix,
                                                            std::string_view at) const = 0;
  // Up to `limit` rows with `prefix`, the first at or after `from`, in order.
  virtual absl::StatusOr<std::vector<IndexRow>> ScanIndex(std::string_view tenant,
                                                          std::string_view prefix,
                                                          std::string_view from,
                                                          size_t limit) const = 0;
  virtual absl::StatusOr<std::vector<std::string>> Tenants() const = 0;
};

}  // namespace intentlog
