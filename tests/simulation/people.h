// People at the devices of a simulated shop: what they record and decide, drawn at random, and what
// an application does when that fails. Thread-compatible.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/message.h"
#include "tests/simulation/checkers.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/world.h"

namespace intentlog::simulation {

class People {
 public:
  // All must outlive it.
  People(World& world, const Plan& plan, Checkers& checkers)
      : world_(world), plan_(plan), checkers_(checkers) {}

  // Somebody at `device`, which runs, does something.
  void Work(const std::string& device);
  // An operator decides about something open, or about rows that stand still.
  void Operate();
  // Appends whose outcome was not known are tried again, with their ids, after a restart.
  void TryAgain(const std::string& device);
  // Somebody there sells one more of something.
  void Sell(const std::string& device);
  // Whether an append is to be tried again there.
  bool IsUnsure(const std::string& device) const;

 private:
  struct Retry {
    std::vector<std::unique_ptr<google::protobuf::Message>> events;
    AppendOptions options;
  };
  Random& random() { return world_.random(); }
  std::string Name(const char* kind);
  std::unique_ptr<google::protobuf::Message> OfDevice(const std::string& device,
                                                      const google::protobuf::Message& event);
  void Record(const std::string& device, const std::vector<const google::protobuf::Message*>& what,
              const std::string& scope);
  void Append(const std::string& device, Retry what, bool again);
  void Judge(const std::string& device, const absl::Status& status, size_t intents,
             const IntentId& id);
  void WorkUponOrder(const std::string& device, uint64_t what);
  void Flush(const std::string& device);
  void RecordOne(const std::string& device);
  void RecordBatch(const std::string& device);
  void Decide(const std::string& device);
  void DecideRejected(const std::string& device);
  void Unpark();

  World& world_;
  const Plan& plan_;
  Checkers& checkers_;
  std::map<std::string, std::vector<Retry>> again_;  // by device
};

}  // namespace intentlog::simulation
