// Whether an intent repeats what another one with the same duplicate key did. Pure.
#pragma once

#include <optional>

#include "server/admit/admission.h"

namespace intentlog {

// Nothing, if it is the first with its key, or the key's period is over by trusted device times.
// Parked behind the first, while that is open. Duplicate, if the first is effective and the content
// of the whole batch is equal. Otherwise conflicted, as a suspected duplicate: also where a period
// has to be measured with a clock that is not trusted, or the rule's outcome is REVIEW.
std::optional<Verdict> CheckDuplicateKey(const AdmitInput& input);

}  // namespace intentlog
