#include "client/refold.h"

#include <string>
#include <string_view>
#include <vector>

#include "client/conflict_rows.h"
#include "client/feed_blocks.h"
#include "eventlog/log/block.h"
#include "eventlog/log/event.h"
#include "eventlog/log/packed_block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// One commit folds about this much: as much as a live one, for the same memory.
constexpr size_t kCommitBytes = 2 << 20;
// In kMeta, once the rows of conflicts hold all that the feed says.
constexpr std::string_view kConflictsMade = "conflicts";

absl::Status Commit(Device& device, std::string_view scope, Position through) {
  StoreBatch batch;
  RETURN_IF_ERROR(device.models->Finish(scope, through, batch));
  RETURN_IF_ERROR(device.store->Commit(batch, Sync::kBuffered));
  device.models->Committed();
  return absl::OkStatus();
}

absl::Status AddBlock(Device& device, EventDecoder& decoder, const BlockView& block,
                      Position after) {
  for (size_t i = 0; i < block.size(); ++i) {
    if (block.position(i) <= after) continue;
    ASSIGN_OR_RETURN(const Event* event, decoder.Decode(block.event(i)));
    RETURN_IF_ERROR(device.models->Add(*event));
  }
  return absl::OkStatus();
}

// A view lacks what is not kept: the scope begins anew with the next sync.
absl::Status BeginAnew(Device& device, const std::string& scope, ScopeCursor cursor) {
  INTENTLOG_MARK("refold: a scope begins anew");
  cursor.anew = true;
  StoreBatch batch;
  ScopeCursors::Put(scope, cursor, batch);
  RETURN_IF_ERROR(device.store->Commit(batch, Sync::kBuffered));
  device.cursors->Moved(scope, cursor);
  return absl::OkStatus();
}

// A folder of an older version does not know how large its feed is.
absl::Status CountFeed(Device& device, const std::string& scope, ScopeCursor cursor) {
  if (cursor.held_bytes > 0 || cursor.position == Position()) return absl::OkStatus();
  RETURN_IF_ERROR(ForEachFeedBlock(*device.store, scope, Position(),
                                   [&](const BlockView&, size_t bytes) -> absl::StatusOr<bool> {
                                     cursor.held_bytes += bytes;
                                     return true;
                                   }));
  if (cursor.held_bytes == 0) return absl::OkStatus();
  StoreBatch batch;
  ScopeCursors::Put(scope, cursor, batch);
  RETURN_IF_ERROR(device.store->Commit(batch, Sync::kBuffered));
  device.cursors->Moved(scope, cursor);
  return absl::OkStatus();
}

absl::Status RefoldScope(Device& device, const std::string& scope, const ScopeCursor& at) {
  const Position cursor = at.position;
  ASSIGN_OR_RETURN(const Position after, device.models->Through(scope));
  if (after >= cursor || at.anew) return absl::OkStatus();
  if (after < at.held_after) return BeginAnew(device, scope, at);
  EventDecoder decoder(device.schema);
  BlockUnpacker unpacker;
  const std::string prefix = Cat('f', scope, '\0');
  const auto row = device.store->Scan(Space::kLog);
  Position through = after;
  size_t bytes = 0;
  for (row->Seek(FeedKey(scope, after.Next()));
       row->Valid() && row->key().substr(0, prefix.size()) == prefix; row->Next()) {
    auto block = unpacker.Parse(row->value());
    if (!block.ok()) {
      return DataLoss(device.store->dir(), ": feed of scope \"", scope, "\": ", block.status());
    }
    RETURN_IF_ERROR(AddBlock(device, decoder, *block, after));
    through = block->last();
    bytes += block->bytes().size();
    if (bytes < kCommitBytes) continue;
    RETURN_IF_ERROR(Commit(device, scope, through));
    bytes = 0;
  }
  RETURN_IF_ERROR(row->status());
  return Commit(device, scope, cursor);
}

absl::Status NoteConflictsOf(const Device& device, const std::string& scope,
                             std::vector<ConflictChange>& changes) {
  EventDecoder decoder(device.schema);
  const auto note = [&](const BlockView& block, size_t /*bytes*/) -> absl::StatusOr<bool> {
    for (size_t i = 0; i < block.size(); ++i) {
      ASSIGN_OR_RETURN(const Event* event, decoder.Decode(block.event(i)));
      RETURN_IF_ERROR(NoteConflict(*event, changes));
    }
    return true;
  };
  return ForEachFeedBlock(*device.store, scope, Position(1), note);
}

// A folder of an older version has no rows of conflicts: they are made from the feed blocks, once.
absl::Status MakeConflicts(Device& device) {
  std::string value;
  ASSIGN_OR_RETURN(const bool made, device.store->Get(Space::kMeta, kConflictsMade, &value));
  if (made) return absl::OkStatus();
  std::vector<ConflictChange> changes;
  for (const auto& [scope, cursor] : device.cursors->All()) {
    if (cursor.position > Position()) RETURN_IF_ERROR(NoteConflictsOf(device, scope, changes));
  }
  StoreBatch batch;
  PutConflicts(changes, batch);
  batch.Put(Space::kMeta, kConflictsMade, "1");
  return device.store->Commit(batch, Sync::kBuffered);
}

}  // namespace

absl::Status Refold(Device& device) {
  RETURN_IF_ERROR(MakeConflicts(device));
  for (const auto& [scope, cursor] : device.cursors->All()) {
    RETURN_IF_ERROR(CountFeed(device, scope, cursor));
  }
  for (const auto& [scope, cursor] : device.cursors->All()) {
    const absl::Status status = RefoldScope(device, scope, cursor);
    if (!status.ok()) {
      device.models->Abandon();
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace intentlog
