// A Download folds feed frames into the device's read models. Frames are checked as they come and
// wait; Fold writes as many of them as one commit should hold, so that a far-behind device catches
// up with few large writes: rows, checkpoints, digests, cursors, blocks, and what the feed says
// about this device's own intents, all in one batch (I13).
//
// Thread-compatible: belongs to the session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/device.h"
#include "client/outbox/intent_reader.h"
#include "client/sync/digest_check.h"
#include "eventlog/log/event.h"
#include "eventlog/log/feed_view.h"
#include "eventlog/log/packed_block.h"
#include "proto/sync.pb.h"

namespace intentlog {

struct DownloadOptions {
  // One commit folds at most this, and at least one frame: enough for few syncs, little enough for
  // memory on small devices.
  size_t commit_bytes_max = 2 << 20;
  // It ends with the frame that makes the memory of changed rows larger than this. A row that many
  // events change is written once a commit, so less means more writes.
  size_t commit_row_bytes_max = 4 << 20;
  // Frames that wait, whatever the peer thinks its credit is.
  size_t waiting_bytes_max = 16 << 20;
};

// A frame as it came, read where it lies.
using FrameBytes = std::unique_ptr<const std::string>;

class Download {
 public:
  Download(Device& device, DigestCheck& digests, const DownloadOptions& options);

  // Takes a frame after checking all of it; `feed` views `bytes`. INVALID_ARGUMENT or DATA_LOSS
  // names the scope and what is wrong; nothing changed then.
  absl::Status Add(FrameBytes bytes, const FeedView& feed, const EpochId& epoch);

  // What one Fold did.
  struct Folded {
    size_t frame_bytes = 0;  // given back as credit
    uint64_t events = 0;
    bool own = false;  // receipts or settlements of this device were among them
  };
  // Folds and commits; survives a power cut. REQUIRES: waiting().
  absl::StatusOr<Folded> Fold();

  // The scope's next frame begins at `cursor`. REQUIRES: none of it waits.
  void Expect(const std::string& scope, const ScopeCursor& cursor) {
    expected_.insert_or_assign(scope, cursor);
  }
  bool Expects(std::string_view scope) const { return expected_.find(scope) != expected_.end(); }
  // The read models of these scopes are elsewhere now.
  absl::Status NoteDigests(const std::set<std::string_view>& scopes);

  bool waiting() const { return !frames_.empty(); }
  // Highest position that a frame has named.
  Position highest() const { return highest_; }

 private:
  struct Frame {
    FrameBytes bytes;
    FeedView feed;  // of `bytes`
    ScopeCursor after;
    // What feed.block holds. It waits as it came, and is unpacked again when it is folded.
    uint64_t events = 0;
    Position first, last;
  };

  // One of this device's logs, as the frames of one commit change it.
  struct OwnLog {
    DeviceLogs::Named name;
    OutboxView view;
    std::unique_ptr<IntentReader> reader;  // made when it is needed
    // What the frame that is being folded tells: own events in position order, and first decisions
    // of which settlements tell.
    std::vector<Header> events;
    std::vector<Header> settled;
  };
  std::vector<OwnLog> OwnLogs() const;
  absl::StatusOr<BlockView> CheckedBlock(const FeedView& feed);
  absl::Status FoldFrame(const Frame& frame, std::vector<OwnLog>& own, DeviceChange& change);
  absl::Status NoteOwn(const Event& event, std::string_view intent, std::vector<OwnLog>& own,
                       DeviceChange& change) const;
  static absl::Status NoteSettlement(const Event& event, const Settlement& settlement,
                                     DeviceChange& change);
  // What this device recorded at a count of the wire, while that has no receipt; nothing otherwise.
  struct Undecided {
    Count count;
    std::string_view bytes;
  };
  absl::StatusOr<std::optional<Undecided>> FindUndecided(OwnLog& log, uint64_t wire) const;
  static absl::Status AddOwn(absl::Span<const Header> events, OwnLog& log, DeviceChange& change);
  absl::StatusOr<Folded> FoldInto(DeviceChange& change, StoreBatch& batch, size_t* frames);

  Device& device_;
  DigestCheck& digests_;
  const DownloadOptions options_;
  EventDecoder decoder_;
  BlockUnpacker unpacker_;
  std::deque<Frame> frames_;
  size_t waiting_bytes_ = 0;
  std::map<std::string, ScopeCursor, std::less<>> expected_;  // after the frames that wait
  Position highest_;
};

}  // namespace intentlog
