#include "tests/fuzz/pieces.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"

namespace intentlog::fuzz {
namespace {

constexpr size_t kHeadBytes = 3;
constexpr int kDepthMax = 8;
constexpr int kVarint = 0;
constexpr int kFixed64 = 1;
constexpr int kBytes = 2;
constexpr int kFixed32 = 5;

struct Field {
  uint64_t tag = 0;
  uint64_t number = 0;  // of a varint
  std::string bytes;    // of any other kind
  int kind() const { return static_cast<int>(tag & 7); }
};
using Fields = std::vector<Field>;

bool TakeVarint(std::string_view& rest, uint64_t* value) {
  *value = 0;
  for (int i = 0; i < 10 && !rest.empty(); ++i) {
    const auto byte = static_cast<uint8_t>(rest.front());
    rest.remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return true;
  }
  return false;
}

bool TakeField(std::string_view& rest, Field* field) {
  if (!TakeVarint(rest, &field->tag) || field->tag >> 3 == 0) return false;
  uint64_t size = 0;
  switch (field->kind()) {
    case kVarint:
      return TakeVarint(rest, &field->number);
    case kFixed64:
      size = 8;
      break;
    case kFixed32:
      size = 4;
      break;
    case kBytes:
      if (!TakeVarint(rest, &size)) return false;
      break;
    default:
      return false;
  }
  if (size > rest.size()) return false;
  field->bytes.assign(rest.substr(0, size));
  rest.remove_prefix(size);
  return true;
}

std::optional<Fields> ParseFields(std::string_view message) {
  Fields fields;
  while (!message.empty()) {
    if (!TakeField(message, &fields.emplace_back())) return std::nullopt;
  }
  return fields;
}

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

std::string JoinFields(const Fields& fields) {
  std::string out;
  for (const Field& field : fields) {
    AppendVarint(out, field.tag);
    if (field.kind() == kVarint) AppendVarint(out, field.number);
    if (field.kind() == kBytes) AppendVarint(out, field.bytes.size());
    out += field.bytes;
  }
  return out;
}

uint64_t AnyNumber(Dice& dice, uint64_t before) {
  constexpr uint64_t kEdges[] = {0, 1, 2, 127, 128, 255, 65535, 1u << 31, UINT32_MAX, INT64_MAX};
  switch (Below(dice, 4)) {
    case 0:
      return before + 1;
    case 1:
      return before - 1;
    case 2:
      return kEdges[Below(dice, std::size(kEdges))];
    default:
      return ~uint64_t{0} >> Below(dice, 64);
  }
}

Field AnyField(Dice& dice) {
  Field field;
  field.tag = (1 + Below(dice, 20)) << 3 | (Below(dice, 2) == 0 ? kVarint : kBytes);
  field.number = AnyNumber(dice, 0);
  if (field.kind() == kBytes) field.bytes.assign(Below(dice, 33), 'f');
  return field;
}

void ChangeField(Fields& fields, size_t at, Dice& dice, MutateBytes mutate) {
  Field& field = fields[at];
  if (field.kind() == kVarint) {
    field.number = AnyNumber(dice, field.number);
  } else if (field.kind() != kBytes) {
    field.bytes[Below(dice, field.bytes.size())] ^= static_cast<char>(1 << Below(dice, 8));
  } else if (const size_t how = Below(dice, 4); how == 0) {
    field.bytes = fields[Below(dice, fields.size())].bytes;
  } else if (how == 1) {
    field.bytes.clear();
  } else {
    mutate(field.bytes);
  }
}

void ChangeFields(Fields& fields, size_t at, Dice& dice, MutateBytes mutate) {
  const auto here = fields.begin() + static_cast<ptrdiff_t>(at);
  switch (Below(dice, 8)) {
    case 0:
      fields.erase(here);
      break;
    case 1:
      fields.insert(here, Field(*here));
      break;
    case 2:
      std::swap(fields[at], fields[Below(dice, fields.size())]);
      break;
    case 3:
      fields.insert(here, AnyField(dice));
      break;
    case 4:
      here->tag = (1 + Below(dice, 20)) << 3 | (here->tag & 7);
      break;
    default:
      ChangeField(fields, at, dice, mutate);
  }
}

void MutateAt(std::string& message, Dice& dice, MutateBytes mutate, int depth) {
  std::optional<Fields> fields = ParseFields(message);
  if (!fields || fields->empty()) return mutate(message);
  const size_t at = Below(dice, fields->size());
  Field& field = (*fields)[at];
  // Texts parse as messages now and then: changing them as such does no harm.
  if (depth < kDepthMax && field.kind() == kBytes && field.bytes.size() > 1 &&
      Below(dice, 4) != 0 && ParseFields(field.bytes)) {
    MutateAt(field.bytes, dice, mutate, depth + 1);
  } else {
    ChangeFields(*fields, at, dice, mutate);
  }
  message = JoinFields(*fields);
}

void ChangePiece(Piece& piece, Dice& dice, bool messages, MutateBytes mutate) {
  if (messages && Below(dice, 4) != 0) {
    MutateMessage(piece.bytes, dice, mutate);
  } else {
    mutate(piece.bytes);
  }
  piece.bytes.resize(std::min(piece.bytes.size(), kPieceBytesMax));
}

}  // namespace

Pieces ParsePieces(std::string_view input) {
  Pieces pieces;
  while (input.size() >= kHeadBytes) {
    const size_t size = static_cast<uint8_t>(input[1]) | static_cast<uint8_t>(input[2]) << 8;
    pieces.push_back({static_cast<uint8_t>(input[0]), std::string(input.substr(kHeadBytes, size))});
    input.remove_prefix(std::min(input.size(), kHeadBytes + size));
  }
  return pieces;
}

std::string JoinPieces(const Pieces& pieces) {
  std::string out;
  for (const Piece& piece : pieces) {
    INTENTLOG_CHECK(piece.bytes.size() <= kPieceBytesMax);
    out.push_back(static_cast<char>(piece.tag));
    out.push_back(static_cast<char>(piece.bytes.size()));
    out.push_back(static_cast<char>(piece.bytes.size() >> 8));
    out += piece.bytes;
  }
  return out;
}

void MutateMessage(std::string& message, Dice& dice, MutateBytes mutate) {
  MutateAt(message, dice, mutate, 0);
}

void MutatePieces(Pieces& pieces, Dice& dice, bool messages, MutateBytes mutate) {
  if (pieces.empty()) pieces.emplace_back();
  const size_t at = Below(dice, pieces.size());
  const auto here = pieces.begin() + static_cast<ptrdiff_t>(at);
  switch (Below(dice, 12)) {
    case 0:
      here->tag = static_cast<uint8_t>(dice());
      break;
    case 1:
      here->tag ^= static_cast<uint8_t>(1 << Below(dice, 8));
      break;
    case 2:
      pieces.erase(here);
      break;
    case 3:
      pieces.insert(here, Piece(*here));
      break;
    case 4:
      std::swap(*here, pieces[Below(dice, pieces.size())]);
      break;
    case 5:
      ChangePiece(*here, dice, messages, mutate);
      [[fallthrough]];
    default:
      ChangePiece(pieces[Below(dice, pieces.size())], dice, messages, mutate);
  }
}

}  // namespace intentlog::fuzz
