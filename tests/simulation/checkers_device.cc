// What devices record, hold and show.
#include <algorithm>
#include <iterator>

#include "eventlog/log/decision.h"
#include "proto/commerce.pb.h"
#include "proto/views.pb.h"
#include "tests/simulation/checkers.h"

namespace intentlog::simulation {
namespace {

// All that a device's log holds, less what is trimmed.
std::vector<Client::RecordedIntent> ListAll(const Client& client) {
  auto listed = client.List(Count(1), 1'000'000);
  return listed.ok() ? *std::move(listed) : std::vector<Client::RecordedIntent>();
}

// What append acknowledged is there after every end of the process; after a power cut, a prefix
// with all that was durable.
class I1AppendIsDurable final : public Checker {
 public:
  I1AppendIsDurable() : Checker("I1AppendIsDurable") {}
  void OnStarted(World& world, const History& history, const std::string& name) override {
    const auto known = history.devices().find(name);
    if (known == history.devices().end()) return;
    const DeviceHistory& device = known->second;
    std::map<PriorityClass, size_t> recorded;
    for (const LogStatus& status : world.device(name).Status().logs) {
      recorded[status.priority] = status.counts.recorded;
    }
    size_t unknown = 0;
    for (const auto& [priority, log] : device.logs) {
      const auto synced = device.synced.find(priority);
      const size_t least = !device.cut                     ? log.size()
                           : synced == device.synced.end() ? 0
                                                           : synced->second;
      const size_t has = recorded[priority];
      if (has < least) Fail(name, ": ", has, " intents of class ", int{priority}, ", not ", least);
      unknown += has - std::min(has, log.size());
      for (size_t i = 0; i < std::min(has, log.size()); ++i)
        CheckIntent(world, name, log[i], i + 1);
    }
    if (unknown > device.in_doubt) {
      Fail(name, ": ", unknown, " intents that it never acknowledged, and ", device.in_doubt,
           " appends failed");
    }
  }

 private:
  void CheckIntent(World& world, const std::string& name, const NotedIntent& noted, size_t count) {
    if (noted.id.nil()) return;
    const auto found = world.device(name).Find(noted.id);
    if (!found.ok()) return Fail(name, ": count ", count, " is lost: ", found.status());
    if (found->count.value() != count) {
      Fail(name, ": count ", count, " is count ", found->count, " now");
    }
  }
};

// An append that failed says that there is no room, or that nobody knows; it is there once or not
// at all, whatever was tried again.
class I2FailedAppendIsSafe final : public Checker {
 public:
  I2FailedAppendIsSafe() : Checker("I2FailedAppendIsSafe") {}
  void OnAppendFailed(const std::string& name, const absl::Status& status) override {
    if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) return;
    Fail(name, " says ", status);
  }
  void AtEnd(World&, const History& history, const Lanes&) override {
    std::map<std::string, int> times;
    for (const SeenEvent& event : history.log()) ++times[event.intent_id];
    for (const IntentId& id : history.doubted()) {
      const int found = times[std::string(id.bytes())];
      if (found > 1) Fail("intent ", ToText(id), " is there ", found, " times");
    }
  }
};

// After the first failed write no append is acknowledged until the folder is opened again.
class I6FailStop final : public Checker {
 public:
  I6FailStop() : Checker("I6FailStop") {}
  void OnAppended(const DeviceHistory& device, const std::string& name,
                  const Appended& appended) override {
    if (device.failed && !appended.repeated) {
      Fail(name, ": count ", appended.count, " was acknowledged after the disk failed");
    }
  }
};

// Under (log_id, count) the server has the bytes that the device recorded.
class I11NoOverwrite final : public Checker {
 public:
  I11NoOverwrite() : Checker("I11NoOverwrite") {}
  void AtEnd(World& world, const History& history, const Lanes&) override {
    std::map<std::pair<std::string, uint64_t>, uint64_t> stored;
    for (const SeenEvent& event : history.log()) {
      stored[{event.header.log_id(), event.header.count()}] = event.intent_hash;
    }
    for (const auto& [name, device] : history.devices()) {
      const Client& client = world.device(name);
      const ClientStatus status = client.Status();
      for (const auto& own : ListAll(client)) {
        const auto [log_id, count] = PlaceOnServer(status, own.place());
        const auto found = stored.find({std::string(log_id.bytes()), count.value()});
        if (own.trimmed || found == stored.end()) continue;
        if (found->second != History::HashOf(own.intent.SerializeAsString())) {
          Fail(name, ": count ", own.count, " has other bytes on the server");
        }
      }
    }
  }
};

// A cursor is never above what came, whatever ended the process: rows, receipts and cursors are one
// write. That rows are there too, I17 sees.
class I13CursorWithEffect final : public Checker {
 public:
  I13CursorWithEffect() : Checker("I13CursorWithEffect") {}
  void OnFeed(const History&, const std::string& device, const FeedView& feed) override {
    Came(device, feed.scope, feed.through);
  }
  void OnSnapshot(const History&, const std::string& device, const SnapshotHead& head) override {
    Came(device, head.scope(), head.position());
  }
  void OnDiskReplaced(const std::string& device, const std::string& of) override {
    if (of.empty() || of == device) return;
    std::map<std::pair<std::string, std::string>, uint64_t> other;
    for (const auto& [place, came] : came_) {
      if (place.first == of) other[{device, place.second}] = came;
    }
    for (const auto& [place, came] : other) came_[place] = came;
  }
  void OnStarted(World& world, const History&, const std::string& name) override {
    for (const ScopeStatus& scope : world.device(name).Status().scopes) {
      const uint64_t came = came_[{name, scope.scope}];
      if (scope.cursor.value() > came) {
        Fail(name, ": the cursor of ", scope.scope, " is ", scope.cursor, ", and feed came to ",
             came);
      }
    }
  }

