// What had been effective in an epoch that was lost is never now rejected, and never a duplicate:
// where Admit says so, a person decides. What is parked goes on waiting.
#pragma once

#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "server/admit/admission.h"

namespace intentlog {

inline void KeepRestored(Verdict& verdict) {
  const bool refused = verdict.decision == REJECTED || verdict.decision == DUPLICATE ||
                       verdict.decision == CONFLICTED;
  Reason& reason = verdict.reason;
  // Bytes that are no intent had no effect, whatever is said of them.
  if (!refused || reason.code() == Reason::MALFORMED) return;
  if (Planted(Bug::kRestoredIsRefused)) return;
  verdict.decision = CONFLICTED;
  if (reason.code() == Reason::BATCH_MEMBER) return;
  if (verdict.duplicate_of != 0) reason.set_other_position(verdict.duplicate_of);
  verdict.duplicate_of = 0;
  reason.set_code(Reason::RESTORED);
  reason.set_text(Cat("had taken effect before the server was restored; now: ",
                      reason.text().empty() ? "it would be a duplicate" : reason.text()));
}

}  // namespace intentlog
