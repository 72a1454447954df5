// An Overlay holds this device's own intents that the confirmed rows do not contain yet, and reads
// through both: a user sees own work at once, offline, and never twice (I21).
//
//   Append ─► in                        decided, not effective ─► out at once
//   parked ─► stays                     decided, effective ─► out in the very step in which the
//   conflicted ─► out                       cursor of its scope passes its position (at once if
//   closed, turned ─► out                   not subscribed)
//
// Resolve, Amend and Dismiss are never in: what they put in place comes with its settlement.
//
// Nothing is held until the first optimistic read, which walks the device log once; so who only
// records pays nothing.
//
// Thread-safe. Change makes confirmed rows and overlay change in one step for every reader.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/lost_runs.h"
#include "client/outbox/outbox.h"
#include "client/sync/scope_cursors.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/pending_rows.h"
#include "projections/engine/read_models.h"

namespace intentlog {

// What a commit changes, told inside Overlay::Change.
class OverlayEdit {
 public:
  virtual ~OverlayEdit() = default;
  // Intents got their first decision.
  virtual void Decided(const Outcome& outcome) = 0;
  // An open one was closed, or a parked one turned out conflicted or rejected.
  virtual void Closed(LogPlace place) = 0;
  // The cursor of a scope is now here.
  virtual void Moved(std::string_view scope, Position position) = 0;
  // A cursor has gone back: rows lack own intents that they had.
  virtual void Rewound() = 0;
};

class Overlay {
 public:
  // All of these must outlive the overlay.
  Overlay(const Outbox& outbox, const ReadModels& models, const ScopeCursors& cursors,
          std::shared_ptr<const Schema> schema);
  ~Overlay();

  // ---- following; in count order of each log, each count once
  void OnAppend(LogPlace first, absl::Span<const EncodedIntent> intents);
  // Runs `change` while nobody reads. It publishes what was committed and tells of it.
  void Change(absl::FunctionRef<void(OverlayEdit&)> change);

  // ---- reading: confirmed and pending. Errors as those of ReadModels.
  absl::StatusOr<std::optional<Row>> Get(std::string_view view, std::string_view key) const;
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(std::string_view view, const RowRange& range,
                                                  const RowPlace* after = nullptr) const;
  // Builds the overlay now; from then on `listener` hears of each row that an intent comes to or
  // leaves, with the overlay locked: it must only note it.
  using KeyListener = std::function<void(const Projection& projection, std::string_view key)>;
  absl::Status ListenToKeys(KeyListener listener);
  // Pending intents held; 0 before the first read.
  size_t size() const;

 private:
  class Edit;
  struct Held {
    std::string scope;
    Position decided;  // at this position, effectively; 0: not decided, or parked
  };

  // All of these: REQUIRES: mutex_ is held.
  absl::Status Build() const;
  void Forget();
  absl::Status HoldDecided(PriorityClass priority) const;
  absl::Status HoldParked() const;
  absl::Status HoldUndecided(const OutboxView& view) const;
  absl::StatusOr<bool> RowsShowLost(LostRunReader& lost, Count count,
                                    std::string_view intent) const;
  absl::Status HoldAppended(LogPlace place, std::string_view intent, const OutboxView& view) const;
  absl::Status HoldOne(LogPlace place, std::string_view intent, Position decided) const;
  void Drop(LogPlace place) const;
  void Decide(LogPlace place, Position position) const;
  void Tell(std::string_view intent) const;
  absl::StatusOr<std::string> Read(LogPlace place) const;
  void EndRead() const;
  void Keep(LogPlace place, std::string_view intent);

  const Outbox& outbox_;
  const ReadModels& models_;
  const ScopeCursors& cursors_;

  // Protected by mutex_; mutable, because the first reader builds them.
  mutable std::mutex mutex_;
  mutable bool built_ = false;
  mutable std::array<Count, kClasses> built_through_;
  mutable absl::Status failure_;  // an intent that can not be read: optimistic reads fail with it
  mutable PendingRows rows_;
  mutable std::array<std::unique_ptr<IntentReader>, kClasses> readers_;  // during one read
  // What was appended last, because that is what an app reads next.
  std::map<LogPlace, std::string> newest_;
  size_t newest_bytes_ = 0;
  mutable EventDecoder decoder_;
  mutable KeySink keys_;
  KeyListener listener_;
  mutable std::map<LogPlace, Held> held_;
  // Decided ones that wait for the cursor of their scope.
  mutable std::map<std::string, std::map<Position, LogPlace>, std::less<>> awaited_;
};

}  // namespace intentlog
