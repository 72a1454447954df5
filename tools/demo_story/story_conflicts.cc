#include "tools/demo_story/story_conflicts.h"

#include <algorithm>
#include <utility>

#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "tools/demo_story/command_runner.h"
#include "tools/demo_story/fleet.h"
#include "tools/demo_story/log_walk.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

// The cast. Devices from 4 on sell something each and watch.
constexpr int kFront = 1, kStall = 2, kVan = 3;
constexpr int kLeastDevices = 3;
// So that nobody waits after each sync for a device to hear that nothing came for it.
constexpr absl::Duration kDigestInterval = absl::Milliseconds(20);

class ConflictsStory {
 public:
  ConflictsStory(const StoryOptions& options, const std::function<bool()>& interrupted,
                 ConflictsResult& result)
      : options_(options),
        result_(result),
        fleet_(options.dir),
        runner_(options.dir + "/processes.log", interrupted) {
    fleet_.OnInterrupt(interrupted);
    fleet_.SetDigestInterval(kDigestInterval);
    result_.options = options;
    result_.options.devices = std::max(options.devices, kLeastDevices);
    result_.devices.resize(static_cast<size_t>(result_.options.devices));
  }

  absl::Status Run() {
    const absl::Duration begin = SystemClock().Passed();
    absl::Status status = Tell();
    const absl::Status stopped = fleet_.StopServer();
    if (status.ok() && !stopped.ok()) Problem(stopped);
    result_.seconds.emplace_back("total", absl::ToDoubleSeconds(SystemClock().Passed() - begin));
    return status;
  }

