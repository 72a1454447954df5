// How a run goes as a whole: stores open, all settles once faults have stopped, and what is made
// again from the log or from a snapshot is what it was.
#include "tests/simulation/checkers.h"

namespace intentlog::simulation {
namespace {

// What a fault does to a disk is no damage: a store opens, or says that it cannot be written now.
// Histories that came back shorter are seen by I1, I3 and I7.
class I5CorruptionIsNeverSilent final : public Checker {
 public:
  I5CorruptionIsNeverSilent() : Checker("I5CorruptionIsNeverSilent") {}
  void OnNotStarted(const std::string& node, const absl::Status& status) override {
    if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) return;
    Fail(node, " does not open: ", status);
  }
};

// Faults have stopped: everything is settled within a bound, without a person.
class I15Liveness final : public Checker {
 public:
  I15Liveness() : Checker("I15Liveness") {}
  void OnUnsettled(World& world, absl::Duration within) override {
    Fail("not quiet after ", absl::FormatDuration(within), "\n", world.State());
  }
  void AtEnd(World& world, const History& history, const Lanes&) override {
    for (const auto& [name, device] : history.devices()) {
      for (const LogStatus& log : world.device(name).Status().logs) {
        const uint64_t waiting = log.counts.pending - log.counts.parked;
        if (waiting > 0) Fail(name, ": ", waiting, " intents have no receipt");
      }
    }
  }
};

// Read models that are made again from the log, in groups of another size, have the digests that
// they had: those of the devices.
class I18RebuildEqualsLive final : public Checker {
 public:
  I18RebuildEqualsLive() : Checker("I18RebuildEqualsLive") {}
  void OnRebuilt(World& world) override {
    const std::string problems = world.DigestProblems();
    if (!problems.empty()) Fail(problems);
  }
};

// A snapshot stands for the log as it is, and what began with one is what a fold from the first
// event gives.
class I20Snapshots final : public Checker {
 public:
  I20Snapshots() : Checker("I20Snapshots") {}
  void OnSnapshot(const History& history, const std::string& device,
                  const SnapshotHead& head) override {
    sent_.insert(device);
    const auto& log = history.log();
    if (head.position() > log.size()) {
      return Fail(device, " was sent a snapshot at ", head.position(), " of a log that ends at ",
                  log.size());
    }
    uint64_t events = 0;
    for (uint64_t at = 0; at < head.position(); ++at) {
      if (log[at].in_feed && log[at].scope == head.scope()) ++events;
    }
    if (head.events() == 0 || head.events() == events) return;
    Fail(device, " was sent a snapshot of ", head.scope(), " at ", head.position(), " for ",
         head.events(), " events, and there are ", events);
  }
  void AtEnd(World& world, const History&, const Lanes&) override {
    if (sent_.empty()) return;
    const std::string problems = world.DigestProblems();
    if (!problems.empty()) Fail("after ", sent_.size(), " devices were sent some: ", problems);
  }

 private:
  std::set<std::string> sent_;  // devices
};

}  // namespace

std::vector<std::unique_ptr<Checker>> RunCheckers() {
  std::vector<std::unique_ptr<Checker>> all;
  all.push_back(std::make_unique<I5CorruptionIsNeverSilent>());
  all.push_back(std::make_unique<I15Liveness>());
  all.push_back(std::make_unique<I18RebuildEqualsLive>());
  all.push_back(std::make_unique<I20Snapshots>());
  return all;
}

}  // namespace intentlog::simulation
