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
#include "projections/snapshot/load_snapshot.h"
#include "server/views/view_models.h"
#include "server/views/view_switch.h"

namespace intentlog {
namespace {

// Keys of dropped builds that are removed in one write: a few milliseconds.
constexpr size_t kDroppedKeys = 2000;
// Operators who wait until a shadow has caught up; more are told to ask again.
constexpr size_t kWaitingMax = 100;
// Wall clocks are set forward and back: a moment to come is looked at so often.
constexpr absl::Duration kClockLook = absl::Hours(1);

}  // namespace

ViewKeeper::ViewKeeper(const EventLog& log, Store& store, Term term,
                       const SnapshotFolder& snapshots, Projector& projector,
                       const ServerOptions& options, const Clock& clock, Executors executors,
                       Hooks hooks)
    : log_(log),
      store_(store),
      term_(term),
      snapshots_(snapshots),
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

void ViewKeeper::OnceCaughtUp(std::function<absl::Status()> task, Done done) {
  const auto behind = std::make_shared<bool>(false);
  OnProjector(
      [this, task, behind]() -> absl::Status {
        *behind = projector_.behind();
        if (!*behind) return task();
        return Unavailable("the rebuilt view is catching up: try again in a moment");
      },
      [this, task, behind, done = std::move(done)](const absl::Status& status) {
        if (!*behind || later_.size() >= kWaitingMax) return done(status);
        later_.push_back([this, task, done] { OnceCaughtUp(task, done); });
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
  EndRollBacks();
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
    if (!activate) {
      RebuildWanted wanted;
      wanted.from = RebuildFrom::kSnapshotIfAny;
      return Rebuild(view, wanted, [this, view](const absl::Status& status) {
        if (!status.ok()) NoticeFailure(view, status);
      });
    }
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
  for (const auto& ask : std::exchange(later_, {})) ask();
}

void ViewKeeper::ActivateDue() {
  if (activating_ || stopped_) return;
  activating_ = true;
  OnProjector([this, view = activate_due_] { return Apply(view, ViewSwitch::kActivate); },
              [this](const absl::Status& status) {
                activating_ = false;
                if (absl::IsUnavailable(status)) return;  // when more is folded
                if (!status.ok()) NoticeFailure(activate_due_, status);
                if (status.ok()) EndRollBacks();
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
  if (wanted.from == RebuildFrom::kStart) return Begin(projection, wanted, nullptr, done);
  ++tasks_;
  executors_.rebuild[0]->Post([this, projection, wanted, done = std::move(done)]() mutable {
    auto file = snapshots_.Newest(projection->info(), Position(UINT64_MAX));
    executors_.core->Post([this, projection, wanted, file, done = std::move(done)]() mutable {
      --tasks_;
      if (stopped_) return;
      if (file != nullptr || wanted.from == RebuildFrom::kSnapshotIfAny) {
        return Begin(projection, wanted, std::move(file), std::move(done));
      }
      running_ = nullptr;
      done(FailedPrecondition("no snapshot has rows of view ", projection->info().name,
                              " that a rebuild can begin at: view snapshots list says why"));
    });
  });
}

void ViewKeeper::Begin(const std::shared_ptr<const Projection>& projection,
                       const RebuildWanted& wanted, std::shared_ptr<const SnapshotFile> file,
                       Done done) {
  const auto record = std::make_shared<ViewRecord>();
  OnProjector(
      [this, projection, record, loads = file != nullptr]() -> absl::Status {
        ASSIGN_OR_RETURN(*record, BeginShadow(projection, loads));
        return absl::OkStatus();
      },
      [this, projection, record, wanted, file, done = std::move(done)](const absl::Status& status) {
        if (!status.ok()) {
          running_ = nullptr;
        } else if (file != nullptr && record->shadow_through() == 0) {
          Load(projection, *record, wanted, file);
        } else {
          Run(projection, *record, wanted);
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
    const std::shared_ptr<const Projection>& projection, bool loads) {
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
  // One that was being loaded has rows of no position.
  ASSIGN_OR_RETURN(const bool half, IsLoading(store_, record.shadow().build()));
  if (record.has_shadow() && (half || record.shadow().version() != info.version)) {
    PutDropped(record.shadow().build(), batch);
    DeleteLoading(record.shadow().build(), batch);
    record.clear_shadow();
    record.clear_shadow_follows();
  }
  if (record.has_shadow() && !(loads && record.shadow_through() == 0)) return record;  // goes on
  if (record.has_shadow()) {
    PutLoading(record.shadow().build(), batch);
    RETURN_IF_ERROR(store_.Commit(batch, Sync::kDurable));
    return record;
  }
  record.mutable_shadow()->set_name(info.name);
  record.mutable_shadow()->set_version(info.version);
  record.mutable_shadow()->set_row(info.row->full_name());
  record.mutable_shadow()->set_build(last + 1);
  record.set_shadow_through(0);
  if (loads) PutLoading(last + 1, batch);
  PutViewRecord(record, batch);
  batch.Put(Space::kMeta, kBuildsKey, BuildBytes(last + 1));
  RETURN_IF_ERROR(Commit(batch));
  return record;
}

// The shadow becomes what it would be if it had been rebuilt through the file's position.
void ViewKeeper::Load(const std::shared_ptr<const Projection>& projection, ViewRecord record,
                      const RebuildWanted& wanted, std::shared_ptr<const SnapshotFile> file) {
  ++tasks_;
  running_->loading = true;
  Tell(record.name(), [](Progress& progress) {
    progress = Progress();
    progress.running = true;
  });
  executors_.rebuild[0]->Post(
      [this, projection, record, wanted, file, running = running_]() mutable {
        const BuildId build = record.shadow().build();
        SnapshotLoadOptions options;
        options.before_commit = [running] {
          return running->cancelled ? absl::CancelledError("cancelled") : absl::OkStatus();
        };
        // As it was opened before, for folding.
        const OpenProjection into = *OpenOne(projection, build);
        StoreBatch batch;
        absl::Status status = LoadSnapshot(*file, into, store_, batch, options);
        record.set_shadow_through(file->position().value());
        PutViewRecord(record, batch);
        DeleteLoading(build, batch);
        if (status.ok()) status = Commit(batch);
        executors_.core->Post([this, projection, record, wanted, status] {
          --tasks_;
          running_->loading = false;
          if (stopped_) return;
          status.ok() ? Run(projection, record, wanted) : OnRebuilt(status, Position());
        });
      });
}

void ViewKeeper::Run(const std::shared_ptr<const Projection>& projection, const ViewRecord& record,
                     const RebuildWanted& wanted) {
  const std::string view = record.name();
  const OpenProjection build = *OpenOne(projection, record.shadow().build());
  std::vector<Executor*> workers = executors_.rebuild;
  workers.resize(std::clamp<size_t>(wanted.workers, 1, workers.size()));
  RebuildOptions options;
  options.events_per_second_max = wanted.events_per_second_max;
  options.commit_bytes_max = options_.rebuild_commit_bytes;
  running_->record = record;
  running_->from = Position(record.shadow_through());
  running_->began = clock_.Passed();
  Running* const running = running_.get();
  running->rebuild = std::make_unique<intentlog::Rebuild>(
      log_, store_, std::vector<OpenProjection>{build}, options_.schema, running->from, clock_,
      std::move(workers), options,
      intentlog::Rebuild::Hooks{
          [this, running](Position through, StoreBatch& batch) {
            ExpectTerm(term_, batch);
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
        if (!ended.ok() && !absl::IsCancelled(ended)) NoticeFailure(view, ended);
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
  RETURN_IF_ERROR(Commit(batch));
  return Reopen(through);
}

absl::Status ViewKeeper::Reopen(Position from) {
  ASSIGN_OR_RETURN(
      std::shared_ptr<ReadModels> models,
      OpenViewModels(store_, options_.projections, term_, projector_.models().watches()));
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
    running_->cancelled = running_->loading;
    if (running_->loading) return done(absl::OkStatus());
    if (running_->rebuild == nullptr) {
      return done(FailedPrecondition("the rebuild of view ", view, " is only beginning"));
    }
    executors_.rebuild[0]->Post([running = running_] { running->rebuild->Cancel(); });
    return done(absl::OkStatus());
  }
  const auto apply = [this, view, how] { return Apply(view, how); };
  const auto switched = [this, done = std::move(done)](const absl::Status& status) {
    Sweep();
    if (status.ok()) {
      EndRollBacks();
      hooks_.switched();
    }
    done(status);
  };
  if (how != ViewSwitch::kActivate) return OnProjector(apply, switched);
  OnceCaughtUp(apply, switched);
}

void ViewKeeper::WhenComparable(const std::string& view, Done done) {
  if (Find(view) == nullptr) return done(NotFound("there is no view ", Quoted(view)));
  OnceCaughtUp(
      [this, view]() -> absl::Status {
        ASSIGN_OR_RETURN(const ViewRecord record, RecordOf(view));
        if (record.shadow_follows()) return absl::OkStatus();
        return FailedPrecondition("view ", view, " has no rebuilt one that is ready");
      },
      std::move(done));
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
  const uint32_t version = Find(view)->info().version;
  const int64_t now_us = clock_.WallMicros();
  StoreBatch batch;
  switch (how) {
    case ViewSwitch::kActivate: {
      const ViewRecord before = record;
      RETURN_IF_ERROR(ActivateShadow(version, now_us, record, batch));
      if (projector_.behind()) {
        return Unavailable("the rebuilt ", view, " is catching up: try again in a moment");
      }
      RETURN_IF_ERROR(CheckParked(before));
      break;
    }
    case ViewSwitch::kRollBack:
      RETURN_IF_ERROR(RollBack(version, now_us, options_.roll_back_window, record));
      break;
    case ViewSwitch::kCancel:
      if (record.has_shadow()) DeleteLoading(record.shadow().build(), batch);
      RETURN_IF_ERROR(CancelShadow(record, batch));
      break;
  }
  PutViewRecord(record, batch);
  RETURN_IF_ERROR(Commit(batch));
  return Reopen(projector_.folded());
}

// ---- the end of what was live before

void ViewKeeper::EndRollBacks() {
  if (stopped_) return;
  executors_.core->Cancel(std::exchange(ending_, 0));
  const auto ended = std::make_shared<std::vector<std::string>>();
  const auto next_us = std::make_shared<int64_t>(0);
  OnProjector([this, ended, next_us] { return EndDueRollBacks(*ended, *next_us); },
              [this, ended, next_us](const absl::Status& status) {
                if (!status.ok()) hooks_.notice(Cat("what was live before stays: ", status));
                for (const std::string& line : *ended) hooks_.notice(line);
                if (!ended->empty()) Sweep();
                if (*next_us == 0) return;
                const auto wait = absl::Microseconds(*next_us - clock_.WallMicros());
                executors_.core->Cancel(ending_);
                ending_ = executors_.core->PostAfter(std::min(wait, kClockLook), [this] {
                  ending_ = 0;
                  EndRollBacks();
                });
              });
}

// `next_us`: when the next one ends; 0: there is none.
absl::Status ViewKeeper::EndDueRollBacks(std::vector<std::string>& ended, int64_t& next_us) {
  StoreBatch batch;
  std::vector<std::string> lines;
  for (const auto& projection : options_.projections) {
    ASSIGN_OR_RETURN(std::optional<ViewRecord> record,
                     ReadViewRecord(store_, projection->info().name));
    if (!record || !record->has_previous()) continue;
    const uint32_t version = record->previous().version();
    if (EndRollBack(clock_.WallMicros(), options_.roll_back_window, *record, batch)) {
      PutViewRecord(*record, batch);
      lines.push_back(Cat("view ", record->name(), ": version ", version,
                          ", which was live before, has gone after ",
                          absl::FormatDuration(options_.roll_back_window)));
      continue;
    }
    const int64_t until = RollBackUntil(*record, options_.roll_back_window);
    next_us = next_us == 0 ? until : std::min(next_us, until);
  }
  if (lines.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Commit(batch));
  ended = std::move(lines);
  return Reopen(projector_.folded());
}

absl::Status ViewKeeper::Commit(StoreBatch& batch) {
  ExpectTerm(term_, batch);
  return store_.Commit(batch, Sync::kDurable);
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

// Whoever asked for the rebuild may have gone, or nobody has: the program's version did.
void ViewKeeper::NoticeFailure(const std::string& view, const absl::Status& status) {
  const std::optional<ViewRecord> record =
      ReadViewRecord(store_, view).value_or(std::optional<ViewRecord>());
  const bool shown = record && record->build() != 0;
  const bool kept = record && record->has_shadow();
  hooks_.notice(Cat("view ", view, " could not be rebuilt: ", status, "; ",
                    shown ? Cat("version ", record->version(), " is shown as before")
                          : std::string("it has no rows"),
                    kept && record->shadow_follows()
                        ? "; the rebuilt one waits: view activate tries again, view cancel drops it"
                        : "; view rebuild tries again, and so does a restart"));
}

void ViewKeeper::Stop() {
  stopped_ = true;
  executors_.core->Cancel(std::exchange(ending_, 0));
  if (running_ == nullptr) return;
  running_->cancelled = true;
  if (running_->rebuild == nullptr) return;
  // Not as by an operator: the shadow stays, and is gone on with.
  executors_.rebuild[0]->Post([running = running_] { running->rebuild->Cancel(); });
}

absl::StatusOr<ViewState> ViewKeeper::State(const std::string& view) const {
  if (Find(view) == nullptr) return NotFound("there is no view ", Quoted(view));
  ViewState state;
  ASSIGN_OR_RETURN(state.record, RecordOf(view));
  state.folded = projector_.position();
  state.head = log_.head().position;
  state.roll_back_until_us = RollBackUntil(state.record, options_.roll_back_window);
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