 private:
  void Came(const std::string& device, std::string_view scope, uint64_t through) {
    uint64_t& came = came_[{device, std::string(scope)}];
    came = std::max(came, through);
  }
  std::map<std::pair<std::string, std::string>, uint64_t> came_;
};

// What a device shows is what is confirmed and what is pending, each once. Here: goods that are
// only ever moved, whose stock is a sum.
class I21LocalView final : public Checker {
 public:
  I21LocalView() : Checker("I21LocalView") {}
  void OnStep(World& world, const History& history) override {
    if (++steps_ % 4 != 0) return;
    for (const auto& [name, device] : history.devices()) {
      if (!world.device_runs(name)) continue;
      if (HasMetTheRestored(world.device(name), name)) Check(world.device(name), name, history);
    }
  }
  // What a device shows of what the server lost is right until it learns of that.
  void OnServerRestored(const History& history) override {
    const uint64_t from = history.log().size() + 1;
    for (const auto& [name, device] : history.devices()) {
      const auto [unmet, is_new] = lost_from_.emplace(name, from);
      unmet->second = std::min(unmet->second, from);
    }
    lost_from_ever_ = std::min(lost_from_ever_, from);
    welcomed_.clear();
  }
  void OnWelcome(World&, const History&, const std::string& device, const Welcome&) override {
    welcomed_.insert(device);
  }
  void OnDiskReplaced(const std::string& device, const std::string&) override {
    welcomed_.erase(device);
    if (lost_from_ever_ != kNothingLost) lost_from_[device] = lost_from_ever_;
  }
  void AtEnd(World& world, const History& history, const Lanes&) override {
    for (const auto& [name, device] : history.devices()) {
      Check(world.device(name), name, history);
      const StateCounts counts = world.device(name).Status().counts;
      size_t recorded = 0;
      for (const auto& [priority, log] : device.logs) recorded += log.size();
      if (counts.recorded != recorded ||
          counts.recorded != counts.synced + counts.pending + counts.failed + counts.conflicted) {
        Fail(name, ": ", recorded, " intents were acknowledged, but recorded ", counts.recorded,
             " = synced ", counts.synced, " + pending ", counts.pending, " + failed ",
             counts.failed, " + conflicted ", counts.conflicted);
      }
    }
  }

 private:
  using Sums = std::map<std::string, int64_t>;
  bool HasMetTheRestored(const Client& client, const std::string& name) {
    const auto unmet = lost_from_.find(name);
    if (unmet == lost_from_.end()) return true;
    if (welcomed_.count(name) == 0) return false;
    for (const ScopeStatus& scope : client.Status().scopes) {
      const bool met = scope.anew || scope.cursor.value() < unmet->second;
      if (scope.scope != "shared" || !met) continue;
      lost_from_.erase(unmet);
      return true;
    }
    return false;
  }
  static void Add(const std::string& type, const std::string& payload, Sums& sums) {
    commerce::StockMoved moved;
    if (type != moved.GetDescriptor()->full_name() || !moved.ParseFromString(payload)) return;
    if (moved.product_id().rfind("moved-", 0) == 0) sums[moved.product_id()] += moved.delta();
  }
  void Check(const Client& client, const std::string& name, const History& history) {
    const ClientStatus status = client.Status();
    uint64_t cursor = 0;
    bool follows = false;
    for (const ScopeStatus& scope : status.scopes) {
      if (scope.scope != "shared") continue;
      if (scope.anew) return;  // its rows stay as they are until it has begun again
      cursor = scope.cursor.value();
      follows = true;
    }
    if (!follows) return;
    Sums wanted;
    for (size_t at = 0; at < std::min<size_t>(cursor, history.log().size()); ++at) {
      const SeenEvent& event = history.log()[at];
      if (IsEffective(event.header.decision())) Add(event.type, event.payload, wanted);
    }
    for (const auto& own : ListAll(client)) {
      const bool waits = own.decision == DECISION_UNSPECIFIED || own.decision == PARKED;
      const bool comes = IsEffective(own.decision) && own.position.value() > cursor;
      if (waits || comes) Add(own.intent.type(), own.intent.payload(), wanted);
    }
    for (const auto& [product, sum] : wanted) {
      const auto row = client.Get("stock", product);
      if (!row.ok()) return Fail(name, ": ", row.status());
      const int64_t shown = row->has_value() ? (**row).Read<views::StockRow>().on_hand() : 0;
      if (shown != sum) Fail(name, " shows ", shown, " of ", product, ", not ", sum);
    }
  }

