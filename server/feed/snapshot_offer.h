// Which scope of a device begins at a snapshot instead of at its next event, and what the device is
// sent then.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/numbers.h"
#include "projections/snapshot/snapshot_file.h"
#include "proto/sync.pb.h"
#include "server/feed/feed_frame.h"
#include "server/options.h"
#include "server/session/frame_sink.h"

namespace intentlog {

using SnapshotFiles = std::vector<std::shared_ptr<const SnapshotFile>>;

struct SnapshotOffer {
  std::shared_ptr<const SnapshotFile> file;
  SnapshotHead head;             // but for epoch and conflicts
  std::vector<uint32_t> blocks;  // of the file, in the order of the chunks
};

// Of `files`, newest first, the first one with which the scope is cheaper to begin than with the
// feed after `cursor`: nothing if there is none, or the device does not take it. Pure.
//
// A device takes none for a scope in which something of its own is open, and only if it has all its
// receipts: only the feed tells how that ends. Every view of the device must be in it, of the same
// version, without a row that stands still: what waits for it lies in the feed.
std::optional<SnapshotOffer> OfferSnapshot(const SnapshotFiles& files, const Hello& hello,
                                           std::string_view scope, Position cursor,
                                           const ServerOptions& options);

// The frame that begins it, with what is conflicted in the scope at its position and not closed
// since. Blocking.
absl::StatusOr<SharedFrame> MakeHeadFrame(const EventLog& log, const SnapshotOffer& offer);
// Chunks from `next` on: one at least, more while they have less than `bytes_max`. Blocking.
// DATA_LOSS: the file is damaged.
absl::StatusOr<std::vector<SharedFrame>> MakeChunkFrames(const SnapshotOffer& offer, uint32_t next,
                                                         size_t bytes_max);

}  // namespace intentlog
