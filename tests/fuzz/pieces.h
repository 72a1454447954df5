// What a fuzzer hands to a target: a few pieces of bytes, each with a tag that the target gives a
// meaning (which frame, what is repaired before it is used). Any bytes are some pieces, so nothing
// that a fuzzer makes is refused.
//
//   tag  1 byte | size  2 bytes, little-endian | bytes      … and so on; the last may be cut short
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace intentlog::fuzz {

struct Piece {
  uint8_t tag = 0;
  std::string bytes;
};
using Pieces = std::vector<Piece>;

inline constexpr size_t kPieceBytesMax = 65535;

Pieces ParsePieces(std::string_view input);
// REQUIRES: no piece is above kPieceBytesMax.
std::string JoinPieces(const Pieces& pieces);

using Dice = std::minstd_rand;
inline size_t Below(Dice& dice, size_t bound) { return dice() % bound; }

// Changes bytes without any idea of what they mean; they may grow by a third.
using MutateBytes = void (*)(std::string& bytes);

// One field of a serialized message, however deep, is removed, repeated, moved, replaced or
// changed; all lengths are right again. Bytes that are no message are left to `mutate`.
void MutateMessage(std::string& message, Dice& dice, MutateBytes mutate);

// Changes one piece, as a message or as bytes, or removes, repeats, swaps or retags pieces.
void MutatePieces(Pieces& pieces, Dice& dice, bool messages, MutateBytes mutate);

}  // namespace intentlog::fuzz
