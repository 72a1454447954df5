#include "projections/engine/pending_rows.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "projections/engine/row_keys.h"

namespace intentlog {
namespace {

// Memory of map nodes and vectors, about.
constexpr size_t kTicketBytes = 120;
constexpr size_t kTouchBytes = 20;
constexpr size_t kSlotBytes = 200;
// A view that nobody reads forgets what was removed once that is the greater part, and this much.
constexpr size_t kFreshMin = 64;

std::vector<std::string> Names(const Projections& projections) {
  std::vector<std::string> names;
  for (const auto& projection : projections) names.push_back(projection->info().name);
  return names;
}

// Confirmed rows with the pending ones in their places. The pending rows are those of the moment
// when it was made, as the confirmed ones are.
class PendingCursor final : public RowCursor {
 public:
  struct Pending {
    std::string index_key;
    std::string key;
    absl::StatusOr<std::shared_ptr<const Row>> row;
  };

  // Of confirmed rows, those of the keys in `replaced`, which are sorted, do not come.
  PendingCursor(std::unique_ptr<RowCursor> confirmed, std::vector<Pending> pending,
                std::vector<std::string> replaced)
      : confirmed_(std::move(confirmed)),
        pending_(std::move(pending)),
        replaced_(std::move(replaced)) {}

  absl::StatusOr<const MergedRow*> Next() override {
    for (;;) {
      if (!ahead_ && !end_) {
        ASSIGN_OR_RETURN(ahead_, confirmed_->Next());
        end_ = ahead_ == nullptr;
      }
      if (ahead_ && std::binary_search(replaced_.begin(), replaced_.end(), ahead_->key)) {
        ahead_ = nullptr;
        continue;
      }
      if (next_ == pending_.size() || (ahead_ && IsBefore(*ahead_, pending_[next_]))) {
        return std::exchange(ahead_, nullptr);
      }
      const Pending& pending = pending_[next_++];
      RETURN_IF_ERROR(pending.row.status());
      if (!(*pending.row)->exists()) continue;
      merged_.index_key = pending.index_key;
      merged_.key = pending.key;
      merged_.row = RowAccess::Copy(**pending.row);
      return &merged_;
    }
  }

 private:
  static bool IsBefore(const MergedRow& row, const Pending& pending) {
    return std::tie(row.index_key, row.key) < std::tie(pending.index_key, pending.key);
  }

  const std::unique_ptr<RowCursor> confirmed_;
  const std::vector<Pending> pending_;  // by index key, then key
  const std::vector<std::string> replaced_;
  size_t next_ = 0;
  const MergedRow* ahead_ = nullptr;  // read from confirmed_, not given out
  bool end_ = false;                  // of confirmed_
  MergedRow merged_;
};

// What pending rows come to in a range, behind a place, if there is one.
class PendingList {
 public:
  PendingList(const Projection& projection, const RowRange& range, const RowPlace* after)
      : projection_(projection), index_(range.index), bounds_(BoundsOf(range)), after_(after) {
    const std::vector<std::string> names = projection.Indexes();
    index_place_ =
        static_cast<size_t>(std::find(names.begin(), names.end(), index_) - names.begin());
  }

  void Add(const std::string& key, const absl::StatusOr<std::shared_ptr<const Row>>& row) {
    replaced_.push_back(key);
    if (index_.empty()) return AddAt("", key, key, row);
    // Where a row would be that cannot be folded is not known: at the beginning.
    if (!row.ok()) return AddAt(bounds_.lower, bounds_.lower, key, row);
    if (!(*row)->exists()) return;
    KeySink keys;
    projection_.IndexKeys(index_place_, key, **row, keys);
    for (size_t i = 0; i < keys.size(); ++i) AddAt(keys[i], keys[i], key, row);
  }

