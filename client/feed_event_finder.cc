#include "client/feed_event_finder.h"

#include "client/feed_blocks.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// Of the event at `position`; the block's size if it has none.
size_t IndexOf(const BlockView& block, Position position) {
  size_t index = 0;
  while (index < block.size() && block.position(index) != position) ++index;
  return index;
}

}  // namespace

absl::StatusOr<const Event*> FeedEventFinder::At(std::string_view scope, Position position) {
  for (const Held& held : held_) {
    if (held.scope != scope) continue;
    const size_t index = IndexOf(*held.block, position);
    if (index < held.block->size()) return decoder_.Decode(held.block->event(index));
  }
  absl::StatusOr<const Event*> found =
      NotFound("this device does not keep event ", position, " of scope ", scope);
  const auto take = [&](const BlockView& block) -> absl::StatusOr<bool> {
    bytes_ = block.bytes();
    const BlockView kept = block.In(bytes_);
    const size_t index = IndexOf(kept, position);
    if (index < kept.size()) found = decoder_.Decode(kept.event(index));
    return false;
  };
  RETURN_IF_ERROR(ForEachFeedBlock(store_, scope, position, take));
  return found;
}

}  // namespace intentlog
