#include "projections/engine/sharded_fold.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_keys.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace intentlog {
namespace {

// Keys of one slice that one shard owns, in position order.
class TouchList {
 public:
  struct Touch {
    uint32_t event;
    uint32_t projection;
    uint32_t key_begin;
    uint32_t key_size;
  };
  void Add(size_t event, size_t projection, std::string_view key) {
    touches_.push_back({static_cast<uint32_t>(event), static_cast<uint32_t>(projection),
                        static_cast<uint32_t>(keys_.size()), static_cast<uint32_t>(key.size())});
    keys_.append(key);
  }
  void Clear() {
    touches_.clear();
    keys_.clear();
  }
  const std::vector<Touch>& touches() const { return touches_; }
  std::string_view key(const Touch& touch) const {
    return std::string_view(keys_).substr(touch.key_begin, touch.key_size);
  }

 private:
  std::vector<Touch> touches_;
  std::string keys_;
};

size_t OwnerOf(std::string_view key, size_t projection, size_t shards) {
  return XXH3_64bits_withSeed(key.data(), key.size(), /*seed=*/projection + 1) % shards;
}

}  // namespace

struct ShardedFold::TakenScope {
  static constexpr size_t kUndecided = SIZE_MAX;
  static constexpr size_t kByKey = SIZE_MAX - 1;

  size_t owner = kUndecided;  // a shard, or kByKey
  size_t events = 0;          // of the batch in hand
  bool changed = false;       // since the last Finish
};

// Events of a batch, with the bytes that they refer to.
struct ShardedFold::Taken {
  struct Place {
    const BlockView* block;
    size_t index;
    TakenScope* scope;
  };
  // A deque never moves what it holds.
  std::deque<std::string> bytes;
  std::deque<BlockView> blocks;
  std::vector<Place> places;
  std::vector<TakenScope*> scopes;  // of the places
  std::vector<size_t> load;         // of each shard: events of its own scopes, ever
  // Of scopes that are dealt by key.
  std::vector<size_t> by_key;                           // places
  std::vector<const Event*> events;                     // of each; null: touches nothing
  std::vector<std::unique_ptr<EventDecoder>> decoders;  // one for each, used again and again
};

struct ShardedFold::Shard {
  using Folds = std::vector<std::unique_ptr<RowFold>>;  // one for each build

  Shard(size_t kept_bytes, size_t builds, std::shared_ptr<const Schema> schema, size_t shards,
        std::unique_ptr<EventFinder> source)
      : cache(kept_bytes, builds),
        decoder(std::move(schema)),
        events(std::move(source)),
        touched_by_owner(shards) {}

  Folds& Of(std::string_view scope, Store& store, const std::vector<OpenProjection>& projections) {
    if (last != nullptr && last_scope == scope) return *last;
    auto found = scopes.find(scope);
    if (found == scopes.end()) {
      found = scopes.emplace(std::string(scope), Folds()).first;
      for (size_t i = 0; i < projections.size(); ++i) {
        found->second.push_back(std::make_unique<RowFold>(projections[i], i, scope, FoldState(),
                                                          /*may_have_parked=*/true, store, cache));
      }
    }
    last_scope = found->first;
    last = &found->second;
    used.insert(last_scope);
    return *last;
  }

  void Fail(Failure one) {
    if (one.event < failure.event) failure = std::move(one);
  }

  RowCache cache;  // folds refer to it
  EventDecoder decoder;
  const std::unique_ptr<EventFinder> events;
  KeySink keys;
  std::map<std::string, Folds, std::less<>> scopes;
  std::set<std::string_view> used;  // since the last Finish
  std::string_view last_scope;
  Folds* last = nullptr;
  std::vector<TouchList> touched_by_owner;  // of this shard's slice
  Failure failure;
  // By Write, until Finish.
  StoreBatch batch;
  std::map<std::string, std::vector<FoldState>, std::less<>> added;  // by scope: to each build
};

