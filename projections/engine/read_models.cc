#include "projections/engine/read_models.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_fold.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/view_records.h"
#include "proto/store.pb.h"

namespace intentlog {
namespace {

// What readers see: the store at the last commit.
struct Published {
  std::shared_ptr<const StoreSnapshot> snapshot;
  std::shared_ptr<const std::vector<std::string>> scopes;  // of all projections, in byte order
  std::shared_ptr<const std::vector<Position>> latest;     // of each of `open`, over its scopes
};

// The folds of one scope, one per projection.
struct ScopeFold {
  std::vector<std::unique_ptr<RowFold>> folds;
  bool folds_any = false;  // some projection is folded
  Position last;           // greatest position added or finished
  bool added = false;      // has events since its last Finish
};

absl::StatusOr<FoldState> ReadState(const StoreSnapshot& snapshot, BuildId build,
                                    std::string_view scope) {
  std::string bytes;
  ASSIGN_OR_RETURN(const bool found,
                   snapshot.Get(Space::kMeta, CheckpointKey(build, scope), &bytes));
  if (!found) return FoldState();
  return ParseCheckpoint(bytes);
}

// Calls use(scope, bytes) for every checkpoint of `build`, in byte order of scopes.
template <class Use>
absl::Status ForEachCheckpoint(const StoreSnapshot& snapshot, BuildId build, Use use) {
  const std::string prefix = CheckpointPrefix(build);
  const std::unique_ptr<StoreCursor> cursor = snapshot.Scan(Space::kMeta);
  for (cursor->Seek(prefix); cursor->Valid(); cursor->Next()) {
    const std::string_view key = cursor->key();
    if (key.substr(0, prefix.size()) != prefix) break;
    RETURN_IF_ERROR(use(key.substr(prefix.size()), cursor->value()));
  }
  return cursor->status();
}

}  // namespace

struct ReadModels::Rep {
  Rep(Store& the_store, Projections projections, const ReadModelsOptions& the_options)
      : store(the_store),
        options(the_options),
        listed(std::move(projections)),
        watches(options.watches != nullptr ? options.watches : std::make_shared<RowWatches>()),
        cache(options.kept_rows_bytes_max, listed.size() + options.followers.size()),
        unnoted(listed.size(), false) {}

  absl::Status OpenProjections();
  absl::Status FindBuilds();
  absl::Status LoadScopes();
  void WriteNewBuilds(StoreBatch& batch);
  void JoinWatches();

  absl::StatusOr<ScopeFold*> Scope(std::string_view scope);
  absl::Status CheckAdd(const Event& event, const ScopeFold& scope) const;
  absl::Status Fold(const Event& event, ScopeFold& scope);
  absl::Status Release(const Event& event, ScopeFold& scope);
  // Whether the rows of `open[i]` that the batch in hand changes are to be noted for who watches.
  bool NotesRows(size_t i);
  void DropIdleScopes();
  void Publish();
  void TellWatches();

  Published Seen() const {
    std::lock_guard<std::mutex> lock(mutex);
    return published;
  }
  absl::StatusOr<const OpenProjection*> View(std::string_view name) const;
  absl::StatusOr<const OpenProjection*> Readable(std::string_view name) const;
  ViewReader ReaderOf(const OpenProjection& one) const;

  // Constant after Open.
  Store& store;
  const ReadModelsOptions options;
  const Projections listed;
  std::vector<OpenProjection> open;                           // as listed, then the followers
  std::vector<std::shared_ptr<const OpenProjection>> shared;  // the same, for readers
  const std::shared_ptr<RowWatches> watches;
  uint64_t opening = 0;        // among those of `watches`
  bool any_decisions = false;  // one of them folds what is not effective

