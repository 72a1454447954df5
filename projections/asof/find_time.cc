#include "projections/asof/find_time.h"

#include <optional>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/event.pb.h"

namespace intentlog {
namespace {

struct Stamp {
  Position position;
  int64_t time_us = 0;
};

// Of the first event at or above `from`; nothing at the log's end.
absl::StatusOr<std::optional<Stamp>> StampFrom(const ReadLog& read, Position from) {
  std::optional<Stamp> stamp;
  bool sound = true;
  RETURN_IF_ERROR(read(from, 1, [&](const EventRef& event) {
    Header header;
    sound = header.ParseFromArray(event.header.data(), static_cast<int>(event.header.size()));
    stamp = Stamp{event.position, header.server_time_us()};
    return false;
  }));
  if (!sound) return DataLoss("the header of event ", stamp->position, " does not parse");
  return stamp;
}

}  // namespace

absl::StatusOr<TimeFound> FindTime(const ReadLog& read, Position head, int64_t time_us) {
  TimeFound found;
  Position above = head.Next();  // no event of [found.last + 1, above) is known to be either
  while (found.last.Next() < above) {
    const Position middle = found.last.Plus((above.Since(found.last) + 1) / 2);
    ASSIGN_OR_RETURN(const std::optional<Stamp> stamp, StampFrom(read, middle));
    if (!stamp || stamp->position >= above) {
      above = middle;
    } else if (stamp->time_us <= time_us) {
      found.last = stamp->position;
    } else {
      above = middle;
      found.next = stamp->position;
    }
  }
  return found;
}

}  // namespace intentlog