ShardedFold::ShardedFold(Store& store, std::vector<OpenProjection> projections,
                         std::shared_ptr<const Schema> schema,
                         std::vector<std::unique_ptr<EventFinder>> events,
                         const ShardedFoldOptions& options)
    : store_(store),
      projections_(std::move(projections)),
      schema_(std::move(schema)),
      options_(options),
      taken_(std::make_unique<Taken>()) {
  INTENTLOG_CHECK(options_.shards > 0 && options_.batch_events_max > 0);
  INTENTLOG_CHECK(events.size() == options_.shards);
  for (const OpenProjection& one : projections_) {
    any_decisions_ = any_decisions_ || one.info.decisions;
  }
  const size_t kept = options_.kept_rows_bytes_max / options_.shards;
  taken_->load.resize(options_.shards);
  for (size_t i = 0; i < options_.shards; ++i) {
    shards_.push_back(std::make_unique<Shard>(kept, projections_.size(), schema_, options_.shards,
                                              std::move(events[i])));
  }
}

ShardedFold::~ShardedFold() = default;

size_t ShardedFold::shards() const { return shards_.size(); }
bool ShardedFold::full() const { return taken_->places.size() >= options_.batch_events_max; }

// ---- taking

absl::StatusOr<size_t> ShardedFold::Take(const BlockView& block, size_t begin) {
  if (shards_.size() == 1) {
    for (size_t i = begin; i < block.size(); ++i) {
      const BlockView::Place place = block.place(i);
      if (!place.in_feed) continue;
      ScopeOf(block.scopes()[place.scope])->changed = true;
      RETURN_IF_ERROR(FoldAtOnce(block.event(i), *shards_[0]));
    }
    return block.size() - begin;
  }
  // A copy, because the next block takes this one's place.
  taken_->bytes.emplace_back(block.bytes());
  const BlockView& copy = taken_->blocks.emplace_back(block.In(taken_->bytes.back()));
  size_t i = begin;
  for (; i < copy.size() && !full(); ++i) {
    const BlockView::Place place = copy.place(i);
    if (!place.in_feed) continue;
    TakenScope* const scope = ScopeOf(copy.scopes()[place.scope]);
    if (scope->events++ == 0) taken_->scopes.push_back(scope);
    taken_->places.push_back({&copy, i, scope});
  }
  return i - begin;
}

ShardedFold::TakenScope* ShardedFold::ScopeOf(std::string_view name) {
  if (last_scope_ != nullptr && last_name_ == name) return last_scope_;
  auto found = scopes_.find(name);
  if (found == scopes_.end()) {
    found = scopes_.emplace(std::string(name), std::make_unique<TakenScope>()).first;
  }
  last_name_ = found->first;
  return last_scope_ = found->second.get();
}

void ShardedFold::Deal() {
  Taken& taken = *taken_;
  const size_t large = taken.places.size() / (2 * shards_.size());
  for (TakenScope* const scope : taken.scopes) {
    if (scope->owner == TakenScope::kUndecided) {
      const auto least = std::min_element(taken.load.begin(), taken.load.end());
      scope->owner = scope->events > large ? TakenScope::kByKey
                                           : static_cast<size_t>(least - taken.load.begin());
    }
    if (scope->owner != TakenScope::kByKey) taken.load[scope->owner] += scope->events;
    scope->events = 0;
    scope->changed = true;
  }
  taken.scopes.clear();
  for (size_t i = 0; i < taken.places.size(); ++i) {
    if (taken.places[i].scope->owner == TakenScope::kByKey) taken.by_key.push_back(i);
  }
  taken.events.assign(taken.by_key.size(), nullptr);
  while (taken.decoders.size() < taken.by_key.size()) {
    taken.decoders.push_back(std::make_unique<EventDecoder>(schema_));
  }
}

bool ShardedFold::any_by_key() const { return !taken_->by_key.empty(); }