  // Of the folding thread. Folds refer to the cache and are destroyed before it.
  RowCache cache;
  std::map<std::string, ScopeFold, std::less<>> scopes;
  std::string_view last_scope_name;  // key in `scopes`
  ScopeFold* last_scope = nullptr;   // events in a row often share a scope
  std::vector<std::string> new_scopes;
  bool builds_written = true;
  std::vector<size_t> unwritten;  // of `open`: new here
  BuildId builds_last = 0;
  bool failed = false;  // only Abandon is allowed
  EventFinder* events = nullptr;
  KeySink keys;
  bool tracking = false;
  std::vector<Change> changed;  // by the batch in hand
  std::vector<Change> changes;  // by the last committed one
  // By the batch in hand: changed rows of views that were watched when they were finished, by place
  // in `open`, and views that were not.
  std::vector<std::pair<size_t, std::string>> noted;
  std::vector<bool> unnoted;
  std::vector<Position> latest;  // of each of `open`

  mutable std::mutex mutex;
  Published published;  // protected by mutex
};

// ---- opening

absl::Status ReadModels::Rep::OpenProjections() {
  for (const std::shared_ptr<const Projection>& projection : listed) {
    ASSIGN_OR_RETURN(OpenProjection one, OpenOne(projection, 0));
    if (one.info.name.empty() || one.info.name.find('\0') != std::string::npos) {
      return Invalid("a projection's name is empty or contains NUL: ", Quoted(one.info.name));
    }
    for (const OpenProjection& other : open) {
      if (other.info.name == one.info.name) {
        return Invalid("two projections are named ", one.info.name);
      }
    }
    any_decisions = any_decisions || one.info.decisions;
    open.push_back(std::move(one));
  }
  for (const Follower& follower : options.followers) {
    ASSIGN_OR_RETURN(OpenProjection one, OpenOne(follower.projection, follower.build));
    any_decisions = any_decisions || one.info.decisions;
    open.push_back(std::move(one));
  }
  return absl::OkStatus();
}

absl::Status ReadModels::Rep::FindBuilds() {
  ASSIGN_OR_RETURN(builds_last, LastBuild(store));
  for (size_t i = 0; i < listed.size(); ++i) {
    OpenProjection& one = open[i];
    ASSIGN_OR_RETURN(const std::optional<ViewRecord> record, ReadViewRecord(store, one.info.name));
    if (record && record->version() == one.info.version) {
      one.build = record->build();
      continue;
    }
    if (options.show_other_versions && builds_last > 0 && unwritten.empty()) {
      one.is_folded = false;
      if (record && (record->row().empty() || record->row() == one.info.row->full_name())) {
        one.build = record->build();
        one.shown_version = record->version();
      }
      continue;
    }
    builds_written = false;
    std::string bytes;
    ASSIGN_OR_RETURN(const bool found,
                     store.Get(Space::kMeta, ViewKey(one.info.name, one.info.version), &bytes));
    ProjectionBuild build;
    if (found && !build.ParseFromString(bytes)) {
      return DataLoss("the build of view ", one.info.name, " does not parse: rebuild it");
    }
    one.build = found ? build.build() : ++builds_last;
    unwritten.push_back(i);
  }
  return absl::OkStatus();
}

absl::Status ReadModels::Rep::LoadScopes() {
  Published next;
  next.snapshot = store.Snapshot();
  std::vector<std::string> names;
  std::vector<Position> positions(open.size());
  for (size_t i = 0; i < open.size(); ++i) {
    RETURN_IF_ERROR(
        ForEachCheckpoint(*next.snapshot, open[i].build,
                          [&](std::string_view scope, std::string_view bytes) -> absl::Status {
                            ASSIGN_OR_RETURN(const FoldState state, ParseCheckpoint(bytes));
                            positions[i] = std::max(positions[i], state.position);
                            names.emplace_back(scope);
                            return absl::OkStatus();
                          }));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  next.scopes = std::make_shared<const std::vector<std::string>>(std::move(names));
  latest = std::move(positions);
  next.latest = std::make_shared<const std::vector<Position>>(latest);
  std::lock_guard<std::mutex> lock(mutex);
  std::swap(published, next);
  return absl::OkStatus();
}

// The rows of what Open gave a number, written together with the first rows of that key space.
void ReadModels::Rep::WriteNewBuilds(StoreBatch& batch) {
  for (const size_t i : unwritten) {
    ViewRecord record;
    record.set_name(open[i].info.name);
    record.set_version(open[i].info.version);
    record.set_build(open[i].build);
    record.set_row(open[i].info.row->full_name());
    PutViewRecord(record, batch);
  }
  batch.Put(Space::kMeta, kBuildsKey, BuildBytes(builds_last));
}

void ReadModels::Rep::JoinWatches() {
  for (const OpenProjection& one : open) {
    shared.push_back(std::make_shared<const OpenProjection>(one));
  }
  const std::lock_guard<std::mutex> lock(watches->mutex_);
  opening = ++watches->openings_;
}

absl::StatusOr<std::unique_ptr<ReadModels>> ReadModels::Open(Store& store, Projections projections,
                                                             const ReadModelsOptions& options) {
  auto rep = std::make_unique<Rep>(store, std::move(projections), options);
  RETURN_IF_ERROR(rep->OpenProjections());
  RETURN_IF_ERROR(rep->FindBuilds());
  RETURN_IF_ERROR(rep->LoadScopes());
  rep->JoinWatches();
  return std::unique_ptr<ReadModels>(new ReadModels(std::move(rep)));
}

ReadModels::ReadModels(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
ReadModels::~ReadModels() = default;

const Projections& ReadModels::projections() const { return rep_->listed; }

const Projection* ReadModels::Find(std::string_view view) const {
  for (const OpenProjection& one : rep_->open) {
    if (one.info.name == view) return one.projection.get();
  }
  return nullptr;
}

// ---- folding

absl::StatusOr<ScopeFold*> ReadModels::Rep::Scope(std::string_view scope) {
  if (last_scope != nullptr && last_scope_name == scope) return last_scope;
  auto found = scopes.find(scope);
  if (found == scopes.end()) {
    RETURN_IF_ERROR(CheckScope(scope));
    const Published seen = Seen();
    ScopeFold fold;
    fold.folds.reserve(open.size());
    for (size_t i = 0; i < open.size(); ++i) {
      ASSIGN_OR_RETURN(const FoldState state, ReadState(*seen.snapshot, open[i].build, scope));
      fold.folds.push_back(
          std::make_unique<RowFold>(open[i], i, scope, state, state.parked > 0, store, cache));
      if (!open[i].is_folded) continue;
      fold.last = fold.folds_any ? std::min(fold.last, state.position) : state.position;
      fold.folds_any = true;
    }
    found = scopes.emplace(scope, std::move(fold)).first;
  }
  last_scope_name = found->first;
  last_scope = &found->second;
  return last_scope;
}

absl::Status ReadModels::Rep::CheckAdd(const Event& event, const ScopeFold& scope) const {
  if (event.position == Position()) {
    return Invalid("scope ", event.scope, ": an event without position cannot be folded into rows");
  }
  if (event.position <= scope.last) {
    return FailedPrecondition("scope ", event.scope, ": event ", event.position,
                              " came after event ", scope.last, " was folded");
  }
  return absl::OkStatus();
}

absl::Status ReadModels::Rep::Fold(const Event& event, ScopeFold& scope) {
  if (event.unpark != nullptr) return Release(event, scope);
  for (size_t i = 0; i < open.size(); ++i) {
    if (!open[i].is_folded || (!event.effective && !open[i].info.decisions)) continue;
    RowFold& fold = *scope.folds[i];
    if (event.position <= fold.state().position) continue;
    keys.Clear();
    open[i].projection->Keys(event, keys);
    for (size_t k = 0; k < keys.size(); ++k) {
      const absl::Status status = fold.Apply(event, keys[k]);
      if (status.ok()) [[likely]]
        continue;
      return StatusOf(status.code(), "projection ", open[i].info.name, ", scope ", event.scope,
                      ", key ", Quoted(keys[k]), ", event ", event.position, ": ", status);
    }
  }
  return absl::OkStatus();
}

// Of the live build and of those that follow.
absl::Status ReadModels::Rep::Release(const Event& event, ScopeFold& scope) {
  for (size_t i = 0; i < open.size(); ++i) {
    if (!open[i].is_folded || open[i].info.name != event.unpark->view()) continue;
    RowFold& fold = *scope.folds[i];
    if (event.position <= fold.state().position) continue;
    const absl::Status status = fold.Release(*event.unpark, events);
    if (status.ok()) continue;
    return StatusOf(status.code(), "projection ", open[i].info.name, ", scope ", event.scope,
                    ", event ", event.position, ": parked events: ", status);
  }
  return absl::OkStatus();
}

void ReadModels::FindEventsIn(EventFinder* events) { rep_->events = events; }

absl::Status ReadModels::Add(const Event& event) {
  if (rep_->failed)
    return FailedPrecondition("an earlier event could not be folded: abandon first");
  absl::StatusOr<ScopeFold*> scope = rep_->Scope(event.scope);
  absl::Status status = scope.status();
  if (status.ok()) status = rep_->CheckAdd(event, **scope);
  if (status.ok()) {
    (*scope)->last = event.position;
    (*scope)->added = true;
    if (!event.effective && !rep_->any_decisions) return status;
    // What a row may grow by; the rows themselves count when first touched.
    rep_->cache.AddHeldBytes(event.payload_bytes);
    status = rep_->Fold(event, **scope);
  }
  rep_->failed = !status.ok();
  return status;
}

absl::Status ReadModels::Finish(std::string_view scope_name, Position through, StoreBatch& batch) {
  if (rep_->failed) return FailedPrecondition("an event could not be folded: abandon first");
  ASSIGN_OR_RETURN(ScopeFold * scope, rep_->Scope(scope_name));
  if (through < scope->last) {
    return FailedPrecondition("scope ", scope_name, " cannot end at ", through, ": it has event ",
                              scope->last);
  }
  if (!rep_->builds_written) rep_->WriteNewBuilds(batch);
  for (size_t i = 0; i < rep_->open.size(); ++i) {
    if (!rep_->open[i].is_folded) continue;
    const bool notes = rep_->NotesRows(i);
    scope->folds[i]->WriteRows(batch, [&](std::string_view key) {
      if (notes) rep_->noted.emplace_back(i, key);
      if (!rep_->tracking || i >= rep_->listed.size()) return;
      rep_->changed.push_back({rep_->listed[i].get(), std::string(scope_name), std::string(key)});
    });
    scope->folds[i]->WriteCheckpoint(through, batch);
    rep_->latest[i] = std::max(rep_->latest[i], scope->folds[i]->state().position);
  }
  scope->last = through;
  scope->added = false;
  rep_->new_scopes.emplace_back(scope_name);
  return absl::OkStatus();
}

bool ReadModels::Rep::NotesRows(size_t i) {
  if (i >= listed.size()) return false;
  if (watches->Watches(open[i].info.name)) return true;
  unnoted[i] = true;
  return false;
}

void ReadModels::Rep::DropIdleScopes() {
  last_scope = nullptr;
  for (auto scope = scopes.begin(); scope != scopes.end();) {
    bool idle = !scope->second.added;
    for (const auto& fold : scope->second.folds) idle = idle && !fold->has_rows();
    scope = idle ? scopes.erase(scope) : std::next(scope);
  }
}

void ReadModels::Rep::Publish() {
  Published next = Seen();
  next.snapshot = store.Snapshot();
  std::sort(new_scopes.begin(), new_scopes.end());
  new_scopes.erase(std::unique(new_scopes.begin(), new_scopes.end()), new_scopes.end());
  if (!std::includes(next.scopes->begin(), next.scopes->end(), new_scopes.begin(),
                     new_scopes.end())) {
    std::vector<std::string> all;
    std::set_union(next.scopes->begin(), next.scopes->end(), new_scopes.begin(), new_scopes.end(),
                   std::back_inserter(all));
    next.scopes = std::make_shared<const std::vector<std::string>>(std::move(all));
  }
  new_scopes.clear();
  if (*next.latest != latest) next.latest = std::make_shared<const std::vector<Position>>(latest);
  std::lock_guard<std::mutex> lock(mutex);
  std::swap(published, next);
}

// Of what the batch changed. Views that nobody watched when a part of it was finished may be
// watched now. REQUIRES: watches->mutex_ is held.
void ReadModels::Rep::TellWatches() {
  watches->current_ = std::max(watches->current_, opening);
  if (watches->any()) {
    for (size_t i = 0; i < listed.size(); ++i) {
      if (unnoted[i]) watches->BeginAnew(open[i].info.name);
    }
    for (const auto& [i, key] : noted) watches->Note(open[i].info.name, key);
  }
  unnoted.assign(listed.size(), false);
  noted.clear();
}

void ReadModels::Committed() {
  if (!rep_->new_scopes.empty()) rep_->builds_written = true;
  {
    // Together: who takes changes reads them as of a moment that has these, and no others.
    const std::lock_guard<std::mutex> lock(rep_->watches->mutex_);
    rep_->Publish();
    rep_->TellWatches();
  }
  rep_->changes = std::move(rep_->changed);
  rep_->changed.clear();
  rep_->cache.ClearHeldBytes();
  rep_->cache.Trim();
  if (rep_->scopes.size() > rep_->options.kept_scopes_max) rep_->DropIdleScopes();
}

void ReadModels::Abandon() {
  rep_->last_scope = nullptr;
  rep_->scopes.clear();
  rep_->cache.ClearHeldBytes();
  rep_->new_scopes.clear();
  rep_->changed.clear();
  rep_->changes.clear();
  rep_->failed = false;
  // A commit whose end nobody saw may have taken effect: go on from what the store has. If it
  // cannot be read now, reading and folding will say so themselves.
  const std::lock_guard<std::mutex> lock(rep_->watches->mutex_);
  rep_->noted.clear();
  rep_->unnoted.assign(rep_->listed.size(), true);
  rep_->LoadScopes().IgnoreError();
  rep_->TellWatches();
}

size_t ReadModels::pending_bytes() const { return rep_->cache.held_bytes(); }

void ReadModels::TrackChanges(bool on) { rep_->tracking = on; }

const std::vector<ReadModels::Change>& ReadModels::changes() const { return rep_->changes; }

// ---- reading

absl::StatusOr<const OpenProjection*> ReadModels::Rep::View(std::string_view name) const {
  for (const OpenProjection& one : open) {
    if (one.info.name == name) return &one;
  }
  std::string names;
  for (const OpenProjection& one : open) names += Cat(names.empty() ? "" : ", ", one.info.name);
  return NotFound("there is no view ", Quoted(name), "; there are: ", names);
}

absl::StatusOr<const OpenProjection*> ReadModels::Rep::Readable(std::string_view name) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, View(name));
  if (one->build != 0) return one;
  return Unavailable("view ", name, " is being made and has no rows yet: try again later");
}

absl::StatusOr<Position> ReadModels::Through(std::string_view scope) const {
  const Published seen = rep_->Seen();
  Position through;
  bool first = true;
  for (const OpenProjection& one : rep_->open) {
    if (!one.is_folded) continue;
    ASSIGN_OR_RETURN(const FoldState state, ReadState(*seen.snapshot, one.build, scope));
    through = first ? state.position : std::min(through, state.position);
    first = false;
  }
  return through;
}

absl::StatusOr<std::vector<ScopeState>> ReadModels::Scopes(std::string_view view) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  const Published seen = rep_->Seen();
  std::vector<ScopeState> states;
  RETURN_IF_ERROR(
      ForEachCheckpoint(*seen.snapshot, one->build,
                        [&](std::string_view scope, std::string_view bytes) -> absl::Status {
                          ASSIGN_OR_RETURN(const FoldState state, ParseCheckpoint(bytes));
                          states.push_back({std::string(scope), state.position, state.digest,
                                            state.rows, state.parked});
                          return absl::OkStatus();
                        }));
  return states;
}

