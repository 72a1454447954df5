// What became of an intent of the server's own. A value.
#pragma once

#include "eventlog/runtime/numbers.h"
#include "proto/event.pb.h"

namespace intentlog {

struct OwnReceipt {
  Position position;
  Decision decision = DECISION_UNSPECIFIED;
  Reason reason;
};

}  // namespace intentlog
