#include "server/trial/recorded_clock.h"

namespace intentlog {
namespace {

ClockFacts Known(int64_t before_us, int64_t after_us, const Header& header, const Intent& intent) {
  ClockFacts facts;
  facts.known = true;
  facts.skew_before_us = before_us;
  facts.skew_after_us = after_us;
  facts.steps_before = facts.steps_after = intent.clock_steps();
  facts.server_now_us = header.server_time_us();
  return facts;
}

}  // namespace

std::array<ClockFacts, 3> RecordedClocks::Facts(const Header& header, const Intent& intent) {
  const auto [found, added] = sessions_.try_emplace(LogId::FromBytes(header.log_id()));
  Session& session = found->second;
  if (header.skew_us() != 0 || added) {  // a session's first event says it
    session.had_before = !added;
    session.skew_before_us = session.skew_us;
    session.skew_us = header.skew_us();
    session.first_us = header.server_time_us();
  }
  ClockFacts unknown;
  unknown.server_now_us = header.server_time_us();
  const ClockFacts within = Known(session.skew_us, session.skew_us, header, intent);
  if (intent.device_time_us() >= session.first_us + session.skew_us) {
    return {within, unknown, unknown};
  }
  if (!session.had_before) return {unknown, within, unknown};
  return {Known(session.skew_before_us, session.skew_us, header, intent), within, unknown};
}

}  // namespace intentlog
