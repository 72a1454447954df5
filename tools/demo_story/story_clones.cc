#include "tools/demo_story/story_clones.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "tools/demo_story/command_runner.h"
#include "tools/demo_story/fleet.h"
#include "tools/demo_story/log_walk.h"
#include "tools/import/importer.h"
#include "tools/import/shop_device.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

// Head office sees all scopes; the phone of the second shop is the one that is copied.
constexpr int kOffice = 1, kPhone = 2, kLeastDevices = 2;
constexpr int kOrdersOfADevice = 20;
constexpr absl::Duration kDigestInterval = absl::Milliseconds(200);
constexpr absl::Duration kAnswerMax = absl::Seconds(60);
constexpr absl::Duration kSyncMax = absl::Minutes(4);

class ClonesStory {
 public:
  ClonesStory(const StoryOptions& options, const std::function<bool()>& interrupted,
              ClonesResult& result)
      : options_(options),
        result_(result),
        fleet_(options.dir),
        runner_(options.dir + "/processes.log", interrupted) {
    fleet_.OnInterrupt(interrupted);
    fleet_.SetDigestInterval(kDigestInterval);
    result_.options = options;
    result_.options.devices = std::max(options.devices, kLeastDevices);
  }

  absl::Status Run() {
    const absl::Duration begin = SystemClock().Passed();
    const absl::Status status = Tell();
    fleet_.StopAll();
    result_.seconds.emplace_back("total", absl::ToDoubleSeconds(SystemClock().Passed() - begin));
    return status;
  }

 private:
  absl::Status Tell() {
    RETURN_IF_ERROR(fleet_.StartServer());
    RETURN_IF_ERROR(Timed("morning", [this] { return Morning(); }));
    RETURN_IF_ERROR(Timed("copied", [this] { return Copied(); }));
    RETURN_IF_ERROR(Timed("side_by_side", [this] { return SideBySide(); }));
    RETURN_IF_ERROR(Timed("backup", [this] { return BackupComesBack(); }));
    return Timed("check", [this] { return Check(); });
  }
  template <class Part>
  absl::Status Timed(const char* name, Part part) {
    const absl::Duration begin = SystemClock().Passed();
    RETURN_IF_ERROR(part());
    result_.seconds.emplace_back(name, absl::ToDoubleSeconds(SystemClock().Passed() - begin));
    return absl::OkStatus();
  }
  template <class... Parts>
  void Problem(const Parts&... parts) {
    result_.problems.push_back(Cat(parts...));
  }

  // ---- verbs
  absl::Status Sync(FleetDevice& device) {
    device.status.reset();
    return fleet_.Tell(device, {{"do", "sync"}, {"server", fleet_.address()}});
  }
  // So many sales, an order line each; offline unless the device syncs.
  absl::Status Sells(FleetDevice& device, const std::string& when, int orders) {
    device.recorded_all = false;
    RETURN_IF_ERROR(fleet_.Tell(
        device, {{"do", "sell"}, {"orders", orders}, {"name", Cat(when, "-", device.name)}}));
    sold_ += static_cast<uint64_t>(orders);
    return fleet_.WaitUntil(Cat(device.name, " has sold"), kAnswerMax,
                            [&] { return device.recorded_all; });
  }
  absl::Status WaitUntilSettled(const std::vector<FleetDevice*>& devices) {
    return fleet_.WaitUntil("all is with the server", kSyncMax, [&] {
      return std::all_of(devices.begin(), devices.end(), [](const FleetDevice* device) {
        return device->Settled() && device->Counted("recorded") >= device->acknowledged;
      });
    });
  }
  // The disk of a device that is off, written to another one.
  absl::Status CopyDisk(const FleetDevice& from, const std::string& dir) {
    std::error_code error;
    std::filesystem::copy(from.dir, dir, std::filesystem::copy_options::recursive, error);
    if (!error) return absl::OkStatus();
    return absl::InternalError(Cat("copying ", from.dir, " to ", dir, ": ", error.message()));
  }
  FleetDevice& AddCopy(const std::string& name, uint64_t acknowledged) {
    FleetDevice& copy = fleet_.AddShop(kPhone);
    copy.name = name;
    copy.dir = Cat(options_.dir, "/", name);
    copy.acknowledged = acknowledged;
    return copy;
  }

