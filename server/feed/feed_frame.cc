// A block is appended to the other fields as bytes, because copying it through a message would cost
// twice as much:
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

}  // namespace

FeedFrame MakeFeedFrame(std::string_view scope, Position from, const FeedPlace& through,
                        std::string_view epoch_id, std::string_view block) {
  Feed feed;
  feed.set_scope(scope.data(), scope.size());
  feed.set_from(from.value());
  feed.set_through(through.position.value());
  feed.set_chain(Bytes(through.chain).data(), through.chain.size());
  feed.set_epoch_id(epoch_id.data(), epoch_id.size());
  std::string head = feed.SerializeAsString();
  if (!block.empty()) AppendTag(head, Feed::kBlockFieldNumber, block.size());
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(head.size() + block.size() + 12);
  AppendTag(*bytes, ServerFrame::kFeedFieldNumber, head.size() + block.size());
  bytes->append(head).append(block);
  return {from, through, std::move(bytes)};
}

}  // namespace intentlog
