#include "tools/demo_story/story_market_day.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "projections/views/commerce_views.h"
#include "tools/demo_story/command_runner.h"
#include "tools/demo_story/fleet.h"
#include "tools/demo_story/log_walk.h"
#include "tools/demo_story/market_day.h"
#include "tools/import/hashed_source.h"
#include "tools/import/importer.h"
#include "tools/import/shop_device.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kRecordMax = absl::Seconds(170);
constexpr absl::Duration kSyncMax = absl::Seconds(170);
constexpr absl::Duration kAnswerMax = absl::Seconds(60);
constexpr absl::Duration kConvergeMax = absl::Seconds(60);
constexpr absl::Duration kLookAgain = absl::Milliseconds(100);
// A made-up day is little work: sent in small pieces, there is a middle in which to be hit.
constexpr size_t kSmallPushFrame = 8 << 10;
// Everybody comes back in this story, so little is waited for in vain.
constexpr absl::Duration kHealWait = absl::Seconds(10);
constexpr char kNewcomer[] = "newcomer";

// The highest memory that a process has had, in KiB; 0 if unknown.
uint64_t MemoryPeakKib(pid_t pid) {
  std::ifstream file(Cat("/proc/", pid, "/status"));
  std::string word;
  while (file >> word) {
    uint64_t kib = 0;
    if (word == "VmHWM:" && file >> kib) return kib;
  }
  return 0;
}

class MarketDayStory {
 public:
  MarketDayStory(const StoryOptions& options, const std::function<bool()>& interrupted,
                 const OnStoryProgress& progress, StoryResult& result)
      : options_(options),
        interrupted_(interrupted),
        progress_(progress),
        result_(result),
        fleet_(options.dir) {
    result_.options = options;
    fleet_.OnInterrupt(interrupted);
  }

  absl::Status Run() {
    const absl::Duration begin = SystemClock().Passed();
    RETURN_IF_ERROR(Timed("prepare", [&] { return Prepare(); }));
    RETURN_IF_ERROR(Timed("record", [&] { return Record(); }));
    RETURN_IF_ERROR(Timed("read_offline", [&] { return ReadOffline(); }));
    const bool disaster = options_.story == "disaster";
    RETURN_IF_ERROR(Timed("sync", [&] { return disaster ? SyncOverDisaster() : Sync(); }));
    RETURN_IF_ERROR(Timed("converge", [&] { return Converge(); }));
    RETURN_IF_ERROR(Timed("catch_up", [&] { return Join(); }));
    RETURN_IF_ERROR(Timed("check", [&] { return Check(); }));
    RETURN_IF_ERROR(Timed("stop", [&] { return Stop(); }));
    result_.seconds.emplace_back("total", absl::ToDoubleSeconds(SystemClock().Passed() - begin));
    return absl::OkStatus();
  }

 private:
  template <class Step>
  absl::Status Timed(const char* name, Step step) {
    const absl::Duration begin = SystemClock().Passed();
    RETURN_IF_ERROR(step());
    result_.seconds.emplace_back(name, absl::ToDoubleSeconds(SystemClock().Passed() - begin));
    return absl::OkStatus();
  }
  template <class... Parts>
  void Problem(const Parts&... parts) {
    result_.problems.push_back(Cat(parts...));
  }

  // ---- the input, and what it must come to
  absl::Status Prepare() {
    result_.devices.resize(static_cast<size_t>(options_.devices));
    return options_.data.empty() ? PrepareDay() : PrepareFile();
  }

