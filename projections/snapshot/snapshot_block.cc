// The layout, drawn with its reasons in FORMAT.md:
//
//   form        1 byte    1: rows compressed by zstd; 2: as they are
//   raw size    varint    of the rows
//   rows
//   checksum    8 bytes   XXH3 of all before
//
// A row: bytes of the key that are those of the key before (varint), size of the rest (varint),
// rest, size of the row (varint), row.
#include "projections/snapshot/snapshot_block.h"

#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr char kCompressed = 1;
constexpr char kPlain = 2;
constexpr size_t kChecksumBytes = 8;
constexpr size_t kVarintBytesMax = 10;
// Level 1 packs order rows to a third at 400 MB a second; higher ones gain a tenth for twice that.
constexpr int kLevel = 1;
// What a few bytes may unpack to: half of what they may cost, because a key is copied.
constexpr size_t kGrowthMax = 8;
constexpr size_t kGrowthFree = 512 << 10;

size_t RawBytesMax(size_t bytes) { return kGrowthFree + kGrowthMax * bytes; }

uint64_t Checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Takes a number off the front; false if there is none, or not in its shortest form.
bool TakeVarint(std::string_view& bytes, uint64_t* value) {
  *value = 0;
  for (size_t i = 0; i < bytes.size() && i < kVarintBytesMax; ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    if (i + 1 == kVarintBytesMax && byte > 1) return false;
    *value |= uint64_t{byte & 0x7fU} << (7 * i);
    if (byte >= 0x80) continue;
    bytes.remove_prefix(i + 1);
    return byte != 0 || i == 0;
  }
  return false;
}

// Takes a size and as many bytes off the front.
bool TakeBytes(std::string_view& bytes, std::string_view* taken) {
  uint64_t size = 0;
  if (!TakeVarint(bytes, &size) || size > bytes.size()) return false;
  *taken = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

// Takes a row off the front; `key` becomes its key. False if it is none, or its key is not above
// that before. `first`: no key came before.
bool TakeRow(std::string_view& bytes, bool first, std::string* key, std::string_view* row) {
  uint64_t shared = 0;
  std::string_view rest;
  if (!TakeVarint(bytes, &shared) || shared > key->size() || !TakeBytes(bytes, &rest)) return false;
  if (!first) {
    // All that is equal is shared, so the first byte decides.
    if (rest.empty()) return false;
    const bool above = shared == key->size() ||
                       static_cast<uint8_t>(rest[0]) > static_cast<uint8_t>((*key)[shared]);
    if (!above) return false;
  }
  key->resize(shared);
  key->append(rest);
  return TakeBytes(bytes, row);
}

absl::StatusOr<std::string> Unpack(char form, std::string_view packed, uint64_t raw_bytes) {
  if (form == kPlain) {
    if (packed.size() != raw_bytes)
      return DataLoss("a snapshot block has another size than it says");
    return std::string(packed);
  }
  std::string raw(raw_bytes, '\0');
  const size_t size = ZSTD_decompress(raw.data(), raw.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0) {
    return DataLoss("a snapshot block does not unpack: ", ZSTD_getErrorName(size));
  }
  if (size != raw_bytes) return DataLoss("a snapshot block unpacks to another size than it says");
  return raw;
}

}  // namespace

absl::Status CheckSnapshotBlock(std::string_view bytes) {
  if (bytes.size() <= kChecksumBytes) return DataLoss("a snapshot block is cut short");
  const std::string_view covered = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Checksum(covered) == LoadLittle64(bytes.data() + covered.size())) return absl::OkStatus();
  return DataLoss("the checksum of a snapshot block differs");
}

absl::StatusOr<SnapshotBlockView> SnapshotBlockView::Parse(std::string_view bytes) {
  RETURN_IF_ERROR(CheckSnapshotBlock(bytes));
  const size_t raw_bytes_max = std::max(kSnapshotBlockBytesMax, RawBytesMax(bytes.size()));
  std::string_view rest = bytes.substr(0, bytes.size() - kChecksumBytes);
  const char form = rest[0];
  if (form != kCompressed && form != kPlain) {
    return DataLoss("a snapshot block is of form ", static_cast<int>(form),
                    ", which this program does not know");
  }
  rest.remove_prefix(1);
  uint64_t raw_bytes = 0;
  if (!TakeVarint(rest, &raw_bytes) || raw_bytes == 0 || raw_bytes > raw_bytes_max) {
    return DataLoss("a snapshot block of ", bytes.size(), " bytes has an impossible size");
  }
  SnapshotBlockView block;
  ASSIGN_OR_RETURN(block.raw_, Unpack(form, rest, raw_bytes));
  std::string key;
  std::string_view row;
  for (std::string_view left = block.raw_; !left.empty(); ++block.rows_) {
    if (!TakeRow(left, block.rows_ == 0, &key, &row)) {
      return DataLoss("row ", block.rows_ + 1, " of a snapshot block is none, or not in order");
    }
  }
  return block;
}

bool SnapshotRows::Next() {
  if (rest_.empty()) return false;
  // The order was checked when the block was parsed.
  INTENTLOG_CHECK(TakeRow(rest_, row_.data() == nullptr, &key_, &row_));
  return true;
}

void SnapshotBlockBuilder::Add(std::string_view key, std::string_view row) {
  INTENTLOG_CHECK(rows_ == 0 || std::string_view(last_key_) < key);
  const auto differ = std::mismatch(key.begin(), key.end(), last_key_.begin(), last_key_.end());
  const auto shared = static_cast<size_t>(differ.first - key.begin());
  AppendVarint(raw_, shared);
  AppendVarint(raw_, key.size() - shared);
  raw_.append(key.substr(shared));
  AppendVarint(raw_, row.size());
  raw_.append(row);
  last_key_.assign(key);
  ++rows_;
}

bool SnapshotBlockBuilder::IsFullFor(std::string_view key, std::string_view row) const {
  return rows_ > 0 &&
         raw_.size() + key.size() + row.size() + 3 * kVarintBytesMax > kSnapshotBlockBytesMax;
}

std::string SnapshotBlockBuilder::Finish() {
  INTENTLOG_CHECK(rows_ > 0);
  std::string head;
  AppendVarint(head, raw_.size());
  std::string block(1 + head.size() + ZSTD_compressBound(raw_.size()), kCompressed);
  block.replace(1, head.size(), head);
  const size_t at = 1 + head.size();
  size_t packed =
      ZSTD_compress(block.data() + at, block.size() - at, raw_.data(), raw_.size(), kLevel);
  // A row that packs too well is kept as it is, so that nobody has to trust a small block's size.
  const bool plain = ZSTD_isError(packed) != 0 || packed >= raw_.size() ||
                     raw_.size() > std::max(kSnapshotBlockBytesMax, RawBytesMax(at + packed));
  if (plain) {
    block[0] = kPlain;
    packed = raw_.size();
    block.replace(at, std::string::npos, raw_);
  }
  block.resize(at + packed);
  AppendLittle64(block, Checksum(block));
  raw_.clear();
  last_key_.clear();
  rows_ = 0;
  return block;
}

}  // namespace intentlog
