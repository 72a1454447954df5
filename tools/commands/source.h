// A Source is where a command reads events and views: a running server, the data folder of a server
// that is not running, or a device's folder. Each has a file of its own.
//
// Thread-compatible; calls block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eventlog/log/block.h"
#include "projections/asof/as_of_base.h"
#include "projections/engine/read_models.h"
#include "tools/commands/domain.h"
#include "tools/commands/json.h"

namespace CLI {
class App;
}

namespace intentlog {

class WatchChunk;

struct SourceOptions {
  std::string dir;
  std::string server;
  std::string tenant;  // of a server; empty: "default"
  std::string schema_file;
  bool confirmed = false;  // of a device: without pending work
};

// Adds --dir, --server, --tenant and --schema.
void AddSource(CLI::App& command, SourceOptions* options);

struct EventsWanted {
  Position from;        // 0 counts as 1
  uint64_t limit = 0;   // 0: all
  bool follow = false;  // goes on with what comes later; a running server only
};

struct ViewSummary {
  std::string name;
  uint32_t version = 1;
  std::vector<ScopeState> scopes;
  // Of a server's: what was live before, until when it can be rolled back to, or when it went away.
  uint32_t before_version = 0;  // 0: there is none
  int64_t before_until_us = 0;
  int64_t before_ended_us = 0;
};

// How far a place has events: a device has its scopes through different positions.
struct Reach {
  Position all;       // through which it has every event of every scope
  std::string scope;  // that ends there; empty: it is a server's log, which ends there itself
  Position last;      // through which it has events at all
  // What a device does not keep any more, or never got, because a snapshot stood for it.
  Position held_after{};
  std::string held_scope{};  // of which that is
};

struct RowsWatched {
  std::string prefix;
  bool only_changes = false;
  absl::Duration duration = absl::InfiniteDuration();
};

// What a verification found; `problems` empty: all is well.
struct Verified {
  uint64_t events = 0, blocks = 0, intents = 0;
  uint64_t rows = 0;  // of all views and scopes
  Position head;
  std::vector<std::string> problems;
};

// Adds whether stored rows have the digests that their checkpoints say.
absl::Status AddRows(const FrozenRows& frozen, Verified& verified);

class Source {
 public:
  virtual ~Source() = default;

  const Domain& domain() const { return domain_; }

  // Ordered events in position order, until `take` returns false. Those of a device are the ones in
  // its feed, and after them its pending intents, with position 0 and no header.
  using TakeEvent = std::function<bool(const EventRef& event)>;
  virtual absl::Status ReadEvents(const EventsWanted& wanted, const TakeEvent& take) = 0;
  virtual absl::StatusOr<Reach> EventsThrough() = 0;
  // Figures, as one object.
  virtual absl::StatusOr<Json> Stats() = 0;
  virtual absl::StatusOr<Verified> Verify() = 0;

  virtual absl::StatusOr<std::vector<ViewSummary>> Views() = 0;
  // Rows merged over scopes in ascending byte order of keys. They are what all events of the place
  // through the result give.
  using TakeRow = std::function<absl::Status(std::string_view key, const Row& row)>;
  virtual absl::StatusOr<Position> Dump(const std::string& view, const TakeRow& take) = 0;
  virtual absl::StatusOr<std::optional<Row>> Get(const std::string& view,
                                                 const std::string& key) = 0;
  // Rows that were folded earlier, where the place keeps some; lives as long as the source. Null:
  // it keeps none.
  virtual absl::StatusOr<AsOfBases*> Bases() { return nullptr; }
  // A page of rows by key or by an index, merged over scopes.
  virtual absl::StatusOr<RowPage> Page(const std::string& view, const PageWanted& wanted) = 0;
  // Calls `take` with rows as they change, until it returns false or `wanted` ends. A folder at
  // rest has none: wrong usage.
  using TakeChunk = std::function<bool(const WatchChunk& chunk)>;
  virtual absl::Status Watch(const std::string& view, const RowsWatched& wanted,
                             const TakeChunk& take);
  // The projection that prints a view's rows. NOT_FOUND names those there are.
  absl::StatusOr<const Projection*> FindView(const std::string& view) const;

 protected:
  explicit Source(Domain domain) : domain_(std::move(domain)) {}

 private:
  const Domain domain_;
};

// INVALID_ARGUMENT (wrong usage) unless exactly one of dir and server is given.
absl::StatusOr<std::unique_ptr<Source>> OpenSource(const SourceOptions& options);

// ---- one for each kind
absl::StatusOr<std::unique_ptr<Source>> OpenRunningServer(const SourceOptions& options);
absl::StatusOr<std::unique_ptr<Source>> OpenServerFolder(const SourceOptions& options);
absl::StatusOr<std::unique_ptr<Source>> OpenDeviceFolderSource(const SourceOptions& options);

}  // namespace intentlog
