#include "tools/bench/bench_server.h"

#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <thread>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "server/fleet/server_fleet.h"
#include "server/wire/grpc_server.h"
#include "server/wire/server_backend.h"
#include "tools/bench/line_rows.h"
#include "tools/bench/stopwatch.h"
#include "tools/commands/open_server.h"
#include "tools/commands/signals.h"

namespace intentlog::bench {
namespace {

constexpr const char* kTenant = "default";
constexpr std::chrono::milliseconds kLook(20);
constexpr double kFoldPatienceSeconds = 120;

absl::Status WaitUntilFolded(const Server& server) {
  const Stopwatch watch;
  while (true) {
    ASSIGN_OR_RETURN(const auto log, server.Log(kTenant));
    const Position head = log->head().position, folded = server.ViewPosition(kTenant);
    if (folded == head && !server.IsMakingViews(kTenant)) return server.degraded();
    if (watch.Seconds() > kFoldPatienceSeconds) {
      return Unavailable("the read models stand at ", folded, " of ", head);
    }
    std::this_thread::sleep_for(kLook);
  }
}

absl::Status TakeSnapshot(OpenServer& server) {
  const auto taken = std::make_shared<std::promise<absl::Status>>();
  server.core().Post([&server, taken] {
    server.server().TakeSnapshot(kTenant, [taken](const absl::StatusOr<FoundSnapshot>& snapshot) {
      taken->set_value(snapshot.status());
    });
  });
  return taken->get_future().get();
}

}  // namespace

absl::Status RunBenchServer(const std::string& dir, const std::string& views) {
  StopSignal stop;
  ServerOptions options;
  options.dir = dir;
  ASSIGN_OR_RETURN(options.projections, ViewsNamed(views));
  ASSIGN_OR_RETURN(OpenServer server, OpenServer::Open(options, ""));
  RETURN_IF_ERROR(WaitUntilFolded(server.server()));
  RETURN_IF_ERROR(TakeSnapshot(server));
  const auto fleet =
      FleetOf(server.server(), server.core(), SystemClock(), [&server] { return server.schema(); });
  const auto backend = BackendOf(server.server(), server.core(), *fleet);
  GrpcServerOptions wire;
  wire.listen = "127.0.0.1:0";
  wire.sync.unsent_bytes_max = options.unsent_bytes_max + 4 * size_t{options.frame_bytes_max};
  ASSIGN_OR_RETURN(const auto listening, GrpcServer::Start(*backend, wire));
  std::printf("serving %s on %s\n", dir.c_str(), listening->address().c_str());
  std::fflush(stdout);
  while (!stop.Wait(absl::Hours(1))) {
  }
  server.Stop();
  listening->Stop();
  return absl::OkStatus();
}

}  // namespace intentlog::bench
