#include "server/admit/unseen.h"

namespace intentlog {
namespace {

using Writer = EntitySummary::Writer;

template <class Summary>
uint64_t Newest(const Summary& summary, const Viewpoint& from) {
  for (const Writer& writer : summary.writers()) {
    if (writer.position() <= from.base) return 0;  // and all that follow
    if (!Owns(from.own_logs, writer.log_id(), writer.position())) return writer.position();
  }
  return summary.older() > from.base ? summary.older() : 0;
}

// Of one log's concurrent events. An earlier one of the log, greater than its newest, may or may
// not be among them.
ByTime::Outcome CompareWith(const Writer& writer, int64_t time, uint64_t base) {
  if (writer.device_time_us() > time) return ByTime::kEarlier;
  const bool unknown =
      writer.device_time_us() == 0 || writer.untrusted() > base || writer.earlier_time_us() > time;
  return unknown ? ByTime::kUnknown : ByTime::kLater;
}

template <class Summary>
ByTime Compare(const Summary& summary, const Viewpoint& from) {
  if (!from.device_time_us) return {ByTime::kUnknown, Newest(summary, from)};
  const int64_t time = *from.device_time_us;
  ByTime result;
  for (const Writer& writer : summary.writers()) {
    if (writer.position() <= from.base) break;
    if (Owns(from.own_logs, writer.log_id(), writer.position())) continue;
    const ByTime::Outcome outcome = CompareWith(writer, time, from.base);
    if (outcome == ByTime::kEarlier) return {outcome, writer.position()};
    if (outcome == ByTime::kUnknown && result.position == 0) result = {outcome, writer.position()};
  }
  if (result.position != 0 || summary.older() <= from.base) return result;
  if (summary.untrusted_time() > from.base || summary.greatest_device_time_us() > time) {
    return {ByTime::kUnknown, summary.older()};
  }
  return result;
}

}  // namespace

uint64_t NewestUnseen(const EntitySummary::TypeSummary& writers, const Viewpoint& from) {
  return Newest(writers, from);
}

uint64_t NewestUnseen(const EntitySummary::FieldSummary& writers, const Viewpoint& from) {
  return Newest(writers, from);
}

ByTime CompareTimes(const EntitySummary::TypeSummary& writers, const Viewpoint& from) {
  return Compare(writers, from);
}

ByTime CompareTimes(const EntitySummary::FieldSummary& writers, const Viewpoint& from) {
  return Compare(writers, from);
}

}  // namespace intentlog
