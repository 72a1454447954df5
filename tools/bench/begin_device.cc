#include "tools/bench/begin_device.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "client/wire/grpc_connector.h"
#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/digest.h"
#include "tools/bench/bench_device.h"
#include "tools/bench/counting_connector.h"
#include "tools/bench/line_rows.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

// How often the device looks whether it is there: the figure is that much too large at most.
constexpr std::chrono::milliseconds kLook(5);
constexpr double kPatienceSeconds = 120;

// Rows of many views and scopes, told apart by one digest.
struct AllRows {
  void Add(const std::string& view, const std::string& scope, const std::string& digest_of_rows,
           uint64_t count) {
    if (count == 0) return;
    digest.Add(Cat(view, '\0', scope), digest_of_rows);
    rows += count;
  }
  Digest128 digest;
  uint64_t rows = 0;
};

absl::StatusOr<AllRows> RowsOfDevice(const Client& client, const Projections& projections) {
  AllRows all;
  for (const auto& projection : projections) {
    const std::string view = projection->info().name;
    ASSIGN_OR_RETURN(const std::vector<ScopeState> states, client.Digests(view));
    for (const ScopeState& state : states) {
      all.Add(view, state.scope, state.digest.Bytes(), state.rows);
    }
  }
  return all;
}

// How many scopes have come to the head; how many of them keep no feed.
struct Arrived {
  size_t scopes = 0;
  size_t without_feed = 0;
};

Arrived ScopesAt(Position head, const ClientStatus& status) {
  Arrived arrived;
  for (const ScopeStatus& scope : status.scopes) {
    if (scope.cursor < head) continue;
    ++arrived.scopes;
    if (scope.held_after >= head) ++arrived.without_feed;
  }
  return arrived;
}

}  // namespace

absl::StatusOr<ServerRows> RowsOfServer(const std::string& address) {
  const ReaderClient reader({.address = address}, "default");
  ASSIGN_OR_RETURN(const StatsReply stats, reader.Stats());
  ASSIGN_OR_RETURN(const ListViewsReply views, reader.ListViews());
  AllRows all;
  std::set<std::string> scopes;
  for (const ViewInfo& view : views.views()) {
    for (const ScopeDigest& scope : view.scopes()) {
      all.Add(view.name(), scope.scope(), scope.digest(), scope.rows());
      scopes.insert(scope.scope());
    }
  }
  return ServerRows{stats.head(), scopes.size(), Hex(all.digest.Bytes()), all.rows};
}

absl::Status RunBeginDevice(const BeginDeviceOptions& options) {
  ASSIGN_OR_RETURN(const Projections projections, ViewsNamed(options.views));
  ASSIGN_OR_RETURN(const BenchDevice device, OpenDevice({.dir = options.dir,
                                                         .all_scopes = true,
                                                         .projections = projections,
                                                         .take_snapshots = options.at_snapshots}));
  GrpcConnector wire({.address = options.server}, *device.executor);
  CountingConnector connector(wire);
  const Stopwatch watch;
  RETURN_IF_ERROR(device.client->StartSync(connector));
  Arrived arrived;
  while (true) {
    const ClientStatus status = device.client->Status();
    arrived = ScopesAt(Position(options.head), status);
    if (arrived.scopes >= options.scopes) break;
    if (watch.Seconds() > kPatienceSeconds) {
      return Unavailable(arrived.scopes, " of ", options.scopes, " scopes are there; ",
                         status.last_error);
    }
    std::this_thread::sleep_for(kLook);
  }
  RETURN_IF_ERROR(device.client->Flush());
  const double seconds = watch.Seconds();
  device.client->StopSync();
  ASSIGN_OR_RETURN(const uint64_t peak, ProcessMemory("self", "VmHWM"));
  ASSIGN_OR_RETURN(const AllRows all, RowsOfDevice(*device.client, projections));
  const std::string line = Cat(Hex(all.digest.Bytes()), ' ', all.rows, ' ', connector.snapshots(),
                               ' ', arrived.without_feed, ' ', connector.bytes(), ' ', peak);
  std::printf("%.6f %s\n", seconds, line.c_str());
  return absl::OkStatus();
}

absl::StatusOr<Began> BeginDevice(BenchContext& context, const std::string& address,
                                  const ServerRows& wanted, const std::string& views,
                                  bool at_snapshots) {
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh("begin-device"));
  std::vector<std::string> args = {"bench-part", "begin-device",
                                   "--dir",      dir,
                                   "--server",   address,
                                   "--views",    views,
                                   "--head",     std::to_string(wanted.head),
                                   "--scopes",   std::to_string(wanted.scopes)};
  if (at_snapshots) args.push_back("--at-snapshots");
  ASSIGN_OR_RETURN(const auto device, ChildProcess::Start(args, context.child_log()));
  ASSIGN_OR_RETURN(const std::string line, device->ReadLine());
  RETURN_IF_ERROR(device->Wait());
  Began began;
  std::string digest;
  uint64_t rows = 0;
  size_t snapshots = 0, without_feed = 0;
  std::istringstream figures(line);
  if (!(figures >> began.seconds >> digest >> rows >> snapshots >> without_feed >>
        began.received_bytes >> began.peak_bytes)) {
    return Unavailable("the device said: ", line);
  }
  if (digest != wanted.digest || rows != wanted.rows) {
    return DataLoss("the device has ", rows, " rows of digest ", digest, "; the server ",
                    wanted.rows, " of ", wanted.digest);
  }
  if (snapshots != (at_snapshots ? wanted.scopes : 0) ||
      (at_snapshots && without_feed < snapshots)) {
    return DataLoss(snapshots, " snapshots came, ", without_feed, " of ", wanted.scopes,
                    " scopes have no feed");
  }
  return began;
}

}  // namespace intentlog::bench
