#include "server/admit/duplicate_key.h"

#include <cstdlib>

#include "eventlog/runtime/text.h"
#include "server/admit/clock.h"
#include "server/admit/content.h"
#include "server/admit/decided.h"

namespace intentlog {
namespace {

enum class Period { kWithin, kOver, kUnknown };

Period PeriodSince(const FirstWithKey& first, const AdmitInput& input) {
  const int64_t period_us = input.type->duplicate_period_us();
  if (period_us == 0) return Period::kWithin;  // for good
  const auto time_us = TrustedTime(*input.type, *input.intent, input.clock);
  if (!time_us || !first.time_trusted()) return Period::kUnknown;
  const uint64_t passed = first.device_time_us() > *time_us
                              ? static_cast<uint64_t>(first.device_time_us() - *time_us)
                              : static_cast<uint64_t>(*time_us - first.device_time_us());
  return passed <= static_cast<uint64_t>(period_us) ? Period::kWithin : Period::kOver;
}

void NameKey(const AdmitInput& input, Rule rule, Verdict& verdict) {
  verdict.reason.set_other_position(input.first_with_key->position());
  verdict.reason.set_rule(rule);
  for (const std::string& field : input.type->rules().duplicate_key().fields()) {
    verdict.reason.add_fields(field);
  }
}

Verdict Suspected(const AdmitInput& input, Rule rule, std::string_view why) {
  Verdict verdict = Decided(CONFLICTED, Reason::SUSPECTED_DUPLICATE, "",
                            Cat("has the duplicate key of position ",
                                input.first_with_key->position(), why, "; a person decides"));
  NameKey(input, rule, verdict);
  return verdict;
}

}  // namespace

std::optional<Verdict> CheckDuplicateKey(const AdmitInput& input) {
  if (input.first_with_key == nullptr || input.type->duplicate_key().empty()) return std::nullopt;
  const FirstWithKey& first = *input.first_with_key;
  const Period period = PeriodSince(first, input);
  if (period == Period::kOver) return std::nullopt;
  const Decision decision = first.decision();
  if (decision == CONFLICTED || decision == PARKED || decision == REJECTED) {
    Verdict verdict = Decided(
        PARKED, Reason::BEHIND_OPEN, "",
        Cat("waits behind position ", first.position(), ", which has the same duplicate key"));
    NameKey(input, SAME_IS_DUPLICATE, verdict);
    verdict.behind = first.position();
    return verdict;
  }
  const Rule rule = input.type->rules().duplicate_key().outcome();
  if (rule != SAME_IS_DUPLICATE) return Suspected(input, rule, "");
  if (period == Period::kUnknown) return Suspected(input, rule, ", and the clock is not trusted");
  const uint64_t content =
      input.batch_content != 0 ? input.batch_content : ContentHash(*input.type, *input.payload);
  if (content != first.content() || (decision != ACCEPTED && decision != MERGED)) {
    return Suspected(input, rule, " and other content");
  }
  Verdict verdict = Decided(DUPLICATE, Reason::SAME_CONTENT, "",
                            Cat("is what position ", first.position(), " is already"));
  NameKey(input, rule, verdict);
  verdict.duplicate_of = first.position();
  verdict.whole_batch = input.batch_content != 0;
  return verdict;
}

}  // namespace intentlog
