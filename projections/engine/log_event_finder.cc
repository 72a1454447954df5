#include "projections/engine/log_event_finder.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

absl::StatusOr<const Event*> LogEventFinder::At(std::string_view scope, Position position) {
  const auto in_hand = [&] {
    return reader_ != nullptr && reader_->block().first() <= position &&
           position <= reader_->block().last();
  };
  if (!in_hand()) {
    reader_ = log_.Read(position);
    ASSIGN_OR_RETURN(const bool found, reader_->Next());
    if (!found || !in_hand()) {
      reader_ = nullptr;
      return NotFound("the log has no event ", position, " (its head is ", log_.head().position,
                      ")");
    }
  }
  const BlockView& block = reader_->block();
  const EventRef ref = block.event(position.value() - block.first().value());
  if (ref.scope != scope) {
    return DataLoss("event ", position, " is of scope ", ref.scope, ", not of ", scope);
  }
  return decoder_.Decode(ref);
}

}  // namespace intentlog
