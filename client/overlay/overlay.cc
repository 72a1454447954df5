#include "client/overlay/overlay.h"

#include <algorithm>
#include <vector>

#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/lost_runs.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"

namespace intentlog {

namespace {

// Pending intents fold in the order in which they go to the server: class by class, by count.
constexpr int kCountBits = 62;
// Of the newest intents' bytes, kept in memory: some hundred order lines.
constexpr size_t kNewestBytesMax = 64 << 10;

Ticket TicketOf(LogPlace place) {
  return (Ticket{place.priority} << kCountBits) | place.count.value();
}

LogPlace PlaceOf(Ticket ticket) {
  constexpr Ticket kCounts = (Ticket{1} << kCountBits) - 1;
  return {static_cast<PriorityClass>(ticket >> kCountBits), Count(ticket & kCounts)};
}

}  // namespace

class Overlay::Edit final : public OverlayEdit {
 public:
  explicit Edit(Overlay& overlay) : overlay_(overlay) {}

  void Decided(const Outcome& outcome) override {
    if (!overlay_.built_ || outcome.decision == PARKED) return;
    const bool effective = IsEffective(outcome.decision) && !Planted(Bug::kOverlayDropsReceipted);
    for (uint32_t i = 0; i < outcome.length; ++i) {
      const LogPlace place{outcome.priority, outcome.first.Plus(i)};
      if (effective) {
        overlay_.Decide(place, outcome.position.Plus(i));
      } else {
        overlay_.Drop(place);
      }
    }
  }
  void Closed(LogPlace place) override {
    if (overlay_.built_) overlay_.Drop(place);
  }
  void Moved(std::string_view scope, Position position) override {
    if (!overlay_.built_) return;
    overlay_.rows_.MarkAllChanged();
    const auto awaited = overlay_.awaited_.find(scope);
    if (awaited == overlay_.awaited_.end()) return;
    std::map<Position, LogPlace>& places = awaited->second;
    while (!places.empty() && places.begin()->first <= position) {
      const LogPlace place = places.begin()->second;
      places.erase(places.begin());
      if (!Planted(Bug::kOverlayKeepsConfirmed)) overlay_.Drop(place);
    }
    if (places.empty()) overlay_.awaited_.erase(awaited);
  }
  void Rewound() override { overlay_.Forget(); }

 private:
  Overlay& overlay_;
};

Overlay::Overlay(const Outbox& outbox, const ReadModels& models, const ScopeCursors& cursors,
                 std::shared_ptr<const Schema> schema)
    : outbox_(outbox),
      models_(models),
      cursors_(cursors),
      rows_(models, schema, [this](Ticket ticket) { return Read(PlaceOf(ticket)); }),
      decoder_(std::move(schema)) {}

Overlay::~Overlay() = default;

void Overlay::OnAppend(LogPlace first, absl::Span<const EncodedIntent> intents) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!built_) return;
  const OutboxView view = outbox_.view(first.priority);
  LogPlace place = first;
  for (const EncodedIntent& intent : intents) {
    // A build that came after the write has it already.
    if (place.count > built_through_[place.priority]) {
      Keep(place, intent.bytes);
      failure_.Update(HoldAppended(place, intent.bytes, view));
    }
    place.count = place.count.Next();
  }
}

// What the server answered before this thread came to tell of it must not stay for good.
absl::Status Overlay::HoldAppended(LogPlace place, std::string_view intent,
                                   const OutboxView& view) const {
  const Count count = place.count;
  bool receipted = count <= view.receipted;
  for (const CountRange& island : view.islands) {
    receipted = receipted || (island.first <= count && count <= island.last);
  }
  if (!receipted) return HoldOne(place, intent, Position());
  ASSIGN_OR_RETURN(const auto outcome, OutcomeOf(outbox_.store(), place.priority, count));
  if (outcome && outcome->decision == PARKED) return HoldOne(place, intent, Position());
  const bool effective =
      outcome && outcome->settled_at == Position() && IsEffective(outcome->decision);
  return effective ? HoldOne(place, intent, outcome->position) : absl::OkStatus();
}

void Overlay::Change(absl::FunctionRef<void(OverlayEdit&)> change) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Edit edit(*this);
  change(edit);
}

