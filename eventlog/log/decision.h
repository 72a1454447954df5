// What a decision means for readers. Pure.
#pragma once

#include "proto/event.pb.h"

namespace intentlog {

// Accepted or merged: projections fold it.
inline bool IsEffective(Decision decision) { return decision == ACCEPTED || decision == MERGED; }
// Devices see it: effective, conflicted, or a settlement.
inline bool IsInFeed(const Header& header) {
  return IsEffective(header.decision()) || header.decision() == CONFLICTED ||
         header.settlement_of() != 0;
}

}  // namespace intentlog
