#include "tools/bench/server_data.h"

#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/child_process.h"
#include "tools/bench/load_fleet.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr std::chrono::milliseconds kLook(50);
constexpr double kFoldPatienceSeconds = 120;

absl::Status RecordYear(const std::string& dir, const std::string& child_log) {
  ASSIGN_OR_RETURN(Served served, Serve(dir, child_log));
  LoadFleetOptions options;
  options.address = served.address;
  options.tills = kYearTills;
  options.shops = kYearShops;
  options.intents_per_frame = kYearLinesPerFrame;
  options.frames_in_flight = 4;
  options.lines_per_till = uint64_t{kYearFramesPerTill} * kYearLinesPerFrame;
  {
    ASSIGN_OR_RETURN(const auto fleet, LoadFleet::Connect(options));
    for (int frame = 0; frame < kYearFramesPerTill; ++frame) {
      fleet->Prepare(1);
      RETURN_IF_ERROR(fleet->Push());
    }
  }
  RETURN_IF_ERROR(WaitUntilFolded(served.address));
  return served.process->Stop();
}

}  // namespace

absl::Status WaitUntilFolded(const std::string& address) {
  const ReaderClient reader({.address = address}, "default");
  const Stopwatch watch;
  while (true) {
    ASSIGN_OR_RETURN(const StatsReply stats, reader.Stats());
    if (stats.view_position() == stats.head()) return absl::OkStatus();
    if (watch.Seconds() > kFoldPatienceSeconds) {
      return Unavailable("the server's read models stand at ", stats.view_position(), " of ",
                         stats.head());
    }
    std::this_thread::sleep_for(kLook);
  }
}

absl::StatusOr<std::string> YearFolder(BenchContext& context) {
  return context.Once("year", [&](const std::string& path) {
    context.Say("  recording a year of order lines on a server");
    return RecordYear(path, context.child_log());
  });
}

absl::StatusOr<std::string> YearCopy(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string year, YearFolder(context));
  return context.Once("year-copy", [&](const std::string& path) {
    std::error_code error;
    std::filesystem::copy(year, path, std::filesystem::copy_options::recursive, error);
    return error ? Unavailable("cannot copy ", year, ": ", error.message()) : absl::OkStatus();
  });
}

absl::StatusOr<ServerLog> OpenServerLog(const std::string& dir) {
  ServerLog opened;
  StoreOptions options;
  options.create_if_missing = false;
  ASSIGN_OR_RETURN(opened.engine, RocksdbEngine::Open(dir + "/log", options));
  const std::unique_ptr<Random> random = MakeSystemRandom();
  ASSIGN_OR_RETURN(opened.log, EventLog::Open(*opened.engine, "default",
                                              RandomId<EpochIdTag>(*random), EventLogOptions()));
  return opened;
}

absl::StatusOr<double> ScanRate(const EventLog& log) {
  const Stopwatch watch;
  const auto reader = log.Read(Position(1));
  uint64_t events = 0, touched = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    const BlockView& block = reader->block();
    for (size_t i = 0; i < block.size(); ++i) {
      const EventRef event = block.event(i);
      touched += event.header.size() + static_cast<uint8_t>(event.intent[0]);
      ++events;
    }
  }
  if (events != log.head().position.value() || touched == 0) {
    return DataLoss("read ", events, " of ", log.head().position, " events");
  }
  return static_cast<double>(events) / watch.Seconds();
}

}  // namespace intentlog::bench
