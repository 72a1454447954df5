// What a server's log says became of every intent, read without any of the server's code: for
// checking what the server did. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/log/event_log.h"
#include "proto/event.pb.h"

namespace intentlog::simulation {

// One intent of a device log.
struct Outcome {
  uint64_t position = 0;
  std::string type;
  std::string entity;       // "type/id"; empty: it has no lane
  uint32_t batch_size = 0;  // if it begins a batch
  Decision first = DECISION_UNSPECIFIED;
  Decision now = DECISION_UNSPECIFIED;  // as the last settlement left it
  uint64_t settled_at = 0;              // of the settlement that closed it; 0: none did
  int closed = 0;                       // how often; more than once is wrong
  bool by_person = false;               // that closed it, or an operator
  bool was_lost = false;                // whoever brought it knew where it had been before
  uint64_t behind = 0;                  // of a parked one: what it waited for at first
  uint64_t key = 0;                     // hash of its duplicate key; 0: it has none
  // Where it took effect; 0: nowhere.
  uint64_t effect = 0;
};

// A Resolve, Amend or Dismiss: it waits for nothing, and stops nothing.
bool IsControl(const Outcome& outcome);

class Lanes {
 public:
  // Reads the whole log. `continued`: device logs that go on from others.
  explicit Lanes(const EventLog& log, std::map<std::string, std::string> continued = {});

  // By device log and count.
  const std::map<std::pair<std::string, uint64_t>, Outcome>& outcomes() const { return outcomes_; }
  // What is wrong, a line each: an intent twice, a stopper closed twice, or work of one lane that
  // took effect in another order than it was recorded in.
  const std::string& problems() const { return problems_; }
  // What is parked still, though nothing is open that it could wait for: a line each. It waits for
  // what stopped its lane first, and then for what stopped it again, in any lane of its batch; or
  // for another with its duplicate key, about which somebody has to decide.
  std::string WaitsForNothing() const;

 private:
  void Add(const Header& header, const Intent& intent);
  void Close(const Header& header, const Intent& intent);
  void CheckOrder();
  bool IsOpen(const Outcome& outcome) const;
  // Of a device log and an entity.
  using Lane = std::pair<std::string, std::string>;
  bool IsStopped(const std::set<Lane>& stopped, std::string log, const std::string& entity) const;

  std::map<std::pair<std::string, uint64_t>, Outcome> outcomes_;
  std::map<uint64_t, Outcome*> by_position_;
  std::map<uint64_t, std::string> log_at_;  // the device log of a position
  // Lane of each device log: entity → counts, ascending.
  std::map<Lane, std::vector<uint64_t>> lanes_;
  const std::map<std::string, std::string> continued_;
  std::string problems_;
};

}  // namespace intentlog::simulation