// ---- side by side

void ShardedFold::Decode(size_t number) {
  FoldOwn(number);
  DecodeSlice(number);
}

void ShardedFold::FoldOwn(size_t number) {
  Shard& shard = *shards_[number];
  for (size_t i = 0; i < taken_->places.size(); ++i) {
    const Taken::Place& place = taken_->places[i];
    if (place.scope->owner != number) continue;
    const absl::Status status = FoldAtOnce(place.block->event(place.index), shard);
    if (status.ok()) [[likely]]
      continue;
    shard.Fail({i, status});
    return;
  }
}

absl::Status ShardedFold::FoldAtOnce(const EventRef& ref, Shard& shard) {
  ASSIGN_OR_RETURN(const Event* const event, shard.decoder.Decode(ref));
  if (!event->effective && !any_decisions_) return absl::OkStatus();
  Shard::Folds& folds = shard.Of(ref.scope, store_, projections_);
  shard.cache.AddHeldBytes(event->payload_bytes);
  for (size_t p = 0; p < projections_.size(); ++p) {
    if (event->unpark != nullptr) [[unlikely]] {
      if (projections_[p].info.name != event->unpark->view()) continue;
      const absl::Status status = folds[p]->Release(*event->unpark, shard.events.get());
      if (!status.ok()) return Describe(*event, p, event->unpark->key(), status);
      continue;
    }
    if (!event->effective && !projections_[p].info.decisions) continue;
    shard.keys.Clear();
    projections_[p].projection->Keys(*event, shard.keys);
    for (size_t k = 0; k < shard.keys.size(); ++k) {
      const absl::Status status = folds[p]->Apply(*event, shard.keys[k]);
      if (!status.ok()) [[unlikely]]
        return Describe(*event, p, shard.keys[k], status);
    }
  }
  return absl::OkStatus();
}

void ShardedFold::DecodeSlice(size_t number) {
  Shard& shard = *shards_[number];
  for (TouchList& list : shard.touched_by_owner) list.Clear();
  const size_t events = taken_->by_key.size();
  const size_t end = events * (number + 1) / shards_.size();
  for (size_t i = events * number / shards_.size(); i < end; ++i) {
    const Taken::Place& place = taken_->places[taken_->by_key[i]];
    const absl::StatusOr<const Event*> decoded =
        taken_->decoders[i]->Decode(place.block->event(place.index));
    if (!decoded.ok()) {
      shard.Fail({taken_->by_key[i], decoded.status()});
      return;
    }
    const Event& event = **decoded;
    taken_->events[i] = &event;
    if (event.unpark != nullptr) [[unlikely]] {
      TouchParked(event, i, shard);
      continue;
    }
    for (size_t p = 0; p < projections_.size(); ++p) {
      if (!event.effective && !projections_[p].info.decisions) continue;
      shard.keys.Clear();
      projections_[p].projection->Keys(event, shard.keys);
      for (size_t k = 0; k < shard.keys.size(); ++k) {
        const std::string& key = shard.keys[k];
        shard.touched_by_owner[OwnerOf(key, p, shards_.size())].Add(i, p, key);
      }
    }
  }
}

// Whoever owns the row that was decided about; for all of them, everybody.
void ShardedFold::TouchParked(const Event& event, size_t index, Shard& shard) {
  const Unpark& decided = *event.unpark;
  for (size_t p = 0; p < projections_.size(); ++p) {
    if (projections_[p].info.name != decided.view()) continue;
    for (size_t owner = 0; owner < shards_.size(); ++owner) {
      if (!decided.all_keys() && owner != OwnerOf(decided.key(), p, shards_.size())) continue;
      shard.touched_by_owner[owner].Add(index, p, decided.key());
    }
  }
}