absl::StatusOr<Position> ReadModels::Latest(std::string_view view) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  return rep_->ReaderOf(*one).position();
}

absl::StatusOr<std::vector<ParkedRow>> ReadModels::Parked(std::string_view view, size_t limit,
                                                          std::optional<BuildId> build) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  return ReadParked(*rep_->Seen().snapshot, build.value_or(one->build), limit);
}

ViewReader ReadModels::Rep::ReaderOf(const OpenProjection& one) const {
  const size_t i = static_cast<size_t>(&one - open.data());
  const Published seen = Seen();
  return ViewReader(shared[i], seen.snapshot, seen.scopes, (*seen.latest)[i]);
}

absl::StatusOr<ViewReader> ReadModels::Read(std::string_view view) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->Readable(view));
  return rep_->ReaderOf(*one);
}

absl::StatusOr<std::optional<Row>> ReadModels::Get(std::string_view view,
                                                   std::string_view key) const {
  ASSIGN_OR_RETURN(const ViewReader reader, Read(view));
  return reader.Get(key);
}

absl::StatusOr<std::optional<Row>> ReadModels::GetInScope(std::string_view view,
                                                          std::string_view scope,
                                                          std::string_view key) const {
  ASSIGN_OR_RETURN(const ViewReader reader, Read(view));
  RETURN_IF_ERROR(CheckScope(scope));
  return reader.GetInScope(scope, key);
}

