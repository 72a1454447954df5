// PendingRows are read models as a device shows them: the confirmed rows, and on top of each the
// device's own pending intents of that key, in order, folded when the row is read. So a device
// reads its own work at once, and a confirmed event costs nothing here but a mark.
//
// Adding an intent notes its ticket. Its bytes are asked for when a view is read for the first time
// since then, which finds out what rows it touches there, and when such a row is read. A folded row
// is kept until its key changes; an intent added later is folded onto it. So the cost is linear in
// the pending work, and views that nobody reads cost next to nothing.
//
// Thread-compatible, and reading changes what is kept: callers hold one lock over every call, and
// over ReadModels::Committed together with the MarkChanged and Remove that belong to it. Then a
// reader sees either an intent or the event that it became, never both and never neither.
//
//   models->Committed();
//   for (const auto& change : models->changes()) {
//     rows.MarkChanged(*change.projection, change.scope, change.key);
//   }
//   rows.Remove(ticket);  // of each intent that is now confirmed, or dropped
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_cursor.h"

namespace intentlog {

// The intent's place among the pending ones: they fold in ascending order.
using Ticket = uint64_t;

class PendingRows {
 public:
  // The bytes of a pending intent: of one that was added and is not removed.
  using IntentSource = std::function<absl::StatusOr<std::string>(Ticket)>;

  // `models` must outlive this and its cursors.
  PendingRows(const ReadModels& models, std::shared_ptr<const Schema> schema, IntentSource source);

  // Usually with the greatest ticket so far; any other is put in its place.
  // ALREADY_EXISTS: the ticket is in use.
  absl::Status Add(Ticket ticket);
  // Without effect for an unknown ticket.
  void Remove(Ticket ticket);
  // The confirmed row changed: what is folded on it is folded anew at the next read.
  void MarkChanged(const Projection& projection, std::string_view scope, std::string_view key);
  void MarkAllChanged();

  // As ReadModels::Get and ViewReader::Scan. DATA_LOSS: an intent does not parse. Where a pending
  // intent can not be folded, the error names its ticket and the row; a cursor goes on with the
  // next row after it. Scan folds every pending row of the range; with an index, every one of the
  // view.
  absl::StatusOr<std::optional<Row>> Get(std::string_view view, std::string_view key) const;
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(std::string_view view, const RowRange& range,
                                                  const RowPlace* after = nullptr) const;

  size_t size() const { return touched_.size(); }  // tickets
  size_t bytes() const { return bytes_; }          // of memory, about; without folded rows

 private:
  struct Place {  // of a row in a view; ascending by key, then scope
    std::string key;
    std::string scope;
    auto operator<=>(const Place&) const = default;
  };
  struct Slot {  // the pending intents that touch one row
    size_t view = 0;
    size_t first = 0;  // those before it are removed
    std::vector<Ticket> tickets;
    std::shared_ptr<Row> folded;  // confirmed row with the first `folded_count` tickets; or null
    size_t folded_count = 0;
  };
  using Slots = std::map<Place, Slot>;
  struct View {
    Slots slots;
    std::vector<Ticket> fresh;  // added since it was read; some may be removed since
  };

  // Finds out what rows fresh intents touch.
  absl::Status PlaceFresh(size_t view) const;
  // Valid until the next call.
  absl::StatusOr<const Event*> Decode(Ticket ticket) const;
  static void Insert(Slot& slot, Ticket ticket);
  void Erase(Slot& slot, Ticket ticket);
  absl::StatusOr<size_t> Find(std::string_view name) const;
  Slots::iterator FirstOf(size_t view, std::string_view key) const;
  absl::StatusOr<std::shared_ptr<const Row>> Fold(const Place& place, Slot& slot) const;
  absl::Status ApplyTicket(const Place& place, const Slot& slot, Ticket ticket, Row& row) const;
  // The row at `slot`, merged with its rows in other scopes; moves `slot` behind the last of its
  // key.
  absl::StatusOr<std::shared_ptr<const Row>> FoldMerged(size_t view, Slots::iterator& slot) const;

  const ReadModels& models_;
  const std::vector<std::string> names_;  // of views
  const IntentSource source_;
  mutable EventDecoder decoder_;
  mutable std::vector<View> views_;
  mutable std::map<Ticket, std::vector<Slots::iterator>> touched_;
  mutable size_t bytes_ = 0;
  mutable std::optional<Ticket> decoded_;  // the last one, and of what
  mutable const Event* event_ = nullptr;
  mutable std::string decoded_bytes_;
};

}  // namespace intentlog
