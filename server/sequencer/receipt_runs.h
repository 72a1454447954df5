// Receipts, as they are told: consecutive counts at consecutive positions with equal decisions are
// one run. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "eventlog/runtime/numbers.h"
#include "proto/event.pb.h"
#include "proto/sync.pb.h"

namespace intentlog {

void AddToRuns(Count count, Position position, Decision decision, const Reason& reason,
               uint64_t pointer, std::vector<ReceiptRun>& runs);

}  // namespace intentlog
