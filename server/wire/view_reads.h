// What the Reader service answers about views: rows, pages, dumps, and rows as they change. Each
// waits first, if asked to, until the view has a position.
//
// Thread-compatible: of the service's executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/store.pb.h"
#include "server/wire/backend.h"
#include "server/wire/stream_call.h"

namespace intentlog {

struct ReaderServiceOptions {
  // Rows of a dump in one message, and blocks of events in one message, nearly.
  size_t chunk_bytes = 256 << 10;
  // A page of rows, nearly: a message that clients take in, and that is made in some milliseconds.
  size_t page_bytes = 1 << 20;
  size_t page_rows_max = 10'000;
  // A reader waits for a position this long at most, then the call ends with DEADLINE_EXCEEDED.
  absl::Duration position_wait_max = absl::Seconds(30);
  // While waiting for a position, for events or for rows: how often the server is asked.
  absl::Duration poll_interval = absl::Milliseconds(20);
  // Calls at a time; further ones are refused with RESOURCE_EXHAUSTED.
  int calls_max = 64;
  // Of these, those that watch rows: each stays, and the others are to go on.
  int watches_max = 32;
  // For each that watches: changed rows that wait to be sent, and bytes of their keys.
  RowWatchLimits watch;
};

// Waits until a view has a position. Asked again each poll_interval.
class PositionWait {
 public:
  // An empty view: all of them.
  PositionWait(const Backend& backend, const std::string& tenant, const std::string& view,
               uint64_t at_least, uint32_t wait_ms, const ReaderServiceOptions& options);

  // True once the position is there. DEADLINE_EXCEEDED says how far the view is; UNAVAILABLE: its
  // rows are of another version, or not made yet, and do not get there for a while.
  absl::StatusOr<bool> Ready();

 private:
  absl::StatusOr<Position> Reached() const;

  const Backend& backend_;
  const std::string tenant_;
  const std::string view_;
  const uint64_t position_;
  const absl::Duration limit_;
  const absl::Duration step_;
  absl::Duration waited_;
};

// Answers that are there at once. REQUIRES: the wait is over.
absl::Status FillViews(const Backend& backend, const std::string& tenant, ListViewsReply* reply);
absl::Status FillRow(const Backend& backend, const GetRowRequest& request, GetRowReply* reply);
absl::Status FillPage(const Backend& backend, const ScanRowsRequest& request,
                      const ReaderServiceOptions& options, ScanRowsReply* reply);

// What fills one chunk after another. `backend` must outlive it.
std::function<absl::StatusOr<Step>(RowChunk&)> DumpSource(const Backend& backend,
                                                          const DumpViewRequest& request,
                                                          const ReaderServiceOptions& options);
std::function<absl::StatusOr<Step>(WatchChunk&)> WatchSource(const Backend& backend,
                                                             const WatchRowsRequest& request,
                                                             const ReaderServiceOptions& options);

}  // namespace intentlog
