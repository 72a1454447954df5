// The product's rules once more, as one would explain them: over the whole list of an entity's
// effective events, compared one by one, without summaries, bounds and hashes. For tests: what
// Admit says must be the same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "eventlog/runtime/ids.h"
#include "eventlog/schema/event_type.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"

namespace intentlog {

// An intent, or what became of it.
struct NaiveEvent {
  const EventType* type = nullptr;
  std::shared_ptr<const google::protobuf::Message> payload;
  LogId log;
  uint64_t position = 0;
  std::optional<int64_t> time_us;  // if it can be trusted
  std::set<std::string> without;   // names of fields
  bool without_all = false;
};

struct NaiveVerdict {
  Decision decision = ACCEPTED;
  Reason::Code code = Reason::CODE_UNSPECIFIED;
  std::set<std::string> fields;  // in question, or lost
  std::set<std::string> without;
  bool without_all = false;
  uint64_t duplicate_of = 0;

  friend bool operator==(const NaiveVerdict&, const NaiveVerdict&) = default;
};

// `effective`: in order of positions. Neither lanes nor duplicate keys are looked at.
NaiveVerdict NaiveAdmit(const NaiveEvent& intent, const std::vector<NaiveEvent>& effective,
                        const std::set<LogId>& own_logs, uint64_t base);

std::string ToText(const NaiveVerdict& verdict);

}  // namespace intentlog