  absl::Status PrepareDay() {
    const MarketDay day = MarketDay::Make({.devices = options_.devices, .seed = options_.seed});
    const MarketTotals& totals = day.totals();
    result_.figures = totals.figures;
    result_.conflicted_expected = totals.conflicted;
    expected_ = totals.sales;
    intents_ = totals.intents;
    fleet_.SetPushFrame(kSmallPushFrame);
    for (size_t i = 0; i < result_.devices.size(); ++i) {
      result_.devices[i].expected = totals.by_device[i];
    }
    expected_dumps_["orders"] = Hex(Sha256Of(OrdersTsv(totals.by_order)));
    expected_dumps_["stock"] = Hex(Sha256Of(StockTsv(totals.stock)));
    record_ = {{"do", "record-day"},
               {"seed", options_.seed},
               {"devices", options_.devices},
               {"orders", MarketDayOptions().orders}};
    return absl::OkStatus();
  }

  absl::Status PrepareFile() {
    ImportOptions import;
    import.currency = options_.currency;
    ASSIGN_OR_RETURN(file_, CheckOrderFile(
                                options_.data, import,
                                [&](const ImportProgress& at) {
                                  Show("checking the file", at.file_offset, at.file_size);
                                },
                                [&](const commerce::OrderLineAdded& line, int64_t mills) {
                                  expected_.Add(line, mills);
                                  SalesSum& mine =
                                      result_
                                          .devices[static_cast<size_t>(DeviceOfInvoice(
                                                       line.order_id(), options_.devices)) -
                                                   1]
                                          .expected;
                                  ++mine.lines;
                                  mine.units += line.quantity();
                                  mine.mills += mills;
                                }));
    result_.figures = file_.figures;
    intents_ = file_.figures.rows();
    record_ = {{"do", "record-file"},
               {"file", options_.data},
               {"sha256", Hex(file_.content_sha256)},
               {"devices", options_.devices},
               {"currency", options_.currency}};
    return absl::OkStatus();
  }

  // ---- offline
  absl::Status Record() {
    for (int index = 1; index <= options_.devices; ++index) {
      RETURN_IF_ERROR(fleet_.StartDevice(fleet_.AddShop(index)));
    }
    RETURN_IF_ERROR(fleet_.TellAll(record_));
    RETURN_IF_ERROR(fleet_.WaitUntil("all devices have recorded their orders", kRecordMax, [&] {
      Show("recording offline", Acknowledged(), intents_);
      return All([](const FleetDevice& device) { return device.recorded_all; });
    }));
    result_.intents = Acknowledged();
    return absl::OkStatus();
  }

  absl::Status ReadOffline() {
    RETURN_IF_ERROR(fleet_.TellAll({{"do", "figures"}}));
    RETURN_IF_ERROR(fleet_.WaitUntil("all devices have read their work back", kAnswerMax, [&] {
      return All([](const FleetDevice& device) { return device.figures.has_value(); });
    }));
    for (size_t i = 0; i < result_.devices.size(); ++i) {
      const Json& figures = *fleet_.devices()[i]->figures;
      StoryDevice& device = result_.devices[i];
      device.orders_read_back = figures.value("orders", uint64_t{0});
      device.read_back = {figures.value("lines", int64_t{0}), figures.value("units", int64_t{0}),
                          figures.value("mills", int64_t{0})};
      if (device.read_back == device.expected) continue;
      Problem("device-", i + 1, " read ", device.read_back.lines, " lines of its own back, not ",
              device.expected.lines, ", or other amounts");
    }
    return absl::OkStatus();
  }

  // ---- sync, and the two blows
  absl::Status Sync() {
    RETURN_IF_ERROR(fleet_.StartServer());
    RETURN_IF_ERROR(fleet_.TellAll(SyncCommand()));
    RETURN_IF_ERROR(WaitForAnswers(intents_ / 3));
    RETURN_IF_ERROR(KillServer());
    RETURN_IF_ERROR(KillDevice());
    return fleet_.WaitUntil("everything is synced", kSyncMax, [&] {
      Show("syncing", Answered(), intents_);
      return All([](const FleetDevice& device) { return device.Settled(); });
    });
  }

