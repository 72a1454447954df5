#include "tests/simulation/history.h"

#include "eventlog/log/decision.h"
#include "eventlog/runtime/text.h"

namespace intentlog::simulation {

uint64_t History::HashOf(std::string_view bytes) { return std::hash<std::string_view>()(bytes); }

std::vector<SeenEvent> History::Read(const EventLog& log, bool all, std::string& problems) {
  std::vector<SeenEvent> fresh;
  const uint64_t head = log.head().position.value();
  if (head < log_.size()) {
    problems += Cat("the log ends at ", head, ", and position ", log_.size(), " was seen\n");
  }
  if (!all && head <= log_.size()) return fresh;
  const auto reader = log.Read(Position(all ? 1 : log_.size() + 1));
  while (true) {
    const auto more = reader->Next();
    if (!more.ok()) problems += Cat("the log can not be read: ", more.status(), "\n");
    if (!more.ok() || !*more) break;
    for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
      const EventRef ref = reader->block().event(i);
      SeenEvent seen;
      seen.position = ref.position.value();
      seen.intent_hash = HashOf(ref.intent);
      seen.hash = HashOf(ref.header) * 31 + seen.intent_hash;
      if (seen.position <= log_.size()) {
        if (log_[seen.position - 1].hash == seen.hash) continue;
        problems += Cat("position ", seen.position, " holds other bytes than before\n");
        continue;
      }
      Intent intent;
      if (seen.position != log_.size() + 1 ||
          !seen.header.ParseFromArray(ref.header.data(), static_cast<int>(ref.header.size())) ||
          !intent.ParseFromArray(ref.intent.data(), static_cast<int>(ref.intent.size()))) {
        problems += Cat("position ", seen.position, " after ", log_.size(), "\n");
        return fresh;
      }
      seen.scope = std::string(ref.scope);
      seen.in_feed = IsInFeed(seen.header);
      seen.intent_id = intent.intent_id();
      seen.type = intent.type();
      seen.payload = intent.payload();
      seen.batch_size = intent.batch_size();
      fresh.push_back(seen);
      log_.push_back(std::move(seen));
    }
  }
  return fresh;
}

}  // namespace intentlog::simulation
