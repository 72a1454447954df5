#include "projections/engine/read_models.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/read_models_rep.h"
#include "projections/engine/replaced_rows.h"
#include "projections/engine/row_fold.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/view_records.h"
#include "proto/store.pb.h"

namespace intentlog {

absl::StatusOr<FoldState> ReadState(const StoreSnapshot& snapshot, BuildId build,
                                    std::string_view scope) {
  std::string bytes;
  ASSIGN_OR_RETURN(const bool found,
                   snapshot.Get(Space::kMeta, CheckpointKey(build, scope), &bytes));
  if (!found) return FoldState();
  return ParseCheckpoint(bytes);
}

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

void ReadModels::ExpectOwnTerm(StoreBatch& batch) const {
  if (rep_->options.term) ExpectTerm(*rep_->options.term, batch);
}

absl::Status ReadModels::Finish(std::string_view scope_name, Position through, StoreBatch& batch) {
  if (rep_->failed) return FailedPrecondition("an event could not be folded: abandon first");
  ASSIGN_OR_RETURN(ScopeFold * scope, rep_->Scope(scope_name));
  if (through < scope->last) {
    return FailedPrecondition("scope ", scope_name, " cannot end at ", through, ": it has event ",
                              scope->last);
  }
  ExpectOwnTerm(batch);
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
    // If it cannot be read now, reading will say so itself.
    if (std::exchange(rep_->replaced, false)) rep_->LoadScopes().IgnoreError();
    rep_->TellWatches();
  }
  rep_->changes = std::move(rep_->changed);
  rep_->changed.clear();
  rep_->cache.ClearHeldBytes();
  rep_->cache.Trim();
  if (rep_->scopes.size() > rep_->options.kept_scopes_max) rep_->DropIdleScopes();
}

const OpenProjection& ReadModels::Opened(const Projection& projection) const {
  const auto found = std::find_if(rep_->open.begin(), rep_->open.end(), [&](const auto& one) {
    return one.projection.get() == &projection && one.is_folded;
  });
  INTENTLOG_CHECK(found != rep_->open.end());
  return *found;
}

absl::Status ReadModels::FinishReplaced(std::string_view scope, Position through,
                                        absl::Span<const ScopeState> states, StoreBatch& batch) {
  if (rep_->failed) return FailedPrecondition("an event could not be folded: abandon first");
  INTENTLOG_CHECK(through == Position() || states.size() == rep_->listed.size());
  RETURN_IF_ERROR(CheckScope(scope));
  if (const auto found = rep_->scopes.find(scope); found != rep_->scopes.end()) {
    INTENTLOG_CHECK(!found->second.added);
    rep_->last_scope = nullptr;
    rep_->scopes.erase(found);
  }
  if (through > Position() && !rep_->builds_written) rep_->WriteNewBuilds(batch);
  for (size_t i = 0; i < rep_->listed.size(); ++i) {
    const std::string key = CheckpointKey(rep_->open[i].build, scope);
    if (through == Position()) {
      batch.Delete(Space::kMeta, key);
    } else {
      batch.Put(Space::kMeta, key,
                CheckpointBytes({through, states[i].digest, states[i].rows, /*parked=*/0}));
    }
    RETURN_IF_ERROR(RemoveParked(rep_->store, rep_->open[i].build, scope, batch));
    rep_->unnoted[i] = true;
  }
  if (through > Position()) rep_->new_scopes.emplace_back(scope);
  rep_->replaced = true;
  return absl::OkStatus();
}

void ReadModels::Abandon() {
  rep_->last_scope = nullptr;
  rep_->scopes.clear();
  rep_->cache.ClearHeldBytes();
  rep_->new_scopes.clear();
  rep_->changed.clear();
  rep_->changes.clear();
  rep_->failed = rep_->replaced = false;
  // A commit whose end nobody saw may have taken effect: go on from what the store has. If it
  // cannot be read now, reading and folding will say so themselves. A store that has failed takes
  // nothing more, so what was shown stays, as all that goes with it does: rows that replace those
  // of a scope are in it before anybody may see them.
  const std::lock_guard<std::mutex> lock(rep_->watches->mutex_);
  rep_->noted.clear();
  rep_->unnoted.assign(rep_->listed.size(), true);
  if (rep_->store.failed().ok()) rep_->LoadScopes().IgnoreError();
  rep_->TellWatches();
}

size_t ReadModels::pending_bytes() const { return rep_->cache.held_bytes(); }

void ReadModels::TrackChanges(bool on) { rep_->tracking = on; }

const std::vector<ReadModels::Change>& ReadModels::changes() const { return rep_->changes; }

}  // namespace intentlog
