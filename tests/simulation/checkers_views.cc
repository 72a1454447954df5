// Read models: equal on all nodes, and equal to what a rebuild gives.
#include "tests/simulation/checkers.h"

namespace intentlog::simulation {
namespace {

// At equal positions device and server have equal digests, in every view and scope.
class I17Convergence final : public Checker {
 public:
  I17Convergence() : Checker("I17Convergence") {}
  void AtEnd(World& world, const History& history, const Lanes&) override {
    const std::string problems = world.DigestProblems();
    if (!problems.empty()) Fail(problems);
    for (const auto& [name, device] : history.devices()) {
      const ClientStatus status = world.device(name).Status();
      if (status.digests_unequal > 0) {
        Fail(name, " found ", status.digests_unequal, " digests unequal");
      }
      CheckScopes(name, world.device(name), status);
    }
  }

 private:
  // A device has rows of what it follows, and of nothing else.
  void CheckScopes(const std::string& name, const Client& client, const ClientStatus& status) {
    std::set<std::string> followed;
    for (const ScopeStatus& scope : status.scopes) followed.insert(scope.scope);
    for (const auto& projection : client.models().projections()) {
      const std::string view = projection->info().name;
      const auto scopes = client.Digests(view);
      if (!scopes.ok()) return Fail(name, ": ", view, ": ", scopes.status());
      for (const ScopeState& scope : *scopes) {
        if (scope.rows == 0 || followed.count(scope.scope) > 0) continue;
        Fail(name, ": ", view, " has rows of scope ", scope.scope, ", which it does not follow");
      }
    }
  }
};

// Rows that stand still are the same on every node, and nothing else stands still: I15 and I17.
class I22PoisonParks final : public Checker {
 public:
  I22PoisonParks() : Checker("I22PoisonParks") {}
  void AtEnd(World& world, const History& history, const Lanes&) override {
    const auto models = world.server().Models("shop");
    if (!models.ok()) return Fail(models.status());
    for (const auto& projection : (*models)->projections()) {
      const std::string view = projection->info().name;
      const auto theirs = Standing(**models, view);
      for (const auto& [name, device] : history.devices()) {
        const Client& client = world.device(name);
        for (const auto& row : Standing(client.models(), view)) {
          if (theirs.count(row) == 0) Fail(name, ": a row of ", view, " stands still there alone");
        }
      }
    }
  }

 private:
  using Place = std::pair<std::string, uint64_t>;
  std::set<Place> Standing(const ReadModels& models, const std::string& view) {
    std::set<Place> places;
    const auto parked = models.Parked(view, 100'000);
    if (!parked.ok()) Fail(parked.status());
    if (!parked.ok()) return places;
    for (const ParkedRow& row : *parked) places.emplace(row.key, row.position.value());
    return places;
  }
};

}  // namespace

std::vector<std::unique_ptr<Checker>> ViewCheckers() {
  std::vector<std::unique_ptr<Checker>> all;
  all.push_back(std::make_unique<I17Convergence>());
  all.push_back(std::make_unique<I22PoisonParks>());
  return all;
}

}  // namespace intentlog::simulation
