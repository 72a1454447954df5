// What becomes of work after a server was restored, or a device's disk was copied.
#include <map>
#include <set>

#include "eventlog/log/decision.h"
#include "tests/simulation/checkers.h"

namespace intentlog::simulation {
namespace {

// A server that was stopped as it should be has all that anybody saw.
class I7ShutdownLosesNothing final : public Checker {
 public:
  I7ShutdownLosesNothing() : Checker("I7ShutdownLosesNothing") {}
  void OnStopped(const History& history) override { least_ = history.log().size(); }
  void OnServerRestored(const History&) override { least_ = 0; }
  void OnServerStarted(const History&, uint64_t head) override {
    if (head < least_) Fail("it was stopped at ", least_, ", and begins at ", head);
  }

 private:
  uint64_t least_ = 0;
};

// Copies of a device never share a count for different work, and no work of theirs vanishes in
// that of another: each has its own place.
class I29CopiesComeApart final : public Checker {
 public:
  I29CopiesComeApart() : Checker("I29CopiesComeApart") {}
  void AtEnd(World& world, const History& history, const Lanes&) override {
    using Place = std::pair<std::string, uint64_t>;
    std::map<Place, std::pair<IntentId, std::string>> at;
    for (const auto& [name, device] : history.devices()) {
      const ClientStatus status = world.device(name).Status();
      for (const auto& [priority, log] : device.logs) {
        for (size_t count = 1; count <= log.size(); ++count) {
          const IntentId& id = log[count - 1].id;
          if (id.nil()) continue;
          const auto [log_id, there] = PlaceOnServer(status, {priority, Count(count)});
          const auto [first, fresh] = at.try_emplace(
              Place(std::string(log_id.bytes()), there.value()), std::pair(id, name));
          if (fresh || first->second.first == id) continue;
          Fail(name, " and ", first->second.second, " have different work under count ", there,
               " of one device log");
        }
      }
    }
  }
};

// What had taken effect, as its device knew, and was lost with a server's disk, is never refused
// when it comes back. That it comes back, I8 tells. Of two copies of a device the first to bring it
// tells what it knows.
class I30RestoredServer final : public Checker {
 public:
  I30RestoredServer() : Checker("I30RestoredServer") {}
  void OnServerRestored(const History&) override { restored_ = true; }
  void OnWelcome(World& world, const History& history, const std::string& device,
                 const Welcome&) override {
    if (!restored_ || !world.device_runs(device)) return;
    const auto listed = world.device(device).List(Count(1), 1'000'000);
    if (!listed.ok()) return;
    for (const auto& own : *listed) {
      const uint64_t at = own.position.value();
      const std::string& id = own.intent.intent_id();
      if (at == 0) continue;
      const bool there = at <= history.log().size() && history.log()[at - 1].intent_id == id;
      if (there) continue;
      auto& known = effective_[device];
      IsEffective(own.decision) ? void(known.insert(id)) : void(known.erase(id));
    }
  }
  // It may have forgotten what it was told.
  void OnEnded(const std::string& device, Ending how) override {
    if (how == Ending::kPowerCut) effective_.erase(device);
  }
  void OnDiskReplaced(const std::string& device, const std::string& of) override {
    effective_.erase(device);
    if (of != device) copied_.insert({device, of});
  }
  void AtEnd(World&, const History& history, const Lanes& lanes) override {
    std::map<std::string, const SeenEvent*> by_id;
    for (const SeenEvent& event : history.log()) by_id[event.intent_id] = &event;
    for (const auto& [device, ids] : effective_) {
      for (const std::string& id : ids) {
        const auto event = by_id.find(id);
        if (event == by_id.end()) continue;  // I8
        const Header& header = event->second->header;
        const auto outcome = lanes.outcomes().find({header.log_id(), header.count()});
        if (outcome != lanes.outcomes().end()) Check(device, outcome->second);
      }
    }
  }

 private:
  void Check(const std::string& device, const Outcome& outcome) {
    // What a person decided about something that is not open any more has no effect to keep.
    if (IsControl(outcome)) return;
    if (copied_.count(device) > 0 && !outcome.was_lost) return;
    const bool turned = outcome.now == REJECTED && outcome.closed == 0;
    const bool doubled = outcome.now == DUPLICATE && !outcome.by_person;
    const bool refused =
        outcome.first == REJECTED || outcome.first == DUPLICATE || turned || doubled;
    if (!refused) return;
    Fail("position ", outcome.position, " of ", device, " had taken effect before the server was ",
         "restored, and is ", Decision_Name(outcome.first), ", then ", Decision_Name(outcome.now));
  }

  bool restored_ = false;
  std::set<std::string> copied_;                            // devices of which there are two
  std::map<std::string, std::set<std::string>> effective_;  // intents, by device
};

}  // namespace

std::vector<std::unique_ptr<Checker>> CopyCheckers() {
  std::vector<std::unique_ptr<Checker>> all;
  all.push_back(std::make_unique<I7ShutdownLosesNothing>());
  all.push_back(std::make_unique<I29CopiesComeApart>());
  all.push_back(std::make_unique<I30RestoredServer>());
  return all;
}

}  // namespace intentlog::simulation
