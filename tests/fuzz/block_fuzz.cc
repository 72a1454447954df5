// Blocks of events, as they lie in a log and come in a Feed: parsed, walked, decoded, built anew.
//
//   tag bit 0: the checksum is made right     bit 1: comes within a Feed frame
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/log/block.h"
#include "eventlog/log/coding.h"
#include "eventlog/log/event.h"
#include "eventlog/log/feed_view.h"
#include "eventlog/log/golden.h"
#include "eventlog/log/packed_block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/schema/schema.h"
#include "proto/commerce.pb.h"
#include "proto/sync.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "xxhash.h"

namespace intentlog::fuzz {
namespace {

constexpr uint8_t kSeal = 1;
constexpr uint8_t kFrame = 2;
constexpr size_t kChecksumBytes = 8;

EventDecoder& Decoder() {
  static auto* const decoder =
      new EventDecoder(Schema::Compiled({commerce::OrderOpened::descriptor()->file()}));
  return *decoder;
}

// Its memory is made once: to make it anew takes longer than all else.
BlockUnpacker& Unpacker() {
  static auto* const unpacker = new BlockUnpacker;
  return *unpacker;
}

void SealBlock(std::string& bytes) {
  if (bytes.size() < kChecksumBytes) return;
  const size_t covered = bytes.size() - kChecksumBytes;
  StoreLittle(bytes.data() + covered, XXH3_64bits(bytes.data(), covered));
}

// What was parsed holds together, and building it anew gives the same events.
void Use(const BlockView& block) {
  BlockBuilder all;
  Position before;
  for (size_t i = 0; i < block.size(); ++i) {
    const EventRef event = block.event(i);
    if (event.position <= before || event.position > block.last()) Fail("positions do not ascend");
    before = event.position;
    if (block.FindScope(event.scope) > block.place(i).scope) Fail("a scope is not found");
    all.Add(event);
    (void)Decoder().Decode(event);
    (void)Decoder().DecodePending(event.intent);
  }
  const std::string again = all.Finish(block.chain());
  const auto parsed = BlockView::Parse(again);
  if (!parsed.ok() || parsed->size() != block.size() || parsed->last() != block.last()) {
    Fail("a block that was built anew is not the same");
  }
  BlockBuilder moved;
  moved.Add(block, 0, block.size());
  if (moved.Finish(block.chain()) != again) Fail("events moved together are not the same");
}

void UseBytes(std::string_view bytes) {
  const auto block = Unpacker().Parse(bytes);
  if (block.ok()) Use(*block);
}

}  // namespace

const bool kMessages = false;

void Run(const Pieces& pieces) {
  if (pieces.empty()) return;
  Piece piece = pieces.front();
  if ((piece.tag & kFrame) == 0) {
    if ((piece.tag & kSeal) != 0) SealBlock(piece.bytes);
    return Hostile(piece.bytes.size(), [&] { UseBytes(piece.bytes); });
  }
  Hostile(piece.bytes.size(), [&] {
    const auto feed = ParseFeedFrame(piece.bytes);
    if (!feed.ok() || !feed->has_value()) return;
    std::string block((*feed)->block);
    if ((piece.tag & kSeal) != 0) SealBlock(block);
    UseBytes(block);
  });
}

std::vector<Seed> Seeds() {
  const std::string log = GoldenBlock(GoldenLogEvents());
  const std::string many = GoldenBlock(GoldenManyEvents());
  const std::string holes = GoldenBlock(GoldenFeedEvents());
  ServerFrame frame;
  Feed& feed = *frame.mutable_feed();
  feed.set_scope("shop");
  feed.set_through(40);
  feed.set_chain(std::string(32, 'c'));
  feed.set_epoch_id(std::string(16, 'E'));
  feed.set_block(holes);
  return {{"log", {{kSeal, log}}},
          {"holes", {{kSeal, holes}}},
          {"as_it_is", {{0, log}}},
          {"packed", {{0, std::string(BlockPacker().Pack(many))}}},
          {"frame", {{kSeal | kFrame, frame.SerializeAsString()}}}};
}

}  // namespace intentlog::fuzz