  // ---- the day
  absl::Status Morning() {
    Json record = {{"do", "record-day"}, {"seed", options_.seed}};
    record["orders"] = kOrdersOfADevice * result_.options.devices;
    if (!options_.data.empty()) {
      ImportOptions import;
      import.currency = options_.currency;
      ASSIGN_OR_RETURN(const OrderFile file, CheckOrderFile(options_.data, import));
      record = {{"do", "record-file"},
                {"file", options_.data},
                {"sha256", Hex(file.content_sha256)},
                {"currency", options_.currency}};
    }
    record["devices"] = result_.options.devices;
    for (int index = 1; index <= result_.options.devices; ++index) {
      FleetDevice& device = fleet_.AddShop(index);
      RETURN_IF_ERROR(fleet_.StartDevice(device));
      RETURN_IF_ERROR(fleet_.Tell(device, record));
    }
    RETURN_IF_ERROR(fleet_.WaitUntil("all have recorded their morning", kSyncMax, [&] {
      return std::all_of(fleet_.devices().begin(), fleet_.devices().end(),
                         [](const auto& device) { return device->recorded_all; });
    }));
    std::vector<FleetDevice*> all;
    for (const auto& device : fleet_.devices()) {
      result_.unique += device->acknowledged;
      all.push_back(device.get());
      RETURN_IF_ERROR(Sync(*device));
    }
    return WaitUntilSettled(all);
  }

  absl::Status Copied() {
    phone_ = fleet_.devices()[kPhone - 1].get();
    fleet_.KillDevice(*phone_);
    RETURN_IF_ERROR(CopyDisk(*phone_, options_.dir + "/old-backup"));
    const uint64_t in_backup = phone_->acknowledged;
    RETURN_IF_ERROR(fleet_.StartDevice(*phone_));
    RETURN_IF_ERROR(Sells(*phone_, "before-the-copy", 3));
    fleet_.KillDevice(*phone_);
    RETURN_IF_ERROR(CopyDisk(*phone_, options_.dir + "/copy"));
    result_.shared = phone_->acknowledged - in_backup;
    copy_ = &AddCopy("copy", phone_->acknowledged);
    backup_ = &AddCopy("old-backup", in_backup);
    for (FleetDevice* device : {phone_, copy_}) {
      RETURN_IF_ERROR(fleet_.StartDevice(*device));
      RETURN_IF_ERROR(Sells(*device, "offline", 5));
    }
    return absl::OkStatus();
  }

  absl::Status SideBySide() {
    RETURN_IF_ERROR(Sync(*phone_));
    RETURN_IF_ERROR(Sync(*copy_));
    for (int round = 0; round < 5; ++round) {
      const std::string when = Cat("online-", round);
      RETURN_IF_ERROR(Sells(*phone_, when, 2));
      RETURN_IF_ERROR(Sells(*copy_, when, 2));
    }
    RETURN_IF_ERROR(WaitUntilSettled({phone_, copy_}));
    // They go on without taking anything from each other.
    RETURN_IF_ERROR(Sells(*phone_, "later", 2));
    RETURN_IF_ERROR(Sells(*copy_, "later", 2));
    return WaitUntilSettled({phone_, copy_});
  }

  absl::Status BackupComesBack() {
    RETURN_IF_ERROR(fleet_.StartDevice(*backup_));
    RETURN_IF_ERROR(Sells(*backup_, "restored", 4));
    RETURN_IF_ERROR(Sync(*backup_));
    RETURN_IF_ERROR(Sells(*backup_, "restored-online", 4));
    return WaitUntilSettled({backup_});
  }

  // ---- the end: what everybody holds
  absl::Status Check() {
    result_.unique += sold_;
    ReaderClient reader({.address = fleet_.address()}, "default");
    LogWalk walk;
    RETURN_IF_ERROR(walk.Read(reader));
    result_.events = walk.events() - walk.settlements();
    if (result_.events != result_.unique) {
      Problem("acknowledged were ", result_.unique, " intents, and the log has ", result_.events);
    }
    for (const auto& [word, decision] : kWords) {
      result_.decisions.emplace_back(word, walk.decided(decision));
    }
    RETURN_IF_ERROR(fleet_.WaitUntil("all have the feed", kSyncMax, [&] {
      return std::all_of(fleet_.devices().begin(), fleet_.devices().end(), [&](const auto& device) {
        return device->status && device->status->value("connected", false) &&
               device->Scope("shared") >= walk.events() &&
               device->Scope(ShopScope(device->index)) >= walk.events();
      });
    }));
    RETURN_IF_ERROR(AskForViews());
    ASSIGN_OR_RETURN(const Json served,
                     runner_.RunJson({"view", "digest", "--server", fleet_.address()}));
    for (const auto& device : fleet_.devices()) CheckDevice(*device, walk, served["views"]);
    CheckOffice(served["views"]);
    CheckNames();
    return AskOperator();
  }

  absl::Status AskForViews() {
    for (const auto& device : fleet_.devices()) {
      device->views.reset();
      const bool dump = device->index == kOffice;
      RETURN_IF_ERROR(fleet_.Tell(*device, {{"do", "views"}, {"dump", dump}}));
    }
    return fleet_.WaitUntil("all devices have told their views", kAnswerMax, [&] {
      return std::all_of(fleet_.devices().begin(), fleet_.devices().end(),
                         [](const auto& device) { return device->views.has_value(); });
    });
  }

