#include "eventlog/log/feed_view.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/runtime/wire_fields.h"

namespace intentlog {
namespace {

// Field numbers of proto/sync.proto.
constexpr uint32_t kFrameFeed = 3;
constexpr uint32_t kFrameLast = 9;
constexpr uint32_t kFeedScope = 1;
constexpr uint32_t kFeedFrom = 2;
constexpr uint32_t kFeedThrough = 3;
constexpr uint32_t kFeedChain = 4;
constexpr uint32_t kFeedEpochId = 5;
constexpr uint32_t kFeedBlock = 6;

void TakeBytes(uint32_t number, std::string_view bytes, FeedView& feed) {
  if (number == kFeedScope) feed.scope = bytes;
  if (number == kFeedChain) feed.chain = bytes;
  if (number == kFeedEpochId) feed.epoch_id = bytes;
  if (number == kFeedBlock) feed.block = bytes;
}

absl::StatusOr<FeedView> ParseFeed(std::string_view bytes) {
  FeedView feed;
  WireFields fields(bytes);
  while (fields.Next()) {
    if (fields.is_bytes()) TakeBytes(fields.number(), fields.bytes(), feed);
    if (fields.is_varint() && fields.number() == kFeedFrom) feed.from = fields.varint();
    if (fields.is_varint() && fields.number() == kFeedThrough) feed.through = fields.varint();
  }
  if (!fields.ok()) return Invalid("the Feed does not parse");
  return feed;
}

}  // namespace

absl::StatusOr<std::optional<FeedView>> ParseFeedFrame(std::string_view server_frame) {
  std::optional<std::string_view> feed;
  WireFields fields(server_frame);
  while (fields.Next()) {
    if (fields.number() > kFrameLast || !fields.is_bytes()) continue;  // of a newer version
    feed.reset();
    if (fields.number() == kFrameFeed) feed = fields.bytes();
  }
  if (!fields.ok()) return Invalid("the frame does not parse");
  if (!feed) return std::optional<FeedView>();
  ASSIGN_OR_RETURN(const FeedView parsed, ParseFeed(*feed));
  return std::optional<FeedView>(parsed);
}

}  // namespace intentlog
