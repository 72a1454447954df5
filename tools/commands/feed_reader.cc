#include "tools/commands/feed_reader.h"

#include <utility>

#include "client/feed_blocks.h"
#include "eventlog/log/packed_block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

// One scope's blocks.
struct FeedReader::Lane {
  std::string scope;
  std::string prefix;
  std::unique_ptr<StoreCursor> cursor;
  BlockUnpacker unpacker;
  BlockView block;  // of cursor's value
  size_t next = 0;  // in block
  bool ended = false;
  EventRef event;  // the one to give next, unless ended
};

FeedReader::FeedReader(const Store& store, const std::vector<std::string>& scopes, Position from)
    : from_(from) {
  for (const std::string& scope : scopes) {
    auto lane = std::make_unique<Lane>();
    lane->scope = scope;
    const std::string first = FeedKey(scope, from);
    lane->prefix = first.substr(0, first.size() - sizeof(uint64_t));
    lane->cursor = store.Scan(Space::kLog);
    lane->cursor->Seek(first);
    lanes_.push_back(std::move(lane));
  }
}

FeedReader::~FeedReader() = default;

absl::Status FeedReader::Advance(Lane& lane) {
  do {
    while (lane.next == lane.block.size()) {
      if (lane.block.size() > 0) lane.cursor->Next();
      lane.next = 0;
      lane.block = BlockView();
      RETURN_IF_ERROR(lane.cursor->status());
      lane.ended = !lane.cursor->Valid() || !lane.cursor->key().starts_with(lane.prefix);
      if (lane.ended) return absl::OkStatus();
      absl::StatusOr<BlockView> block = lane.unpacker.Parse(lane.cursor->value());
      if (!block.ok()) return DataLoss("feed of scope ", lane.scope, ": ", block.status());
      if (block->size() == 0) {
        lane.cursor->Next();
        continue;
      }
      lane.block = std::move(*block);
      ++blocks_;
    }
    lane.event = lane.block.event(lane.next++);
  } while (lane.event.position < from_);
  return absl::OkStatus();
}

absl::StatusOr<const EventRef*> FeedReader::Next() {
  for (const auto& lane : lanes_) {
    if (!started_ || lane.get() == given_) RETURN_IF_ERROR(Advance(*lane));
  }
  started_ = true;
  given_ = nullptr;
  for (const auto& lane : lanes_) {
    if (lane->ended) continue;
    if (given_ == nullptr || lane->event.position < given_->event.position) given_ = lane.get();
  }
  return given_ == nullptr ? nullptr : &given_->event;
}

}  // namespace intentlog
