#include "tools/bench/bench_command.h"

#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/begin_device.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_device.h"
#include "tools/bench/bench_row.h"
#include "tools/bench/bench_server.h"
#include "tools/bench/benches.h"
#include "tools/bench/postgres_server.h"
#include "tools/bench/raw_server.h"
#include "tools/bench/stopwatch.h"
#include "tools/commands/command.h"

namespace intentlog {
namespace bench {

std::vector<Bench> AllBenches() {
  return {
      {"device_append_1", "one durable intent, then read it back; and its p99", DeviceAppendOne},
      {"device_append_batch", "1,000 durable intents a batch", DeviceAppendBatch},
      {"ingest_32x1", "32 tills over gRPC, each waits for its receipt", IngestOne},
      {"ingest_32x500", "32 tills over gRPC, 500 intents a frame, pipelined", IngestPipelined},
      {"ingest_open_lanes", "the same, while 10,000 conflicts wait for a person", IngestOpenLanes},
      {"log_scan", "the server's log, hot", LogScan},
      {"replay_client", "all events to one gRPC client", ReplayClient},
      {"catch_up", "a fresh device learns a year, durably; and its memory", CatchUp},
      {"bootstrap_20", "a fresh device at a snapshot, 20 events a row", BootstrapTwenty},
      {"bootstrap_lines", "a fresh device at a snapshot, a row for each event", BootstrapLines},
      {"rebuild", "all views from the log, one worker", Rebuild},
      {"rebuild_views", "each view alone from the log, one worker and two", RebuildViews},
      {"rebuild_while_serving", "all views rebuilt and flipped while devices push and queries run",
       RebuildWhileServing},
      {"idle_streams", "server memory for each connected idle device", IdleStreams},
      {"admit_no_conflict", "deciding an intent that nothing clashes with", AdmitNoConflict},
      {"admit_fieldwise", "deciding field by field against 1 to 10,000 others", AdmitFieldwise},
  };
}

namespace {

struct BenchOptions {
  std::vector<std::string> names;
  std::string dir = ".";
  std::string data;
  bool json = false;
};

// A thousand streams have a thousand sockets here.
void AllowManyFiles() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A folder that goes away with all that is in it.
class WorkFolder {
 public:
  static absl::StatusOr<std::unique_ptr<WorkFolder>> Make(const std::string& parent) {
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    std::string path = (std::filesystem::absolute(parent) / "intentlog-bench-XXXXXX").string();
    if (error || mkdtemp(path.data()) == nullptr) {
      return Unavailable("cannot make a folder in ", parent, "; choose another with --dir");
    }
    return std::unique_ptr<WorkFolder>(new WorkFolder(path));
  }
  ~WorkFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }

 private:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

absl::StatusOr<std::vector<Bench>> Chosen(const std::vector<std::string>& names) {
  const std::vector<Bench> all = AllBenches();
  if (std::find(names.begin(), names.end(), "all") != names.end()) return all;
  std::vector<Bench> chosen;
  for (const std::string& name : names) {
    const size_t before = chosen.size();
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
                 [&](const Bench& bench) { return bench.name == name; });
    if (chosen.size() > before) continue;
    // All that begin so: "bootstrap" is bootstrap_20 and bootstrap_lines.
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
                 [&](const Bench& bench) { return bench.name.starts_with(name + "_"); });
    if (chosen.size() == before) {
      std::string known;
      for (const Bench& bench : all) known += " " + bench.name;
      return WrongUsage("no benchmark \"", name, "\"; there are: all", known);
    }
  }
  return chosen;
}

// Runs them one after another; one that could not measure does not keep the others from it.
absl::Status RunAll(const std::vector<Bench>& benches, BenchContext& context,
                    std::vector<BenchRow>& rows) {
  absl::Status failure;
  for (const Bench& bench : benches) {
    context.Say(Cat(bench.name, ": ", bench.about));
    const Stopwatch watch;
    auto measured = bench.run(context);
    if (!measured.ok()) {
      context.Say(Cat("  could not be measured: ", measured.status()));
      if (failure.ok()) failure = Unavailable(bench.name, ": ", measured.status());
      continue;
    }
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "  %.1f s", watch.Seconds());
    context.Say(seconds);
    rows.insert(rows.end(), measured->begin(), measured->end());
  }
  return failure;
}

