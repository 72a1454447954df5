// A FeedFrame is a Feed serialized once, with what the hub must know of it. Values; safe to share.
#pragma once

#include <string>
#include <string_view>

#include "eventlog/log/chain.h"
#include "eventlog/runtime/numbers.h"
#include "server/session/frame_sink.h"

namespace intentlog {

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

// `block`: as eventlog/log/block.h makes it, or empty. Copied once.
FeedFrame MakeFeedFrame(std::string_view scope, Position from, const FeedPlace& through,
                        std::string_view epoch_id, std::string_view block);

}  // namespace intentlog
