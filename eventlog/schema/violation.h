// A Violation is one broken rule of a payload or envelope: the code for programs, the field, and
// one sentence for people. A value.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "eventlog/runtime/text.h"
#include "proto/event.pb.h"

namespace intentlog {

struct Violation {
  Reason::Code code = Reason::CODE_UNSPECIFIED;
  std::string field;  // "quantity", "lines[2].quantity"; empty: the whole
  std::string text;   // names field, limit and value
};

inline absl::Status ToStatus(const Violation& violation) { return Invalid(violation.text); }

inline Reason ToReason(const Violation& violation) {
  Reason reason;
  reason.set_code(violation.code);
  reason.set_field(violation.field);
  reason.set_text(violation.text);
  return reason;
}

}  // namespace intentlog
