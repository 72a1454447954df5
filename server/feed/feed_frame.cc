// The fields before the block are small; it follows them as bytes, because copying it through a
// message would cost twice as much:
//
//   ServerFrame.feed  tag, size | scope, from, through, chain, epoch_id | block tag, size, bytes
#include "server/feed/feed_frame.h"

#include <memory>
#include <utility>

#include "proto/sync.pb.h"

namespace intentlog {
namespace {

constexpr uint8_t kLengthDelimited = 2;

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void AppendTag(std::string& out, int field, uint64_t size) {
  AppendVarint(out, static_cast<uint64_t>(field) << 3 | kLengthDelimited);
  AppendVarint(out, size);
}

// All of a frame but its block.
std::string Head(const FeedPart& part, size_t block_bytes) {
  Feed feed;
  feed.set_scope(part.scope.data(), part.scope.size());
  feed.set_from(part.from.value());
  feed.set_through(part.through.position.value());
  feed.set_chain(Bytes(part.through.chain).data(), part.through.chain.size());
  feed.set_epoch_id(part.epoch_id.data(), part.epoch_id.size());
  std::string fields = feed.SerializeAsString();
  if (block_bytes > 0) AppendTag(fields, Feed::kBlockFieldNumber, block_bytes);
  std::string head;
  AppendTag(head, ServerFrame::kFeedFieldNumber, fields.size() + block_bytes);
  return head.append(fields);
}

}  // namespace

FeedFrame MakeFeedFrame(const FeedPart& part, std::string_view block) {
  const std::string head = Head(part, block.size());
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(head.size() + block.size());
  bytes->append(head).append(block);
  return {part.from, part.through, std::move(bytes)};
}

size_t FeedRoom(const FeedPart& part, size_t block_bytes) { return Head(part, block_bytes).size(); }

FeedFrame MakeFeedFrame(const FeedPart& part, size_t room, std::string room_and_block) {
  room_and_block.replace(0, room, Head(part, room_and_block.size() - room));
  return {part.from, part.through, std::make_shared<std::string>(std::move(room_and_block))};
}

}  // namespace intentlog
