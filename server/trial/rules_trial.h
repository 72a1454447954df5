// A RulesTrial replays a recorded log through other rules: what would each intent's first decision
// have been? Pure but for the memory it takes: no store, no clock, no I/O.
//
// It decides as the server does: by device logs, batches, what each intent was based on, lanes that
// stop, duplicate keys and device clocks; a decision that differs has its consequences for those
// that come after it. What people decided (settlements) holds where the trial has the same event
// open; where it has not, there was nothing to decide.
//
// What a log does not tell:
//   - which device logs go on from others: an intent after a fork may look concurrent to its own
//   - sessions that pushed nothing: a clock may be trusted otherwise than it was. Where the log's
//     own decision follows from what it may have been, that is taken
//   - how people would have decided what is newly open: what is behind it stays parked
//   - what a device would have done, had it been told otherwise
//
// Thread-compatible.
//
//   RulesTrial trial(schema, log.epochs());
//   for (each event of the log, from position 1) RETURN_IF_ERROR(trial.Add(event));
//   trial.Finish();
//   trial.result()
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/log/block.h"
#include "eventlog/schema/schema.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

struct TrialOptions {
  // Entities and duplicate keys that are held at once. Memory grows with them, by about half a
  // kilobyte each: at the limit the trial ends with an error instead of taking the machine down.
  size_t entities_max = 4'000'000;
  // Examples of each change.
  size_t examples_max = 3;
};

struct TrialExample {
  uint64_t position = 0;
  std::string entity;  // "order/581482"
  std::string was_why;
  std::string why;
};

// One decision that became another.
struct TrialChange {
  uint64_t events = 0;
  std::vector<TrialExample> examples;  // the first ones
};

struct TrialTransition {
  Decision was = DECISION_UNSPECIFIED;
  Decision would_be = DECISION_UNSPECIFIED;  // equal: merged without other fields
  auto operator<=>(const TrialTransition&) const = default;
};

struct TrialOfType {
  uint64_t events = 0;  // that the log decided
  uint64_t changed = 0;
  std::map<TrialTransition, TrialChange> changes;
};

struct TrialResult {
  uint64_t events = 0;   // of the log
  uint64_t decided = 0;  // first decisions of devices' intents
  uint64_t changed = 0;
  uint64_t settled = 0;      // settlements that held in the trial too
  uint64_t not_settled = 0;  // of what the trial does not have open
  uint64_t still_open = 0;   // in the trial, at the log's end
  uint64_t entities = 0;
  std::map<std::string, TrialOfType> types;
};

class RulesTrial {
 public:
  RulesTrial(std::shared_ptr<const Schema> schema, std::vector<Epoch> epochs,
             const TrialOptions& options = {});
  ~RulesTrial();

  // DATA_LOSS: header or intent does not parse. RESOURCE_EXHAUSTED: too many entities.
  // REQUIRES: events come in position order, from the first on.
  absl::Status Add(const EventRef& event);
  // After the last one.
  absl::Status Finish();
  const TrialResult& result() const;

 private:
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
