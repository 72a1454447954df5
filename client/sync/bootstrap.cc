#include "client/sync/bootstrap.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"
#include "projections/snapshot/snapshot_block.h"

namespace intentlog {
namespace {

template <class... Parts>
absl::Status Bad(const std::string& scope, const Parts&... parts) {
  return Invalid("snapshot of scope \"", scope, "\": ", parts...);
}

}  // namespace

absl::Status Bootstrap::AddTo(Hello& hello) {
  ASSIGN_OR_RETURN(const std::vector<StagedSnapshot> staged, ReadStaged(*device_.store));
  for (const StagedSnapshot& one : staged) {
    SnapshotProgress& progress = *hello.add_snapshots();
    progress.set_scope(one.head.scope());
    progress.set_id(one.head.id());
    progress.set_next(one.next);
  }
  hello.set_takes_snapshots(options_.take_snapshots);
  ASSIGN_OR_RETURN(const std::vector<std::string> open, device_.outbox->OpenScopes());
  for (const std::string& scope : open) hello.add_feed_only(scope);
  for (const std::string& scope : device_.feed_only) hello.add_feed_only(scope);
  return absl::OkStatus();
}

absl::Status Bootstrap::AddHead(SnapshotHead head, size_t frame_bytes, const EpochId& epoch) {
  const std::string scope = head.scope();
  RETURN_IF_ERROR(ValidScope(scope));
  if (!options_.take_snapshots) return Bad(scope, "this device takes none");
  if (coming_) return Bad(scope, "that of scope \"", coming_->head.scope(), "\" is not whole");
  if (IsToBeLoaded(scope)) return Bad(scope, "one has come already, and is not loaded yet");
  if (waiting_bytes_ + frame_bytes > options_.waiting_bytes_max) {
    return Bad(scope, "more than the credit that was given");
  }
  if (EpochId::FromBytes(head.epoch_id()) != epoch) return Bad(scope, "of another epoch");
  const auto cursor = device_.cursors->Find(scope);
  if (!cursor && !device_.cursors->all_scopes()) {
    return Bad(scope, "this device does not subscribe to it");
  }
  if (cursor && !cursor->anew && head.position() <= cursor->position.value()) {
    return Bad(scope, "at position ", head.position(), ", but this device has ", cursor->position);
  }
  RETURN_IF_ERROR(CheckSnapshotHead(device_, head));
  uint32_t next = 0;
  ASSIGN_OR_RETURN(const std::vector<StagedSnapshot> staged, ReadStaged(*device_.store));
  for (const StagedSnapshot& one : staged) {
    if (one.head.scope() == scope && one.head.id() == head.id()) next = one.next;
  }
  if (head.next() != 0 && head.next() != next) {
    return Bad(scope, "it goes on at chunk ", head.next(), ", but the device has ", next);
  }
  next = head.next();
  if (next == 0) RETURN_IF_ERROR(DropStaged(*device_.store, scope, batch_));
  StageHead(head, batch_);
  waiting_bytes_ += frame_bytes;
  coming_ = StagedSnapshot{std::move(head), next, false};
  if (next == coming_->head.chunks()) BecomeWhole(*std::exchange(coming_, std::nullopt));
  return absl::OkStatus();
}

absl::Status Bootstrap::AddChunk(const SnapshotChunk& chunk, size_t frame_bytes) {
  if (!coming_ || coming_->head.scope() != chunk.scope()) {
    return Bad(chunk.scope(), "a chunk, but none of it is awaited");
  }
  if (chunk.index() != coming_->next) {
    return Bad(chunk.scope(), "chunk ", chunk.index(), " where ", coming_->next, " was due");
  }
  if (waiting_bytes_ + frame_bytes > options_.waiting_bytes_max) {
    return Bad(chunk.scope(), "more than the credit that was given");
  }
  const absl::Status status = CheckSnapshotBlock(chunk.block());
  if (!status.ok()) return Bad(chunk.scope(), "chunk ", chunk.index(), ": ", status);
  StageChunk(chunk, batch_);
  waiting_bytes_ += frame_bytes;
  if (++coming_->next == coming_->head.chunks()) {
    BecomeWhole(*std::exchange(coming_, std::nullopt));
  }
  return absl::OkStatus();
}

void Bootstrap::Empty(const std::string& scope) {
  StagedSnapshot staged;
  staged.head.set_scope(scope);
  StageHead(staged.head, batch_);
  BecomeWhole(std::move(staged));
}

bool Bootstrap::IsToBeLoaded(const std::string& scope) const {
  if (load_ != nullptr && load_->scope() == scope) return true;
  return std::any_of(whole_.begin(), whole_.end(),
                     [&](const StagedSnapshot& one) { return one.head.scope() == scope; });
}

void Bootstrap::BecomeWhole(StagedSnapshot staged) {
  Ready ready{staged.head.scope(), {}};
  ready.cursor.position = ready.cursor.held_after = Position(staged.head.position());
  ready.cursor.epoch = EpochId::FromBytes(staged.head.epoch_id());
  ready_.push_back(std::move(ready));
  whole_.push_back(std::move(staged));
}

std::optional<Bootstrap::Ready> Bootstrap::TakeReady() {
  if (ready_.empty()) return std::nullopt;
  Ready ready = std::move(ready_.front());
  ready_.pop_front();
  return ready;
}

absl::StatusOr<Bootstrap::Stepped> Bootstrap::Step() {
  if (batch_.empty()) return Load();
  RETURN_IF_ERROR(device_.store->Commit(batch_, Sync::kBuffered));
  batch_.Clear();
  Stepped stepped;
  stepped.frame_bytes = std::exchange(waiting_bytes_, 0);
  return stepped;
}

absl::StatusOr<Bootstrap::Stepped> Bootstrap::Load() {
  if (load_ == nullptr) {
    load_ = std::make_unique<ScopeLoad>(device_, std::move(whole_.front()));
    whole_.pop_front();
  }
  const absl::StatusOr<bool> done = load_->Step();
  if (absl::IsDataLoss(done.status())) device_.feed_only.insert(load_->scope());
  RETURN_IF_ERROR(done.status());
  Stepped stepped;
  if (*done) {
    stepped.loaded = load_->scope();
    load_.reset();
  }
  return stepped;
}

}  // namespace intentlog
