// A FeedFrame is a Feed serialized once, with what the hub must know of it. Values; safe to share.
#pragma once

#include <string>
#include <string_view>

#include "eventlog/log/chain.h"
#include "eventlog/runtime/numbers.h"
#include "server/session/frame_sink.h"

namespace intentlog {

// How the blocks of a feed are sent. kPacked where it is worth it, to those that say they take it:
// they need a fifth of the bytes.
enum class FeedForm { kPlain, kPacked };

// A position with the chain value there. Feed frames end at such places alone.
struct FeedPlace {
  Position position;
  ChainValue chain = {};
};

struct FeedFrame {
  Position from;
  FeedPlace through;
  SharedFrame bytes;  // a serialized ServerFrame
};

// What a frame says beside its block: all of `scope` in (from, through].
struct FeedPart {
  std::string_view scope;
  Position from;
  FeedPlace through;
  std::string_view epoch_id;
};

// `block`: as eventlog/log/block.h makes it, or empty. Copied once.
FeedFrame MakeFeedFrame(const FeedPart& part, std::string_view block);

// Without a copy: `room_and_block` begins with `room` bytes that are free. FeedRoom tells how many
// are wanted; where they are others after all, the block is moved.
size_t FeedRoom(const FeedPart& part, size_t block_bytes);
FeedFrame MakeFeedFrame(const FeedPart& part, size_t room, std::string room_and_block);

}  // namespace intentlog