  uint64_t steps_ = 0;
  static constexpr uint64_t kNothingLost = UINT64_MAX;
  // The first position that restored servers lost, and that a device may have something of.
  std::map<std::string, uint64_t> lost_from_;
  uint64_t lost_from_ever_ = kNothingLost;
  std::set<std::string> welcomed_;  // since the last of them
};

// A count is given once, in whatever life and after whatever end: so what was pushed is not lost.
class I31CountsAreNotReused final : public Checker {
 public:
  I31CountsAreNotReused() : Checker("I31CountsAreNotReused") {}
  void OnPush(const std::string& device, const Push& push) override {
    uint64_t& pushed = pushed_[{device, push.log_id()}];
    pushed = std::max<uint64_t>(pushed, push.first_count() + push.intents_size() - 1);
  }
  // What the disk of earlier does not hold is gone with what was pushed, and what was on its way
  // may come later: I11 tells if its counts are given again.
  void OnDiskReplaced(const std::string& device, const std::string&) override {
    replaced_.insert(device);
  }
  void OnStarted(World& world, const History&, const std::string& name) override {
    for (const LogStatus& log : world.device(name).Status().logs) {
      if (log.names.empty() || replaced_.count(name) > 0) continue;
      const LogName& now = log.names.back();
      const uint64_t pushed = pushed_[{name, std::string(now.log_id.bytes())}];
      if (pushed > 0 && now.after.value() + pushed > log.counts.recorded) {
        Fail(name, " had pushed ", pushed, " of a log, and has ", log.counts.recorded);
      }
    }
  }
  void OnAppended(const DeviceHistory& device, const std::string& name,
                  const Appended& appended) override {
    const auto log = device.logs.find(appended.priority);
    const uint64_t count = appended.count.value();
    if (log == device.logs.end() || count > log->second.size()) return;
    const IntentId& before = log->second[count - 1].id;
    const bool same = before == appended.intent_id || before.nil();
    if (!same || (!appended.repeated && !before.nil())) {
      Fail(name, ": count ", count, " was given before");
    }
  }

 private:
  std::map<std::pair<std::string, std::string>, uint64_t> pushed_;  // by device and device log
  std::set<std::string> replaced_;
};

// Whatever the versions: what a device recorded is decided, or waits behind something open. At the
// end every server knows every type.
class I32VersionSkew final : public Checker {
 public:
  I32VersionSkew() : Checker("I32VersionSkew") {}
  void AtEnd(World& world, const History& history, const Lanes&) override {
    for (const auto& [name, device] : history.devices()) {
      const Client& client = world.device(name);
      for (const auto& own : ListAll(client)) {
        if (own.state != RecordState::kPending) continue;
        const auto why = client.Why(IntentId::FromBytes(own.intent.intent_id()));
        const bool reason = why.ok() && (why->kind == BlockedBy::kParked ||
                                         why->kind == BlockedBy::kAwaitingReview);
        if (!reason) Fail(name, ": count ", own.count, " waits without a reason");
      }
    }
    for (const SeenEvent& event : history.log()) {
      const Reason& reason = event.header.reason();
      const bool skew =
          reason.code() == Reason::UNKNOWN_TYPE || reason.code() == Reason::NEWER_SCHEMA;
      if (skew && event.header.decision() != PARKED) {
        Fail("position ", event.position, " is ", Decision_Name(event.header.decision()),
             " because the server is too old");
      }
    }
  }
};

// The device's log stays within its quota, or refuses what is new.
class I35LogIsBounded final : public Checker {
 public:
  I35LogIsBounded() : Checker("I35LogIsBounded") {}
  void OnStep(World& world, const History& history) override {
    if (++steps_ % 4 != 0) return;
    for (const auto& [name, device] : history.devices()) {
      if (!world.device_runs(name)) continue;
      const ClientStatus status = world.device(name).Status();
      // Feed comes whatever is pending, one commit at a time.
      if (status.log_bytes > 2 * status.log_bytes_max + (1 << 20)) {
        Fail(name, " keeps ", status.log_bytes, " bytes; its quota is ", status.log_bytes_max);
      }
    }
  }

 private:
  uint64_t steps_ = 0;
};

}  // namespace

std::vector<std::unique_ptr<Checker>> DeviceCheckers(bool folds_fail) {
  std::vector<std::unique_ptr<Checker>> all;
  all.push_back(std::make_unique<I1AppendIsDurable>());
  all.push_back(std::make_unique<I2FailedAppendIsSafe>());
  all.push_back(std::make_unique<I6FailStop>());
  all.push_back(std::make_unique<I11NoOverwrite>());
  all.push_back(std::make_unique<I13CursorWithEffect>());
  if (!folds_fail) all.push_back(std::make_unique<I21LocalView>());
  all.push_back(std::make_unique<I31CountsAreNotReused>());
  all.push_back(std::make_unique<I32VersionSkew>());
  all.push_back(std::make_unique<I35LogIsBounded>());
  return all;
}

}  // namespace intentlog::simulation