  std::unique_ptr<RowCursor> Over(std::unique_ptr<RowCursor> confirmed) {
    const auto less = [](const auto& a, const auto& b) {
      return std::tie(a.index_key, a.key) < std::tie(b.index_key, b.key);
    };
    std::sort(pending_.begin(), pending_.end(), less);
    return std::make_unique<PendingCursor>(std::move(confirmed), std::move(pending_),
                                           std::move(replaced_));
  }

 private:
  void AddAt(const std::string& index_key, const std::string& bounded, const std::string& key,
             const absl::StatusOr<std::shared_ptr<const Row>>& row) {
    if (bounded < bounds_.lower || bounds_.Ends(bounded)) return;
    if (after_ != nullptr && std::tie(index_key, key) <= std::tie(after_->index_key, after_->key)) {
      return;
    }
    pending_.push_back({index_key, key, row});
  }

  const Projection& projection_;
  const std::string index_;
  size_t index_place_ = 0;
  const KeyBounds bounds_;
  const RowPlace* const after_;
  std::vector<PendingCursor::Pending> pending_;
  std::vector<std::string> replaced_;
};

}  // namespace

PendingRows::PendingRows(const ReadModels& models, std::shared_ptr<const Schema> schema,
                         IntentSource source)
    : models_(models),
      names_(Names(models.projections())),
      source_(std::move(source)),
      decoder_(std::move(schema)),
      views_(names_.size()) {}

absl::Status PendingRows::Add(Ticket ticket) {
  if (!touched_.try_emplace(ticket).second) {
    return StatusOf(absl::StatusCode::kAlreadyExists, "pending intent ", ticket,
                    " is there already");
  }
  bytes_ += kTicketBytes;
  for (View& view : views_) {
    view.fresh.push_back(ticket);
    if (view.fresh.size() < 2 * touched_.size() + kFreshMin) continue;
    const auto removed = [this](Ticket one) { return touched_.count(one) == 0; };
    view.fresh.erase(std::remove_if(view.fresh.begin(), view.fresh.end(), removed),
                     view.fresh.end());
  }
  return absl::OkStatus();
}

absl::Status PendingRows::PlaceFresh(size_t view) const {
  auto& [slots, fresh] = views_[view];
  if (fresh.empty()) return absl::OkStatus();
  // One that was removed and added again is there twice.
  std::sort(fresh.begin(), fresh.end());
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  KeySink keys;
  for (size_t next = 0; next < fresh.size(); ++next) {
    const Ticket ticket = fresh[next];
    const auto touched = touched_.find(ticket);
    if (touched == touched_.end()) continue;
    const absl::StatusOr<const Event*> event = Decode(ticket);
    if (!event.ok()) {
      fresh.erase(fresh.begin(), fresh.begin() + static_cast<ptrdiff_t>(next));
      return event.status();
    }
    if (!(*event)->effective) continue;
    keys.Clear();
    models_.projections()[view]->Keys(**event, keys);
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto [slot, added] = slots.try_emplace(Place{keys[i], std::string((*event)->scope)});
      if (added) bytes_ += kSlotBytes + slot->first.key.size() + slot->first.scope.size();
      slot->second.view = view;
      Insert(slot->second, ticket);
      touched->second.push_back(slot);
      bytes_ += kTouchBytes;
    }
  }
  fresh.clear();
  return absl::OkStatus();
}

// Who reads what it has just recorded asks twice for the same one: for its rows, and to fold it.
absl::StatusOr<const Event*> PendingRows::Decode(Ticket ticket) const {
  if (decoded_ == ticket) return event_;
  decoded_.reset();
  ASSIGN_OR_RETURN(decoded_bytes_, source_(ticket));
  ASSIGN_OR_RETURN(event_, decoder_.DecodePending(decoded_bytes_));
  decoded_ = ticket;
  return event_;
}

