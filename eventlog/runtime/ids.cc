#include "eventlog/runtime/ids.h"

#include <algorithm>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// Where the text has its dashes.
constexpr bool IsDash(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }
constexpr size_t kTextSize = 36;

// The value of a hexadecimal digit, or -1.
int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The low `count` bytes of `number`, most significant first.
void PutBigEndian(uint64_t number, size_t count, char* out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<char>(number >> (8 * (count - 1 - i)));
}

constexpr int64_t kLargestMs = (int64_t{1} << 48) - 1;
constexpr uint32_t kSequenceEnd = uint32_t{1} << 26;

}  // namespace

std::string UuidText(std::string_view bytes) {
  const std::string hex = Hex(bytes);
  if (bytes.size() != 16) return hex;
  return Cat(hex.substr(0, 8), '-', hex.substr(8, 4), '-', hex.substr(12, 4), '-',
             hex.substr(16, 4), '-', hex.substr(20));
}

absl::StatusOr<IntentId> ParseIntentId(std::string_view text) {
  std::string bytes;
  int high = -1;
  bool good = text.size() == kTextSize;
  for (size_t i = 0; good && i < kTextSize; ++i) {
    if (IsDash(i)) {
      good = text[i] == '-';
      continue;
    }
    const int digit = DigitValue(text[i]);
    good = digit >= 0;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<char>(16 * high + digit));
      high = -1;
    }
  }
  if (!good) {
    return Invalid("\"", text.substr(0, 100),
                   "\" is no intent id: expected the form 01893f5e-6b1a-7c3d-8e4f-5a6b7c8d9e0f");
  }
  return IntentId::FromBytes(bytes);
}

// 48 bits of milliseconds, version 7, 12 bits of sequence, variant 2, 14 bits of sequence, 48
// random bits. The sequence starts at a random number below half its range in each new millisecond.
IntentId IntentIdMaker::Make() {
  const int64_t now_ms =
      std::clamp<int64_t>(absl::ToUnixMillis(clock_.WallNow()), 0, kLargestMs - 1);
  if (now_ms > last_ms_) {
    last_ms_ = now_ms;
    sequence_ = static_cast<uint32_t>(random_.Below(kSequenceEnd / 2));
  } else if (++sequence_ == kSequenceEnd) {
    ++last_ms_;
    sequence_ = 0;
  }
  char bytes[IntentId::kSize];
  PutBigEndian(static_cast<uint64_t>(last_ms_), 6, bytes);
  PutBigEndian(0x7000 | (sequence_ >> 14), 2, bytes + 6);
  PutBigEndian(0x8000 | (sequence_ & 0x3fff), 2, bytes + 8);
  PutBigEndian(random_.Next(), 6, bytes + 10);
  return IntentId::FromBytes(std::string_view(bytes, sizeof(bytes)));
}

}  // namespace intentlog
