// Waiting for the server's word, and how safe an intent is.
#include <condition_variable>
#include <mutex>

#include "client/client_rep.h"
#include "client/outbox/intent_reader.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

bool HasReceipt(const OutboxView& view, Count count) {
  if (count <= view.receipted) return true;
  for (const CountRange& island : view.islands) {
    if (island.first <= count && count <= island.last) return true;
  }
  return false;
}

// The answer that WaitForReceipt waits for.
struct Answer {
  std::mutex mutex;
  std::condition_variable come;
  std::optional<Client::RecordedIntent> intent;  // protected by mutex
};

}  // namespace

absl::Status Client::AwaitReceipt(const IntentId& intent, ReceiptCallback callback) {
  Rep* const rep = rep_.get();
  ASSIGN_OR_RETURN(const LogPlace place, rep->device->outbox->Find(intent));
  if (rep->waiters->size() >= rep->options.awaited_max) {
    return Exhausted("at most ", rep->options.awaited_max, " receipts are awaited at a time");
  }
  rep->waiters->Add([this, rep, intent, place, callback = std::move(callback)] {
    if (!HasReceipt(rep->device->outbox->view(place.priority), place.count)) return false;
    const auto recorded = Find(intent);
    if (recorded.ok()) callback(*recorded);
    return true;
  });
  return absl::OkStatus();
}

absl::StatusOr<Client::RecordedIntent> Client::WaitForReceipt(const IntentId& intent,
                                                              absl::Duration timeout) {
  const auto answer = std::make_shared<Answer>();
  RETURN_IF_ERROR(AwaitReceipt(intent, [answer](const RecordedIntent& recorded) {
    const std::lock_guard<std::mutex> lock(answer->mutex);
    answer->intent = recorded;
    answer->come.notify_all();
  }));
  std::unique_lock<std::mutex> lock(answer->mutex);
  const bool come = answer->come.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                                          [&] { return answer->intent.has_value(); });
  if (come) return *std::move(answer->intent);
  return StatusOf(absl::StatusCode::kDeadlineExceeded, "intent ", ToText(intent),
                  " has no receipt after ", absl::FormatDuration(timeout), ": ",
                  Status().blocked_by.text);
}

absl::StatusOr<Safety> Client::SafetyOf(const IntentId& intent) const {
  ASSIGN_OR_RETURN(const RecordedIntent recorded, Find(intent));
  if (recorded.decision == DECISION_UNSPECIFIED) return Safety::kRecorded;
  const auto cursor = rep_->device->cursors->Find(recorded.intent.scope());
  Position effect;  // where it takes effect
  if (recorded.decision == DUPLICATE) {
    effect = Position(recorded.pointer);
  } else if (IsEffective(recorded.decision)) {
    effect = std::max(recorded.position, recorded.settled_at);
  }
  const bool shown = effect > Position() && cursor && cursor->position >= effect;
  return shown ? Safety::kShown : Safety::kReceived;
}

}  // namespace intentlog
