#include "client/sync/download.h"

#include <algorithm>

#include "client/conflict_rows.h"
#include "client/feed_blocks.h"
#include "client/outbox/intent_view.h"
#include "client/sync/reconcile.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"

namespace intentlog {
namespace {

template <class... Parts>
absl::Status Bad(const FeedView& feed, const Parts&... parts) {
  return Invalid("feed of scope \"", feed.scope, "\" after ", feed.from, ": ", parts...);
}

}  // namespace

Download::Download(Device& device, DigestCheck& digests, const DownloadOptions& options)
    : device_(device), digests_(digests), options_(options), decoder_(device.schema) {}

absl::StatusOr<BlockView> Download::CheckedBlock(const FeedView& feed) {
  auto parsed = unpacker_.Parse(feed.block);
  if (!parsed.ok()) return Bad(feed, parsed.status());
  const BlockView& block = *parsed;
  if (block.scopes().size() != 1 || block.scopes()[0] != feed.scope) {
    return Bad(feed, "its block holds events of other scopes");
  }
  if (block.first().value() <= feed.from || block.last().value() > feed.through) {
    return Bad(feed, "its block holds positions ", block.first(), " to ", block.last());
  }
  return parsed;
}

absl::Status Download::Add(FrameBytes bytes, const FeedView& feed, const EpochId& epoch) {
  RETURN_IF_ERROR(ValidScope(feed.scope));
  if (EpochId::FromBytes(feed.epoch_id) != epoch) return Bad(feed, "of another epoch");
  if (feed.through < feed.from) return Bad(feed, "it goes back to ", feed.through);
  if (waiting_bytes_ + bytes->size() > options_.waiting_bytes_max) {
    return Bad(feed, "more than the credit that was given");
  }
  ScopeCursor cursor;
  const auto expected = expected_.find(feed.scope);
  if (expected != expected_.end()) {
    cursor = expected->second;
  } else if (const auto known = device_.cursors->Find(feed.scope)) {
    cursor = *known;
  } else if (!device_.cursors->all_scopes()) {
    return Bad(feed, "this device does not subscribe to it");
  }
  if (feed.from != cursor.position.value()) {
    return Bad(feed, "this device's cursor is at ", cursor.position);
  }
  cursor.epoch = epoch;
  cursor.position = Position(feed.through);
  if (feed.chain.empty() != (feed.through == 0) || !ToChainValue(feed.chain, &cursor.chain)) {
    return Bad(feed, "its chain value is not 32 bytes");
  }

  Frame frame;
  frame.feed = feed;
  frame.after = cursor;
  if (!feed.block.empty()) {
    ASSIGN_OR_RETURN(const BlockView block, CheckedBlock(feed));
    frame.events = block.size();
    frame.first = block.first();
    frame.last = block.last();
  }
  waiting_bytes_ += bytes->size();
  frame.bytes = std::move(bytes);
  frames_.push_back(std::move(frame));
  expected_.insert_or_assign(std::string(feed.scope), cursor);
  highest_ = std::max(highest_, cursor.position);
  return absl::OkStatus();
}

absl::StatusOr<Download::Folded> Download::Fold() {
  INTENTLOG_CHECK(waiting());
  device_.models->TrackChanges(device_.watched);
  DeviceChange change;
  change.folded = true;
  StoreBatch batch;
  size_t frames = 0;
  auto folded = FoldInto(change, batch, &frames);
  device_.feed_events->LetGo();
  if (!folded.ok()) {
    device_.models->Abandon();
    return folded.status();
  }
  for (size_t i = 0; i < frames; ++i) {  // the batch has all of them
    waiting_bytes_ -= frames_.front().bytes->size();
    frames_.pop_front();
  }
  folded->own = !change.settling.outcomes.empty() || !change.settling.settlements.empty();
  const auto cursors = change.cursors;
  RETURN_IF_ERROR(device_.Apply(std::move(change), batch));
  RETURN_IF_ERROR(device_.Sync());
  std::set<std::string_view> moved;
  for (const auto& [scope, cursor] : cursors) moved.insert(scope);
  RETURN_IF_ERROR(NoteDigests(moved));
  return folded;
}

// Folds frames from the front until the commit is large enough, or a digest waits for its end.
absl::StatusOr<Download::Folded> Download::FoldInto(DeviceChange& change, StoreBatch& batch,
                                                    size_t* frames) {
  Folded folded;
  std::vector<OwnLog> own = OwnLogs();
  std::map<std::string_view, const Frame*> last_of;  // by scope
  std::map<std::string_view, uint64_t> grown;        // bytes kept, by scope
  bool packed = false;
  for (const Frame& frame : frames_) {
    if (*frames > 0 && (folded.frame_bytes + frame.bytes->size() > options_.commit_bytes_max ||
                        device_.models->pending_bytes() > options_.commit_row_bytes_max)) {
      break;
    }
    RETURN_IF_ERROR(FoldFrame(frame, own, change));
    if (frame.events > 0) {
      packed = packed || IsPacked(frame.feed.block);
      batch.Put(Space::kLog, FeedKey(frame.feed.scope, frame.last), frame.feed.block);
      grown[frame.feed.scope] += frame.feed.block.size();
    }
    folded.frame_bytes += frame.bytes->size();
    folded.events += frame.events;
    ++*frames;
    last_of[frame.feed.scope] = &frame;
    if (digests_.WaitsFor(frame.feed.scope, frame.after.position)) break;
  }
  if (packed) RETURN_IF_ERROR(device_.store->RequireFormat(kPackedFormat, batch));
  for (const auto& [scope, frame] : last_of) {
    RETURN_IF_ERROR(device_.models->Finish(scope, frame->after.position, batch));
    ScopeCursor after = frame->after;
    // It may have been trimmed since the frame came.
    if (const auto before = device_.cursors->Find(scope)) {
      after.held_after = before->held_after;
      after.held_bytes = before->held_bytes;
    }
    after.held_bytes += grown[scope];
    change.cursors.emplace_back(std::string(scope), after);
  }
  return folded;
}

// Former logs have all their receipts.
std::vector<Download::OwnLog> Download::OwnLogs() const {
  std::vector<OwnLog> own;
  for (const DeviceLogs::Named& log : device_.logs->All()) {
    own.push_back({log, device_.outbox->view(log.priority), nullptr, {}, {}});
  }
  return own;
}

absl::Status Download::FoldFrame(const Frame& frame, std::vector<OwnLog>& own,
                                 DeviceChange& change) {
  if (frame.events == 0) return absl::OkStatus();
  device_.feed_events->Hold(frame.feed.scope, frame.first, frame.last, frame.feed.block);
  ASSIGN_OR_RETURN(const BlockView block, unpacker_.Parse(frame.feed.block));
  for (size_t i = 0; i < block.size(); ++i) {
    ASSIGN_OR_RETURN(const Event* event, decoder_.Decode(block.event(i)));
    RETURN_IF_ERROR(NoteOwn(*event, block.event(i).intent, own, change));
    RETURN_IF_ERROR(NoteConflict(*event, change.conflicts));
    RETURN_IF_ERROR(device_.models->Add(*event));
  }
  for (OwnLog& log : own) {
    RETURN_IF_ERROR(AddOwn(log.events, log, change));
    for (const Header& first : log.settled) RETURN_IF_ERROR(AddOwn({&first, 1}, log, change));
    log.events.clear();
    log.settled.clear();
  }
  return absl::OkStatus();
}

absl::Status Download::AddOwn(absl::Span<const Header> events, OwnLog& log, DeviceChange& change) {
  if (events.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<Outcome> outcomes, ReconcileFeed(log.view, events));
  AddOutcomes(outcomes, log.view);
  for (Outcome& outcome : outcomes) change.settling.outcomes.push_back(std::move(outcome));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Download::Undecided>> Download::FindUndecided(OwnLog& log,
                                                                           uint64_t wire) const {
  if (wire == 0 || wire > log.name.OnWire(log.view.last)) return std::nullopt;
  const Count count = log.name.before.Plus(wire);
  if (count <= log.view.receipted) return std::nullopt;
  if (log.reader == nullptr) {
    log.reader = std::make_unique<IntentReader>(*device_.store, log.name.priority);
  }
  ASSIGN_OR_RETURN(const std::string_view bytes, log.reader->Get(count));
  return Undecided{count, bytes};
}

// Another copy of this device may have written what the log has there: then it is somebody else's.
absl::Status Download::NoteOwn(const Event& event, std::string_view intent,
                               std::vector<OwnLog>& own, DeviceChange& change) const {
  const Header& header = event.header();
  if (header.settlement_of() == 0) {
    for (OwnLog& log : own) {
      if (header.log_id() != log.name.id.bytes()) continue;
      ASSIGN_OR_RETURN(const auto mine, FindUndecided(log, header.count()));
      if (!mine || mine->bytes != intent) continue;
      log.events.push_back(header);
      log.events.back().set_count(mine->count.value());
    }
    return absl::OkStatus();
  }
  // A header that is damaged behind its beginning may say so, and the whole of it not.
  if (event.settlement == nullptr) {
    return DataLoss("the header at position ", event.position, " does not parse");
  }
  const Settlement& settlement = *event.settlement;
  RETURN_IF_ERROR(NoteSettlement(event, settlement, change));
  for (OwnLog& log : own) {
    if (settlement.open_log_id() != log.name.id.bytes()) continue;
    ASSIGN_OR_RETURN(const auto mine, FindUndecided(log, settlement.open_count()));
    if (!mine) continue;
    IntentView view;
    RETURN_IF_ERROR(ReadIntent(mine->bytes, &view));
    const bool same = settlement.open_intent_id().empty()
                          ? view.entity_id == event.intent().entity_id()
                          : view.intent_id == settlement.open_intent_id();
    if (!same) continue;
    Header& first = log.settled.emplace_back();
    first.set_position(header.settlement_of());
    first.set_count(mine->count.value());
    first.set_decision(settlement.open_decision());
    *first.mutable_reason() = settlement.open_reason();
  }
  return absl::OkStatus();
}

absl::Status Download::NoteSettlement(const Event& event, const Settlement& settlement,
                                      DeviceChange& change) {
  SettlementSeen seen;
  seen.position = event.position;
  seen.of = Position(event.header().settlement_of());
  seen.decision = event.header().decision();
  seen.reason = settlement.reason();
  seen.resolved = !settlement.resolved_by().empty();
  seen.turned = settlement.turned();
  seen.entity = {event.intent().entity_type(), event.intent().entity_id()};
  change.settling.settlements.push_back(std::move(seen));
  return absl::OkStatus();
}

absl::Status Download::NoteDigests(const std::set<std::string_view>& scopes) {
  for (const auto& projection : device_.models->projections()) {
    const std::string name = projection->info().name;
    for (const std::string_view scope : scopes) {
      ASSIGN_OR_RETURN(const ScopeState state, device_.models->InScope(name, scope));
      if (state.position > Position()) digests_.Reached(name, state);
    }
  }
  return absl::OkStatus();
}

}  // namespace intentlog