absl::StatusOr<std::optional<Row>> Overlay::Get(std::string_view view, std::string_view key) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  RETURN_IF_ERROR(Build());
  auto row = rows_.Get(view, key);
  EndRead();
  return row;
}

absl::StatusOr<std::unique_ptr<RowCursor>> Overlay::Scan(std::string_view view,
                                                         const RowRange& range,
                                                         const RowPlace* after) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  RETURN_IF_ERROR(Build());
  auto cursor = rows_.Scan(view, range, after);
  EndRead();
  return cursor;
}

void Overlay::Keep(LogPlace place, std::string_view intent) {
  newest_bytes_ += intent.size();
  newest_[place] = std::string(intent);
  while (newest_bytes_ > kNewestBytesMax && !newest_.empty()) {
    newest_bytes_ -= newest_.begin()->second.size();
    newest_.erase(newest_.begin());
  }
}

// A reader holds on to what the store had when it was made: it lives for one call.
absl::StatusOr<std::string> Overlay::Read(LogPlace place) const {
  const auto kept = newest_.find(place);
  if (kept != newest_.end()) return kept->second;
  auto& reader = readers_[place.priority];
  if (reader == nullptr) {
    reader = std::make_unique<IntentReader>(outbox_.store(), place.priority);
  }
  ASSIGN_OR_RETURN(const std::string_view intent, reader->Get(place.count));
  return std::string(intent);
}

void Overlay::EndRead() const {
  for (auto& reader : readers_) reader.reset();
}

absl::Status Overlay::ListenToKeys(KeyListener listener) {
  const std::lock_guard<std::mutex> lock(mutex_);
  RETURN_IF_ERROR(Build());
  listener_ = std::move(listener);
  return absl::OkStatus();
}

size_t Overlay::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return held_.size();
}

absl::Status Overlay::Build() const {
  if (built_ || !failure_.ok()) return failure_;
  built_ = true;
  // What is appended or decided from here on comes by OnAppend and Change, twice at worst.
  std::array<OutboxView, kClasses> views;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    views[priority] = outbox_.view(priority);
    built_through_[priority] = views[priority].last;
    failure_.Update(HoldDecided(priority));
  }
  failure_.Update(HoldParked());
  for (const OutboxView& view : views) failure_.Update(HoldUndecided(view));
  return failure_;
}

// The next reader builds it again; who listens hears of it now.
void Overlay::Forget() {
  if (!built_) return;
  for (const auto& [place, held] : held_) rows_.Remove(TicketOf(place));
  held_.clear();
  awaited_.clear();
  built_ = false;
  if (listener_) failure_.Update(Build());
}

// Effective ones above the cursor of their scope: the newest receipts. Positions grow with counts,
// so the walk ends at the first run that every cursor has passed.
absl::Status Overlay::HoldDecided(PriorityClass priority) const {
  Position passed(UINT64_MAX);
  for (const auto& [scope, cursor] : cursors_.All()) {
    passed = std::min(passed, cursor.lost() ? Position() : cursor.position);
  }
  const std::string prefix = CountPrefix('p', priority);
  std::vector<ReceiptRun> runs;
  const auto row = outbox_.store().Scan(Space::kIndex);
  row->SeekBack(CountKey('p', priority, Count(UINT64_MAX)));
  for (; row->Valid() && row->key().substr(0, prefix.size()) == prefix; row->Back()) {
    ReceiptRun run;
    if (!run.ParseFromArray(row->value().data(), static_cast<int>(row->value().size()))) {
      return DataLoss("receipts at count ", CountOf(row->key()), " do not parse");
    }
    if (run.first_position() + run.length() - 1 <= passed.value()) break;
    if (IsEffective(run.decision())) runs.push_back(std::move(run));
  }
  RETURN_IF_ERROR(row->status());
  IntentReader reader(outbox_.store(), priority);
  LostRunReader lost(outbox_.store(), priority);
  ASSIGN_OR_RETURN(const Count held, reader.First());
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const Count first(run->first_count());
    const Count last(run->first_count() + run->length() - 1);
    const Position position(run->first_position());
    // What is trimmed the rows contain, or will again.
    RETURN_IF_ERROR(
        reader.ForEach(std::max(first, held), last, [&](Count count, std::string_view intent) {
          ASSIGN_OR_RETURN(const bool shown, RowsShowLost(lost, count, intent));
          if (shown) return absl::OkStatus();
          return HoldOne({priority, count}, intent, position.Plus(count.Since(first)));
        }));
  }
  return absl::OkStatus();
}

