// intentlog device sync --dir DIR --server HOST:PORT [--wait DURATION | --for DURATION | --follow]
//                       [--policy eager|normal|frugal|charging-only|manual] [--sysfs ROOT]
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "client/conditions/linux_conditions.h"
#include "client/conditions/sync_policy.h"
#include "client/wire/grpc_connector.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/device.h"
#include "tools/commands/json.h"
#include "tools/commands/signals.h"
#include "tools/commands/status_json.h"
#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

constexpr absl::Duration kDigestWait = absl::Seconds(3);
// A cable that was pulled, or a charger, is noticed within this.
constexpr absl::Duration kConditionsInterval = absl::Seconds(2);

struct Options : DeviceArguments {
  std::string server;
  absl::Duration wait = absl::Seconds(60);
  absl::Duration run_for;
  bool follow = false;
  std::string policy;  // empty: whoever runs this asks for all of it, now
  std::string sysfs;   // empty: the machine's
};

// The conditions of this machine. A server on the machine itself needs no network.
Conditions ConditionsNow(const Options& options) {
  const bool own_tree = !options.sysfs.empty();
  Conditions conditions = ReadLinuxConditions(own_tree ? options.sysfs : "/sys");
  const std::string host = options.server.substr(0, options.server.rfind(':'));
  const bool here = host == "localhost" || host == "[::1]" || host.substr(0, 4) == "127.";
  if (here && !own_tree) conditions.network = NetworkKind::kUnmetered;
  return conditions;
}

// Says in plain words what changes, once each.
class Teller {
 public:
  explicit Teller(const Options& options)
      : options_(options), bar_("waiting for receipts of intents:", 0) {}

  void Tell(const ClientStatus& status) {
    if (options_.json) return;
    if (status.connected != connected_) {
      connected_ = status.connected;
      if (connected_) {
        Say(Cat("connected to ", options_.server, "; its log is at position ", status.server_head));
      }
    }
    const uint64_t waiting = status.counts.pending - status.counts.parked;
    if (connected_) bar_.Update(waiting);
    const std::string blocked = WhyNotConnected(status);
    if (blocked != blocked_ && !blocked.empty()) Say(blocked);
    blocked_ = blocked;
    if (status.digests_unequal != unequal_) {
      unequal_ = status.digests_unequal;
      Say("a read model differs from the server's");
    }
  }

  // The last words.
  void Conclude(const ClientStatus& status) {
    bar_.Finish();
    if (options_.json) return PrintJson(StatusJson(status));
    const StateCounts& counts = status.counts;
    std::printf("%s recorded: %s synced, %s pending, %s failed, %s conflicted; server at %s\n",
                Grouped(counts.recorded).c_str(), Grouped(counts.synced).c_str(),
                Grouped(counts.pending).c_str(), Grouped(counts.failed).c_str(),
                Grouped(counts.conflicted).c_str(),
                Grouped(static_cast<int64_t>(status.server_head.value())).c_str());
    if (status.digests_equal + status.digests_unequal > 0) {
      std::printf("read models compared with the server's: %s equal, %s different\n",
                  Grouped(status.digests_equal).c_str(), Grouped(status.digests_unequal).c_str());
    }
  }

 private:
  // Empty if it is connected, or what waits has nothing to do with the connection.
  static std::string WhyNotConnected(const ClientStatus& status) {
    const BlockedBy& why = status.blocked_by;
    const bool at_the_server =
        why.kind == BlockedBy::kAwaitingReview || why.kind == BlockedBy::kParked ||
        why.kind == BlockedBy::kSchemaTooOld || why.kind == BlockedBy::kNothing;
    return status.connected || at_the_server ? "" : why.text;
  }

  void Say(const std::string& text) {
    bar_.Finish();
    std::fprintf(stderr, "%s\n", text.c_str());
  }

  const Options& options_;
  ProgressBar bar_;
  bool connected_ = false;
  std::string blocked_;
  uint64_t unequal_ = 0;
};

bool HasFeed(const ClientStatus& status, Position target) {
  for (const ScopeStatus& scope : status.scopes) {
    if (scope.cursor < target) return false;
  }
  return true;
}

// Everything recorded has its receipt (or waits at the server), and every scope has what the server
// had when this began and what this device wrote.
bool IsCaughtUp(const ClientStatus& status, Position target) {
  return status.connected && status.counts.pending == status.counts.parked &&
         HasFeed(status, target);
}

// The position of the last of a log's intents that the feed has: what is rejected, duplicate or
// parked is in no feed.
absl::StatusOr<Position> LastInFeed(const Client& client, const LogStatus& log) {
  constexpr uint64_t kStep = 100;
  for (uint64_t through = log.counts.recorded; through > 0;) {
    const uint64_t from = through > kStep ? through - kStep + 1 : 1;
    ASSIGN_OR_RETURN(const auto step, client.List({log.priority, Count(from)}, through - from + 1));
    for (auto one = step.rbegin(); one != step.rend(); ++one) {
      if (IsEffective(one->first_decision) || one->first_decision == CONFLICTED) {
        return one->position;
      }
    }
    through = from - 1;
  }
  return Position();
}

// Highest position of this device's own intents that its write scope must reach.
absl::StatusOr<Position> LastOwn(const Client& client, const ClientStatus& status) {
  Position own;
  for (const LogStatus& log : status.logs) {
    ASSIGN_OR_RETURN(const Position last, LastInFeed(client, log));
    own = std::max(own, last);
  }
  return own;
}

class SyncRun {
 public:
  SyncRun(const Options& options, Client& client)
      : options_(options), client_(client), begin_(Cursors(client.Status())), teller_(options) {}

