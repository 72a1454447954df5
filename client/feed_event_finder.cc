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
    if (held.scope != scope || position < held.first || position > held.last) continue;
    ASSIGN_OR_RETURN(const BlockView block, unpacker_.Parse(held.block));
    const size_t index = IndexOf(block, position);
    if (index < block.size()) return decoder_.Decode(block.event(index));
  }
  absl::StatusOr<const Event*> found =
      NotFound("this device does not keep event ", position, " of scope ", scope);
  const auto take = [&](const BlockView& block, size_t /*bytes*/) -> absl::StatusOr<bool> {
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
