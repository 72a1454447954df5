#include "client/outbox/rows.h"

#include "eventlog/log/coding.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr size_t kRowHeadSize = 4 + 8 + 32;
constexpr size_t kPlaceSize = 1 + 8;
constexpr size_t kCountsSize = 8 * 8;
constexpr size_t kOldCountsSize = 6 * 8;

}  // namespace

std::string CountPrefix(char kind, PriorityClass priority) {
  std::string key(1, kind);
  key.push_back(static_cast<char>(priority));
  return key;
}

std::string CountKey(char kind, PriorityClass priority, Count count) {
  std::string key = CountPrefix(kind, priority);
  AppendBig64(key, count.value());
  return key;
}

Count CountOf(std::string_view key) { return Count(LastBig64(key)); }

std::string PositionKey(char kind, Position position) {
  std::string key(1, kind);
  AppendBig64(key, position.value());
  return key;
}

Position PositionOf(std::string_view key) { return Position(LastBig64(key)); }

std::string GivenIdKey(const IntentId& id) { return Cat('d', id.bytes()); }
std::string MadeIdKey(const IntentId& first) { return Cat('D', first.bytes()); }

std::string LaneKey(std::string_view entity_type, std::string_view entity_id) {
  return Cat('e', entity_type, '\0', entity_id);
}

std::string ClassKey(std::string_view name, PriorityClass priority) {
  return Cat(name, static_cast<char>(priority));
}

std::string PlaceBytes(const LogPlace& place) {
  std::string bytes(1, static_cast<char>(place.priority));
  AppendLittle64(bytes, place.count.value());
  return bytes;
}

std::optional<LogPlace> ParsePlace(std::string_view bytes) {
  if (bytes.size() != kPlaceSize || static_cast<uint8_t>(bytes[0]) >= kClasses) return std::nullopt;
  return LogPlace{static_cast<PriorityClass>(bytes[0]), Count(LoadLittle64(bytes.data() + 1))};
}

std::string MadeIdsBytes(const MadeIds& ids) {
  return Cat(ids.last.bytes(), PlaceBytes(ids.first));
}

std::optional<MadeIds> ParseMadeIds(std::string_view bytes) {
  if (bytes.size() != IntentId::kSize + kPlaceSize) return std::nullopt;
  const auto first = ParsePlace(bytes.substr(IntentId::kSize));
  if (!first) return std::nullopt;
  return MadeIds{IntentId::FromBytes(bytes.substr(0, IntentId::kSize)), *first};
}

std::string OpenIntentBytes(const OpenIntent& open) {
  return Cat(PlaceBytes(open.place), static_cast<char>(open.decision));
}

std::optional<OpenIntent> ParseOpenIntent(std::string_view bytes) {
  if (bytes.size() != kPlaceSize + 1) return std::nullopt;
  const auto place = ParsePlace(bytes.substr(0, kPlaceSize));
  if (!place) return std::nullopt;
  return OpenIntent{*place, static_cast<Decision>(bytes[kPlaceSize])};
}

std::string ReceiptCountsBytes(const ReceiptCounts& counts) {
  std::string bytes;
  for (const uint64_t number :
       {counts.prefix, counts.receipts, counts.synced, counts.failed, counts.conflicted,
        counts.parked, counts.log_bytes, counts.log_bytes_through}) {
    AppendLittle64(bytes, number);
  }
  return bytes;
}

std::optional<ReceiptCounts> ParseReceiptCounts(std::string_view bytes) {
  // Folders of the first versions have no bytes in it.
  if (bytes.size() != kCountsSize && bytes.size() != kOldCountsSize) return std::nullopt;
  std::string padded(bytes);
  padded.resize(kCountsSize);
  ReceiptCounts counts;
  const char* at = padded.data();
  for (uint64_t* number :
       {&counts.prefix, &counts.receipts, &counts.synced, &counts.failed, &counts.conflicted,
        &counts.parked, &counts.log_bytes, &counts.log_bytes_through}) {
    *number = LoadLittle64(at);
    at += 8;
  }
  return counts;
}

absl::StatusOr<AppendRow> AppendRow::Parse(std::string_view bytes) {
  if (bytes.size() < kRowHeadSize) return DataLoss("an append row is too short");
  AppendRow row;
  row.size_ = LoadLittle32(bytes.data());
  row.attempts_ = LoadLittle64(bytes.data() + 4);
  ToChainValue(bytes.substr(12, 32), &row.hash_before_);
  bytes.remove_prefix(kRowHeadSize);
  if (row.size_ == 0 || row.size_ > bytes.size() / 4) {
    return DataLoss("an append row has a wrong size");
  }
  row.lengths_ = bytes.substr(0, size_t{row.size_} * 4);
  row.body_ = bytes.substr(row.lengths_.size());
  uint64_t sum = 0;
  for (uint32_t i = 0; i < row.size_; ++i) sum += row.LengthOf(i);
  if (sum != row.body_.size()) return DataLoss("an append row has wrong lengths");
  return row;
}

uint32_t AppendRow::LengthOf(uint32_t index) const {
  return LoadLittle32(lengths_.data() + size_t{index} * 4);
}

std::string_view AppendRow::intent(uint32_t index) const {
  Place place;
  return Walk(index, &place);
}

std::string_view AppendRow::Walk(uint32_t index, Place* place) const {
  for (; place->index < index; ++place->index) place->offset += LengthOf(place->index);
  const std::string_view intent = body_.substr(place->offset, LengthOf(index));
  ++place->index;
  place->offset += intent.size();
  return intent;
}

void AppendRowBuilder::Start(uint32_t size, uint64_t attempts, const ChainValue& hash_before) {
  head_.clear();
  body_.clear();
  AppendLittle32(head_, size);
  AppendLittle64(head_, attempts);
  head_.append(Bytes(hash_before));
}

void AppendRowBuilder::Add(std::string_view intent) {
  AppendLittle32(head_, static_cast<uint32_t>(intent.size()));
  body_.append(intent);
}

std::string_view AppendRowBuilder::bytes() {
  head_.append(body_);
  return head_;
}

}  // namespace intentlog
