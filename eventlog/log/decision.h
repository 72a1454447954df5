// What a decision means for readers. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/event.pb.h"

namespace intentlog {

// Accepted or merged: projections fold it.
inline bool IsEffective(Decision decision) { return decision == ACCEPTED || decision == MERGED; }
// Of Unpark, which is in no schema.
inline constexpr std::string_view kUnparkType = "intentlog.Unpark";
// Devices see it: effective, conflicted, or a settlement.
inline bool IsInFeed(const Header& header) {
  return IsEffective(header.decision()) || header.decision() == CONFLICTED ||
         header.settlement_of() != 0;
}

// As people and programs read it; "pending" where there is none yet.
inline std::string DecisionWord(Decision decision) {
  switch (decision) {
    case ACCEPTED:
      return "accepted";
    case MERGED:
      return "merged";
    case REJECTED:
      return "rejected";
    case DUPLICATE:
      return "duplicate";
    case CONFLICTED:
      return "conflicted";
    case PARKED:
      return "parked";
    default:
      return "pending";
  }
}

}  // namespace intentlog