void ShardedFold::Fold(size_t number) {
  Shard& shard = *shards_[number];
  for (const auto& slice : shards_) {
    const TouchList& list = slice->touched_by_owner[number];
    for (const TouchList::Touch& touch : list.touches()) {
      const Event& event = *taken_->events[touch.event];
      Shard::Folds& folds = shard.Of(event.scope, store_, projections_);
      shard.cache.AddHeldBytes(event.payload_bytes);
      RowFold& fold = *folds[touch.projection];
      const absl::Status status = event.unpark == nullptr
                                      ? fold.Apply(event, list.key(touch))
                                      : fold.Release(*event.unpark, shard.events.get());
      if (status.ok()) [[likely]]
        continue;
      shard.Fail({taken_->by_key[touch.event],
                  Describe(event, touch.projection, list.key(touch), status)});
      return;
    }
  }
}

absl::Status ShardedFold::Describe(const Event& event, size_t projection, std::string_view key,
                                   const absl::Status& status) const {
  return StatusOf(status.code(), "projection ", projections_[projection].info.name, ", scope ",
                  event.scope, ", key ", Quoted(key), ", event ", event.position, ": ", status);
}

absl::Status ShardedFold::EndBatch() {
  Failure first;
  for (const auto& shard : shards_) {
    if (shard->failure.event < first.event) first = shard->failure;
  }
  taken_->places.clear();
  taken_->by_key.clear();
  taken_->blocks.clear();
  taken_->bytes.clear();
  return first.status;
}

// ---- writing

size_t ShardedFold::pending_bytes() const {
  size_t bytes = 0;
  for (const auto& shard : shards_) bytes += shard->cache.held_bytes();
  return bytes;
}

absl::StatusOr<std::vector<FoldState>*> ShardedFold::StatesOf(const std::string& scope) {
  const auto found = states_.find(scope);
  if (found != states_.end()) return &found->second;
  std::vector<FoldState> states(projections_.size());
  for (size_t i = 0; i < projections_.size(); ++i) {
    std::string bytes;
    ASSIGN_OR_RETURN(const bool stored,
                     store_.Get(Space::kMeta, CheckpointKey(projections_[i].build, scope), &bytes));
    if (!stored) continue;
    ASSIGN_OR_RETURN(states[i], ParseCheckpoint(bytes));
  }
  return &states_.emplace(scope, std::move(states)).first->second;
}

void ShardedFold::Write(size_t number) {
  Shard& shard = *shards_[number];
  for (const std::string_view scope : shard.used) {
    std::vector<FoldState>& added = shard.added[std::string(scope)];
    for (const auto& fold : shard.scopes.find(scope)->second) {
      fold->WriteRows(shard.batch, [](std::string_view) {});
      added.push_back(fold->TakeState());
    }
  }
  shard.used.clear();
  shard.last = nullptr;
}

absl::Status ShardedFold::Finish(Position through, StoreBatch& batch) {
  INTENTLOG_CHECK(taken_->places.empty());
  for (const auto& shard : shards_) {
    INTENTLOG_CHECK(shard->used.empty());
    batch.Append(std::move(shard->batch));
    for (const auto& [scope, added] : shard->added) {
      ASSIGN_OR_RETURN(std::vector<FoldState>* const states, StatesOf(scope));
      for (size_t i = 0; i < added.size(); ++i) (*states)[i].Add(added[i]);
    }
    shard->added.clear();
  }
  for (const auto& [scope, noted] : scopes_) {
    if (!std::exchange(noted->changed, false)) continue;
    ASSIGN_OR_RETURN(std::vector<FoldState>* const states, StatesOf(scope));
    for (size_t i = 0; i < states->size(); ++i) {
      (*states)[i].position = through;
      batch.Put(Space::kMeta, CheckpointKey(projections_[i].build, scope),
                CheckpointBytes((*states)[i]));
    }
  }
  return absl::OkStatus();
}

void ShardedFold::Committed() {
  for (const auto& shard : shards_) {
    shard->cache.ClearHeldBytes();
    shard->cache.Trim();
  }
}

}  // namespace intentlog