absl::Status Overlay::HoldParked() const {
  const auto row = outbox_.store().Scan(Space::kIndex);
  for (row->Seek("o"); row->Valid() && row->key().substr(0, 1) == "o"; row->Next()) {
    const auto open = ParseOpenIntent(row->value());
    if (!open) return DataLoss("an open intent does not parse");
    if (open->decision != PARKED) continue;
    ASSIGN_OR_RETURN(const std::string intent, Read(open->place));
    RETURN_IF_ERROR(HoldOne(open->place, intent, Position()));
  }
  EndRead();
  return row->status();
}

absl::Status Overlay::HoldUndecided(const OutboxView& view) const {
  size_t island = 0;
  IntentReader reader(outbox_.store(), view.priority);
  LostRunReader lost(outbox_.store(), view.priority);
  return reader.ForEach(view.receipted.Next(), view.last,
                        [&](Count count, std::string_view intent) {
                          while (island < view.islands.size() && view.islands[island].last < count)
                            ++island;
                          if (island < view.islands.size() && view.islands[island].first <= count) {
                            return absl::OkStatus();
                          }
                          ASSIGN_OR_RETURN(const bool shown, RowsShowLost(lost, count, intent));
                          if (shown) return absl::OkStatus();
                          return HoldOne({view.priority, count}, intent, Position());
                        });
}

// Whether a server that was restored lost this one, and the rows of its scope still have it: they
// are those of the lost history, until the scope begins anew.
absl::StatusOr<bool> Overlay::RowsShowLost(LostRunReader& lost, Count count,
                                           std::string_view intent) const {
  ASSIGN_OR_RETURN(const std::optional<LostRun> run, lost.At(count));
  if (!run || run->first_count() > count.value() || !IsEffective(run->decision())) return false;
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(intent, &view));
  const auto cursor = cursors_.Find(view.scope);
  const uint64_t position = run->first_position() + (count.value() - run->first_count());
  return cursor && cursor->lost() && position <= cursor->position.value();
}

absl::Status Overlay::HoldOne(LogPlace place, std::string_view intent, Position decided) const {
  IntentView view;
  RETURN_IF_ERROR(ReadIntent(intent, &view));
  if (IsControl(view.type)) return absl::OkStatus();
  if (decided > Position()) {
    const auto cursor = cursors_.Find(view.scope);
    if (!cursor || cursor->Has(decided)) return absl::OkStatus();
    awaited_[std::string(view.scope)][decided] = place;
  }
  held_[place] = {std::string(view.scope), decided};
  RETURN_IF_ERROR(rows_.Add(TicketOf(place)));
  Tell(intent);
  return absl::OkStatus();
}

// It took effect at `position`: waits for the cursor of its scope, or leaves.
void Overlay::Decide(LogPlace place, Position position) const {
  const auto held = held_.find(place);
  if (held == held_.end() || held->second.decided > Position()) return;
  const auto cursor = cursors_.Find(held->second.scope);
  if (!cursor || cursor->Has(position)) return Drop(place);
  held->second.decided = position;
  awaited_[held->second.scope][position] = place;
}

void Overlay::Drop(LogPlace place) const {
  const auto held = held_.find(place);
  if (held == held_.end()) return;
  if (held->second.decided > Position()) {
    const auto awaited = awaited_.find(held->second.scope);
    if (awaited != awaited_.end()) awaited->second.erase(held->second.decided);
  }
  held_.erase(held);
  rows_.Remove(TicketOf(place));
  if (!listener_) return;
  auto intent = Read(place);
  EndRead();
  failure_.Update(intent.status());
  if (intent.ok()) Tell(*intent);
}

void Overlay::Tell(std::string_view intent) const {
  if (!listener_) return;
  const auto event = decoder_.DecodePending(intent);
  if (!event.ok() || (*event)->type == nullptr) return;
  for (const auto& projection : models_.projections()) {
    keys_.Clear();
    projection->Keys(**event, keys_);
    for (size_t i = 0; i < keys_.size(); ++i) listener_(*projection, keys_[i]);
  }
}

}  // namespace intentlog
