#include "tools/commands/serve.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "server/fleet/server_fleet.h"
#include "server/wire/grpc_server.h"
#include "server/wire/server_backend.h"
#include "tools/commands/command.h"
#include "tools/commands/domain.h"
#include "tools/commands/folder.h"
#include "tools/commands/json.h"
#include "tools/commands/open_server.h"
#include "tools/commands/signals.h"

namespace intentlog {
namespace {

// A quiet scope's cursor moves once in so many digest intervals.
constexpr int kQuietIntervals = 10;
// Connections of readers and operators, and of devices that are told that they are too many.
constexpr size_t kOtherConnections = 480;

struct Options {
  std::string data;
  std::string listen = "127.0.0.1:7420";
  std::string schema_file;
  std::string backups = "off";
  uint64_t backups_accepted = static_cast<uint64_t>(ServerOptions().backups_accepted);
  absl::Duration heal_wait = ServerOptions().heal_wait;
  absl::Duration digest_interval = ServerOptions().digest_interval;
  uint64_t rebuild_commit_bytes = ServerOptions().rebuild_commit_bytes;
  absl::Duration roll_back_window = ServerOptions().roll_back_window;
  uint64_t snapshot_events = SnapshotPolicy().events;
  absl::Duration snapshot_pause = SnapshotPolicy().interval_min;
  uint64_t device_snapshot_events = ServerOptions().snapshot_events_min;
  uint64_t sessions = ServerOptions().sessions_max;
  bool insecure = false;
  bool json = false;
};

absl::Status CheckData(const std::string& dir) {
  ASSIGN_OR_RETURN(const FolderKind kind, KindOfFolder(dir));
  return kind == FolderKind::kAbsent ? absl::OkStatus() : RequireFolder(dir, FolderKind::kServer);
}

// Each device takes a descriptor, and a shell's usual limit of open files is for programs that do
// not ask for more: 1,024 of some hundred thousand.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // where that fails, fewer devices are taken
}

GrpcServerOptions WireOf(const Options& options, const ServerOptions& limits) {
  GrpcServerOptions wire;
  wire.listen = options.listen;
  wire.insecure = options.insecure;
  wire.sync.unprocessed_bytes_max = limits.push_window_bytes;
  wire.sync.unsent_bytes_max = limits.unsent_bytes_max + 4 * size_t{limits.frame_bytes_max};
  wire.sync.streams_max = limits.sessions_max;
  wire.listener.connections_max = limits.sessions_max + kOtherConnections;
  wire.frame_bytes_max = limits.frame_bytes_max + (64 << 10);
  return wire;
}

void SayReady(const Options& options, const std::string& address) {
  if (options.json) {
    const Json line = {{"serving", options.data}, {"address", address}, {"pid", getpid()}};
    std::printf("%s\n", ToText(line).c_str());
  } else {
    std::printf("intentlog serving %s on %s (Ctrl-C stops it)\n", options.data.c_str(),
                address.c_str());
  }
  std::fflush(stdout);
}

// Reads the schema's file again, and decides by it from now on. Says in one line what came of it; a
// schema that is refused leaves the old one.
void ReloadSchema(const Options& options, OpenServer& server) {
  absl::Status status;
  if (options.schema_file.empty()) {
    status = FailedPrecondition("the server was started without --schema");
  } else {
    absl::StatusOr<Domain> domain = LoadDomain(options.schema_file);
    status = domain.ok() ? server.AdoptSchema(domain->schema) : domain.status();
  }
  if (status.ok()) {
    std::fprintf(stderr, "intentlog serve: decides by %s as it is now\n",
                 options.schema_file.c_str());
  } else {
    std::fprintf(stderr, "intentlog serve: the schema stays as it was: %s\n",
                 std::string(MessageOf(status)).c_str());
  }
}

// Says on stderr when something begins to be wrong, and when it is right again.
class Teller {
 public:
  explicit Teller(std::string right_again) : right_again_(std::move(right_again)) {}

  void Tell(const absl::Status& status) {
    if (status.code() == said_) return;
    said_ = status.code();
    const std::string text = status.ok() ? right_again_ : std::string(MessageOf(status));
    std::fprintf(stderr, "intentlog serve: %s\n", text.c_str());
  }

