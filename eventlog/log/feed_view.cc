#include "eventlog/log/feed_view.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/runtime/wire_fields.h"
#include "proto/sync.pb.h"

namespace intentlog {
namespace {

// Of the fields of a ServerFrame, all members of one choice: the last that is there counts.
constexpr uint32_t kFrameLast = ServerFrame::kEndsFieldNumber;

void TakeBytes(uint32_t number, std::string_view bytes, FeedView& feed) {
  if (number == Feed::kScopeFieldNumber) feed.scope = bytes;
  if (number == Feed::kChainFieldNumber) feed.chain = bytes;
  if (number == Feed::kEpochIdFieldNumber) feed.epoch_id = bytes;
  if (number == Feed::kBlockFieldNumber) feed.block = bytes;
}

void TakeVarint(uint32_t number, uint64_t value, FeedView& feed) {
  if (number == Feed::kFromFieldNumber) feed.from = value;
  if (number == Feed::kThroughFieldNumber) feed.through = value;
}

absl::StatusOr<FeedView> ParseFeed(std::string_view bytes) {
  FeedView feed;
  WireFields fields(bytes);
  while (fields.Next()) {
    if (fields.is_bytes()) TakeBytes(fields.number(), fields.bytes(), feed);
    if (fields.is_varint()) TakeVarint(fields.number(), fields.varint(), feed);
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
    if (fields.number() == ServerFrame::kFeedFieldNumber) feed = fields.bytes();
  }
  if (!fields.ok()) return Invalid("the frame does not parse");
  if (!feed) return std::optional<FeedView>();
  ASSIGN_OR_RETURN(const FeedView parsed, ParseFeed(*feed));
  return std::optional<FeedView>(parsed);
}

}  // namespace intentlog