  void CheckDevice(const FleetDevice& held, const LogWalk& walk, const Json& served) {
    StoryDevice& device = result_.devices.emplace_back();
    device.id = held.name;
    device.index = held.index;
    device.acknowledged = held.acknowledged;
    device.recorded = held.Counted("recorded");
    device.synced = held.Counted("synced");
    device.pending = held.Counted("pending");
    device.failed = held.Counted("failed");
    device.conflicted = held.Counted("conflicted");
    device.parked = held.Counted("parked");
    const Json& names = result_.names.emplace_back(held.status->value("names", Json::array()));
    for (size_t i = 0; i < names.size(); ++i) {
      const uint64_t through =
          i + 1 < names.size() ? names[i + 1].value("after", uint64_t{0}) : held.acknowledged;
      const std::string log_id = names[i].value("log_id", "");
      device.lost += walk.Lost(log_id, through - names[i].value("after", uint64_t{0}));
      device.doubled += walk.Doubled(log_id);
    }
    result_.lost += device.lost;
    result_.doubled += device.doubled;
    if (device.lost + device.doubled > 0) {
      Problem(device.id, ": ", device.lost, " lost, ", device.doubled, " doubled");
    }
    if (device.recorded != device.acknowledged) {
      Problem(device.id, ": acknowledged ", device.acknowledged, ", recorded ", device.recorded);
    }
    CompareDigests(held, served, device);
  }

  void CompareDigests(const FleetDevice& held, const Json& served, StoryDevice& device) {
    for (const Json& view : served) {
      const std::string name = view.value("name", "");
      const Json mine = held.views->value(name, Json::object()).value("scopes", Json::object());
      for (const Json& scope : view["scopes"]) {
        const std::string of = scope.value("scope", "");
        if (held.index != kOffice && of != "shared" && of != ShopScope(held.index)) continue;
        ++device.digests;
        const bool equal = mine.contains(of) ? mine[of]["digest"] == scope["digest"]
                                             : scope.value("rows", uint64_t{0}) == 0;
        if (equal) ++device.digests_equal;
        if (!equal) Problem(device.id, ": ", name, " of ", of, " differs from the server's");
      }
    }
  }

  void CheckOffice(const Json& served) {
    const FleetDevice& office = *fleet_.devices()[kOffice - 1];
    for (const Json& view : served) {
      const std::string name = view.value("name", "");
      result_.views[name] = {{"keys", view["keys"]}, {"sha256", view["sha256"]}};
      const Json mine = office.views->value(name, Json::object());
      if (mine.value("sha256", "") == view["sha256"]) ++result_.views_equal;
      if (mine.value("sha256", "") != view["sha256"]) Problem(name, ": head office has other rows");
    }
  }

  // Three devices, three logs, one of which nobody had to leave.
  void CheckNames() {
    std::vector<std::string> current;
    uint64_t stayed = 0;
    for (size_t i = 0; i < result_.devices.size(); ++i) {
      const Json& names = result_.names[i];
      if (result_.devices[i].index != kPhone || names.empty()) continue;
      current.push_back(names.back().value("log_id", ""));
      if (names.size() == 1) ++stayed;
    }
    std::sort(current.begin(), current.end());
    if (std::unique(current.begin(), current.end()) != current.end() || current.size() != 3) {
      Problem("the phone, its copy and its backup do not have a log each");
    }
    if (stayed > 1) Problem(stayed, " of them kept the log that they had in common");
  }

  absl::Status AskOperator() {
    ASSIGN_OR_RETURN(const Json fleet,
                     runner_.RunJson({"fleet", "list", "--server", fleet_.address()}));
    result_.installations = Json::array();
    result_.refused = Json::array();
    for (const Json& device : fleet["devices"]) {
      const std::string name = device.value("device", "");
      result_.installations.push_back(name);
      ASSIGN_OR_RETURN(const Json shown,
                       runner_.RunJson({"fleet", "show", name, "--server", fleet_.address()}));
      for (const Json& fork : shown.value("forks", Json::array())) result_.refused.push_back(fork);
    }
    const size_t wanted = static_cast<size_t>(result_.options.devices) + 2;
    if (result_.installations.size() < wanted) {
      Problem("the server tells ", result_.installations.size(), " devices apart, not ", wanted);
    }
    return absl::OkStatus();
  }

  static constexpr std::pair<const char*, Decision> kWords[] = {
      {"accepted", ACCEPTED},   {"merged", MERGED},         {"rejected", REJECTED},
      {"duplicate", DUPLICATE}, {"conflicted", CONFLICTED}, {"parked", PARKED}};

  const StoryOptions& options_;
  ClonesResult& result_;
  Fleet fleet_;
  const CommandRunner runner_;
  FleetDevice* phone_ = nullptr;
  FleetDevice* copy_ = nullptr;
  FleetDevice* backup_ = nullptr;
  uint64_t sold_ = 0;
};

}  // namespace

absl::Status RunClones(const StoryOptions& options, const std::function<bool()>& interrupted,
                       ClonesResult* result) {
  return ClonesStory(options, interrupted, *result).Run();
}

}  // namespace intentlog