absl::StatusOr<std::unique_ptr<RowCursor>> ReadModels::Scan(std::string_view view,
                                                            std::string_view from_key) const {
  ASSIGN_OR_RETURN(const ViewReader reader, Read(view));
  RowRange range;
  range.from = from_key;
  return reader.Scan(range);
}

absl::StatusOr<RowPage> ReadModels::Page(std::string_view view, const PageWanted& wanted) const {
  ASSIGN_OR_RETURN(const ViewReader reader, Read(view));
  return reader.Page(wanted);
}

absl::StatusOr<std::unique_ptr<RowWatch>> ReadModels::Watch(std::string_view view,
                                                            std::string_view prefix,
                                                            const RowWatchLimits& limits,
                                                            bool begins) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->Readable(view));
  return rep_->watches->Add(std::string(view), std::string(prefix), one->build, limits, begins);
}

absl::StatusOr<std::optional<ReadModels::Changes>> ReadModels::TakeChanges(RowWatch& watch) const {
  INTENTLOG_CHECK(Serves(watch));
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->Readable(watch.view()));
  const std::lock_guard<std::mutex> lock(rep_->watches->mutex_);
  if (rep_->watches->IsStale(rep_->opening)) return std::optional<Changes>();
  ChangedKeys::Taken taken = rep_->watches->Take(watch, one->build);
  return std::optional<Changes>({rep_->ReaderOf(*one), taken.begins, std::move(taken.keys)});
}

bool ReadModels::Serves(const RowWatch& watch) const { return watch.watches_ == rep_->watches; }

std::shared_ptr<RowWatches> ReadModels::watches() const { return rep_->watches; }

std::vector<std::string> ReadModels::ScopeNames() const { return *rep_->Seen().scopes; }

uint32_t ReadModels::ShownVersion(std::string_view view) const {
  const auto one = rep_->View(view);
  if (!one.ok()) return 0;
  return (*one)->is_folded ? (*one)->info.version : (*one)->shown_version;
}

bool ReadModels::IsFolded(std::string_view view) const {
  const auto one = rep_->View(view);
  return one.ok() && (*one)->is_folded;
}

std::optional<BuildId> ReadModels::LiveBuild(std::string_view view) const {
  if (!rep_->builds_written) return std::nullopt;
  const auto one = rep_->View(view);
  return one.ok() ? std::optional<BuildId>((*one)->build) : std::nullopt;
}

absl::StatusOr<BuildComparison> ReadModels::Compare(std::string_view view, BuildId build,
                                                    size_t limit) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  return CompareBuilds(*rep_->Seen().snapshot, one->build, build, limit);
}

}  // namespace intentlog