void PendingRows::Insert(Slot& slot, Ticket ticket) {
  if (slot.tickets.empty() || slot.tickets.back() < ticket) {
    slot.tickets.push_back(ticket);
    return;
  }
  const auto begin = slot.tickets.begin() + static_cast<ptrdiff_t>(slot.first);
  slot.tickets.insert(std::lower_bound(begin, slot.tickets.end(), ticket), ticket);
  slot.folded.reset();
}

void PendingRows::Remove(Ticket ticket) {
  const auto found = touched_.find(ticket);
  if (found == touched_.end()) return;
  if (decoded_ == ticket) decoded_.reset();
  for (const Slots::iterator slot : found->second) {
    Erase(slot->second, ticket);
    bytes_ -= kTouchBytes;
    if (slot->second.first < slot->second.tickets.size()) continue;
    bytes_ -= kSlotBytes + slot->first.key.size() + slot->first.scope.size();
    views_[slot->second.view].slots.erase(slot);
  }
  bytes_ -= kTicketBytes;
  touched_.erase(found);
}

// Intents leave in the order they came, nearly always: taking away the first one moves no others,
// until half of the memory is unused.
void PendingRows::Erase(Slot& slot, Ticket ticket) {
  slot.folded.reset();
  std::vector<Ticket>& tickets = slot.tickets;
  const auto begin = tickets.begin() + static_cast<ptrdiff_t>(slot.first);
  if (*begin != ticket) {
    tickets.erase(std::lower_bound(begin, tickets.end(), ticket));
    return;
  }
  if (++slot.first * 2 <= tickets.size()) return;
  tickets.erase(tickets.begin(), tickets.begin() + static_cast<ptrdiff_t>(slot.first));
  if (tickets.capacity() > 4 * tickets.size()) tickets.shrink_to_fit();
  slot.first = 0;
}

void PendingRows::MarkChanged(const Projection& projection, std::string_view scope,
                              std::string_view key) {
  for (size_t view = 0; view < views_.size(); ++view) {
    if (models_.projections()[view].get() != &projection) continue;
    Slots& slots = views_[view].slots;
    const auto slot = slots.find(Place{std::string(key), std::string(scope)});
    if (slot != slots.end()) slot->second.folded.reset();
  }
}

void PendingRows::MarkAllChanged() {
  for (View& view : views_) {
    for (auto& [place, slot] : view.slots) slot.folded.reset();
  }
}

absl::StatusOr<size_t> PendingRows::Find(std::string_view name) const {
  for (size_t view = 0; view < names_.size(); ++view) {
    if (names_[view] == name) return view;
  }
  return models_.Scopes(name).status();  // NOT_FOUND, with the names there are
}

PendingRows::Slots::iterator PendingRows::FirstOf(size_t view, std::string_view key) const {
  return views_[view].slots.lower_bound(Place{std::string(key), std::string()});
}

absl::StatusOr<std::shared_ptr<const Row>> PendingRows::Fold(const Place& place, Slot& slot) const {
  const size_t count = slot.tickets.size() - slot.first;
  if (slot.folded != nullptr && slot.folded_count == count) return slot.folded;
  std::shared_ptr<Row> row = std::exchange(slot.folded, nullptr);
  size_t folded = slot.folded_count;
  if (row == nullptr) {
    ASSIGN_OR_RETURN(std::optional<Row> confirmed,
                     models_.GetInScope(names_[slot.view], place.scope, place.key));
    row = std::make_shared<Row>(confirmed ? std::move(*confirmed) : Row());
    folded = 0;
  } else if (row.use_count() > 1) {  // a cursor shows it
    row = std::make_shared<Row>(RowAccess::Copy(*row));
  }
  for (; folded < count; ++folded) {
    RETURN_IF_ERROR(ApplyTicket(place, slot, slot.tickets[slot.first + folded], *row));
  }
  slot.folded = row;
  slot.folded_count = count;
  return slot.folded;
}