 private:
  const std::string right_again_;
  absl::StatusCode said_ = absl::StatusCode::kOk;
};

void TellNotices(Server& server) {
  for (const std::string& line : server.TakeNotices()) {
    std::fprintf(stderr, "intentlog serve: %s\n", line.c_str());
  }
}

// Until a signal comes.
void Watch(const Options& options, StopSignal& stop, OpenServer& server, const GrpcServer& wire) {
  Teller health("writing again");
  Teller degraded("every event is folded into its rows again");
  Teller room("there is room for new connections again");
  while (!stop.Wait(absl::Seconds(1))) {
    if (stop.TakeReload()) ReloadSchema(options, server);
    health.Tell(server.server().health());
    degraded.Tell(server.server().degraded());
    room.Tell(wire.room());
    TellNotices(server.server());
  }
  TellNotices(server.server());
}

absl::Status Serve(const Options& options) {
  RETURN_IF_ERROR(CheckData(options.data));
  RaiseDescriptorLimit();
  StopSignal stop(StopSignal::Hangup::kReloads);
  ServerOptions server_options;
  server_options.dir = options.data;
  server_options.digest_interval = options.digest_interval;
  server_options.rebuild_commit_bytes = options.rebuild_commit_bytes;
  server_options.roll_back_window = options.roll_back_window;
  server_options.snapshots.on = options.snapshot_events > 0;
  server_options.snapshots.events = options.snapshot_events;
  server_options.snapshots.interval_min = options.snapshot_pause;
  server_options.snapshot_events_min = options.device_snapshot_events;
  server_options.backups_off = options.backups == "off";
  server_options.backups_accepted = static_cast<int>(options.backups_accepted);
  server_options.heal_wait = options.heal_wait;
  server_options.sessions_max = options.sessions;
  server_options.quiet_cursor_interval = kQuietIntervals * options.digest_interval;
  absl::StatusOr<OpenServer> server = OpenServer::Open(server_options, options.schema_file);
  if (!server.ok()) return ExplainInUse(server.status());
  const std::unique_ptr<FleetBackend> fleet = FleetOf(
      server->server(), server->core(), SystemClock(), [&server] { return server->schema(); });
  const std::unique_ptr<Backend> backend = BackendOf(server->server(), server->core(), *fleet);
  ASSIGN_OR_RETURN(const std::unique_ptr<GrpcServer> wire,
                   GrpcServer::Start(*backend, WireOf(options, server_options)));
  SayReady(options, wire->address());
  Watch(options, stop, *server, *wire);
  // Devices hear goodbye and what is being committed finishes; then the streams end.
  server->Stop();
  wire->Stop();
  return absl::OkStatus();
}

}  // namespace

void RegisterServe(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "serve", "Run a server: one data folder, one address.");
  AddText(command, "--data", &options->data, "the server's data folder; made if absent", kRequired);
  AddText(command, "--listen", &options->listen,
          "HOST:PORT; port 0: any free one (default: 127.0.0.1:7420)");
  AddSchema(command, &options->schema_file);
  AddChoice(command, "--backups", &options->backups, {"off", "required"},
            "whether devices may forget what no backup holds yet; required from the first backup "
            "on, whatever is said here (default: off)");
  AddNumber(command, "--backups-accepted", &options->backups_accepted, 1, 1000,
            "how many of the newest backups may be restored: devices keep what the oldest of them "
            "does not hold (default: 2)");
  AddDuration(command, "--heal-wait", &options->heal_wait,
              "after a restore: how long what devices bring back waits for what lay before it, "
              "and new work with it; fleet heal ends it (default: 10m)");
  AddDuration(
      command, "--digest-interval", &options->digest_interval,
      "how often devices hear at most what their read models must come to, and in ten times "
      "that, how far a log is in which nothing is for them (default: 1s)");
  AddDuration(command, "--roll-back-window", &options->roll_back_window,
              "how long after a switch a view can be rolled back; until then what was live before "
              "is folded, too (default: 168h)");
  AddNumber(
      command, "--rebuild-commit-bytes", &options->rebuild_commit_bytes, 1, 1 << 30,
      "rows that the rebuild of a view holds in memory before it writes them: more is faster, "
      "less is lost when it is interrupted (default: 32 MiB)");
  AddNumber(command, "--snapshot-events", &options->snapshot_events, 0, UINT64_MAX,
            "a snapshot of all read models is due after so many events; 0: none is taken (default: "
            "50000)");
  AddDuration(command, "--snapshot-pause", &options->snapshot_pause,
              "never sooner after the last one than this (default: 1m)");
  AddNumber(command, "--device-snapshot-events", &options->device_snapshot_events, 1, UINT64_MAX,
            "a device that lacks so many events of a scope gets its rows instead (default: 20000)");
  AddNumber(command, "--sessions", &options->sessions, 1, 1'000'000,
            "devices that are connected at a time, each an open file; more are told to come later "
            "(default: 20000)");
  AddFlag(command, "--insecure", &options->insecure,
          "allow an address that other machines reach, without encryption");
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Serve(*options); });
}

}  // namespace intentlog
