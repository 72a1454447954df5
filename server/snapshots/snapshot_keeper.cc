#include "server/snapshots/snapshot_keeper.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/snapshot/take_snapshot.h"

namespace intentlog {
namespace {

EpochId EpochAt(const EventLog& log, Position position) {
  EpochId id;
  for (const Epoch& epoch : log.epochs()) {
    if (epoch.first_position() <= position.value()) id = EpochId::FromBytes(epoch.id());
  }
  return id;
}

const std::string kWriting;  // of alarms that are about no file

}  // namespace

SnapshotKeeper::SnapshotKeeper(const EventLog& log, const Projector& projector,
                               const SnapshotFolder& folder, SnapshotAlarms& alarms,
                               const ServerOptions& options, const Clock& clock,
                               Executors executors, Freeze freeze)
    : log_(log),
      projector_(projector),
      folder_(folder),
      alarms_(alarms),
      options_(options),
      clock_(clock),
      executors_(executors),
      freeze_(std::move(freeze)),
      looked_since_(clock.Passed()) {}

void SnapshotKeeper::Start() {
  if (!options_.snapshots.on || options_.env != nullptr) return;
  std::error_code error;
  if (!std::filesystem::exists(folder_.dir(), error)) {  // nothing is left there
    ready_ = true;
    return OnFolded();
  }
  ++tasks_;
  executors_.writer->Post([this] {
    folder_.RemoveUnfinished();
    executors_.core->Post([this, usable = Usable()] {
      --tasks_;
      if (stopped_) return;
      usable_ = usable;
      last_ = usable.empty() ? Position() : usable.front()->position();
      ready_ = true;
      OnFolded();
    });
  });
}

// On the writer.
std::vector<std::shared_ptr<const SnapshotFile>> SnapshotKeeper::Usable() const {
  std::vector<std::shared_ptr<const SnapshotFile>> usable;
  for (const FoundSnapshot& one : folder_.List()) {
    if (one.status.ok()) usable.push_back(one.file);
  }
  return usable;
}

void SnapshotKeeper::Forget(const SnapshotFile& file, const absl::Status& why) {
  std::erase_if(usable_, [&](const auto& one) { return one.get() == &file; });
  alarms_.Tell(file.path(), why);
}

// ---- when

SnapshotSince SnapshotKeeper::Since() const {
  SnapshotSince since;
  since.events = projector_.position().value() - std::min(last_, projector_.position()).value();
  since.log_bytes = projector_.folded_bytes() - last_bytes_;
  since.passed = clock_.Passed() - looked_since_;
  since.last_took = last_took_;
  since.failures = failures_;
  return since;
}

void SnapshotKeeper::OnFolded() {
  if (!ready_ || stopped_ || taking_) return;
  const absl::Duration due = SnapshotDueIn(options_.snapshots, Since());
  if (due == absl::ZeroDuration()) return Take([](const absl::StatusOr<FoundSnapshot>&) {});
  if (due < absl::InfiniteDuration()) Arm(due);
}

void SnapshotKeeper::Arm(absl::Duration due) {
  const absl::Duration at = clock_.Passed() + due;
  if (timer_ != 0 && timer_at_ <= at) return;
  if (timer_ != 0) executors_.core->Cancel(timer_);
  timer_at_ = at;
  timer_ = executors_.core->PostAfter(due, [this] {
    timer_ = 0;
    OnFolded();
  });
}

// ---- taking

void SnapshotKeeper::Take(Taken done) {
  if (!options_.snapshots.on || options_.env != nullptr) {
    return done(FailedPrecondition("this server takes no snapshots"));
  }
  if (taking_) return done(FailedPrecondition("a snapshot is being taken: wait for its end"));
  taking_ = true;
  ++tasks_;
  const absl::Duration began = clock_.Passed();
  const uint64_t bytes = projector_.folded_bytes();
  auto frozen = std::make_shared<Frozen>();
  frozen->schema_digest = options_.schema->digest();
  executors_.projector->Post([this, began, bytes, frozen, done = std::move(done)]() mutable {
    frozen->rows = freeze_();
    frozen->position = projector_.folded();
    executors_.writer->Post([this, began, bytes, frozen, done = std::move(done)]() mutable {
      auto taken = std::make_shared<absl::StatusOr<FoundSnapshot>>(Write(*frozen));
      frozen->rows = FrozenRows();
      executors_.core->Post([this, began, bytes, taken, usable = Usable(), done = std::move(done)] {
        --tasks_;
        taking_ = false;
        if (stopped_) return;
        usable_ = usable;
        if (taken->ok()) last_bytes_ = bytes;
        last_took_ = clock_.Passed() - began;
        OnWritten(*taken);
        done(*taken);
        OnFolded();
      });
    });
  });
}

// On the writer.
absl::StatusOr<FoundSnapshot> SnapshotKeeper::Write(const Frozen& frozen) const {
  if (frozen.position == Position()) return FailedPrecondition("nothing is folded yet");
  SnapshotAbout about;
  about.position = frozen.position;
  about.epoch = EpochAt(log_, frozen.position);
  ASSIGN_OR_RETURN(about.chain, log_.ChainAt(frozen.position));
  about.schema_digest = frozen.schema_digest;
  about.taken_us = clock_.WallMicros();
  about.fingerprint = FingerprintsOf(options_.projections);
  SnapshotWriterOptions options;
  options.free_bytes_min = options_.snapshots.free_bytes_min;
  options.before = [this](std::string_view) {
    return stopped_ ? absl::CancelledError("the server is stopping") : absl::OkStatus();
  };
  // One of the same position may hold other builds, if a view was switched.
  for (const FoundSnapshot& one : folder_.List()) {
    if (one.position == frozen.position) options.replace = one.status.ok();
  }
  ASSIGN_OR_RETURN(auto file, TakeSnapshot(frozen.rows, about, folder_.dir(), options));
  alarms_.ForgetFiles();
  folder_.Remove(Superseded(folder_.List(), options_.snapshots.keep, about.taken_us));
  FoundSnapshot taken;
  taken.path = file->path();
  taken.position = file->position();
  taken.bytes = file->bytes();
  taken.file = std::move(file);
  return taken;
}

void SnapshotKeeper::OnWritten(const absl::StatusOr<FoundSnapshot>& taken) {
  looked_since_ = clock_.Passed();
  if (taken.ok()) {
    last_ = taken->position;
    failures_ = 0;
    alarms_.Tell(kWriting, absl::OkStatus());
    return;
  }
  ++failures_;
  // While something is folded again, it is only too early.
  if (absl::IsFailedPrecondition(taken.status())) return;
  alarms_.Tell(kWriting, StatusOf(taken.status().code(), "no snapshot was taken: ", taken.status(),
                                  "; it is tried again"));
}

void SnapshotKeeper::Look(bool whole, Looked done) {
  ++tasks_;
  executors_.writer->Post([this, whole, done = std::move(done)]() mutable {
    alarms_.ForgetFiles();
    auto found = std::make_shared<std::vector<FoundSnapshot>>(folder_.List());
    for (FoundSnapshot& one : *found) {
      if (!whole || !one.status.ok() || stopped_) continue;
      one.status = one.file->Verify();
      if (!one.status.ok()) alarms_.Tell(one.path, one.status);
    }
    executors_.core->Post([this, found, done = std::move(done)] {
      --tasks_;
      if (!stopped_) done(std::move(*found));
    });
  });
}

void SnapshotKeeper::Stop() {
  stopped_ = true;
  if (timer_ != 0) executors_.core->Cancel(timer_);
  timer_ = 0;
}

}  // namespace intentlog