 private:
  absl::Status Tell() {
    RETURN_IF_ERROR(fleet_.StartServer());
    RETURN_IF_ERROR(Timed("morning", [this] { return Morning(); }));
    RETURN_IF_ERROR(Timed("apart", [this] { return Apart(); }));
    RETURN_IF_ERROR(Timed("back", [this] { return Back(); }));
    RETURN_IF_ERROR(Timed("decide", [this] { return Decide(); }));
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
  std::string DirOf(int who) const { return Cat(options_.dir, "/device-", who); }
  std::vector<std::string> Device(int who, std::vector<std::string> more) const {
    std::vector<std::string> arguments = {"device", more[0], "--dir", DirOf(who)};
    if (who == kVan) arguments.insert(arguments.end(), {"--clock-ahead", "40m"});
    arguments.insert(arguments.end(), more.begin() + 1, more.end());
    return arguments;
  }
  absl::Status Does(int who, const std::string& words, const std::string& type, const Json& event) {
    ASSIGN_OR_RETURN(const Json done,
                     runner_.RunJson(Device(
                         who, {"append", "--device", Cat("device-", who), type, event.dump()})));
    Deed& deed = result_.deeds.emplace_back();
    deed.words = words;
    deed.who = who;
    deed.intent_id = done.value("intent_id", "");
    ++Of(who).acknowledged;
    return absl::OkStatus();
  }
  absl::Status Sync(int who) {
    return runner_.RunJson(Device(who, {"sync", "--server", fleet_.address()})).status();
  }
  absl::Status SyncAll() {
    for (int who = 1; who <= result_.options.devices; ++who) RETURN_IF_ERROR(Sync(who));
    return absl::OkStatus();
  }
  absl::StatusOr<Json> Shown(int who, const std::string& intent_id) {
    return runner_.RunJson(Device(who, {"show", intent_id}));
  }
  Deed& Find(const std::string& words) {
    const auto found = std::find_if(result_.deeds.begin(), result_.deeds.end(),
                                    [&](const Deed& deed) { return deed.words == words; });
    INTENTLOG_CHECK(found != result_.deeds.end());
    return *found;
  }
  absl::StatusOr<std::string> PositionOf(const std::string& words) {
    const Deed& deed = Find(words);
    ASSIGN_OR_RETURN(const Json shown, Shown(deed.who, deed.intent_id));
    return std::to_string(shown.value("position", uint64_t{0}));
  }
  // A Resolve, Amend or Dismiss by `who`; returns its intent.
  absl::StatusOr<std::string> Says(int who, std::vector<std::string> command) {
    ASSIGN_OR_RETURN(const Json said, runner_.RunJson(Device(who, std::move(command))));
    ++Of(who).acknowledged;
    return said.value("intent_id", "");
  }
  StoryDevice& Of(int who) { return result_.devices[static_cast<size_t>(who) - 1]; }

  // ---- the day
  absl::Status Morning() {
    RETURN_IF_ERROR(Does(kFront, "milk costs 1.00", "PriceSet", Price("milk", 1.00)));
    RETURN_IF_ERROR(Does(kFront, "opens order 17 for Ann", "OrderOpened", Order("17", "ann")));
    RETURN_IF_ERROR(Does(kFront, "puts milk on order 17", "OrderLineAdded", Line("17", "milk", 2)));
    RETURN_IF_ERROR(Does(kStall, "writes down Ann's name", "CustomerUpdated",
                         {{"customer_id", "ann"}, {"name", "Ann"}}));
    for (int who = kVan; who <= result_.options.devices; ++who) {
      RETURN_IF_ERROR(Does(who, Cat("sells tea, order ", who, "00"), "OrderLineAdded",
                           Line(Cat(who, "00"), "tea", 1)));
    }
    for (int round = 0; round < 2; ++round) RETURN_IF_ERROR(SyncAll());
    return absl::OkStatus();
  }

  absl::Status Apart() {
    RETURN_IF_ERROR(AtTheStall());
    RETURN_IF_ERROR(InTheVan());
    return AtTheFront();
  }
  absl::Status AtTheStall() {
    RETURN_IF_ERROR(Does(kStall, "sells 3 milk from stock", "StockMoved", Moved("milk", -3)));
    RETURN_IF_ERROR(Does(kStall, "counts 40 tea", "StockCounted", Counted("tea", 40)));
    RETURN_IF_ERROR(Does(kStall, "corrects Ann's name", "CustomerUpdated",
                         {{"customer_id", "ann"}, {"name", "Ann B."}}));
    RETURN_IF_ERROR(Does(kStall, "calls order 17 off", "OrderCancelled", {{"order_id", "17"}}));
    RETURN_IF_ERROR(Does(kStall, "types order 20 in once more", "OrderOpened", Order("20", "ann")));
    RETURN_IF_ERROR(Does(kStall, "takes voucher A", "VoucherRedeemed", Voucher("A", "s1")));
    RETURN_IF_ERROR(Does(kStall, "milk costs 1.50", "PriceSet", Price("milk", 1.50)));
    RETURN_IF_ERROR(Does(kStall, "milk costs 1.60", "PriceSet", Price("milk", 1.60)));
    RETURN_IF_ERROR(Does(kStall, "gives Ann credit of 200", "CustomerUpdated", Credit(200)));
    return Does(kStall, "opens order 21 for Bob", "OrderOpened", Order("21", "bob"));
  }
  absl::Status InTheVan() {
    RETURN_IF_ERROR(Does(kVan, "puts tea on order 17", "OrderLineAdded", Line("17", "tea", 3)));
    RETURN_IF_ERROR(Does(kVan, "takes voucher B", "VoucherRedeemed", Voucher("B", "v1")));
    RETURN_IF_ERROR(Does(kVan, "milk costs 1.90", "PriceSet", Price("milk", 1.90)));
    return Does(kVan, "counts 45 milk, clock wrong", "StockCounted", Counted("milk", 45));
  }
  absl::Status AtTheFront() {
    RETURN_IF_ERROR(Does(kFront, "10 milk come in", "StockMoved", Moved("milk", 10)));
    RETURN_IF_ERROR(Does(kFront, "counts 50 milk", "StockCounted", Counted("milk", 50)));
    RETURN_IF_ERROR(Does(kFront, "counts 60 tea", "StockCounted", Counted("tea", 60)));
    RETURN_IF_ERROR(Does(kFront, "writes down Ann's phone", "CustomerUpdated",
                         {{"customer_id", "ann"}, {"phone", "123"}}));
    RETURN_IF_ERROR(Does(kFront, "cancels order 17", "OrderCancelled", {{"order_id", "17"}}));
    RETURN_IF_ERROR(Does(kFront, "opens order 20 for Ann", "OrderOpened", Order("20", "ann")));
    RETURN_IF_ERROR(Does(kFront, "opens order 21 for Ann", "OrderOpened", Order("21", "ann")));
    RETURN_IF_ERROR(Does(kFront, "redeems voucher A", "VoucherRedeemed", Voucher("A", "f1")));
    RETURN_IF_ERROR(Does(kFront, "redeems voucher B", "VoucherRedeemed", Voucher("B", "f2")));
    RETURN_IF_ERROR(Does(kFront, "milk costs 1.20", "PriceSet", Price("milk", 1.20)));
    RETURN_IF_ERROR(Does(kFront, "gives Ann credit of 100", "CustomerUpdated", Credit(100)));
    return Sync(kFront);
  }

  absl::Status Back() {
    RETURN_IF_ERROR(Sync(kStall));
    RETURN_IF_ERROR(Sync(kVan));
    for (int round = 0; round < 2; ++round) RETURN_IF_ERROR(SyncAll());
    for (Deed& deed : result_.deeds) {
      ASSIGN_OR_RETURN(const Json shown, Shown(deed.who, deed.intent_id));
      deed.when_back = shown.value("decision", "");
      deed.why = shown.value("reason", Json::object()).value("text", "");
      if (deed.why.empty()) deed.why = shown.value("note", "");
    }
    ASSIGN_OR_RETURN(result_.side_by_side, runner_.Run(Device(kStall, {"conflicts"})));
    result_.side_by_side.resize(
        std::min(result_.side_by_side.find("\n\n") + 1, result_.side_by_side.size()));
    ASSIGN_OR_RETURN(const Json why,
                     runner_.RunJson(Device(kStall, {"why", Find("milk costs 1.60").intent_id})));
    result_.why = why.value("text", why.value("blocked_by", Json::object()).value("text", ""));
    return absl::OkStatus();
  }

  absl::Status Decide() {
    ASSIGN_OR_RETURN(const std::string milk, PositionOf("milk costs 1.50"));
    ASSIGN_OR_RETURN(const std::string tea, PositionOf("puts tea on order 17"));
    ASSIGN_OR_RETURN(const std::string credit, PositionOf("gives Ann credit of 200"));
    ASSIGN_OR_RETURN(const std::string count, PositionOf("counts 45 milk, clock wrong"));
    ASSIGN_OR_RETURN(const std::string vans, PositionOf("milk costs 1.90"));
    RETURN_IF_ERROR(
        Says(kFront, {"resolve", milk, "replace", Price("milk", 1.40).dump()}).status());
    RETURN_IF_ERROR(Says(kFront, {"resolve", tea, "drop"}).status());
    RETURN_IF_ERROR(Says(kStall, {"resolve", credit, "apply"}).status());
    RETURN_IF_ERROR(Says(kVan, {"resolve", count, "apply"}).status());
    RETURN_IF_ERROR(
        Says(kStall, {"amend", Find("takes voucher A").intent_id, Voucher("A", "f1").dump()})
            .status());
    RETURN_IF_ERROR(Says(kVan, {"dismiss", Find("takes voucher B").intent_id}).status());
    for (int round = 0; round < 2; ++round) RETURN_IF_ERROR(SyncAll());
    // Two decide about one conflict before either hears of the other.
    RETURN_IF_ERROR(Says(kFront, {"resolve", vans, "drop"}).status());
    ASSIGN_OR_RETURN(const std::string second, Says(kStall, {"resolve", vans, "apply"}));
    for (int round = 0; round < 2; ++round) RETURN_IF_ERROR(SyncAll());
    ASSIGN_OR_RETURN(const Json told, Shown(kStall, second));
    result_.told = told.value("reason", Json::object()).value("text", "");
    if (told.value("decision", "") != "rejected") Problem("who came second was not told");
    return absl::OkStatus();
  }

  // ---- the end
  absl::Status Check() {
    ReaderClient reader({.address = fleet_.address()}, "default");
    LogWalk walk;
    RETURN_IF_ERROR(walk.Read(reader));
    for (const auto& [word, decision] : kWords) result_.decisions[word] = walk.decided(decision);
    ASSIGN_OR_RETURN(const Json served,
                     runner_.RunJson({"view", "digest", "--server", fleet_.address()}));
    for (const Json& view : served["views"]) {
      result_.views[view.value("name", "")] = {{"keys", view["keys"]}, {"sha256", view["sha256"]}};
    }
    for (int who = 1; who <= result_.options.devices; ++who) {
      RETURN_IF_ERROR(CheckDevice(who, walk, served["views"]));
    }
    for (Deed& deed : result_.deeds) {
      ASSIGN_OR_RETURN(const Json shown, Shown(deed.who, deed.intent_id));
      deed.at_last = shown.value("decision", "");
      if (deed.at_last != deed.when_back) ++result_.settlements[deed.at_last];
    }
    for (const Clash& clash : kClashes) {
      Deed& deed = Find(clash.words);
      deed.meanwhile = clash.meanwhile;
      deed.because = clash.because;
      if (deed.when_back == clash.decision) continue;
      Problem(clash.words, ": was to be ", clash.decision, ", and was ", deed.when_back);
    }
    for (const auto& [word, decision] : kWords) {
      if (result_.decisions[word] == 0) Problem("nothing was ", word);
    }
    return absl::OkStatus();
  }

  absl::Status CheckDevice(int who, const LogWalk& walk, const Json& served) {
    ASSIGN_OR_RETURN(const Json status, runner_.RunJson(Device(who, {"status"})));
    ASSIGN_OR_RETURN(const Json shown, runner_.RunJson(Device(who, {"show", "--limit", "1000"})));
    ASSIGN_OR_RETURN(const Json mine,
                     runner_.RunJson({"view", "digest", "--dir", DirOf(who), "--confirmed"}));
    StoryDevice& device = Of(who);
    device.id = Cat("device-", who);
    device.index = who;
    device.recorded = status.value("recorded", uint64_t{0});
    device.synced = status.value("synced", uint64_t{0});
    device.pending = status.value("pending", uint64_t{0});
    device.failed = status.value("failed", uint64_t{0});
    device.conflicted = status.value("conflicted", uint64_t{0});
    device.parked = status.value("parked", uint64_t{0});
    std::string log_id = status.value("log_id", "");
    std::erase(log_id, '-');
    device.lost = walk.Lost(log_id, device.acknowledged);
    device.doubled = walk.Doubled(log_id);
    uint64_t accounted = 0;
    std::map<std::string, uint64_t>& standing = result_.standing.emplace_back();
    for (const Json& intent : shown["intents"]) {
      ++standing[intent.value("decision", "")];
      ++accounted;
    }
    if (accounted != device.recorded || accounted != device.acknowledged) {
      Problem(device.id, ": acknowledged ", device.acknowledged, ", recorded ", device.recorded,
              ", accounted for ", accounted);
    }
    if (device.lost + device.doubled > 0) {
      Problem(device.id, ": ", device.lost, " lost, ", device.doubled, " doubled");
    }
    CompareDigests(mine["views"], served, device);
    return absl::OkStatus();
  }
  void CompareDigests(const Json& mine, const Json& served, StoryDevice& device) {
    for (size_t i = 0; i < served.size(); ++i) {
      ++device.digests;
      const bool equal = i < mine.size() && mine[i].value("sha256", "") == served[i]["sha256"] &&
                         mine[i]["scopes"][0]["digest"] == served[i]["scopes"][0]["digest"];
      if (equal) ++device.digests_equal;
      if (!equal)
        Problem(device.id, ": ", served[i].value("name", ""), " differs from the server's");
    }
  }

  // ---- events
  static Json Price(const std::string& product, double pounds) {
    return {{"product_id", product}, {"price_micros", static_cast<int64_t>(pounds * 1e6 + 0.5)}};
  }
  static Json Order(const std::string& order, const std::string& customer) {
    return {{"order_id", order}, {"customer_id", customer}};
  }
  static Json Line(const std::string& order, const std::string& product, int quantity) {
    return {{"order_id", order},
            {"product_id", product},
            {"quantity", quantity},
            {"unit_price_micros", 1'000'000},
            {"sold_at_us", 1'300'000'000'000'000},
            {"country", "United Kingdom"}};
  }
  static Json Moved(const std::string& product, int delta) {
    return {{"product_id", product}, {"delta", delta}};
  }
  static Json Counted(const std::string& product, int on_hand) {
    return {{"product_id", product}, {"on_hand", on_hand}};
  }
  static Json Voucher(const std::string& voucher, const std::string& order) {
    return {{"voucher_id", voucher}, {"order_id", order}};
  }
  static Json Credit(int pounds) {
    return {{"customer_id", "ann"}, {"credit_limit_micros", int64_t{pounds} * 1'000'000}};
  }

  static constexpr std::pair<const char*, Decision> kWords[] = {
      {"accepted", ACCEPTED},   {"merged", MERGED},         {"rejected", REJECTED},
      {"duplicate", DUPLICATE}, {"conflicted", CONFLICTED}, {"parked", PARKED}};
  struct Clash {
    const char* words;
    const char* decision;
    const char* meanwhile;
    const char* because;
  };
  static constexpr Clash kClashes[] = {
      // COMMUTES
      {"sells 3 milk from stock", "merged", "10 milk come in", "movements add up"},
      // LAST_WRITER_WINS, by clocks that are right; by one that is not
      {"counts 40 tea", "merged", "counts 60 tea", "the front till counted later"},
      {"counts 45 milk, clock wrong", "conflicted", "counts 50 milk",
       "nobody can tell which count is later"},
      // FIELDWISE; a field that a person decides
      {"corrects Ann's name", "merged", "writes down Ann's phone", "each wrote another field"},
      {"gives Ann credit of 200", "conflicted", "gives Ann credit of 100",
       "how much credit, a person decides"},
      // SAME_IS_DUPLICATE; a key that is given once, for the same and for another order
      {"calls order 17 off", "duplicate", "cancels order 17", "it is cancelled already"},
      {"types order 20 in once more", "duplicate", "opens order 20 for Ann",
       "it is the same order"},
      {"opens order 21 for Bob", "conflicted", "opens order 21 for Ann",
       "another customer has this number"},
      // FIRST_WRITER_WINS
      {"takes voucher A", "rejected", "redeems voucher A", "a voucher is good for one order"},
      {"takes voucher B", "rejected", "redeems voucher B", "a voucher is good for one order"},
      // REVIEW, of one type and of a pair; what follows
      {"milk costs 1.50", "conflicted", "milk costs 1.20", "two prices for one product"},
      {"milk costs 1.60", "parked", "milk costs 1.20", "first what 1.50 comes to"},
      {"milk costs 1.90", "conflicted", "milk costs 1.20", "two prices for one product"},
      {"puts tea on order 17", "conflicted", "cancels order 17", "the order was cancelled"},
  };

  const StoryOptions& options_;
  ConflictsResult& result_;
  Fleet fleet_;
  const CommandRunner runner_;
};

}  // namespace

absl::Status RunConflicts(const StoryOptions& options, const std::function<bool()>& interrupted,
                          ConflictsResult* result) {
  return ConflictsStory(options, interrupted, *result).Run();
}

}  // namespace intentlog