  absl::Status Run() {
    StopSignal stop;
    const absl::Duration begin = SystemClock().Passed();
    const bool bounded = options_.run_for > absl::ZeroDuration();
    while (true) {
      LookAtConditions();
      const ClientStatus status = client_.Status();
      teller_.Tell(status);
      ASSIGN_OR_RETURN(const bool caught_up, CaughtUp(status));
      const absl::Duration passed = SystemClock().Passed() - begin;
      if (options_.follow || bounded) {
        if (bounded && passed >= options_.run_for) return Conclude(status, caught_up);
      } else if (caught_up && Compared(status, passed)) {
        return Conclude(status, true);
      } else if (passed >= options_.wait || Held(status) || Hopeless(status)) {
        return Conclude(status, false);
      }
      if (stop.Wait(absl::Milliseconds(20))) return Conclude(client_.Status(), true);
    }
  }

 private:
  void LookAtConditions() {
    const absl::Duration now = SystemClock().Passed();
    if (options_.policy.empty() || now < conditions_due_) return;
    conditions_due_ = now + kConditionsInterval;
    client_.SetConditions(ConditionsNow(options_));
  }
  // Whether the policy keeps all that waits from the server, and whoever runs this waits in vain.
  bool Held(const ClientStatus& status) const {
    if (!status.connected) return status.held;
    const BlockedBy::Kind kind = status.blocked_by.kind;
    return HasFeed(status, target_) &&
           (kind == BlockedBy::kMetered || kind == BlockedBy::kDataSaver ||
            kind == BlockedBy::kBattery || kind == BlockedBy::kBackground);
  }

  absl::StatusOr<bool> CaughtUp(const ClientStatus& status) {
    if (!status.connected) {
      target_ = Position();
      return false;
    }
    if (target_ == Position()) target_ = status.server_head;
    if (!IsCaughtUp(status, target_)) return false;
    ASSIGN_OR_RETURN(const Position own, LastOwn(client_, status));
    for (const ScopeStatus& scope : status.scopes) {
      if (scope.cursor >= own) return true;
    }
    return own == Position() || status.scopes.empty();
  }

  // Whether the server's digests were compared with this device's, where something came: it sends
  // them shortly after. Not waited for long, because a server with other views sends none.
  bool Compared(const ClientStatus& status, absl::Duration passed) {
    if (!caught_up_at_.has_value()) caught_up_at_ = passed;
    if (status.digests_equal + status.digests_unequal > 0) return true;
    return Cursors(status) == begin_ || passed - *caught_up_at_ > kDigestWait;
  }
  static uint64_t Cursors(const ClientStatus& status) {
    uint64_t sum = 0;
    for (const ScopeStatus& scope : status.scopes) sum += scope.cursor.value();
    return sum;
  }

  static bool Hopeless(const ClientStatus& status) {
    return status.blocked_by.kind == BlockedBy::kRefused ||
           status.blocked_by.kind == BlockedBy::kStoreFailed;
  }

  absl::Status Conclude(const ClientStatus& status, bool good) {
    client_.StopSync();
    teller_.Conclude(status);
    if (status.digests_unequal > 0) {
      return DataLoss("synced with ", options_.server, ", but ", status.digests_unequal,
                      " read models differ from the server's");
    }
    if (good) return absl::OkStatus();
    std::string why = status.blocked_by.text;
    if (status.blocked_by.kind == BlockedBy::kNothing) {
      why = status.last_error.empty() ? "the feed is not complete yet" : status.last_error;
    }
    return Unavailable("not synced with ", options_.server, ": ", why);
  }

  const Options& options_;
  Client& client_;
  const uint64_t begin_;  // all cursors together
  Teller teller_;
  Position target_;
  std::optional<absl::Duration> caught_up_at_;
  absl::Duration conditions_due_ = -absl::InfiniteDuration();
};

absl::Status RunSync(const Options& options) {
  RETURN_IF_ERROR(CheckAddress(options.server));
  DeviceFolderOptions folder = options.folder;
  // Who runs this asks for it, which is what the manual policy waits for.
  const bool asked = options.policy.empty() || options.policy == "manual";
  if (!asked) folder.policy = *PolicyNamed(options.policy);
  ASSIGN_OR_RETURN(OpenDevice device, OpenDeviceFolder(folder));
  if (!options.policy.empty()) device.client->SetConditions(ConditionsNow(options));
  GrpcConnector connector({.address = options.server}, *device.executor);
  RETURN_IF_ERROR(device.client->StartSync(connector));
  // No failure of an earlier run delays a person.
  RETURN_IF_ERROR(device.client->SyncNow(Ask::kByPolicy));
  const absl::Status status = SyncRun(options, *device.client).Run();
  device.client.reset();
  return status;
}

}  // namespace

void RegisterDeviceSync(CLI::App& device, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      AddCommand(device, "sync", "Bring what was recorded to a server, and take what others did.");
  AddDeviceArguments(command, options.get());
  AddText(command, "--server", &options->server, "HOST:PORT where it runs", kRequired);
  AddTexts(command, "--subscribe", &options->folder.scopes,
           "from now on it has these scopes and no others; repeat it for each");
  AddDuration(command, "--wait", &options->wait,
              "give up when it is not synced after this (default: 60s)");
  AddDuration(command, "--for", &options->run_for, "stay connected for this long, then end");
  AddFlag(command, "--follow", &options->follow, "stay connected until Ctrl-C");
  AddChoice(command, "--policy", &options->policy,
            {"eager", "normal", "frugal", "charging-only", "manual"},
            "sync what this machine's network and battery allow (default: all, now)");
  AddText(command, "--sysfs", &options->sysfs,
          "with --policy: where network and battery are looked up (default: /sys)");
  OnRun(command, exit_code, [options] { return RunSync(*options); });
}

}  // namespace intentlog
