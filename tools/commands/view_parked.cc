// intentlog view parked list|show|retry|retry-all|skip
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_keys.h"
#include "tools/commands/command.h"
#include "tools/commands/domain.h"
#include "tools/commands/fleet.h"
#include "tools/commands/folder.h"
#include "tools/commands/json.h"
#include "tools/commands/open_device.h"
#include "tools/commands/signals.h"
#include "tools/commands/table.h"
#include "tools/commands/view.h"

namespace intentlog {
namespace {

constexpr size_t kDeviceRowsMax = 1000;
constexpr size_t kWhyColumns = 70;
// How often a decision's effect is looked for.
constexpr absl::Duration kLook = absl::Milliseconds(20);

struct Options : FleetArguments {
  std::string view;
  std::string key;
  std::string scope = "shared";
  std::string reason;
  uint64_t position = 0;
};

struct Parked {
  std::string view;
  std::vector<ParkedRowInfo> rows;
  bool more = false;
};

// ---- where they are read

OperateViewRequest Ask(const Options& options, const std::string& view, ViewAction action) {
  OperateViewRequest request;
  request.set_view(view);
  request.set_action(action);
  if (options.key.empty()) return request;
  request.set_scope(options.scope);
  request.set_key(options.key);
  return request;
}

absl::StatusOr<std::vector<std::string>> ViewNames(const Options& options) {
  if (!options.view.empty()) return std::vector<std::string>{options.view};
  ASSIGN_OR_RETURN(const Domain domain, LoadDomain(options.door.schema_file));
  std::vector<std::string> names;
  for (const auto& projection : domain.projections) names.push_back(projection->info().name);
  return names;
}

absl::StatusOr<std::vector<Parked>> ReadServer(const Options& options) {
  ASSIGN_OR_RETURN(const auto door, OpenFleetDoor(options.door));
  ASSIGN_OR_RETURN(const std::vector<std::string> views, ViewNames(options));
  std::vector<Parked> all;
  for (const std::string& view : views) {
    auto reply = door->OperateView(Ask(options, view, LIST_PARKED));
    // Of all views, those into which nothing is folded yet have no parked rows.
    if (options.view.empty() && absl::IsFailedPrecondition(reply.status())) continue;
    RETURN_IF_ERROR(reply.status());
    all.push_back({view, {reply->parked().begin(), reply->parked().end()}, reply->more_parked()});
  }
  return all;
}

absl::StatusOr<std::vector<Parked>> ReadDevice(const Options& options) {
  DeviceFolderOptions folder;
  folder.dir = options.door.dir;
  folder.schema_file = options.door.schema_file;
  ASSIGN_OR_RETURN(const OpenDevice device, OpenDeviceFolder(folder));
  ASSIGN_OR_RETURN(const std::vector<std::string> views, ViewNames(options));
  std::vector<Parked> all;
  for (const std::string& view : views) {
    ASSIGN_OR_RETURN(
        const std::vector<ParkedRow> rows,
        device.client->models().Parked(view, options.key.empty() ? kDeviceRowsMax + 1 : SIZE_MAX));
    Parked& parked = all.emplace_back();
    parked.view = view;
    for (const ParkedRow& row : rows) {
      if (!options.key.empty() && (row.key != options.key || row.scope != options.scope)) continue;
      if (parked.rows.size() == kDeviceRowsMax) parked.more = true;
      if (parked.more) break;
      ParkedRowInfo& info = parked.rows.emplace_back();
      info.set_scope(row.scope);
      info.set_key(row.key);
      info.set_position(row.position.value());
      info.set_waiting(row.waiting);
      info.set_why(std::string(row.why.message().data(), row.why.message().size()));
    }
  }
  return all;
}

absl::StatusOr<std::vector<Parked>> Read(const Options& options) {
  if (!options.door.dir.empty() && options.door.server.empty()) {
    ASSIGN_OR_RETURN(const FolderKind kind, KindOfFolder(options.door.dir));
    if (kind == FolderKind::kDevice) return ReadDevice(options);
  }
  return ReadServer(options);
}

// ---- how they are shown

Json RowJson(const std::string& view, const ParkedRowInfo& row) {
  return {{"view", view},
          {"scope", row.scope()},
          {"key", row.key()},
          {"position", row.position()},
          {"waiting", row.waiting()},
          {"why", row.why()},
          {"build", row.shadow() ? "rebuilt" : "live"}};
}

void PrintRows(const Options& options, const std::vector<Parked>& all) {
  Json list = Json::array();
  Table table({"view", "scope", "key", "since event", "waiting", "build", "why"});
  bool more = false;
  for (const Parked& parked : all) {
    more = more || parked.more;
    for (const ParkedRowInfo& row : parked.rows) {
      list.push_back(RowJson(parked.view, row));
      table.Add({parked.view, row.scope(), row.key(), std::to_string(row.position()),
                 std::to_string(row.waiting()), row.shadow() ? "rebuilt" : "live",
                 Shorten(row.why(), kWhyColumns)});
    }
  }
  if (options.json) return PrintJson({{"parked", std::move(list)}, {"more", more}});
  if (list.empty()) {
    std::puts("nothing is parked: every event is folded into its rows");
    return;
  }
  table.Print();
  if (more) std::puts("and more: name a view to see one view's alone");
}

absl::Status List(const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<Parked> all, Read(options));
  PrintRows(options, all);
  return absl::OkStatus();
}

absl::Status CheckRow(const Options& options) {
  if (!options.view.empty() && !options.key.empty()) return absl::OkStatus();
  return WrongUsage("say which row: NAME KEY, and --scope if it is not shared");
}

absl::Status Show(const Options& options) {
  RETURN_IF_ERROR(CheckRow(options));
  ASSIGN_OR_RETURN(const std::vector<Parked> all, Read(options));
  if (all.empty() || all[0].rows.empty()) {
    return NotFound("row ", Quoted(options.key), " of scope ", options.scope, " in view ",
                    options.view, " is not parked");
  }
  if (options.json) {
    PrintJson(RowJson(options.view, all[0].rows[0]));
    return absl::OkStatus();
  }
  for (const ParkedRowInfo& row : all[0].rows) {
    std::printf(
        "%s: row %s of scope %s stands still since event %llu%s\n  why: %s\n"
        "  waiting: %llu events, that one included\n"
        "  the event itself: intentlog events read --from %llu --limit 1\n"
        "  then: view parked retry, once the program can fold it, or view parked skip %s %s\n"
        "        --scope %s --position %llu --reason R to leave it out for good\n",
        options.view.c_str(), Quoted(row.key()).c_str(), row.scope().c_str(),
        static_cast<unsigned long long>(row.position()), row.shadow() ? ", in the rebuilt one" : "",
        row.why().c_str(), static_cast<unsigned long long>(row.waiting()),
        static_cast<unsigned long long>(row.position()), options.view.c_str(), row.key().c_str(),
        row.scope().c_str(), static_cast<unsigned long long>(row.position()));
  }
  return absl::OkStatus();
}

// ---- decisions

// What stands still once the view is folded through the decision.
absl::Status ShowEffect(FleetDoor& door, const Options& options, uint64_t decided) {
  StopSignal stop;
  while (true) {
    ASSIGN_OR_RETURN(const OperateViewReply reply,
                     door.OperateView(Ask(options, options.view, LIST_PARKED)));
    if (reply.folded() < decided) {
      if (!stop.Wait(kLook)) continue;
      return absl::CancelledError("interrupted: the decision stands, and takes effect by itself");
    }
    if (options.json) {
      Json list = Json::array();
      for (const ParkedRowInfo& row : reply.parked()) list.push_back(RowJson(options.view, row));
      PrintJson({{"decided", decided}, {"parked", std::move(list)}, {"more", reply.more_parked()}});
    } else if (reply.parked().empty()) {
      std::printf("decided at position %llu: nothing of it stands still any more\n",
                  static_cast<unsigned long long>(decided));
    } else {
      std::printf("decided at position %llu; parked again, or still:\n",
                  static_cast<unsigned long long>(decided));
      PrintRows(
          options,
          {{options.view, {reply.parked().begin(), reply.parked().end()}, reply.more_parked()}});
    }
    return reply.parked().empty() ? absl::OkStatus() : ExplainedFailure();
  }
}

absl::Status Decide(const Options& options, OperateViewRequest request) {
  if (!options.door.dir.empty()) {
    ASSIGN_OR_RETURN(const FolderKind kind, KindOfFolder(options.door.dir));
    if (kind == FolderKind::kDevice) {
      return FailedPrecondition(options.door.dir,
                                " is a device's folder: a server decides, and devices follow it");
    }
  }
  ASSIGN_OR_RETURN(const auto door, OpenFleetDoor(options.door));
  ASSIGN_OR_RETURN(const OperateViewReply reply, door->OperateView(std::move(request)));
  return ShowEffect(*door, options, reply.decided());
}

absl::Status Retry(const Options& options) {
  RETURN_IF_ERROR(CheckRow(options));
  return Decide(options, Ask(options, options.view, RETRY_PARKED));
}

absl::Status RetryAll(const Options& options) {
  if (options.view.empty()) return WrongUsage("say which view: NAME");
  OperateViewRequest request = Ask(options, options.view, RETRY_PARKED);
  request.set_all_keys(true);
  return Decide(options, std::move(request));
}

absl::Status Skip(const Options& options) {
  RETURN_IF_ERROR(CheckRow(options));
  if (options.reason.empty() || options.position == 0) {
    return WrongUsage("say which event is left out and why: --position P --reason R");
  }
  OperateViewRequest request = Ask(options, options.view, SKIP_PARKED);
  request.set_position(options.position);
  request.set_reason(options.reason);
  return Decide(options, std::move(request));
}

// ---- what they take

std::shared_ptr<Options> TakeView(CLI::App& command) {
  auto options = std::make_shared<Options>();
  AddText(command, "NAME", &options->view, "the view");
  AddFleetArguments(command, options.get());
  return options;
}

std::shared_ptr<Options> TakeRow(CLI::App& command) {
  auto options = std::make_shared<Options>();
  AddText(command, "NAME", &options->view, "the view");
  AddText(command, "KEY", &options->key, "the row");
  AddText(command, "--scope", &options->scope, "of the row (default: shared)");
  AddFleetArguments(command, options.get());
  return options;
}

void RegisterDecisions(CLI::App& parked, int* exit_code) {
  CLI::App& retry = AddCommand(parked, "retry",
                               "Fold again what waits for a row; exit code 1 if it fails again.");
  OnRun(retry, exit_code, [options = TakeRow(retry)] { return Retry(*options); });
  CLI::App& retry_all =
      AddCommand(parked, "retry-all", "The same, for every parked row of a view.");
  OnRun(retry_all, exit_code, [options = TakeView(retry_all)] { return RetryAll(*options); });
  CLI::App& skip = AddCommand(
      parked, "skip", "Leave one event out of a row for good, and fold what waits behind it.");
  const auto options = TakeRow(skip);
  AddNumber(skip, "--position", &options->position, 1, UINT64_MAX,
            "of the event that could not be folded, as list shows it");
  AddText(skip, "--reason", &options->reason, "why; it is recorded");
  OnRun(skip, exit_code, [options] { return Skip(*options); });
}

}  // namespace

void RegisterViewParked(CLI::App& view, int* exit_code) {
  CLI::App& parked = AddGroup(
      view, "parked", "Rows that stand still, because an event could not be folded into them.");
  CLI::App& list = AddCommand(parked, "list", "Of one view, or of all.");
  OnRun(list, exit_code, [options = TakeView(list)] { return List(*options); });
  CLI::App& show = AddCommand(parked, "show", "One of them: since when, why, what to do.");
  OnRun(show, exit_code, [options = TakeRow(show)] { return Show(*options); });
  RegisterDecisions(parked, exit_code);
}

}  // namespace intentlog
