#include "server/sequencer/receipt_runs.h"

namespace intentlog {
namespace {

bool SameReason(const Reason& a, const Reason& b) {
  return a.code() == b.code() && a.other_position() == b.other_position() &&
         a.field() == b.field() && a.text() == b.text();
}

}  // namespace

void AddToRuns(Count count, Position position, Decision decision, const Reason& reason,
               uint64_t pointer, std::vector<ReceiptRun>& runs) {
  if (!runs.empty()) {
    ReceiptRun& last = runs.back();
    if (last.first_count() + last.length() == count.value() &&
        last.first_position() + last.length() == position.value() && last.decision() == decision &&
        last.pointer() == pointer && SameReason(last.reason(), reason)) {
      last.set_length(last.length() + 1);
      return;
    }
  }
  ReceiptRun& run = runs.emplace_back();
  run.set_first_count(count.value());
  run.set_first_position(position.value());
  run.set_length(1);
  run.set_decision(decision);
  if (reason.code() != Reason::CODE_UNSPECIFIED) *run.mutable_reason() = reason;
  run.set_pointer(pointer);
}

}  // namespace intentlog
