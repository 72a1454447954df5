// intentlog view rebuild|compare|activate|rollback|cancel NAME --dir DIR | --server HOST:PORT
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_keys.h"
#include "tools/commands/command.h"
#include "tools/commands/domain.h"
#include "tools/commands/event_text.h"
#include "tools/commands/fleet.h"
#include "tools/commands/json.h"
#include "tools/commands/signals.h"
#include "tools/commands/status_json.h"
#include "tools/commands/terminal.h"
#include "tools/commands/touching_events.h"
#include "tools/commands/view.h"

namespace intentlog {
namespace {

// How often a rebuild that goes on is looked at.
constexpr absl::Duration kLook = absl::Milliseconds(100);
constexpr size_t kEventColumns = 120;

struct Options : FleetArguments {
  std::string name;
  uint64_t workers = 1;
  uint64_t events_per_second = 0;
  bool from_snapshot = false;
  uint64_t differences = 10;
  uint64_t events = 20;
};

absl::StatusOr<std::unique_ptr<FleetDoor>> Open(const Options& options) {
  if (options.name.empty()) return WrongUsage("say which view: NAME");
  return OpenFleetDoor(options.door);
}

OperateViewRequest Ask(const Options& options, ViewAction action) {
  OperateViewRequest request;
  request.set_view(options.name);
  request.set_action(action);
  request.set_workers(static_cast<uint32_t>(options.workers));
  request.set_events_per_second_max(options.events_per_second);
  request.set_from_snapshot(options.from_snapshot);
  return request;
}

std::string BuildText(uint32_t version, uint32_t build) {
  return Cat("version ", version, " (build ", build, ")");
}

Json BuildJson(uint32_t version, uint32_t build) {
  return {{"version", version}, {"build", build}};
}

Json ReplyJson(const Options& options, const OperateViewReply& reply) {
  const ViewRecord& record = reply.record();
  Json json = {{"view", options.name},
               {"live", BuildJson(record.version(), record.build())},
               {"folded", reply.folded()},
               {"head", reply.head()}};
  if (record.has_shadow()) {
    json["shadow"] = BuildJson(record.shadow().version(), record.shadow().build());
    json["shadow"]["ready"] = record.shadow_follows();
    json["shadow"]["through"] = record.shadow_follows() ? reply.folded() : reply.through();
  }
  if (record.has_previous()) {
    json["previous"] = BuildJson(record.previous().version(), record.previous().build());
    json["previous"]["until"] = TimeText(reply.roll_back_until_us());
  }
  if (record.previous_ended_us() != 0) {
    json["previous_ended"] = TimeText(record.previous_ended_us());
  }
  json["rebuilding"] = reply.rebuilding();
  json["events_per_second"] = static_cast<uint64_t>(reply.events_per_second());
  return json;
}

void Print(const Options& options, const OperateViewReply& reply) {
  const ViewRecord& record = reply.record();
  if (options.json) return PrintJson(ReplyJson(options, reply));
  std::printf("%s: live is %s, folded through %llu of %llu\n", options.name.c_str(),
              BuildText(record.version(), record.build()).c_str(),
              static_cast<unsigned long long>(reply.folded()),
              static_cast<unsigned long long>(reply.head()));
  if (record.has_shadow()) {
    std::printf("beside it %s, %s\n",
                BuildText(record.shadow().version(), record.shadow().build()).c_str(),
                record.shadow_follows() ? "ready: compare, activate or cancel it" : "not ready");
  }
  if (record.has_previous()) {
    std::printf("before it %s, to be rolled back to until %s\n",
                BuildText(record.previous().version(), record.previous().build()).c_str(),
                TimeText(reply.roll_back_until_us()).c_str());
  } else if (record.previous_ended_us() != 0) {
    std::printf("what was live before has gone, at %s\n",
                TimeText(record.previous_ended_us()).c_str());
  }
}

// Until the rebuild that is running is over.
absl::StatusOr<OperateViewReply> Await(FleetDoor& door, const Options& options) {
  StopSignal stop;
  std::optional<ProgressBar> bar;
  while (true) {
    ASSIGN_OR_RETURN(const OperateViewReply reply,
                     door.OperateView(Ask(options, VIEW_ACTION_UNSPECIFIED)));
    const bool begins =
        reply.record().has_shadow() && !reply.record().shadow_follows() && reply.failure().empty();
    if (!reply.rebuilding() && !begins) return reply;
    if (!bar) bar.emplace("rebuilding", reply.head());
    const uint64_t left = reply.head() - std::min(reply.head(), reply.through());
    const double rate = reply.events_per_second();
    bar->Update(reply.through(),
                rate > 0 ? Cat(Grouped(static_cast<int64_t>(rate)), " events/s, ",
                               static_cast<uint64_t>(static_cast<double>(left) / rate), " s left")
                         : "");
    if (stop.Wait(kLook)) {
      return absl::CancelledError(
          options.door.server.empty()
              ? "interrupted: view rebuild goes on from here"
              : "interrupted: the server goes on; view rebuild shows how far it is");
    }
  }
}

absl::Status Rebuild(const Options& options) {
  ASSIGN_OR_RETURN(const auto door, Open(options));
  ASSIGN_OR_RETURN(OperateViewReply reply,
                   door->OperateView(Ask(options, VIEW_ACTION_UNSPECIFIED)));
  if (!reply.rebuilding()) {
    RETURN_IF_ERROR(door->OperateView(Ask(options, REBUILD_VIEW)).status());
  }
  ASSIGN_OR_RETURN(reply, Await(*door, options));
  if (!reply.failure().empty()) return absl::AbortedError(reply.failure());
  Print(options, reply);
  return absl::OkStatus();
}

absl::Status Switch(const Options& options, ViewAction action) {
  ASSIGN_OR_RETURN(const auto door, Open(options));
  ASSIGN_OR_RETURN(const OperateViewReply reply, door->OperateView(Ask(options, action)));
  Print(options, reply);
  return absl::OkStatus();
}

// Which events touched the rows that differ, through what is compared.
absl::StatusOr<std::unique_ptr<TouchingEvents>> EventsOf(FleetDoor& door, const Options& options,
                                                         const Projection& projection,
                                                         const OperateViewReply& reply,
                                                         std::shared_ptr<const Schema> schema) {
  auto events = std::make_unique<TouchingEvents>(projection, std::move(schema), options.events);
  for (const ViewDifference& one : reply.differences()) events->Want(one.scope(), one.key());
  if (reply.differences().empty() || options.events == 0) return events;
  absl::Status status;
  RETURN_IF_ERROR(door.ReadEvents([&](const EventRef& event) {
    if (event.position.value() > reply.folded()) return false;
    status = events->Add(event);
    return status.ok();
  }));
  RETURN_IF_ERROR(status);
  return events;
}

Json DifferenceJson(const ViewDifference& one, const Projection& projection,
                    const TouchingEvents& events, const Schema& schema) {
  const TouchingEvents::Found& found = events.Of(one.scope(), one.key());
  Json list = Json::array();
  for (const auto& event : found.last) list.push_back(EventJson(event.ref(), schema));
  return {{"scope", one.scope()},
          {"key", one.key()},
          {"live", RowText(&projection, one.has_live(), one.live())},
          {"shadow", RowText(&projection, one.has_shadow(), one.shadow())},
          {"events_touching", found.count},
          {"events", std::move(list)}};
}

void PrintDifference(const ViewDifference& one, const Projection& projection,
                     const TouchingEvents& events, const Schema& schema) {
  const TouchingEvents::Found& found = events.Of(one.scope(), one.key());
  std::printf("\n%s/%s\n  live     %s\n  rebuilt  %s\n", one.scope().c_str(),
              Quoted(one.key()).c_str(), RowText(&projection, one.has_live(), one.live()).c_str(),
              RowText(&projection, one.has_shadow(), one.shadow()).c_str());
  if (found.count == 0) return;
  std::printf("  %llu events touched it, the last %zu:\n",
              static_cast<unsigned long long>(found.count), found.last.size());
  for (const auto& event : found.last) {
    std::printf("  %s\n", EventLine(event.ref(), schema, kEventColumns).c_str());
  }
}

absl::Status Compare(const Options& options) {
  ASSIGN_OR_RETURN(const auto door, Open(options));
  ASSIGN_OR_RETURN(const Domain domain, LoadDomain(options.door.schema_file));
  const auto projection =
      std::find_if(domain.projections.begin(), domain.projections.end(),
                   [&](const auto& one) { return one->info().name == options.name; });
  OperateViewRequest request = Ask(options, COMPARE_VIEW);
  request.set_differences_max(static_cast<uint32_t>(options.differences));
  ASSIGN_OR_RETURN(const OperateViewReply reply, door->OperateView(request));
  if (projection == domain.projections.end()) {
    return FailedPrecondition("this program has no view ", Quoted(options.name),
                              " and cannot show its rows");
  }
  ASSIGN_OR_RETURN(const auto events, EventsOf(*door, options, **projection, reply, domain.schema));
  if (options.json) {
    Json json = ReplyJson(options, reply);
    json["equal"] = reply.equal();
    json["rows"] = {{"live", reply.live_rows()}, {"shadow", reply.shadow_rows()}};
    json["differences"] = Json::array();
    for (const ViewDifference& one : reply.differences()) {
      json["differences"].push_back(DifferenceJson(one, **projection, *events, *domain.schema));
    }
    PrintJson(json);
  } else if (reply.equal()) {
    std::printf("equal: %llu rows, by the digest of each scope\n",
                static_cast<unsigned long long>(reply.live_rows()));
  } else {
    std::printf("different: %llu rows live, %llu rebuilt; the first differences:\n",
                static_cast<unsigned long long>(reply.live_rows()),
                static_cast<unsigned long long>(reply.shadow_rows()));
    for (const ViewDifference& one : reply.differences()) {
      PrintDifference(one, **projection, *events, *domain.schema);
    }
  }
  return reply.equal() ? absl::OkStatus() : ExplainedFailure();
}

std::shared_ptr<Options> Take(CLI::App& command) {
  auto options = std::make_shared<Options>();
  AddText(command, "NAME", &options->name, "the view");
  AddFleetArguments(command, options.get());
  return options;
}

}  // namespace

void RegisterViewRebuild(CLI::App& view, int* exit_code) {
  CLI::App& command = AddCommand(
      view, "rebuild",
      "Fold a view anew beside the live one; waits for its end. Goes on where it was interrupted.");
  const auto options = Take(command);
  AddNumber(command, "--workers", &options->workers, 1, 64, "threads that fold (default: 1)");
  AddNumber(command, "--events-per-second", &options->events_per_second, 1, 1'000'000'000,
            "at most so many (default: as fast as it goes)");
  AddFlag(command, "--from-snapshot", &options->from_snapshot,
          "begin at the newest snapshot of the same code instead of the first event; not after a "
          "bug or damage, which the snapshot may hold, too");
  OnRun(command, exit_code, [options] { return Rebuild(*options); });
}

void RegisterViewCompare(CLI::App& view, int* exit_code) {
  CLI::App& command = AddCommand(view, "compare",
                                 "The live view beside the rebuilt one: rows that differ, and the "
                                 "events that touched them; exit "
                                 "code 1 if they differ.");
  const auto options = Take(command);
  AddNumber(command, "--differences", &options->differences, 1, 100,
            "rows that differ, at most (default: 10)");
  AddNumber(command, "--events", &options->events, 0, 1000,
            "for each of them, the last events that touched it, at most; 0: the log is not read "
            "for them (default: 20)");
  OnRun(command, exit_code, [options] { return Compare(*options); });
}

void RegisterViewActivate(CLI::App& view, int* exit_code) {
  CLI::App& command =
      AddCommand(view, "activate", "The rebuilt view takes the live one's place, in one write.");
  const auto options = Take(command);
  OnRun(command, exit_code, [options] { return Switch(*options, ACTIVATE_VIEW); });
}

void RegisterViewRollback(CLI::App& view, int* exit_code) {
  CLI::App& command =
      AddCommand(view, "rollback", "What was live before the last switch is live again.");
  const auto options = Take(command);
  OnRun(command, exit_code, [options] { return Switch(*options, ROLL_BACK_VIEW); });
}

void RegisterViewCancel(CLI::App& view, int* exit_code) {
  CLI::App& command =
      AddCommand(view, "cancel", "The rebuilt view goes away, whether it is ready or not.");
  const auto options = Take(command);
  OnRun(command, exit_code, [options] { return Switch(*options, CANCEL_VIEW_REBUILD); });
}

}  // namespace intentlog
