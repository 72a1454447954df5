// An AsOf is one view as it was at a position: folded by the compiled projection in a temporary
// place, beside the live read models and without touching them. It goes on to any later position.
//
//   ASSIGN_OR_RETURN(auto as_of, AsOf::Open(projection, schema, read, {}));
//   RETURN_IF_ERROR(as_of->FoldThrough(Position(581)));
//   as_of->rows().Get(view, key);        // or Scan, Scopes: digests
//
// Thread-compatible. What `read` and `bases` refer to must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/schema.h"
#include "projections/asof/as_of_base.h"
#include "projections/asof/read_log.h"
#include "projections/asof/temporary_store.h"
#include "projections/engine/event_finder.h"
#include "projections/engine/read_models.h"

namespace intentlog {

struct AsOfOptions {
  // Rows in memory before they are written: a row that changes often is written once for all of its
  // changes within this.
  size_t commit_bytes_max = 16 << 20;
  size_t kept_rows_bytes_max = 16 << 20;
  size_t write_buffer_bytes = 16 << 20;
  // Events of one read: a second or less of folding, so that no call to a server takes long.
  uint64_t read_events_max = 50'000;
  // Told how far it is, every so many events: some milliseconds. An error ends the fold.
  std::function<absl::Status(Position through)> progress;
  uint64_t progress_events = 500;
};

class AsOf {
 public:
  // Begins at the nearest of `bases` at or below `at`, or before the first event.
  static absl::StatusOr<std::unique_ptr<AsOf>> Open(std::shared_ptr<const Projection> view,
                                                    std::shared_ptr<const Schema> schema,
                                                    ReadLog read, AsOfOptions options,
                                                    AsOfBases* bases = nullptr, Position at = {});

  // Folds every event through `position`. REQUIRES: position >= this->position(). After an error,
  // which says where, only destruction is allowed.
  absl::Status FoldThrough(Position position);
  Position position() const { return position_; }
  // That of the base; 0: before the first event.
  Position began() const { return began_; }

  // The view alone, as of position().
  const ReadModels& rows() const { return *models_; }

 private:
  // Events that wait for a decision, read again when it comes.
  class Again;

  AsOf(std::shared_ptr<const Schema> schema, ReadLog read, AsOfOptions options);
  absl::Status Load(const std::shared_ptr<const Projection>& view, const AsOfBase& base);
  absl::Status Fold(const EventRef& ref);
  absl::Status Commit(Position through);

  const std::shared_ptr<const Schema> schema_;
  const ReadLog read_;
  const AsOfOptions options_;
  const std::unique_ptr<EventFinder> again_;
  EventDecoder decoder_;
  std::unique_ptr<TemporaryStore> store_;
  std::unique_ptr<ReadModels> models_;
  std::set<std::string, std::less<>> scopes_;  // that have had an event
  Position began_, position_;
  uint64_t folded_ = 0;  // events
};

}  // namespace intentlog
