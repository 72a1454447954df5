// A device log that another copy of this folder writes to, too, goes on under a new name: what has
// no receipt moves there, with its intent_ids; what has one stays where it is. Which of the copies
// stays with the old name the server says: the one whose intents it took first.
//
//   Forked at a count       the server has another intent there         all from that count on
//   moves more at the server      an old copy of this folder came back:       nothing moves; the
//   log is another one took over   or one that runs at the same time           left once all has
//   receipts
//
// One durable write: a crash leaves it before or after.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "client/device.h"
#include "client/outbox/log_place.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

// So many names a log may have had. A device needs two or three; one that is told more often that
// its log is another's has a server that is wrong, and stops.
inline constexpr int kFormerLogsMax = 64;

struct NewLog {
  PriorityClass priority = kPlainClass;
  Count first;      // of the device, that moves: the first without a receipt
  std::string why;  // one sentence
  int64_t now_us = 0;
  InstanceId instance;
};

// Belongs to the sync session's thread, whose session must end: its Hello named the old log.
// FAILED_PRECONDITION, and nothing changes, unless all before `first` have receipts and nothing
// from there on has. RESOURCE_EXHAUSTED: the log had too many names.
//
// Copies of this folder that move the same first intent come to the same new name: so what they
// both have is on the server once.
absl::Status ContinueInNewLog(Device& device, const NewLog& how);

// After the server was restored: all of it goes to the server in the former log again, and comes
// to the same fork, if that is still so. Where the name was one by chance, it is taken again at the
// same count in any case. Otherwise as above; NOT_FOUND if what is before it was trimmed.
absl::Status GoBackToFormerLog(Device& device, PriorityClass priority);

}  // namespace intentlog
