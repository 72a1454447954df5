#include "server/feed/live_group.h"

#include <utility>

#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"

namespace intentlog {

LiveGroup::LiveGroup(Wanted wanted, size_t part_bytes_max)
    : wanted_(std::move(wanted)), part_bytes_max_(part_bytes_max) {}

LiveGroup::Part& LiveGroup::PartOf(std::string_view scope) {
  if (!parts_.empty() && parts_[last_part_].scope == scope) return parts_[last_part_];
  const auto [found, is_new] = part_of_.try_emplace(std::string(scope), parts_.size());
  last_part_ = found->second;
  if (is_new) {
    Part& part = parts_.emplace_back();
    part.scope = scope;
    part.complete = wanted_(scope);
  }
  return parts_[last_part_];
}

void LiveGroup::Add(const EventRef& event) {
  Part& part = PartOf(event.scope);
  if (!part.complete) return;
  if (Planted(Bug::kLiveSkipsScopes) && part.block.size() > 0) return;
  part.block.Add(event);
  if (part.block.bytes() > part_bytes_max_) {
    INTENTLOG_MARK("live group: too much for one frame");
    part.complete = false;
    part.block = BlockBuilder();
  }
}

}  // namespace intentlog
