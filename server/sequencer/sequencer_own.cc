// What the server itself asks of its sequencer.
#include <utility>

#include "eventlog/runtime/check.h"
#include "server/sequencer/sequencer.h"

namespace intentlog {

bool Sequencer::SubmitOwn(Intent intent, std::string resolver, OwnDone done) {
  if (stopped_) return true;
  if (own_.size() >= options_.own_intents_max) return false;
  own_.push_back({std::move(intent), std::move(resolver), std::move(done)});
  SchedulePump();
  return true;
}

absl::Status Sequencer::Adopt(std::shared_ptr<const Schema> schema) {
  RETURN_IF_ERROR(decider_.Adopt(std::move(schema)));
  SchedulePump();
  return absl::OkStatus();
}

bool Sequencer::HasWork() const {
  return !waiting_.empty() || !rows_.empty() || !own_.empty() || decider_.has_work();
}

absl::Status Sequencer::DecideOwn(Group& group) {
  for (Own& own : own_) {
    ASSIGN_OR_RETURN(OwnReceipt receipt, decider_.DecideOwn(own.intent, own.resolver));
    group.rows_done.push_back(
        [done = std::move(own.done), receipt = std::move(receipt)] { done(receipt); });
  }
  own_.clear();
  return absl::OkStatus();
}

}  // namespace intentlog
