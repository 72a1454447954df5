// intentlog fleet conflicts --server HOST:PORT | --dir DIR
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/runtime/check.h"
#include "tools/commands/command.h"
#include "tools/commands/fleet.h"
#include "tools/commands/fleet_text.h"
#include "tools/commands/json.h"

namespace intentlog {
namespace {

struct Options : FleetArguments {
  std::string device;
  uint64_t limit = 20;
  uint64_t after = 0;
};

absl::Status Conflicts(const Options& options) {
  ASSIGN_OR_RETURN(const auto door, OpenFleetDoor(options.door));
  ASSIGN_OR_RETURN(const auto schema, door->LoadSchema());
  ListConflictsRequest request;
  request.set_device(options.device);
  request.set_after(options.after);
  Json list = Json::array();
  uint64_t shown = 0;
  bool more = true;
  ListConflictsReply page;
  while (more && shown < options.limit) {
    request.set_limit(static_cast<uint32_t>(options.limit - shown));
    ASSIGN_OR_RETURN(page, door->ListConflicts(request));
    for (const FleetConflict& conflict : page.conflicts()) {
      if (options.json) {
        list.push_back(FleetConflictJson(conflict, *schema, page.now_us()));
      } else {
        std::printf("%s%s", shown == 0 ? "" : "\n",
                    ConflictText(conflict, *schema, page.now_us()).c_str());
      }
      ++shown;
    }
    more = page.more();
    request.set_after(page.next_after());
  }
  if (options.json) {
    PrintJson({{"conflicts", std::move(list)},
               {"more", more},
               {"next_after", page.next_after()},
               {"as_of", page.as_of()}});
  } else if (shown == 0) {
    std::printf("nothing waits for a person\n");
  } else if (more) {
    std::printf("\nthere are more: --after %llu\n",
                static_cast<unsigned long long>(page.next_after()));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterFleetConflicts(CLI::App& fleet, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      AddCommand(fleet, "conflicts",
                 "What waits for a person: mine, theirs and what both began from, side by side.");
  AddFleetArguments(command, options.get());
  AddText(command, "--device", &options->device, "of this device only");
  AddNumber(command, "--limit", &options->limit, 1, 100'000, "so many (default 20)");
  AddNumber(command, "--after", &options->after, 0, UINT64_MAX, "those after this position");
  OnRun(command, exit_code, [options] { return Conflicts(*options); });
}

}  // namespace intentlog
