// A ReaderClient asks a running server for events, views and figures: what tools do with --server.
// Every call blocks, has a deadline, and fails with one line that names the address.
//
// Thread-safe.
//
//   ReaderClient reader({.address = "127.0.0.1:7420"}, "default");
//   RETURN_IF_ERROR(reader.ReadEvents({.from = Position(1)}, [](const EventRef& event, Position) {
//     Print(event);
//     return true;
//   }));
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/wire/channel_settings.h"
#include "eventlog/log/block.h"
#include "eventlog/runtime/numbers.h"
#include "proto/store.pb.h"

namespace intentlog {

struct ReadEventsOptions {
  Position from;        // 0 counts as 1
  uint64_t limit = 0;   // 0: all
  bool follow = false;  // goes on with what comes later, until the callback says no
};

// Which moment of a view: its position is at least this, such as that of a receipt. The server
// waits for it this long, or as long as it ever does if `wait` is zero or more; then the call is
// DEADLINE_EXCEEDED, and says which position the view has.
struct ReadAt {
  Position at_least = Position();
  absl::Duration wait = absl::ZeroDuration();
};

struct ScanRowsOptions {
  // As in PageWanted.
  std::string index;
  std::string from, to, prefix;
  std::string after;   // ScanRowsReply::more of the page before
  uint32_t limit = 0;  // rows of a page; 0: the server's
  ReadAt at;
};

struct WatchRowsOptions {
  std::string prefix;
  bool only_changes = false;  // not the rows that are there at the beginning
  uint32_t keys_max = 0;      // that may wait to be sent; 0: the server's
  ReadAt at;
  // Ends by itself, with OK, after this; infinite: goes on until the callback says no.
  absl::Duration duration = absl::InfiniteDuration();
};

class ReaderClient {
 public:
  // `timeout` is for each call but a followed one; `tenant` for all.
  ReaderClient(const WireOptions& options, std::string tenant,
               absl::Duration timeout = absl::Seconds(60));
  ~ReaderClient();

  // Calls `take` with each event in order, and with the head of the log as the server last told it;
  // stops when it returns false. DATA_LOSS if a block is damaged or a position is missing.
  using TakeEvent = std::function<bool(const EventRef& event, Position head)>;
  absl::Status ReadEvents(const ReadEventsOptions& options, const TakeEvent& take) const;
  // Whole blocks as the server keeps them: the first and last may hold events outside of what was
  // asked for.
  using TakeBlock = std::function<bool(const BlockView& block, Position head)>;
  absl::Status ReadBlocks(const ReadEventsOptions& options, const TakeBlock& take) const;

  absl::StatusOr<ListViewsReply> ListViews(const ReadAt& at = {}) const;
  // Rows merged over scopes in ascending byte order of keys; the position of the read model.
  using TakeRow = std::function<absl::Status(std::string_view key, std::string_view row)>;
  absl::StatusOr<Position> DumpView(const std::string& view, const ReadAt& at,
                                    const TakeRow& take) const;
  absl::StatusOr<GetRowReply> GetRow(const std::string& view, const std::string& key,
                                     const ReadAt& at) const;
  // One page. `more` of the reply is where the next one begins.
  absl::StatusOr<ScanRowsReply> ScanRows(const std::string& view,
                                         const ScanRowsOptions& options) const;
  // Calls `take` with what the server sends, as it comes, until it returns false. While it runs,
  // nothing more is read, and the server keeps no more than keys_max keys for it.
  using TakeChunk = std::function<bool(const WatchChunk& chunk)>;
  absl::Status WatchRows(const std::string& view, const WatchRowsOptions& options,
                         const TakeChunk& take) const;
  absl::StatusOr<StatsReply> Stats() const;

 private:
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
