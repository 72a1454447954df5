#include "projections/engine/checked.h"

#include "eventlog/runtime/text.h"

namespace intentlog {

absl::Status FieldOverflow(std::string_view field) {
  return StatusOf(absl::StatusCode::kOutOfRange, "field ", field,
                  " would not fit into 64 bits: correct the amount in the event");
}

}  // namespace intentlog
