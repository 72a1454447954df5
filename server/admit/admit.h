// May this intent become effective? Admit is pure: the intent, the rules and a small summary of its
// entity go in; a decision comes out. No clock, no store, no I/O. Its cost does not grow with the
// number of concurrent events.
//
// The concurrent events of an intent are the effective events of its entity after `based_on`, less
// those of its own device log and of logs that it continues. None: accepted. Otherwise the rules of
// all pairs are asked, and the strictest outcome holds (rejected > conflicted > duplicate >
// merged):
//
//   SAME_IS_DUPLICATE    asked first: duplicate, if an equal event is there and nothing that
//   clashes
//                        came after it; otherwise as REVIEW
//   COMMUTES             merged
//   FIELDWISE            merged; where both set a field, its on_clash says: the intent's stands
//                        (LAST_WRITER_WINS), is lost (FIRST_WRITER_WINS), or conflicted (REVIEW)
//   LAST_WRITER_WINS     merged
//   FIRST_WRITER_WINS    rejected, with what won
//   REVIEW               conflicted: a person decides
//
// The last writer is the last in the server's order. Where both types have a device clock it is the
// later one by trusted device time: what is earlier is merged without what it lost; where a time is
// not trusted, conflicted. README.md has the table.
#pragma once

#include "server/admit/admission.h"

namespace intentlog {

// Whether the envelope names a scope and an entity, and so has a lane. What has none is malformed.
bool HasLane(const Intent& intent);

// Decides one intent by itself, in this order: malformed (rejected), unknown type or newer schema
// (parked), wrong scope or key, field rules, base ahead (rejected), open lane (parked), duplicate
// key, concurrent events.
Verdict Admit(const AdmitInput& input);

}  // namespace intentlog
