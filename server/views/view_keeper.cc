#include "server/views/view_keeper.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/compare.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/view_records.h"
#include "server/views/view_models.h"

namespace intentlog {
namespace {

// Keys of dropped builds that are removed in one write: a few milliseconds.
constexpr size_t kDroppedKeys = 2000;

}  // namespace

ViewKeeper::ViewKeeper(const EventLog& log, Store& store, Projector& projector,
                       const ServerOptions& options, const Clock& clock, Executors executors,
                       Hooks hooks)
    : log_(log),
      store_(store),
      projector_(projector),
      options_(options),
      clock_(clock),
      executors_(std::move(executors)),
      hooks_(std::move(hooks)) {}

std::shared_ptr<const Projection> ViewKeeper::Find(const std::string& view) const {
  for (const auto& projection : options_.projections) {
    if (projection->info().name == view) return projection;
  }
  return nullptr;
}

void ViewKeeper::OnProjector(std::function<absl::Status()> task, Done done) {
  ++tasks_;
  executors_.projector->Post([this, task = std::move(task), done = std::move(done)]() mutable {
    absl::Status status = task();
    executors_.core->Post([this, status = std::move(status), done = std::move(done)] {
      --tasks_;
      if (!stopped_) done(status);
    });
  });
}

template <class Change>
void ViewKeeper::Tell(const std::string& view, Change change) {
  const std::lock_guard<std::mutex> lock(mutex_);
  change(progress_[view]);
}

// ---- rebuilding

void ViewKeeper::Start() {
  Sweep();
  GoOn();
}

// One after another: rebuilds that were interrupted, and views of other versions than the
// program's.
void ViewKeeper::GoOn() {
  if (stopped_ || running_ != nullptr || !activate_due_.empty()) return;
  hooks_.making(true);
  for (const auto& projection : options_.projections) {
    const std::string view = projection->info().name;
    const auto due = DueOf(*projection);
    if (!due.ok() || *due == Due::kNothing) continue;
    const bool activate = *due == Due::kActivate;
    if (!tried_.insert({view, activate}).second) continue;
    if (!activate) return Rebuild(view, RebuildWanted(), [](const absl::Status&) {});
    activate_due_ = view;
    return ActivateDue();
  }
  hooks_.making(false);
}

absl::StatusOr<ViewKeeper::Due> ViewKeeper::DueOf(const Projection& projection) const {
  const ProjectionInfo info = projection.info();
  ASSIGN_OR_RETURN(const std::optional<ViewRecord> record, ReadViewRecord(store_, info.name));
  if (!record) {
    // In a store without builds the first fold makes them all.
    ASSIGN_OR_RETURN(const BuildId last, LastBuild(store_));
    return last > 0 ? Due::kRebuild : Due::kNothing;
  }
  const bool outdated = record->version() != info.version;
  const bool ready = record->shadow_follows() && record->shadow().version() == info.version;
  if (outdated) return ready ? Due::kActivate : Due::kRebuild;
  return record->has_shadow() && !record->shadow_follows() ? Due::kRebuild : Due::kNothing;
}

void ViewKeeper::OnFolded() {
  if (!activate_due_.empty()) ActivateDue();
}

void ViewKeeper::ActivateDue() {
  if (activating_ || stopped_) return;
  activating_ = true;
  OnProjector([this, view = activate_due_] { return Apply(view, ViewSwitch::kActivate); },
              [this](const absl::Status& status) {
                activating_ = false;
                if (absl::IsUnavailable(status)) return;  // when more is folded
                Tell(std::exchange(activate_due_, {}),
                     [&](Progress& progress) { progress.last = status; });
                Sweep();
                GoOn();
                hooks_.switched();
              });
}

void ViewKeeper::Rebuild(const std::string& view, const RebuildWanted& wanted, Done done) {
  const auto projection = Find(view);
  if (projection == nullptr) return done(NotFound("there is no view ", Quoted(view)));
  if (running_ != nullptr) {
    return done(FailedPrecondition("view ", running_->view,
                                   " is being rebuilt: wait for its end, or cancel it"));
  }
  running_ = std::make_shared<Running>();
  running_->view = view;
  const auto record = std::make_shared<ViewRecord>();
  OnProjector(
      [this, projection, record]() -> absl::Status {
        ASSIGN_OR_RETURN(*record, BeginShadow(projection));
        return absl::OkStatus();
      },
      [this, projection, record, wanted, done = std::move(done)](const absl::Status& status) {
        if (status.ok()) {
          Run(projection, *record, wanted);
        } else {
          running_ = nullptr;
        }
        done(status);
      });
}

absl::StatusOr<ViewRecord> ViewKeeper::RecordOf(const std::string& view) const {
  ASSIGN_OR_RETURN(std::optional<ViewRecord> record, ReadViewRecord(store_, view));
  if (record) return *std::move(record);
  return FailedPrecondition("nothing is folded into view ", view, " yet");
}

absl::StatusOr<ViewRecord> ViewKeeper::BeginShadow(
    const std::shared_ptr<const Projection>& projection) {
  const ProjectionInfo info = projection->info();
  ASSIGN_OR_RETURN(const BuildId last, LastBuild(store_));
  ASSIGN_OR_RETURN(std::optional<ViewRecord> found, ReadViewRecord(store_, info.name));
  if (!found && last == 0) return RecordOf(info.name).status();
  ViewRecord record = found.value_or(ViewRecord());
  record.set_name(info.name);
  if (record.shadow_follows() && record.shadow().version() == info.version) {
    return FailedPrecondition("view ", info.name,
                              " has a rebuilt one beside it: compare, activate or cancel it");
  }
  StoreBatch batch;
  if (record.has_shadow() && record.shadow().version() != info.version) {
    PutDropped(record.shadow().build(), batch);
    record.clear_shadow();
    record.clear_shadow_follows();
  }
  if (record.has_shadow()) return record;  // goes on
  record.mutable_shadow()->set_name(info.name);
  record.mutable_shadow()->set_version(info.version);
  record.mutable_shadow()->set_row(info.row->full_name());
  record.mutable_shadow()->set_build(last + 1);
  record.set_shadow_through(0);
  PutViewRecord(record, batch);
  batch.Put(Space::kMeta, kBuildsKey, BuildBytes(last + 1));
  RETURN_IF_ERROR(store_.Commit(batch, Sync::kDurable));
  return record;
}

void ViewKeeper::Run(const std::shared_ptr<const Projection>& projection, const ViewRecord& record,
                     const RebuildWanted& wanted) {
  const std::string view = record.name();
  const OpenProjection build = *OpenOne(projection, record.shadow().build());
  std::vector<Executor*> workers = executors_.rebuild;
  workers.resize(std::clamp<size_t>(wanted.workers, 1, workers.size()));
  RebuildOptions options;
  options.events_per_second_max = wanted.events_per_second_max;
  running_->record = record;
  running_->from = Position(record.shadow_through());
  running_->began = clock_.Passed();
  Running* const running = running_.get();
  running->rebuild = std::make_unique<intentlog::Rebuild>(
      log_, store_, std::vector<OpenProjection>{build}, options_.schema, running->from, clock_,
      std::move(workers), options,
      intentlog::Rebuild::Hooks{
          [running](Position through, StoreBatch& batch) {
            running->record.set_shadow_through(through.value());
            PutViewRecord(running->record, batch);
          },
          [this, running](Position through) {
            const double seconds = absl::ToDoubleSeconds(clock_.Passed() - running->began);
            const double events = static_cast<double>((through.value() - running->from.value()));
            Tell(running->view, [&](Progress& progress) {
              progress.through = through;
              progress.events_per_second = seconds > 0 ? events / seconds : 0;
            });
          },
          [this](absl::Status status, Position through) {
            // By way of one more task, so that nothing of the rebuild runs when the core hears.
            executors_.rebuild[0]->Post([this, status = std::move(status), through] {
              executors_.core->Post([this, status, through] {
                --tasks_;
                OnRebuilt(status, through);
              });
            });
          }});
  ++tasks_;
  Tell(view, [&](Progress& progress) {
    progress = Progress();
    progress.running = true;
    progress.through = running->from;
  });
  executors_.rebuild[0]->Post([running] { running->rebuild->Start(); });
}

// The rebuild has read the log to its end: from here on the projector folds the shadow, too.
void ViewKeeper::OnRebuilt(absl::Status status, Position through) {
  if (stopped_) return;
  const std::string view = running_->view;
  OnProjector(
      [this, view, through, status]() -> absl::Status {
        if (status.ok()) return Join(view, through);
        if (absl::IsCancelled(status)) RETURN_IF_ERROR(Apply(view, ViewSwitch::kCancel));
        return status;
      },
      [this, view](const absl::Status& ended) {
        running_ = nullptr;
        Tell(view, [&](Progress& progress) {
          progress.running = false;
          progress.last = ended;
        });
        Sweep();
        projector_.Wake();
        if (!absl::IsCancelled(ended)) GoOn();
      });
}

absl::Status ViewKeeper::Join(const std::string& view, Position through) {
  ASSIGN_OR_RETURN(ViewRecord record, RecordOf(view));
  record.set_shadow_follows(true);
  record.clear_shadow_through();
  StoreBatch batch;
  PutViewRecord(record, batch);
  // What the projector has folded above, it folds again, and each build leaves out what it has.
  projector_.PutCheckpoint(through, batch);
  RETURN_IF_ERROR(store_.Commit(batch, Sync::kDurable));
  return Reopen(through);
}

absl::Status ViewKeeper::Reopen(Position from) {
  ASSIGN_OR_RETURN(std::shared_ptr<ReadModels> models,
                   OpenViewModels(store_, options_.projections, projector_.models().watches()));
  projector_.UseModels(models, from);
  hooks_.publish(std::move(models));
  return absl::OkStatus();
}

// ---- switching

void ViewKeeper::Switch(const std::string& view, ViewSwitch how, Done done) {
  if (Find(view) == nullptr) return done(NotFound("there is no view ", Quoted(view)));
  if (running_ != nullptr && running_->view == view) {
    if (how != ViewSwitch::kCancel) {
      return done(FailedPrecondition("view ", view, " is being rebuilt: wait for its end"));
    }
    if (running_->rebuild == nullptr) {
      return done(FailedPrecondition("the rebuild of view ", view, " is only beginning"));
    }
    executors_.rebuild[0]->Post([running = running_] { running->rebuild->Cancel(); });
    return done(absl::OkStatus());
  }
  OnProjector([this, view, how] { return Apply(view, how); },
              [this, done = std::move(done)](const absl::Status& status) {
                Sweep();
                if (status.ok()) hooks_.switched();
                done(status);
              });
}

absl::Status ViewKeeper::CheckParked(const ViewRecord& record) const {
  if (record.build() == 0) return absl::OkStatus();  // better some rows than none
  ASSIGN_OR_RETURN(const BuildComparison found,
                   CompareBuilds(*store_.Snapshot(), record.build(), record.shadow().build(),
                                 /*limit=*/0));
  if (found.parked_b <= found.parked_a) return absl::OkStatus();
  return FailedPrecondition("in the rebuilt ", record.name(), " ", found.parked_b,
                            " rows stand still, in the live one ", found.parked_a,
                            ": view parked list shows them");
}

absl::Status ViewKeeper::Apply(const std::string& view, ViewSwitch how) {
  ASSIGN_OR_RETURN(ViewRecord record, RecordOf(view));
  StoreBatch batch;
  ProjectionBuild live;
  live.set_name(view);
  live.set_version(record.version());
  live.set_build(record.build());
  live.set_row(record.row());
  const auto make_live = [&](const ProjectionBuild& build) {
    record.set_version(build.version());
    record.set_build(build.build());
    record.set_row(build.row());
    record.set_activated_us(clock_.WallMicros());
  };
  switch (how) {
    case ViewSwitch::kActivate:
      if (!record.shadow_follows() || record.shadow().version() != Find(view)->info().version) {
        return FailedPrecondition("view ", view, " has no rebuilt one that is ready: rebuild it");
      }
      if (projector_.behind()) {
        return Unavailable("the rebuilt ", view, " is catching up: try again in a moment");
      }
      RETURN_IF_ERROR(CheckParked(record));
      if (record.has_previous()) PutDropped(record.previous().build(), batch);
      make_live(record.shadow());
      record.clear_previous();
      if (live.build() != 0) *record.mutable_previous() = live;
      record.clear_shadow();
      record.clear_shadow_follows();
      break;
    case ViewSwitch::kRollBack:
      if (!record.has_previous()) {
        return FailedPrecondition("view ", view, " has no earlier build to go back to");
      }
      if (record.previous().version() != Find(view)->info().version) {
        return FailedPrecondition("the earlier build of view ", view, " is of version ",
                                  record.previous().version(),
                                  ", which this program does not fold");
      }
      make_live(record.previous());
      *record.mutable_previous() = live;
      break;
    case ViewSwitch::kCancel:
      if (!record.has_shadow()) {
        return FailedPrecondition("view ", view, " is not being rebuilt");
      }
      PutDropped(record.shadow().build(), batch);
      record.clear_shadow();
      record.clear_shadow_follows();
      record.clear_shadow_through();
      break;
  }
  PutViewRecord(record, batch);
  RETURN_IF_ERROR(store_.Commit(batch, Sync::kDurable));
  return Reopen(projector_.folded());
}

// Removes what was dropped, slice by slice, and lets folding go on in between.
void ViewKeeper::Sweep() {
  if (sweeping_ || stopped_) return;
  sweeping_ = true;
  const auto more = std::make_shared<bool>(false);
  OnProjector(
      [this, more]() -> absl::Status {
        ASSIGN_OR_RETURN(*more, DropSome(store_, kDroppedKeys));
        return absl::OkStatus();
      },
      [this, more](const absl::Status& status) {
        sweeping_ = false;
        if (status.ok() && *more) Sweep();
      });
}

void ViewKeeper::Stop() {
  stopped_ = true;
  if (running_ == nullptr || running_->rebuild == nullptr) return;
  // Not as by an operator: the shadow stays, and is gone on with.
  executors_.rebuild[0]->Post([running = running_] { running->rebuild->Cancel(); });
}

absl::StatusOr<ViewState> ViewKeeper::State(const std::string& view) const {
  if (Find(view) == nullptr) return NotFound("there is no view ", Quoted(view));
  ViewState state;
  ASSIGN_OR_RETURN(state.record, RecordOf(view));
  state.folded = projector_.position();
  state.head = log_.head().position;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = progress_.find(view);
  if (found == progress_.end()) {
    state.through = Position(state.record.shadow_through());
    return state;
  }
  state.rebuilding = found->second.running;
  state.through = found->second.through;
  state.events_per_second = found->second.events_per_second;
  state.last = found->second.last;
  return state;
}

}  // namespace intentlog
