#include "server/feed/snapshot_offer.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "eventlog/log/block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/store.pb.h"
#include "server/sequencer/server_rows.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace intentlog {
namespace {

// Conflicts that a head tells of: far more than people can decide about. With more the scope begins
// with its feed.
constexpr size_t kConflictsMax = 1000;
constexpr size_t kOpenRowsAtOnce = 1000;

const SnapshotScope* FindScope(const SnapshotInfo& info, std::string_view scope) {
  const auto& scopes = info.scopes();
  const auto found = std::lower_bound(
      scopes.begin(), scopes.end(), scope,
      [](const SnapshotScope& one, std::string_view name) { return one.scope() < name; });
  return found != scopes.end() && found->scope() == scope ? &*found : nullptr;
}

// Equal only where all that the device would get is.
std::string IdOf(const SnapshotInfo& info, const SnapshotScope& scope) {
  const std::string about =
      Cat(info.epoch_id(), info.chain(), info.taken_us(), '/', scope.SerializeAsString());
  const XXH128_hash_t hash = XXH3_128bits(about.data(), about.size());
  std::string id;
  AppendBig64(id, hash.high64);
  AppendBig64(id, hash.low64);
  return id;
}

// Adds the rows of one of the device's views. False if they cannot be had.
bool AddView(const SnapshotFile& file, const SnapshotScope& scope, const ProjectionVersion& wanted,
             SnapshotOffer& offer) {
  const int index = file.FindView(wanted.name());
  if (index < 0) return false;
  const SnapshotView& view = file.info().views(index);
  const bool other_code = !view.fingerprint().empty() && !wanted.fingerprint().empty() &&
                          view.fingerprint() != wanted.fingerprint();
  if (view.version() != wanted.version() || other_code) return false;
  SnapshotHead::Rows& rows = *offer.head.add_views();
  rows.set_view(view.name());
  rows.set_version(view.version());
  rows.set_fingerprint(view.fingerprint());
  rows.set_digest(std::string(16, '\0'));
  for (const SnapshotPart& part : scope.parts()) {
    if (part.view() != static_cast<uint32_t>(index)) continue;
    if (part.parked() > 0) return false;
    rows.set_digest(part.digest());
    rows.set_rows(part.rows());
    rows.set_chunks(part.blocks());
    for (uint32_t i = 0; i < part.blocks(); ++i) offer.blocks.push_back(part.first_block() + i);
    offer.head.set_bytes(offer.head.bytes() + part.bytes());
  }
  return true;
}

std::optional<SnapshotOffer> OfferOf(const std::shared_ptr<const SnapshotFile>& file,
                                     const Hello& hello, std::string_view scope_name) {
  const SnapshotInfo& info = file->info();
  const SnapshotScope* const scope = FindScope(info, scope_name);
  if (scope == nullptr) return std::nullopt;
  SnapshotOffer offer;
  offer.file = file;
  for (const ProjectionVersion& wanted : hello.projections()) {
    if (!AddView(*file, *scope, wanted, offer)) return std::nullopt;
  }
  SnapshotHead& head = offer.head;
  head.set_scope(std::string(scope_name));
  head.set_id(IdOf(info, *scope));
  head.set_position(info.position());
  head.set_chain(info.chain());
  head.set_events(scope->events());
  head.set_chunks(static_cast<uint32_t>(offer.blocks.size()));
  return offer;
}

// Where the device was when it was cut off, if it was this snapshot.
bool GoOn(const Hello& hello, SnapshotHead& head) {
  for (const SnapshotProgress& progress : hello.snapshots()) {
    if (progress.scope() != head.scope() || progress.id() != head.id()) continue;
    if (progress.next() > head.chunks()) return false;
    head.set_next(progress.next());
    return true;
  }
  return false;
}

// Fewer bytes and less work than the feed, as far as that can be known beforehand.
bool IsWorthIt(const SnapshotOffer& offer, Position cursor, const ServerOptions& options) {
  const uint64_t position = offer.head.position();
  uint64_t behind = position - cursor.value();
  if (offer.head.events() > 0) {
    const double share = static_cast<double>(behind) / static_cast<double>(position);
    behind = static_cast<uint64_t>(share * static_cast<double>(offer.head.events()));
  }
  uint64_t rows = 0;
  for (const SnapshotHead::Rows& view : offer.head.views()) rows += view.rows();
  return behind >= options.snapshot_events_min &&
         rows <= behind * options.snapshot_rows_per_event_max;
}

absl::StatusOr<std::vector<OpenEvent>> ReadOpen(const EventLog& log, const SnapshotHead& head) {
  std::vector<OpenEvent> open;
  for (uint64_t from = 0; from <= head.position();) {
    ASSIGN_OR_RETURN(const std::vector<IndexRow> rows,
                     log.ScanIndex(kOpenPrefix, OpenKey(from), kOpenRowsAtOnce));
    for (const IndexRow& row : rows) {
      OpenEvent one;
      Intent intent;
      if (!one.ParseFromString(row.value.value_or("")) || !intent.ParseFromString(one.intent())) {
        return DataLoss("the row of an open event is damaged: position ", LastBig64(row.key));
      }
      from = one.position() + 1;
      if (one.position() > head.position() || one.decision() != CONFLICTED) continue;
      if (intent.scope() == head.scope()) open.push_back(std::move(one));
    }
    if (open.size() > kConflictsMax) {
      return StatusOf(absl::StatusCode::kResourceExhausted, "scope ", head.scope(),
                      " has more than ", kConflictsMax, " conflicts");
    }
    if (rows.size() < kOpenRowsAtOnce) break;
  }
  return open;
}

// The events at these positions, as a block of feed; empty if none of them is in the scope.
absl::StatusOr<std::string> ReadNamed(const EventLog& log, const SnapshotHead& head,
                                      const std::set<uint64_t>& positions) {
  BlockBuilder named;
  Position last;
  for (const uint64_t position : positions) {
    if (position == 0 || position > head.position()) continue;
    const std::unique_ptr<BlockReader> reader = log.Read(Position(position));
    ASSIGN_OR_RETURN(const bool found, reader->Next());
    if (!found) continue;
    const EventRef event = reader->block().event(reader->begin());
    if (event.position != Position(position) || event.scope != head.scope() || !event.in_feed) {
      continue;
    }
    named.Add(event);
    last = event.position;
  }
  if (named.size() == 0) return std::string();
  ASSIGN_OR_RETURN(const ChainValue chain, log.ChainAt(last));
  return named.Finish(chain);
}

SharedFrame FrameOf(const ServerFrame& frame) {
  return std::make_shared<std::string>(frame.SerializeAsString());
}

}  // namespace

