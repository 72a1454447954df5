// Feed frames made from the log, for devices that are behind. Blocking; thread-safe.
//
// What a scope has in neighbouring blocks is put together until it fills a frame, runs of events in
// one piece; a block that fills one alone goes as it lies on disk, packed or not. Nothing of an
// event is parsed. Frames end at block ends and at `limit`, where the chain is known; the log cuts
// no block within a batch, so no frame does.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "server/feed/feed_frame.h"

namespace intentlog {

struct HistoryRequest {
  std::string scope;
  Position from;    // exclusive
  FeedPlace limit;  // nothing above it is read; REQUIRES: from < limit
  std::string epoch_id;
  size_t bytes_max = 0;  // before packing: enough for one answer; one block is always taken
  FeedForm form = FeedForm::kPlain;
};

// At least one frame; each begins where the one before ends.
absl::StatusOr<std::vector<FeedFrame>> ReadHistory(const EventLog& log,
                                                   const HistoryRequest& request);

}  // namespace intentlog