  // ---- … or the loss of the server's disk
  // Some tills sync, then the server is backed up; more sync, then its disk is gone; the others
  // meet no server before that is back.
  absl::Status SyncOverDisaster() {
    const size_t tills = fleet_.devices().size();
    const size_t early = std::max<size_t>(1, tills * 3 / 8);
    const size_t online = tills - tills / 4;
    fleet_.SetHealWait(kHealWait);
    RETURN_IF_ERROR(fleet_.StartServer());
    StoryDisaster& disaster = result_.disaster.emplace();
    RETURN_IF_ERROR(SyncTills(0, early));
    RETURN_IF_ERROR(WaitForAnswers(IntentsOf(0, early) / 2));
    const CommandRunner runner(options_.dir + "/processes.log", interrupted_);
    const std::string backups = options_.dir + "/backups";
    ASSIGN_OR_RETURN(const Json backup,
                     runner.RunJson({"backup", "--server", fleet_.address(), "--to", backups}));
    disaster.backed_up = backup["tenants"][0].value("position", uint64_t{0});
    RETURN_IF_ERROR(SyncTills(early, online));
    RETURN_IF_ERROR(WaitForAnswers(IntentsOf(0, online) * 9 / 10));
    RETURN_IF_ERROR(LoseServer(runner, backups, disaster));
    disaster.offline = IntentsOf(online, tills);
    RETURN_IF_ERROR(SyncTills(online, tills));
    RETURN_IF_ERROR(KillDevice());
    return fleet_.WaitUntil("everything is synced", kSyncMax, [&] {
      Show("syncing", Answered(), intents_);
      return All([](const FleetDevice& device) { return device.Settled(); });
    });
  }