absl::Status Judge(const std::vector<BenchRow>& rows) {
  std::string missed, not_measured;
  for (const BenchRow& row : rows) {
    if (!row.ok()) (row.not_measured.empty() ? missed : not_measured) += " " + row.name;
  }
  if (missed.empty() && not_measured.empty()) return absl::OkStatus();
  if (!not_measured.empty()) not_measured = "not measured:" + not_measured;
  if (missed.empty()) return Unavailable(not_measured);
  if (!not_measured.empty()) missed += "; " + not_measured;
  return StatusOf(absl::StatusCode::kOutOfRange, "targets missed:", missed);
}

absl::Status RunBench(const BenchOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<Bench> benches, Chosen(options.names));
  AllowManyFiles();
  ASSIGN_OR_RETURN(const auto folder, WorkFolder::Make(options.dir));
  BenchContext context(folder->path(), options.data);
  std::vector<BenchRow> rows;
  const absl::Status failure = RunAll(benches, context, rows);
  const std::string text = options.json ? ToJson(rows).dump(2) + "\n" : ToTable(rows);
  std::fputs(text.c_str(), stdout);
  RETURN_IF_ERROR(failure);
  return Judge(rows);
}

void RegisterBootstrapParts(CLI::App& parts, int* exit_code) {
  auto served = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* serve = parts.add_subcommand("serve", "A server with a snapshot of all it has.");
  serve->add_option("--data", served->first, "its data folder")->required();
  serve->add_option("--views", served->second, "shop, lines")->required();
  OnRun(*serve, exit_code, [served] { return RunBenchServer(served->first, served->second); });

  auto options = std::make_shared<BeginDeviceOptions>();
  CLI::App* device = parts.add_subcommand("begin-device", "A fresh device that gets everything.");
  device->add_option("--dir", options->dir, "the device's new folder")->required();
  device->add_option("--server", options->server, "HOST:PORT")->required();
  device->add_option("--views", options->views, "shop, lines")->required();
  device->add_option("--head", options->head, "position that every scope is to come to")
      ->required();
  device->add_option("--scopes", options->scopes, "how many there are")->required();
  device->add_flag("--at-snapshots", options->at_snapshots, "begins at them, not with the feed");
  OnRun(*device, exit_code, [options] { return RunBeginDevice(*options); });
}

void RegisterParts(CLI::App& app, int* exit_code) {
  CLI::App* parts = app.add_subcommand("bench-part", "A process of a benchmark.");
  parts->group("");
  parts->require_subcommand(1);

  auto messages = std::make_shared<std::string>();
  CLI::App* raw = parts->add_subcommand("raw-server", "The bare gRPC server beside serve.");
  raw->add_option("--messages", *messages, "what /bench.Raw/Messages sends");
  auto commit = std::make_shared<std::string>();
  raw->add_option("--commit", *commit, "folder into which /bench.Raw/Commit puts");
  OnRun(*raw, exit_code, [messages, commit] { return RunRawServer(*messages, *commit); });

  OnRun(*parts->add_subcommand("postgres", "A PostgreSQL server, as long as it is measured."),
        exit_code, [] { return KeepPostgresServer(); });

  struct CatchUpOptions {
    std::string dir, server;
    int64_t lines = 0;
  };
  auto options = std::make_shared<CatchUpOptions>();
  CLI::App* device = parts->add_subcommand("catch-up", "A fresh device that catches up.");
  device->add_option("--dir", options->dir, "the device's new folder")->required();
  device->add_option("--server", options->server, "HOST:PORT")->required();
  device->add_option("--lines", options->lines, "order lines to wait for")->required();
  OnRun(*device, exit_code,
        [options] { return RunCatchUpDevice(options->dir, options->server, options->lines); });
  RegisterBootstrapParts(*parts, exit_code);
}

}  // namespace
}  // namespace bench

void RegisterBench(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<bench::BenchOptions>();
  CLI::App* command = app.add_subcommand(
      "bench", "Measure what the system promises, each figure beside its ceiling in the same run.");
  std::string names = "all, or names of:";
  for (const bench::Bench& each : bench::AllBenches()) names += " " + each.name;
  command->add_option("NAME", options->names, names)->required();
  command
      ->add_option("--dir", options->dir, "works in a new folder in here, on the disk to measure")
      ->capture_default_str();
  command->add_option("--data", options->data,
                      "rebuild_while_serving: an order file, as import takes it, and its golden "
                      "figures beside it; otherwise made lines");
  AddJson(*command, &options->json);
  OnRun(*command, exit_code, [options] { return bench::RunBench(*options); });
  bench::RegisterParts(app, exit_code);
}

}  // namespace intentlog