std::optional<SnapshotOffer> OfferSnapshot(const SnapshotFiles& files, const Hello& hello,
                                           std::string_view scope, Position cursor,
                                           const ServerOptions& options) {
  const auto& feed_only = hello.feed_only();
  const bool takes = hello.takes_snapshots() && hello.projections_size() > 0 &&
                     std::find(feed_only.begin(), feed_only.end(), scope) == feed_only.end();
  if (!takes) return std::nullopt;
  for (const std::shared_ptr<const SnapshotFile>& file : files) {
    if (file->position() <= cursor) continue;
    auto offer = OfferOf(file, hello, scope);
    if (!offer) continue;
    if (GoOn(hello, offer->head) || IsWorthIt(*offer, cursor, options)) return offer;
  }
  return std::nullopt;
}

absl::StatusOr<SharedFrame> MakeHeadFrame(const EventLog& log, const SnapshotOffer& offer) {
  ServerFrame frame;
  SnapshotHead& head = *frame.mutable_snapshot_head();
  head = offer.head;
  // As feed of any position: what the file was taken in may have ended since.
  head.set_epoch_id(log.epochs().back().id());
  ASSIGN_OR_RETURN(const std::vector<OpenEvent> open, ReadOpen(log, head));
  std::set<uint64_t> named;
  for (const OpenEvent& one : open) {
    head.add_open(one.SerializeAsString());
    named.insert(one.position());
    named.insert(one.reason().other_position());
  }
  ASSIGN_OR_RETURN(*head.mutable_named(), ReadNamed(log, head, named));
  return FrameOf(frame);
}

absl::StatusOr<std::vector<SharedFrame>> MakeChunkFrames(const SnapshotOffer& offer, uint32_t next,
                                                         size_t bytes_max) {
  std::vector<SharedFrame> frames;
  for (size_t bytes = 0; next < offer.blocks.size() && (frames.empty() || bytes < bytes_max);
       ++next) {
    ServerFrame frame;
    SnapshotChunk& chunk = *frame.mutable_snapshot_chunk();
    chunk.set_scope(offer.head.scope());
    chunk.set_index(next);
    ASSIGN_OR_RETURN(*chunk.mutable_block(), offer.file->ReadBlock(offer.blocks[next]));
    bytes += chunk.block().size();
    frames.push_back(FrameOf(frame));
  }
  return frames;
}

}  // namespace intentlog
