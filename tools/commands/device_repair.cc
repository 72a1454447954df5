// intentlog device repair --dir DIR
#include <cstdio>
#include <memory>
#include <string>

#include "client/repair.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"
#include "tools/commands/folder.h"
#include "tools/commands/json.h"
#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

struct Options {
  std::string dir;
  bool json = false;
};

uint64_t SizeOf(const CountRange& range) {
  return range.first > range.last ? 0 : range.last.Since(range.first) + 1;
}
std::string Words(uint64_t number) { return Grouped(static_cast<int64_t>(number)); }

Json ToJson(const Repaired& repaired) {
  Json json = {{"set_aside", repaired.set_aside},
               {"device", repaired.device},
               {"damaged_files", repaired.damaged_files},
               {"ended_former", repaired.ended_former},
               {"logs", Json::array()}};
  for (const RepairedLog& log : repaired.logs) {
    Json unreadable = Json::array();
    for (const CountRange& range : log.unreadable) {
      unreadable.push_back({range.first.value(), range.last.value()});
    }
    json["logs"].push_back({{"class", log.priority},
                            {"kept", SizeOf(log.kept)},
                            {"kept_from", log.kept.first.value()},
                            {"receipted", log.receipted.value()},
                            {"unreadable", unreadable},
                            {"left_aside", log.left_aside}});
  }
  return json;
}

void Print(const RepairedLog& log, const std::string& set_aside) {
  std::printf("  class %d: %s intents are pending again", int{log.priority},
              Words(SizeOf(log.kept)).c_str());
  if (SizeOf(log.kept) > 0) {
    std::printf(", counts %s to %s; the server answers those that it has as before",
                Words(log.kept.first.value()).c_str(), Words(log.kept.last.value()).c_str());
  }
  std::printf("\n");
  for (const CountRange& range : log.unreadable) {
    std::printf("    counts %s to %s cannot be read: %s\n", Words(range.first.value()).c_str(),
                Words(range.last.value()).c_str(),
                range.last <= log.receipted ? "the server has them"
                                            : "they are lost unless the server has them");
  }
  if (log.left_aside > 0) {
    std::printf(
        "    %s intents behind that can be read and stay aside, in %s: only the server knows "
        "whether it has them\n",
        Words(log.left_aside).c_str(), set_aside.c_str());
  }
}

absl::Status Repair(const Options& options) {
  RETURN_IF_ERROR(RequireFolder(options.dir, FolderKind::kDevice));
  const absl::StatusOr<Repaired> repaired = RepairDevice(options.dir, SystemClock().WallNow());
  if (!repaired.ok()) return ExplainInUse(repaired.status());
  if (options.json) {
    PrintJson(ToJson(*repaired));
    return absl::OkStatus();
  }
  if (repaired->ended_former) {
    std::printf(
        "%s is whole: a repair that was cut off is ended, and the damaged folder kept in %s\n",
        options.dir.c_str(), repaired->set_aside.c_str());
    return absl::OkStatus();
  }
  std::printf("%s of device %s begins anew; the damaged folder is kept in %s\n",
              options.dir.c_str(), repaired->device.c_str(), repaired->set_aside.c_str());
  for (const RepairedLog& log : repaired->logs) Print(log, repaired->set_aside);
  std::printf("  read models and what others did come from the server again, with the next sync\n");
  for (const std::string& file : repaired->damaged_files) std::printf("  %s\n", file.c_str());
  return absl::OkStatus();
}

}  // namespace

void RegisterDeviceRepair(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      device, "repair", "Set a damaged folder aside and go on with what can be read of it.");
  AddText(command, "--dir", &options->dir, "the device's folder", kRequired);
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Repair(*options); });
}

}  // namespace intentlog
