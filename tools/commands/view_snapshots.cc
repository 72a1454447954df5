// intentlog view snapshots list|take|verify --dir DIR | --server HOST:PORT
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/fleet.h"
#include "tools/commands/fleet_text.h"
#include "tools/commands/json.h"
#include "tools/commands/signals.h"
#include "tools/commands/table.h"
#include "tools/commands/terminal.h"
#include "tools/commands/view.h"

namespace intentlog {
namespace {

// How often a server that folds is looked at.
constexpr absl::Duration kLook = absl::Milliseconds(20);

absl::StatusOr<OperateSnapshotsReply> Ask(FleetDoor& door, SnapshotAction action) {
  OperateSnapshotsRequest request;
  request.set_action(action);
  return door.OperateSnapshots(request);
}

Json SnapshotJson(const SnapshotStatus& one, int64_t now_us) {
  constexpr int64_t kMicros = 1'000'000;
  Json json = {{"file", one.path()}, {"position", one.position()}, {"bytes", one.bytes()},
               {"rows", one.rows()}, {"views", Json::array()},     {"unfit", Json::array()}};
  if (one.taken_us() != 0) json["age_seconds"] = (now_us - one.taken_us()) / kMicros;
  for (const std::string& view : one.views()) json["views"].push_back(view);
  for (const std::string& why : one.unfit()) json["unfit"].push_back(why);
  if (!one.skipped().empty()) json["skipped"] = one.skipped();
  return json;
}

void Print(const OperateSnapshotsReply& reply) {
  Table table({"position", "age", "bytes", "rows", "views", "state"});
  for (const SnapshotStatus& one : reply.snapshots()) {
    table.Add({Grouped(static_cast<int64_t>(one.position())),
               AgoText(one.taken_us(), reply.now_us()), Grouped(static_cast<int64_t>(one.bytes())),
               Grouped(static_cast<int64_t>(one.rows())), std::to_string(one.views_size()),
               one.skipped().empty() ? "good" : "skipped"});
  }
  table.Print();
  for (const SnapshotStatus& one : reply.snapshots()) {
    if (!one.skipped().empty()) std::printf("skipped: %s\n", one.skipped().c_str());
    for (const std::string& why : one.unfit()) std::printf("not used: %s\n", why.c_str());
  }
}

// Not OK if one of them is skipped.
absl::Status Show(const FleetArguments& options, const OperateSnapshotsReply& reply) {
  bool sound = true;
  Json list = Json::array();
  for (const SnapshotStatus& one : reply.snapshots()) {
    sound = sound && one.skipped().empty();
    list.push_back(SnapshotJson(one, reply.now_us()));
  }
  if (options.json) {
    PrintJson({{"snapshots", std::move(list)}, {"folded", reply.folded()}, {"head", reply.head()}});
  } else {
    Print(reply);
  }
  return sound ? absl::OkStatus() : ExplainedFailure();
}

absl::Status List(const FleetArguments& options, SnapshotAction action) {
  ASSIGN_OR_RETURN(const auto door, OpenFleetDoor(options.door));
  ASSIGN_OR_RETURN(const OperateSnapshotsReply reply, Ask(*door, action));
  return Show(options, reply);
}

// Of all that the log had when it was asked for.
absl::Status Take(const FleetArguments& options) {
  ASSIGN_OR_RETURN(const auto door, OpenFleetDoor(options.door));
  StopSignal stop;
  uint64_t head = 0;
  while (true) {
    ASSIGN_OR_RETURN(const OperateSnapshotsReply reply, Ask(*door, LIST_SNAPSHOTS));
    if (head == 0) head = reply.head();
    if (reply.folded() >= head) break;
    if (stop.Wait(kLook)) return absl::CancelledError("interrupted: no snapshot was taken");
  }
  ASSIGN_OR_RETURN(const OperateSnapshotsReply reply, Ask(*door, TAKE_SNAPSHOT));
  return Show(options, reply);
}

}  // namespace

void RegisterViewSnapshots(CLI::App& view, int* exit_code) {
  CLI::App& snapshots = AddGroup(
      view, "snapshots", "Files of a server's rows at one position, that folds may begin at.");
  const auto add = [&](const char* name, const char* help, auto run) {
    CLI::App& command = AddCommand(snapshots, name, help);
    auto options = std::make_shared<FleetArguments>();
    AddFleetArguments(command, options.get());
    OnRun(command, exit_code, [options, run] { return run(*options); });
  };
  add("list", "What there is, newest first; exit code 1 if a file is skipped, and why.",
      [](const FleetArguments& options) { return List(options, LIST_SNAPSHOTS); });
  add("take", "Take one now; the server takes others by itself.",
      [](const FleetArguments& options) { return Take(options); });
  add("verify", "Read all of every file; exit code 1 if one is not as it was written.",
      [](const FleetArguments& options) { return List(options, VERIFY_SNAPSHOTS); });
}

}  // namespace intentlog
