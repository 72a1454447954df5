#include "server/projector/projector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_keys.h"
#include "server/projector/fold_checkpoint.h"

namespace intentlog {
namespace {

std::string SignatureOf(const ReadModels& models) {
  std::string text;
  for (const auto& projection : models.projections()) {
    if (models.IsFolded(projection->info().name)) text += FoldLineOf(projection->info());
  }
  return text;
}

// Whether every projection that is folded here was folded when `signature` was written.
bool Covers(std::string_view signature, const ReadModels& models) {
  const std::string lines = Cat("\n", signature);
  for (const auto& projection : models.projections()) {
    if (!models.IsFolded(projection->info().name)) continue;
    if (lines.find(Cat("\n", FoldLineOf(projection->info()))) == std::string::npos) return false;
  }
  return true;
}

}  // namespace

Projector::Projector(const EventLog& log, Store& views, std::shared_ptr<ReadModels> models,
                     const ServerOptions& options, Executors executors, Hooks hooks)
    : log_(log),
      views_(views),
      options_(options),
      executors_(executors),
      hooks_(std::move(hooks)),
      models_(std::move(models)),
      decoder_(std::make_unique<EventDecoder>(options.schema)),
      events_(std::make_unique<LogEventFinder>(log, options.schema)) {
  models_->FindEventsIn(events_.get());
}

absl::Status Projector::Load() {
  ASSIGN_OR_RETURN(const FoldCheckpoint stored, ReadFoldCheckpoint(views_));
  Position position;
  // With a projection that was not folded the last time it begins anew; each leaves out what it
  // has.
  if (Covers(stored.signature, *models_)) position = stored.position;
  if (position > log_.head().position) {
    return DataLoss("the read models are folded through position ", position, ", but the log of ",
                    log_.tenant(), " ends at ", log_.head().position, "; remove the folder ",
                    views_.dir(), " to have them folded again");
  }
  position_.store(position.value(), std::memory_order_release);
  folded_ = position;
  reader_ = log_.Read(position.Next());
  for (const std::string& scope : models_->ScopeNames()) digests_due_.insert(scope);
  return absl::OkStatus();
}

// ---- core

void Projector::Wake() {
  woken_ = true;
  if (!stepping_ && !stopped_ && rest_ == 0) PostStep();
}

void Projector::Stop() {
  stopped_ = true;
  if (rest_ != 0) executors_.core->Cancel(rest_);
  rest_ = 0;
}

void Projector::Rest() {
  rest_ = executors_.core->PostAfter(options_.fold_interval, [this] {
    rest_ = 0;
    if (woken_) Wake();
  });
}

void Projector::Adopt(std::shared_ptr<const Schema> schema) {
  ++tasks_;
  executors_.projector->Post([this, schema = std::move(schema)] {
    decoder_ = std::make_unique<EventDecoder>(schema);
    events_ = std::make_unique<LogEventFinder>(log_, schema);
    models_->FindEventsIn(events_.get());
    executors_.core->Post([this] { --tasks_; });
  });
}

void Projector::PostStep() {
  stepping_ = true;
  woken_ = false;
  ++tasks_;
  executors_.projector->Post([this] {
    auto result = std::make_shared<StepResult>(Step());
    executors_.core->Post([this, result] { OnStep(std::move(*result)); });
  });
}

void Projector::OnStep(StepResult result) {
  --tasks_;
  stepping_ = false;
  if (!result.status.ok()) {
    stopped_ = true;
    hooks_.failed(result.status);
    return;
  }
  const bool folded = result.through > position();
  position_.store(result.through.value(), std::memory_order_release);
  if (result.parked) hooks_.parked(*result.parked);
  hooks_.folded(result.through, std::move(result.digests));
  if (stopped_) return;
  if (folded && !result.more) {
    Rest();
  } else if (result.more || woken_) {
    PostStep();
  }
}

// ---- projector executor

Projector::StepResult Projector::Step() {
  StepResult result;
  result.through = position();
  result.status = FoldSome(result);
  if (!result.status.ok()) {
    models_->Abandon();
    return result;
  }
  if (result.more || digests_due_.empty()) return result;
  result.status = Look(result);
  return result;
}

absl::Status Projector::FoldSome(StepResult& result) {
  uint64_t events = 0;
  Position through;
  while (events < options_.fold_events_max) {
    ASSIGN_OR_RETURN(const bool more, reader_->Next());
    if (!more) break;
    const BlockView& block = reader_->block();
    RETURN_IF_ERROR(FoldBlock(block, reader_->begin()));
    events += block.size() - reader_->begin();
    folded_bytes_.fetch_add(block.bytes().size(), std::memory_order_relaxed);
    through = block.last();
  }
  result.more = events >= options_.fold_events_max;
  if (events == 0) return absl::OkStatus();
  RETURN_IF_ERROR(Commit(through));
  result.through = std::max(result.through, through);
  return absl::OkStatus();
}

absl::Status Projector::FoldBlock(const BlockView& block, size_t begin) {
  for (size_t i = begin; i < block.size(); ++i) {
    const EventRef ref = block.event(i);
    if (!ref.in_feed) continue;  // changes no read model
    ASSIGN_OR_RETURN(const Position before, FoldedBefore(ref.scope));
    if (ref.position <= before) continue;
    ASSIGN_OR_RETURN(const Event* const event, decoder_->Decode(ref));
    RETURN_IF_ERROR(models_->Add(*event));
    if (touched_.find(ref.scope) == touched_.end()) touched_.insert(std::string(ref.scope));
  }
  return absl::OkStatus();
}

absl::StatusOr<Position> Projector::FoldedBefore(std::string_view scope) {
  const auto found = folded_before_.find(scope);
  if (found != folded_before_.end()) return found->second;
  ASSIGN_OR_RETURN(const Position through, models_->Through(scope));
  folded_before_.emplace(scope, through);
  return through;
}

absl::Status Projector::Commit(Position through) {
  StoreBatch batch;
  for (const std::string& scope : touched_) RETURN_IF_ERROR(models_->Finish(scope, through, batch));
  const Position before = std::exchange(folded_, through);
  PutCheckpoint(through, batch);
  if (Planted(Bug::kCheckpointFirst)) {
    StoreBatch first;
    PutCheckpoint(through, first);
    RETURN_IF_ERROR(views_.Commit(first, Sync::kBuffered));
  }
  const absl::Status committed = views_.Commit(batch, Sync::kBuffered);
  if (!committed.ok()) {
    folded_ = before;
    return committed;
  }
  models_->Committed();
  digests_due_.merge(touched_);
  touched_.clear();
  return absl::OkStatus();
}

void Projector::PutCheckpoint(Position through, StoreBatch& batch) const {
  models_->ExpectOwnTerm(batch);
  PutFoldCheckpoint({std::min(through, folded_), SignatureOf(*models_)}, batch);
}

void Projector::UseModels(std::shared_ptr<ReadModels> models, Position from) {
  models_ = std::move(models);
  models_->FindEventsIn(events_.get());
  parked_.clear();
  parked_counted_ = false;
  folded_ = std::min(folded_, from);
  folded_before_.clear();
  reader_ = log_.Read(folded_.Next());
}

// At what is folded: digests of the scopes that changed, and what stands still.
absl::Status Projector::Look(StepResult& result) {
  if (!parked_counted_) RETURN_IF_ERROR(CountParked());
  std::map<std::string, std::vector<std::string>, std::less<>> by_scope;
  for (const auto& projection : options_.projections) {
    const std::string view = projection->info().name;
    // In the order of projections; empty of one that is not folded now, or not in that scope.
    for (const std::string& scope : digests_due_) {
      ASSIGN_OR_RETURN(const ScopeState state, models_->InScope(view, scope));
      NoteParked(view, state);
      const bool known = models_->IsFolded(view) && state.position > Position();
      by_scope[scope].push_back(known ? state.digest.Bytes() : std::string());
    }
  }
  digests_due_.clear();
  ASSIGN_OR_RETURN(const std::string still, WhatStandsStill());
  result.parked = still.empty() ? absl::OkStatus() : FailedPrecondition(still);
  for (auto& [scope, values] : by_scope) result.digests.push_back({scope, std::move(values)});
  return absl::OkStatus();
}

// Of all scopes once; from then on Look counts where something changed.
absl::Status Projector::CountParked() {
  for (const auto& projection : options_.projections) {
    const std::string view = projection->info().name;
    ASSIGN_OR_RETURN(const std::vector<ScopeState> states, models_->Scopes(view));
    for (const ScopeState& state : states) NoteParked(view, state);
  }
  parked_counted_ = true;
  return absl::OkStatus();
}

void Projector::NoteParked(const std::string& view, const ScopeState& state) {
  std::map<std::string, uint64_t>& scopes = parked_[view];
  if (state.parked == 0) {
    scopes.erase(state.scope);
  } else {
    scopes[state.scope] = state.parked;
  }
}

absl::StatusOr<std::string> Projector::WhatStandsStill() const {
  uint64_t parked = 0;
  std::string example;
  for (const auto& projection : options_.projections) {
    const std::string view = projection->info().name;
    const auto scopes = parked_.find(view);
    if (scopes == parked_.end() || scopes->second.empty()) continue;
    if (parked == 0) {
      ASSIGN_OR_RETURN(example, ParkedExample(view));
    }
    for (const auto& [scope, rows] : scopes->second) parked += rows;
  }
  if (parked == 0) return std::string();
  return Cat(parked, parked == 1 ? " row of views stands" : " rows of views stand", " still, ",
             example);
}

absl::StatusOr<std::string> Projector::ParkedExample(std::string_view view) const {
  ASSIGN_OR_RETURN(const std::vector<ParkedRow> first, models_->Parked(view, 1));
  if (first.empty()) return std::string();
  return Cat("such as ", view, " ", first[0].scope, "/", Quoted(first[0].key), " since event ",
             first[0].position, ": ", first[0].why);
}

}  // namespace intentlog
