// What is wrong in a quiet World, in words.
#include "client/outbox/intent_view.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/verify.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tests/simulation/world.h"

namespace intentlog::simulation {

std::string World::State() {
  if (!server_runs()) return "no server\n";
  const auto log = server().Log(kTenant);
  std::string out = log.ok() ? Cat("head ", (*log)->head().position, ", folded ",
                                   server().ViewPosition(kTenant), ", ", server().health(), "\n")
                             : Cat(log.status(), "\n");
  for (const auto& [name, node] : devices_) {
    if (node.client == nullptr) {
      out += Cat(name, ": does not run\n");
      continue;
    }
    const ClientStatus status = node.client->Status();
    out += Cat(name, status.connected ? ": connected" : ": not connected", ", pending ",
               status.counts.pending, ", parked ", status.counts.parked, ", ",
               BlockedWord(status.blocked_by.kind), " ", status.blocked_by.text, ", ",
               status.last_error);
    for (const ScopeStatus& scope : status.scopes) out += Cat(", ", scope.scope, " ", scope.cursor);
    out += "\n";
  }
  return out;
}

std::string World::Problems() {
  std::string out;
  CheckLog(out);
  if (copied_) CheckIds(out);
  for (auto& [name, node] : devices_) {
    if (node.client == nullptr) continue;
    CheckOutcomes(name, node, out);
    CheckDigests(name, node, out);
  }
  return out;
}

std::string World::DigestProblems() {
  std::string out;
  for (auto& [name, node] : devices_) {
    if (node.client != nullptr) CheckDigests(name, node, out);
  }
  return out;
}

// I8, I10, I12: every device log's counts are 1, 2, 3 …, each at one position; VerifyLog knows.
void World::CheckLog(std::string& out) {
  const auto log = server().Log(kTenant);
  if (!log.ok()) return void(out += Cat("log: ", log.status(), "\n"));
  const auto verified = VerifyLog(**log);
  if (!verified.ok()) return void(out += Cat("verify: ", verified.status(), "\n"));
  for (const std::string& problem : verified->problems) out += Cat("log: ", problem, "\n");
}

// I8, I29: copies of a device have intents in common, in logs of different names.
void World::CheckIds(std::string& out) {
  const auto log = server().Log(kTenant);
  if (!log.ok()) return void(out += Cat("log: ", log.status(), "\n"));
  std::map<std::string, Position> seen;
  const auto reader = (*log)->Read(Position(1));
  while (reader->Next().value_or(false)) {
    for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
      const EventRef event = reader->block().event(i);
      IntentView intent;
      INTENTLOG_CHECK(ReadIntent(event.intent, &intent).ok());
      const auto [first, fresh] = seen.emplace(intent.intent_id, event.position);
      if (fresh) continue;
      out += Cat("intent ", UuidText(intent.intent_id), " is at ", first->second, " and at ",
                 event.position, "\n");
    }
  }
}

std::pair<LogId, Count> PlaceOnServer(const ClientStatus& status, LogPlace place) {
  std::pair<LogId, Count> found;
  for (const LogStatus& log : status.logs) {
    if (log.priority != place.priority) continue;
    for (const LogName& name : log.names) {
      if (name.after < place.count) found = {name.log_id, Count(place.count.Since(name.after))};
    }
  }
  return found;
}

// I1, I16, I21: everything acknowledged is on the server under the outcome that the device knows.
void World::CheckOutcomes(const std::string& name, DeviceNode& node, std::string& out) {
  const auto log = server().Log(kTenant);
  if (!log.ok()) return;
  const ClientStatus status = node.client->Status();
  for (const auto& [place, id] : node.acknowledged) {
    const auto [log_id, count] = PlaceOnServer(status, place);
    const auto found = node.client->Find(id);
    if (!found.ok()) {
      out += Cat(name, ": lost intent at count ", count, ": ", found.status(), "\n");
      continue;
    }
    const auto run = (*log)->FindRun(log_id, count);
    if (!run.ok() || !run->has_value()) {
      out += Cat(name, ": count ", count, " is not on the server\n");
      continue;
    }
    const uint64_t position = (**run).first_position() + count.value() - (**run).first_count();
    if (found->position.value() != position) {
      out += Cat(name, ": count ", count, " is at ", position, ", the device says ",
                 found->position, "\n");
    }
  }
  const StateCounts& counts = status.counts;
  if (counts.recorded != node.acknowledged.size() ||
      counts.recorded != counts.synced + counts.pending + counts.failed + counts.conflicted) {
    out += Cat(name, ": ", node.acknowledged.size(), " acknowledged, but recorded ",
               counts.recorded, " = synced ", counts.synced, " + pending ", counts.pending,
               " + failed ", counts.failed, " + conflicted ", counts.conflicted, "\n");
  }
}

// I17: every scope that the device has, in every view. I13: the cursors agree.
void World::CheckDigests(const std::string& name, DeviceNode& node, std::string& out) {
  const auto models = server().Models(kTenant);
  if (!models.ok()) return void(out += Cat("models: ", models.status(), "\n"));
  for (const auto& projection : (*models)->projections()) {
    const std::string view = projection->info().name;
    const auto theirs = (*models)->Scopes(view);
    const auto mine = node.client->Digests(view);
    if (!theirs.ok() || !mine.ok()) {
      out += Cat(name, ": ", view, ": no digests\n");
      continue;
    }
    std::map<std::string, const ScopeState*> by_scope;
    for (const ScopeState& state : *theirs) by_scope[state.scope] = &state;
    for (const ScopeState& state : *mine) {
      const auto other = by_scope.find(state.scope);
      const bool equal = other == by_scope.end() ? state.rows == 0
                                                 : other->second->digest == state.digest &&
                                                       other->second->rows == state.rows;
      if (!equal) out += Cat(name, ": ", view, " of scope ", state.scope, " differs\n");
    }
  }
}

}  // namespace intentlog::simulation