  absl::Status SyncTills(size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      RETURN_IF_ERROR(fleet_.Tell(*fleet_.devices()[i], SyncCommand()));
    }
    return absl::OkStatus();
  }
  uint64_t IntentsOf(size_t from, size_t to) const {
    uint64_t sum = 0;
    for (size_t i = from; i < to; ++i) sum += fleet_.devices()[i]->acknowledged;
    return sum;
  }

  absl::Status LoseServer(const CommandRunner& runner, const std::string& backups,
                          StoryDisaster& disaster) {
    ASSIGN_OR_RETURN(const StatsReply stats,
                     ReaderClient(WireOptions{.address = fleet_.address()}, "default").Stats());
    disaster.had = stats.head();
    const absl::Duration begin = SystemClock().Passed();
    fleet_.KillServer();
    std::error_code error;
    std::filesystem::remove_all(ServerDir(), error);
    if (error) return Unavailable(ServerDir(), " cannot be removed: ", error.message());
    RETURN_IF_ERROR(runner.RunJson({"restore", "--from", backups, "--data", ServerDir()}).status());
    RETURN_IF_ERROR(fleet_.StartServer());
    disaster.back_after_seconds = absl::ToDoubleSeconds(SystemClock().Passed() - begin);
    return absl::OkStatus();
  }

  std::string ServerDir() const { return options_.dir + "/server"; }

  Json SyncCommand() const { return {{"do", "sync"}, {"server", fleet_.address()}}; }

  absl::Status WaitForAnswers(uint64_t answers) {
    return fleet_.WaitUntil("syncing is under way", kSyncMax, [&] {
      Show("syncing", Answered(), intents_);
      return Answered() >= std::min(answers, intents_);
    });
  }

  absl::Status KillServer() {
    const absl::Duration begin = SystemClock().Passed();
    StoryBlow blow = {"server", Answered(), intents_, 0};
    fleet_.KillServer();
    RETURN_IF_ERROR(fleet_.StartServer());
    blow.back_after_seconds = absl::ToDoubleSeconds(SystemClock().Passed() - begin);
    result_.blows.push_back(blow);
    return absl::OkStatus();
  }

  // The shop that has most to send, among those that are sending.
  absl::Status KillDevice() {
    FleetDevice* victim = fleet_.devices().back().get();
    const auto left = [](const FleetDevice& device) {
      return (AnsweredOf(device) > 0 ? uint64_t{1} << 62 : 0) + device.Counted("pending");
    };
    for (const auto& device : fleet_.devices()) {
      if (device->Counted("pending") == 0) continue;
      if (victim->Counted("pending") == 0 || left(*device) > left(*victim)) victim = device.get();
    }
    RETURN_IF_ERROR(fleet_.WaitUntil(Cat(victim->name, " is connected again"), kSyncMax, [&] {
      return victim->status && victim->status->value("connected", false);
    }));
    const absl::Duration begin = SystemClock().Passed();
    StoryBlow blow = {victim->name, AnsweredOf(*victim), victim->acknowledged, 0};
    fleet_.KillDevice(*victim);
    RETURN_IF_ERROR(fleet_.StartDevice(*victim));
    RETURN_IF_ERROR(fleet_.Tell(*victim, SyncCommand()));
    blow.back_after_seconds = absl::ToDoubleSeconds(SystemClock().Passed() - begin);
    result_.blows.push_back(blow);
    return absl::OkStatus();
  }

  // ---- convergence
  absl::Status Converge() {
    reader_ = std::make_unique<ReaderClient>(WireOptions{.address = fleet_.address()}, "default");
    return WaitForEqualDigests();
  }

  absl::Status Join() {
    FleetDevice& newcomer = fleet_.AddObserver(kNewcomer);
    RETURN_IF_ERROR(fleet_.StartDevice(newcomer));
    RETURN_IF_ERROR(fleet_.Tell(newcomer, SyncCommand()));
    return WaitForEqualDigests();
  }

  // Until every digest of every device equals the server's, or for so long; what then differs is
  // found by Check.
  absl::Status WaitForEqualDigests() {
    const absl::Duration until = SystemClock().Passed() + kConvergeMax;
    for (;;) {
      RETURN_IF_ERROR(AskForViews(false));
      ASSIGN_OR_RETURN(server_views_, reader_->ListViews());
      uint64_t different = 0;
      for (const auto& device : fleet_.devices()) different += CompareDigests(*device, nullptr);
      if (different == 0 || SystemClock().Passed() > until) return absl::OkStatus();
      const absl::Duration pause_until = SystemClock().Passed() + kLookAgain;
      RETURN_IF_ERROR(fleet_.WaitUntil("a moment has passed", kAnswerMax,
                                       [&] { return SystemClock().Passed() >= pause_until; }));
    }
  }

  absl::Status AskForViews(bool dump) {
    for (const auto& device : fleet_.devices()) {
      device->views.reset();
      const bool all_scopes = device->index <= 1;
      RETURN_IF_ERROR(fleet_.Tell(*device, {{"do", "views"}, {"dump", dump && all_scopes}}));
    }
    return fleet_.WaitUntil("all devices have told their views", kAnswerMax, [&] {
      return All([](const FleetDevice& device) { return device.views.has_value(); });
    });
  }

  static bool Subscribes(const FleetDevice& device, const std::string& scope) {
    return device.index <= 1 || scope == "shared" || scope == ShopScope(device.index);
  }

  // How many (view, scope) of the device differ from the server's. Counts into `result`, if given.
  uint64_t CompareDigests(const FleetDevice& device, StoryDevice* result) {
    uint64_t different = 0;
    for (const ViewInfo& view : server_views_.views()) {
      const Json mine =
          device.views->value(view.name(), Json::object()).value("scopes", Json::object());
      for (const ScopeDigest& scope : view.scopes()) {
        if (!Subscribes(device, scope.scope())) continue;
        const Json none = {{"digest", std::string(32, '0')}, {"rows", 0}};
        const Json found = mine.value(scope.scope(), none);
        const bool equal = found["digest"] == Hex(scope.digest()) && found["rows"] == scope.rows();
        if (!equal) ++different;
        if (result == nullptr) continue;
        ++result->digests;
        result->digests_equal += equal ? 1 : 0;
        StoryView& whole = ViewOf(view.name());
        ++whole.digests;
        whole.digests_equal += equal ? 1 : 0;
      }
    }
    return different;
  }

  StoryView& ViewOf(const std::string& name) {
    for (StoryView& view : result_.views) {
      if (view.name == name) return view;
    }
    result_.views.emplace_back().name = name;
    return result_.views.back();
  }

  // ---- the end: what everybody holds
  absl::Status Check() {
    RETURN_IF_ERROR(AskForViews(true));
    ASSIGN_OR_RETURN(server_views_, reader_->ListViews());
    LogWalk walk;
    RETURN_IF_ERROR(walk.Read(*reader_));
    RETURN_IF_ERROR(DumpViews(Position(walk.events())));
    result_.devices.resize(fleet_.devices().size());
    for (size_t i = 0; i < result_.devices.size(); ++i) {
      CheckDevice(*fleet_.devices()[i], walk, result_.devices[i]);
    }
    CheckDecisions(walk);
    CheckViews();
    return CheckGolden();
  }

  absl::Status DumpViews(Position head) {
    for (const auto& projection : CommerceViews()) {
      const std::string name = projection->info().name;
      ASSIGN_OR_RETURN(ViewDump dump, DumpServerView(*reader_, *projection, head));
      StoryView& view = ViewOf(name);
      view.keys = dump.keys;
      view.server = dump.sha256;
      const bool is_sales = name.starts_with("sales_");
      const auto expected = expected_dumps_.find(name);
      if (is_sales) view.expected = Hex(Sha256Of(SalesTsv(expected_.View(name))));
      if (expected != expected_dumps_.end()) view.expected = expected->second;
      for (const auto& device : fleet_.devices()) {
        const std::string sha256 = device->views->value(name, Json::object()).value("sha256", "");
        if (device->index == 1) view.head_office = sha256;
        if (device->index == 0) view.newcomer = sha256;
      }
      if (is_sales) dumps_[name] = {std::move(dump.sales), dump.sha256};
    }
    result_.computed = FiguresOfViews(dumps_);
    return absl::OkStatus();
  }

  void CheckDevice(const FleetDevice& device, const LogWalk& walk, StoryDevice& result) {
    result.id = device.name;
    result.index = device.index;
    result.acknowledged = device.acknowledged;
    result.recorded = device.Counted("recorded");
    result.synced = device.Counted("synced");
    result.pending = device.Counted("pending");
    result.failed = device.Counted("failed");
    result.conflicted = device.Counted("conflicted");
    result.parked = device.Counted("parked");
    result.views = *device.views;
    result.lost = walk.Lost(device.log_id, device.acknowledged);
    result.doubled = walk.Doubled(device.log_id);
    result.memory_peak_kib = MemoryPeakKib(device.child->pid());
    const uint64_t different = CompareDigests(device, &result);
    result_.lost += result.lost;
    result_.doubled += result.doubled;
    const std::string& id = result.id;
    if (result.lost > 0) Problem(id, ": ", result.lost, " acknowledged intents have no position");
    if (result.doubled > 0) Problem(id, ": ", result.doubled, " intents have two positions");
    if (different > 0) Problem(id, ": ", different, " digests differ from the server's");
    if (result.recorded != result.acknowledged) {
      Problem(id, ": acknowledged ", result.acknowledged, " intents, holds ", result.recorded);
    }
    if (result.pending > 0) Problem(id, ": ", result.pending, " intents are still pending");
    if (device.Counted("digests_unequal") > 0) {
      Problem(id, ": found a digest of the server unequal to its own while syncing");
    }
  }

  void CheckDecisions(const LogWalk& walk) {
    result_.log_events = walk.events();
    result_.settlements = walk.settlements();
    result_.accepted = walk.decided(ACCEPTED);
    result_.merged = walk.decided(MERGED);
    result_.rejected = walk.decided(REJECTED);
    result_.duplicate = walk.decided(DUPLICATE);
    result_.conflicted = walk.decided(CONFLICTED);
    result_.parked = walk.decided(PARKED);
    if (result_.disaster) {
      result_.disaster->returned = walk.returned();
      result_.disaster->as_they_were = walk.as_they_were();
    }
    if (result_.intents != intents_) {
      Problem(intents_, " intents were to be recorded, ", result_.intents, " were acknowledged");
    }
    if (result_.conflicted != result_.conflicted_expected) {
      Problem(result_.conflicted_expected, " intents had to be conflicted, ", result_.conflicted,
              " are");
    }
    const uint64_t others = result_.rejected + result_.duplicate + result_.parked;
    if (others > 0) Problem(others, " intents are rejected, duplicate or parked; none had to be");
  }

  void CheckViews() {
    for (StoryView& view : result_.views) {
      const bool as_expected = view.expected.empty() || view.server == view.expected;
      view.equal = as_expected && view.server == view.head_office && view.server == view.newcomer &&
                   view.digests == view.digests_equal;
      if (!as_expected) Problem(view.name, ": is not what was put in");
      if (view.server != view.head_office) Problem(view.name, ": head office holds other rows");
      if (view.server != view.newcomer) Problem(view.name, ": the newcomer holds other rows");
    }
  }

  absl::Status CheckGolden() {
    if (options_.data.empty()) {
      result_.no_golden = "not compared: the made-up day has totals of its own";
      return absl::OkStatus();
    }
    const std::string path = Golden::PathBeside(options_.data);
    const auto golden = Golden::Load(path);
    if (absl::IsNotFound(golden.status())) {
      result_.no_golden = Cat("not compared: no golden file beside ", options_.data);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(golden.status());
    if (!golden->AppliesTo(file_.file_sha256, file_.content_sha256)) {
      result_.no_golden = Cat("not compared: ", path, " is of a file with other content");
      return absl::OkStatus();
    }
    result_.golden = golden->Compare(dumps_, result_.figures);
    result_.golden_not_compared = golden->NotCompared(dumps_, result_.figures);
    for (const Comparison& one : result_.golden) {
      if (!one.equal) Problem("golden ", one.figure, " is ", one.golden, ", not ", one.computed);
    }
    return absl::OkStatus();
  }

  absl::Status Stop() {
    reader_.reset();
    const absl::Status stopped = fleet_.StopServer();
    if (!stopped.ok()) Problem(stopped);
    fleet_.StopAll();
    return absl::OkStatus();
  }

  // ---- small things
  template <class Holds>
  bool All(Holds holds) const {
    return std::all_of(fleet_.devices().begin(), fleet_.devices().end(),
                       [&](const auto& device) { return holds(*device); });
  }
  uint64_t Acknowledged() const {
    uint64_t sum = 0;
    for (const auto& device : fleet_.devices()) sum += device->acknowledged;
    return sum;
  }
  static uint64_t AnsweredOf(const FleetDevice& device) {
    return device.Counted("recorded") - device.Counted("pending") + device.Counted("parked");
  }
  uint64_t Answered() const {
    uint64_t sum = 0;
    for (const auto& device : fleet_.devices()) sum += AnsweredOf(*device);
    return sum;
  }
  void Show(std::string_view label, uint64_t done, uint64_t total) const {
    if (progress_) progress_(label, done, total);
  }

  const StoryOptions& options_;
  const std::function<bool()>& interrupted_;
  const OnStoryProgress& progress_;
  StoryResult& result_;
  Fleet fleet_;
  OrderFile file_;
  SalesTally expected_;
  std::map<std::string, std::string> expected_dumps_;  // of views that are no sales views
  uint64_t intents_ = 0;
  Json record_;
  std::unique_ptr<ReaderClient> reader_;
  ListViewsReply server_views_;
  SalesDumps dumps_;
};

}  // namespace

absl::Status RunMarketDay(const StoryOptions& options, const std::function<bool()>& interrupted,
                          const OnStoryProgress& progress, StoryResult* result) {
  return MarketDayStory(options, interrupted, progress, *result).Run();
}

}  // namespace intentlog