absl::Status PendingRows::ApplyTicket(const Place& place, const Slot& slot, Ticket ticket,
                                      Row& row) const {
  ASSIGN_OR_RETURN(const Event* event, Decode(ticket));
  const absl::Status status = models_.projections()[slot.view]->Apply(*event, place.key, row);
  if (status.ok()) return status;
  return StatusOf(status.code(), "view ", names_[slot.view], ", scope ", place.scope, ", key ",
                  Quoted(place.key), ", pending intent ", ticket, ": ", status);
}

absl::StatusOr<std::shared_ptr<const Row>> PendingRows::FoldMerged(size_t view,
                                                                   Slots::iterator& slot) const {
  const Projection& projection = *models_.projections()[view];
  const std::string& key = slot->first.key;
  const std::vector<std::string> confirmed = models_.ScopeNames();
  std::map<std::string_view, Slots::iterator> pending;
  for (auto next = slot; next != views_[view].slots.end() && next->first.key == key; ++next) {
    pending[next->first.scope] = next;
    slot = next;
  }
  ++slot;
  std::set<std::string_view> scopes(confirmed.begin(), confirmed.end());
  for (const auto& [scope, place] : pending) scopes.insert(scope);

  std::shared_ptr<const Row> first;  // shared as long as it is alone
  std::shared_ptr<Row> merged;
  for (const std::string_view scope : scopes) {
    std::shared_ptr<const Row> row;
    if (const auto found = pending.find(scope); found != pending.end()) {
      ASSIGN_OR_RETURN(row, Fold(found->second->first, found->second->second));
    } else {
      ASSIGN_OR_RETURN(std::optional<Row> stored, models_.GetInScope(names_[view], scope, key));
      if (stored) row = std::make_shared<Row>(std::move(*stored));
    }
    if (row == nullptr || !row->exists()) continue;
    if (first == nullptr) {
      first = row;
      if (!projection.merges()) return first;
      continue;
    }
    if (merged == nullptr) merged = std::make_shared<Row>(RowAccess::Copy(*first));
    RETURN_IF_ERROR(projection.Merge(*row, *merged));
  }
  if (merged != nullptr) return merged;
  return first != nullptr ? first : std::make_shared<const Row>();
}

absl::StatusOr<std::optional<Row>> PendingRows::Get(std::string_view view_name,
                                                    std::string_view key) const {
  ASSIGN_OR_RETURN(const size_t view, Find(view_name));
  RETURN_IF_ERROR(PlaceFresh(view));
  Slots::iterator slot = FirstOf(view, key);
  if (slot == views_[view].slots.end() || slot->first.key != key)
    return models_.Get(view_name, key);
  ASSIGN_OR_RETURN(const std::shared_ptr<const Row> row, FoldMerged(view, slot));
  if (!row->exists()) return std::nullopt;
  return std::optional<Row>(RowAccess::Copy(*row));
}

absl::StatusOr<std::unique_ptr<RowCursor>> PendingRows::Scan(std::string_view view_name,
                                                             const RowRange& range,
                                                             const RowPlace* after) const {
  ASSIGN_OR_RETURN(const size_t view, Find(view_name));
  RETURN_IF_ERROR(PlaceFresh(view));
  ASSIGN_OR_RETURN(const ViewReader reader, models_.Read(view_name));
  ASSIGN_OR_RETURN(std::unique_ptr<RowCursor> confirmed, reader.Scan(range, after));
  PendingList pending(*models_.projections()[view], range, after);
  // A pending row may be anywhere in an index.
  const KeyBounds bounds = range.index.empty() ? BoundsOf(range) : KeyBounds();
  for (Slots::iterator slot = FirstOf(view, bounds.lower);
       slot != views_[view].slots.end() && !bounds.Ends(slot->first.key);) {
    const std::string& key = slot->first.key;
    pending.Add(key, FoldMerged(view, slot));
  }
  return pending.Over(std::move(confirmed));
}

}  // namespace intentlog
