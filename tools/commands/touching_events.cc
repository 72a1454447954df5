#include "tools/commands/touching_events.h"

#include "eventlog/runtime/check.h"

namespace intentlog {

absl::Status TouchingEvents::Add(const EventRef& ref) {
  const auto scope = found_.find(ref.scope);
  if (!ref.in_feed || scope == found_.end()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Event* const event, decoder_.Decode(ref));
  const ProjectionInfo info = projection_.info();
  if (event->unpark != nullptr) {
    if (event->unpark->view() != info.name) return absl::OkStatus();
    for (auto& [key, found] : scope->second) {
      if (event->unpark->all_keys() || event->unpark->key() == key) Take(ref, found);
    }
    return absl::OkStatus();
  }
  if (!event->effective && !info.decisions) return absl::OkStatus();
  keys_.Clear();
  projection_.Keys(*event, keys_);
  for (size_t i = 0; i < keys_.size(); ++i) {
    const auto row = scope->second.find(keys_[i]);
    if (row != scope->second.end()) Take(ref, row->second);
  }
  return absl::OkStatus();
}

void TouchingEvents::Take(const EventRef& event, Found& found) const {
  ++found.count;
  found.last.push_back({event.position, std::string(event.scope), std::string(event.header),
                        std::string(event.intent)});
  if (found.last.size() > events_max_) found.last.pop_front();
}

}  // namespace intentlog
