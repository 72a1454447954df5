// replay_client: a year of events to one gRPC client, beside a raw gRPC stream of the same bytes.
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/benches.h"
#include "tools/bench/child_process.h"
#include "tools/bench/feed_reader.h"
#include "tools/bench/raw_server.h"
#include "tools/bench/server_data.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 5;
constexpr size_t kEventsPerMessage = 500;

// Header and intent of 500 events a message, as they lie in the log.
absl::StatusOr<uint64_t> WriteEvents(const EventLog& log, const std::string& file) {
  std::vector<std::string> messages;
  size_t in_last = kEventsPerMessage;
  const auto reader = log.Read(Position(1));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    for (size_t i = 0; i < reader->block().size(); ++i) {
      if (in_last == kEventsPerMessage) {
        messages.emplace_back();
        in_last = 0;
      }
      const EventRef event = reader->block().event(i);
      messages.back().append(event.header).append(event.intent);
      ++in_last;
    }
  }
  RETURN_IF_ERROR(WriteMessages(file, messages));
  return messages.size();
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> ReplayClient(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string dir, YearFolder(context));
  ASSIGN_OR_RETURN(const std::string file, context.Fresh("replay-messages"));
  uint64_t messages = 0;
  {
    ASSIGN_OR_RETURN(const ServerLog opened, OpenServerLog(dir));
    ASSIGN_OR_RETURN(messages, WriteEvents(*opened.log, file));
  }
  ASSIGN_OR_RETURN(Served served, Serve(dir, context.child_log()));
  ASSIGN_OR_RETURN(Served raw, ServeRaw(file, "", context.child_log()));
  std::vector<Pair> pairs;
  for (int i = 0; i <= kPairs; ++i) {
    ASSIGN_OR_RETURN(const double ours, ReplayFromServer(served.address, kYearLines));
    ASSIGN_OR_RETURN(const double beside, ReplayRaw(raw.address, messages));
    if (i > 0) pairs.push_back({kYearLines / ours, kYearLines / beside});  // the first is warm-up
  }
  RETURN_IF_ERROR(served.process->Stop());
  RETURN_IF_ERROR(raw.process->Stop());
  BenchRow row;
  row.name = "replay_client";
  row.unit = "events/s";
  row.durability = "events leave when they are durable; each frame checked by the receiver";
  row.beside_name = "raw gRPC stream, 500 events a message";
  row.target = 0.3;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

}  // namespace intentlog::bench
