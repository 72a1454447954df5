// One decision for a batch. Pure.
#pragma once

#include "absl/types/span.h"
#include "server/admit/admission.h"

namespace intentlog {

// The strictest of the members' verdicts (rejected > conflicted > parked > duplicate > merged >
// accepted) holds for all; those that were better get BATCH_MEMBER as their reason.
//
// A duplicate holds only for a whole batch: if each member is one, or if one is by its key and the
// batches are equal (`whole_batch`; then nothing that clashes with the first itself counts, and
// each member is a duplicate of the one in its place). Otherwise all are conflicted, as suspected
// duplicates.
void DecideAsOne(absl::Span<Verdict> members);

}  // namespace intentlog
