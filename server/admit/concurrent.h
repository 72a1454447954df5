// What the product's rules make of an intent that has concurrent events. Pure.
#pragma once

#include <optional>

#include "server/admit/admission.h"

namespace intentlog {

// Duplicate, if an equal concurrent event is effective and nothing that clashes came after it, own
// events included: an order that was opened again is cancelled again. Otherwise nothing, and equal
// or not, the rule counts as REVIEW. REQUIRES: input.entity is not null; the payload is sound.
std::optional<Verdict> CheckSame(const AdmitInput& input);

// The strictest outcome of all pairs, and what the intent goes without. REQUIRES: as CheckSame,
// which was asked first.
Verdict CheckConcurrent(const AdmitInput& input);

}  // namespace intentlog
