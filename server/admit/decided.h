// Verdicts in one line.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "server/admit/admission.h"

namespace intentlog {

inline Verdict Decided(Decision decision, Reason::Code code, std::string_view field,
                       std::string text) {
  Verdict verdict;
  verdict.decision = decision;
  verdict.reason.set_code(code);
  verdict.reason.set_field(field.data(), field.size());
  verdict.reason.set_text(std::move(text));
  return verdict;
}

}  // namespace intentlog
