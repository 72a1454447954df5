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

  absl::StatusOr<ListViewsReply> ListViews() const;
  // Rows merged over scopes in ascending byte order of keys; the position of the read model.
  using TakeRow = std::function<absl::Status(std::string_view key, std::string_view row)>;
  absl::StatusOr<Position> DumpView(const std::string& view, Position at_least,
                                    const TakeRow& take) const;
  absl::StatusOr<GetRowReply> GetRow(const std::string& view, const std::string& key,
                                     Position at_least) const;
  absl::StatusOr<StatsReply> Stats() const;

 private:
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
