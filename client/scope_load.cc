#include "client/scope_load.h"

#include <algorithm>
#include <set>

#include "client/conflict_rows.h"
#include "client/feed_blocks.h"
#include "eventlog/log/block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "projections/snapshot/snapshot_block.h"

namespace intentlog {
namespace {

// Rows that one commit removes where nothing comes in their place.
constexpr size_t kRemovedAtOnce = 10'000;
constexpr size_t kIdSize = 16;

template <class... Parts>
absl::Status Bad(const SnapshotHead& head, const Parts&... parts) {
  return Invalid("snapshot of scope \"", head.scope(), "\" at position ", head.position(), ": ",
                 parts...);
}

template <class... Parts>
absl::Status Wrong(const SnapshotHead& head, const Parts&... parts) {
  return DataLoss("snapshot of scope \"", head.scope(), "\" at position ", head.position(), ": ",
                  parts...);
}

absl::Status CheckView(const Device& device, const SnapshotHead& head,
                       const SnapshotHead::Rows& rows) {
  Digest128 digest;
  if (!Digest128::FromBytes(rows.digest(), &digest)) {
    return Bad(head, "view ", rows.view(), ": its digest is not 16 bytes");
  }
  if ((rows.rows() == 0) != (rows.chunks() == 0) || rows.chunks() > rows.rows()) {
    return Bad(head, "view ", rows.view(), ": ", rows.rows(), " rows in ", rows.chunks(),
               " chunks");
  }
  const Projection* const projection = device.models->Find(rows.view());
  if (projection == nullptr) return Bad(head, "this device has no view ", Quoted(rows.view()));
  if (projection->info().version == rows.version()) return absl::OkStatus();
  return Bad(head, "view ", rows.view(), ": version ", rows.version(), "; this device has ",
             projection->info().version);
}

absl::StatusOr<OpenEvent> ParseOpen(const SnapshotHead& head, const std::string& bytes) {
  OpenEvent open;
  Intent intent;
  if (!open.ParseFromString(bytes) || !intent.ParseFromString(open.intent())) {
    return Bad(head, "a conflict does not parse");
  }
  if (open.decision() != CONFLICTED || open.position() == 0 || open.position() > head.position() ||
      intent.scope() != head.scope()) {
    return Bad(head, "the event at position ", open.position(), " is no conflict of it");
  }
  return open;
}

}  // namespace

absl::Status CheckSnapshotHead(const Device& device, const SnapshotHead& head) {
  ChainValue chain;
  if (head.position() == 0) return Bad(head, "it is of no position");
  if (head.id().size() != kIdSize) return Bad(head, "its id has ", head.id().size(), " bytes");
  if (head.chain().empty() || !ToChainValue(head.chain(), &chain)) {
    return Bad(head, "its chain value is not 32 bytes");
  }
  const Projections& projections = device.models->projections();
  if (static_cast<size_t>(head.views_size()) != projections.size()) {
    return Bad(head, "it has ", head.views_size(), " views; this device has ", projections.size());
  }
  uint64_t chunks = 0;
  std::set<std::string_view> names;
  for (const SnapshotHead::Rows& rows : head.views()) {
    RETURN_IF_ERROR(CheckView(device, head, rows));
    if (!names.insert(rows.view()).second) return Bad(head, "view ", rows.view(), " twice");
    chunks += rows.chunks();
  }
  if (chunks != head.chunks()) {
    return Bad(head, "it has ", head.chunks(), " chunks, but its views have ", chunks);
  }
  for (const std::string& bytes : head.open()) RETURN_IF_ERROR(ParseOpen(head, bytes).status());
  if (head.named().empty()) return absl::OkStatus();
  auto named = BlockView::Parse(head.named());
  if (!named.ok()) return Bad(head, "the events that are named: ", named.status());
  if (named->scopes().size() == 1 && named->scopes()[0] == head.scope() &&
      named->last().value() <= head.position()) {
    return absl::OkStatus();
  }
  return Bad(head, "the events that are named are of other scopes, or come after it");
}

ScopeLoad::ScopeLoad(Device& device, StagedSnapshot staged)
    : device_(device),
      head_(std::move(staged.head)),
      phase_(staged.loading ? Phase::kReplace : Phase::kCheck) {
  cursor_.position = cursor_.held_after = Position(head_.position());
  if (head_.position() > 0) {
    cursor_.epoch = EpochId::FromBytes(head_.epoch_id());
    INTENTLOG_CHECK(ToChainValue(head_.chain(), &cursor_.chain));
  }
  cursor_.held_bytes = head_.named().size();
  for (const auto& projection : device.models->projections()) {
    View view{projection.get(), {}, 0};
    uint32_t chunk = 0;
    for (const SnapshotHead::Rows& rows : head_.views()) {
      if (rows.view() == projection->info().name) {
        view.rows = rows;
        view.first_chunk = chunk;
      }
      chunk += rows.chunks();
    }
    ScopeState& state = states_.emplace_back();
    state.scope = head_.scope();
    state.position = cursor_.position;
    state.rows = view.rows.rows();
    INTENTLOG_CHECK(Digest128::FromBytes(view.rows.digest(), &state.digest));
    views_.push_back(std::move(view));
  }
}

ScopeLoad::~ScopeLoad() = default;

absl::StatusOr<bool> ScopeLoad::Step() {
  switch (phase_) {
    case Phase::kCheck: {
      absl::Status status = Check();
      if (absl::IsDataLoss(status)) {
        StoreBatch batch;
        RETURN_IF_ERROR(DropStaged(*device_.store, scope(), batch));
        RETURN_IF_ERROR(device_.store->Commit(batch, Sync::kBuffered));
      }
      RETURN_IF_ERROR(status);
      break;
    }
    case Phase::kReplace:
      RETURN_IF_ERROR(Replace());
      break;
    case Phase::kFinish:
      RETURN_IF_ERROR(Finish());
      break;
    case Phase::kDone:
      break;
  }
  return phase_ == Phase::kDone;
}

// ---- checking: nothing is touched before every chunk is right

absl::Status ScopeLoad::Check() {
  if (view_ < views_.size()) {
    const View& view = views_[view_];
    if (chunk_ < view.rows.chunks()) return CheckChunk(view, view.first_chunk + chunk_);
    RETURN_IF_ERROR(EndCheck(view));
    ++view_;
    chunk_ = 0;
    counted_ = ScopeState();
    any_row_ = false;
    return absl::OkStatus();
  }
  StoreBatch batch;
  MarkLoading(scope(), batch);
  RETURN_IF_ERROR(device_.store->Commit(batch, Sync::kDurable));
  view_ = 0;
  phase_ = Phase::kReplace;
  return absl::OkStatus();
}

absl::Status ScopeLoad::CheckChunk(const View& view, uint32_t chunk) {
  RETURN_IF_ERROR(ReadStagedChunk(*device_.store, scope(), chunk, &block_));
  auto block = SnapshotBlockView::Parse(block_);
  if (!block.ok()) return Wrong(head_, "chunk ", chunk, ": ", block.status());
  ASSIGN_OR_RETURN(const google::protobuf::Message* prototype,
                   RowAccess::Prototype(view.projection->info()));
  Row row;
  for (SnapshotRows rows(*block); rows.Next();) {
    if (any_row_ && rows.key() <= last_key_) {
      return Wrong(head_, "chunk ", chunk, ": key ", Quoted(rows.key()), " comes after ",
                   Quoted(last_key_));
    }
    if (!RowAccess::Parse(*prototype, rows.row(), row)) {
      return Wrong(head_, "view ", view.rows.view(), ", key ", Quoted(rows.key()),
                   ": the row does not parse");
    }
    any_row_ = true;
    last_key_.assign(rows.key());
    counted_.digest.Add(rows.key(), rows.row());
    ++counted_.rows;
  }
  ++chunk_;
  return absl::OkStatus();
}

absl::Status ScopeLoad::EndCheck(const View& view) {
  const ScopeState& wanted = states_[view_];
  if (counted_.rows != wanted.rows) {
    return Wrong(head_, "view ", view.rows.view(), " has ", counted_.rows, " rows, not ",
                 wanted.rows);
  }
  if (counted_.digest == wanted.digest) return absl::OkStatus();
  return Wrong(head_, "view ", view.rows.view(), ": its rows have another digest than it says");
}

// ---- replacing

absl::Status ScopeLoad::Replace() {
  if (view_ == views_.size()) {
    phase_ = Phase::kFinish;
    return absl::OkStatus();
  }
  const View& view = views_[view_];
  if (replaced_ == nullptr) BeginReplacing(view);
  StoreBatch batch;
  bool done = false;
  if (chunk_ < view.rows.chunks()) {
    RETURN_IF_ERROR(ReadStagedChunk(*device_.store, scope(), view.first_chunk + chunk_, &block_));
    ASSIGN_OR_RETURN(const SnapshotBlockView block, SnapshotBlockView::Parse(block_));
    for (SnapshotRows rows(block); rows.Next();) {
      RETURN_IF_ERROR(replaced_->Put(rows.key(), rows.row(), batch));
    }
    ++chunk_;
  } else {
    ASSIGN_OR_RETURN(done, EndReplacing(batch));
  }
  if (!batch.empty()) RETURN_IF_ERROR(device_.store->Commit(batch, Sync::kBuffered));
  if (!done) return absl::OkStatus();
  replaced_.reset();
  chunk_ = 0;
  ++view_;
  return absl::OkStatus();
}

// As a table only where no reader looks: one may hold a snapshot in which such rows appear.
void ScopeLoad::BeginReplacing(const View& view) {
  const std::vector<std::string> known = device_.models->ScopeNames();
  as_table_ = !no_tables_ && view.rows.rows() >= device_.table_rows_min &&
              std::find(known.begin(), known.end(), scope()) == known.end();
  replaced_ = std::make_unique<ReplacedRows>(
      *device_.store, device_.models->Opened(*view.projection), scope(), as_table_);
  if (!device_.watched) return;
  replaced_->OnChange([this, projection = view.projection](std::string_view key) {
    changed_.emplace_back(projection, key);
  });
}

absl::StatusOr<bool> ScopeLoad::EndReplacing(StoreBatch& batch) {
  const absl::StatusOr<bool> done = replaced_->End(kRemovedAtOnce, batch);
  if (!as_table_ || !absl::IsFailedPrecondition(done.status())) return done;
  INTENTLOG_MARK("scope load: rows were deleted where a table was to go");
  no_tables_ = true;
  replaced_.reset();
  chunk_ = 0;
  return false;
}

// ---- the end

absl::Status ScopeLoad::Finish() {
  StoreBatch batch;
  DeviceChange change;
  change.folded = true;
  change.replaced_rows = std::move(changed_);
  changed_.clear();
  RETURN_IF_ERROR(device_.models->FinishReplaced(scope(), cursor_.position, states_, batch));
  RETURN_IF_ERROR(AddConflicts(change));
  RETURN_IF_ERROR(DropFeed(batch));
  RETURN_IF_ERROR(DropStaged(*device_.store, scope(), batch));
  if (!head_.named().empty()) {
    ASSIGN_OR_RETURN(const BlockView named, BlockView::Parse(head_.named()));
    batch.Put(Space::kLog, FeedKey(scope(), named.last()), head_.named());
  }
  const auto before = device_.cursors->Find(scope());
  if (before || device_.cursors->all_scopes()) {
    change.rewound = before && (before->anew || before->position > cursor_.position);
    change.cursors.emplace_back(scope(), cursor_);
  } else {
    ScopeCursors::Remove(scope(), batch);
  }
  RETURN_IF_ERROR(device_.Apply(std::move(change), batch));
  phase_ = Phase::kDone;
  return device_.Sync();
}

// Those that the snapshot knows, in place of those that were there.
absl::Status ScopeLoad::AddConflicts(DeviceChange& change) const {
  std::set<uint64_t> open;
  for (const std::string& bytes : head_.open()) {
    ASSIGN_OR_RETURN(const OpenEvent one, ParseOpen(head_, bytes));
    open.insert(one.position());
    change.conflicts.push_back({Position(one.position()), bytes, /*settled=*/false});
  }
  ASSIGN_OR_RETURN(const std::vector<OpenEvent> known, ReadConflicts(*device_.store));
  for (const OpenEvent& one : known) {
    Intent intent;
    if (!intent.ParseFromString(one.intent())) {
      return DataLoss("the conflict at position ", one.position(), " does not parse");
    }
    if (intent.scope() != scope() || open.count(one.position()) > 0) continue;
    change.conflicts.push_back({Position(one.position()), "", /*settled=*/true});
  }
  return absl::OkStatus();
}

absl::Status ScopeLoad::DropFeed(StoreBatch& batch) const {
  return ForEachFeedBlock(*device_.store, scope(), Position(),
                          [&](const BlockView& block, size_t /*bytes*/) -> absl::StatusOr<bool> {
                            batch.Delete(Space::kLog, FeedKey(scope(), block.last()));
                            return true;
                          });
}

namespace {

absl::Status Finish(Device& device, StagedSnapshot staged) {
  ScopeLoad load(device, std::move(staged));
  for (bool done = false; !done;) {
    ASSIGN_OR_RETURN(done, load.Step());
  }
  return absl::OkStatus();
}

StagedSnapshot Nothing(const std::string& scope) {
  StagedSnapshot nothing;
  nothing.head.set_scope(scope);
  nothing.loading = true;
  return nothing;
}

}  // namespace

absl::Status FinishLoads(Device& device) {
  ASSIGN_OR_RETURN(std::vector<StagedSnapshot> staged, ReadStaged(*device.store));
  for (StagedSnapshot& one : staged) {
    const std::string scope = one.head.scope();
    const bool fits = one.head.position() == 0 || CheckSnapshotHead(device, one.head).ok();
    if (one.loading) {
      // Of another version of the program: half of the rows are replaced, and cannot be completed.
      RETURN_IF_ERROR(Finish(device, fits ? std::move(one) : Nothing(scope)));
    } else if (!fits) {
      StoreBatch batch;
      RETURN_IF_ERROR(DropStaged(*device.store, scope, batch));
      RETURN_IF_ERROR(device.store->Commit(batch, Sync::kBuffered));
    }
  }
  return absl::OkStatus();
}

absl::Status EmptyLostScopes(Device& device) {
  if (Planted(Bug::kLostScopesStay)) return absl::OkStatus();
  for (const std::string& scope : device.cursors->lost()) {
    INTENTLOG_MARK("scope load: a scope is not followed any more");
    StagedSnapshot nothing = Nothing(scope);
    StoreBatch batch;
    StageHead(nothing.head, batch);
    MarkLoading(scope, batch);
    RETURN_IF_ERROR(device.store->Commit(batch, Sync::kDurable));
    RETURN_IF_ERROR(Finish(device, std::move(nothing)));
  }
  return absl::OkStatus();
}

}  // namespace intentlog
