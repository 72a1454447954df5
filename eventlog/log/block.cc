// The layout, drawn with its reasons in FORMAT.md:
//
//   head       72 bytes   "ILB", version 1 | flags | first | last | count | scopes | directory
//   offset
//                         | scopes offset | chain
//   body                  header bytes, intent bytes of each event, one after another
//   directory             12 bytes an event: where its intent begins and ends in the body, scope <<
//   1 | in feed
//                         and, unless the block is dense, 8 bytes an event: position − first
//   scopes                4 bytes length, name
//   checksum    8 bytes   XXH3 of all before
#include "eventlog/log/block.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "xxhash.h"

namespace intentlog {
namespace {

constexpr std::string_view kMagic = "ILB\x01";
constexpr uint32_t kDense = 1;
constexpr size_t kHeadBytes = 72;  // of a block; also in BlockBuilder
constexpr size_t kEntryBytes = 12;
constexpr size_t kDeltaBytes = 8;
constexpr size_t kChecksumBytes = 8;

// Byte offsets in the head.
constexpr size_t kFlagsAt = 4;
constexpr size_t kFirstAt = 8;
constexpr size_t kLastAt = 16;
constexpr size_t kCountAt = 24;
constexpr size_t kScopesAt = 28;
constexpr size_t kDirectoryAt = 32;
constexpr size_t kNamesAt = 36;
constexpr size_t kChainAt = 40;
static_assert(kChainAt + sizeof(ChainValue) == kHeadBytes);

uint64_t Checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

absl::Status Damaged(Position first, std::string_view what) {
  return DataLoss("the block at position ", first, " is damaged: ", what);
}

// The scope names in `bytes`, which must hold exactly `count` of them.
bool ReadScopes(std::string_view bytes, uint32_t count, std::vector<std::string_view>* scopes) {
  if (count > bytes.size() / 4) return false;
  scopes->reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    if (bytes.size() < 4) return false;
    const size_t size = LoadLittle32(bytes.data());
    if (size > bytes.size() - 4) return false;
    scopes->push_back(bytes.substr(4, size));
    bytes.remove_prefix(4 + size);
  }
  return bytes.empty();
}

}  // namespace

absl::StatusOr<BlockView> BlockView::Parse(std::string_view bytes) {
  if (bytes.size() < kHeadBytes + kChecksumBytes) return DataLoss("a block is cut short");
  const char* const head = bytes.data();
  BlockView view;
  view.bytes_ = bytes;
  view.first_ = Position(LoadLittle64(head + kFirstAt));
  view.last_ = Position(LoadLittle64(head + kLastAt));
  if (bytes.substr(0, kMagic.size() - 1) != kMagic.substr(0, kMagic.size() - 1)) {
    return DataLoss("a block does not begin as one");
  }
  const std::string_view covered = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Checksum(covered) != LoadLittle64(bytes.data() + covered.size())) {
    return Damaged(view.first_, "its checksum differs");
  }
  if (bytes[3] != kMagic[3]) {
    return Damaged(view.first_, "it is of a version that this program does not know");
  }
  view.count_ = LoadLittle32(head + kCountAt);
  const uint32_t flags = LoadLittle32(head + kFlagsAt);
  view.dense_ = flags == kDense;
  if (flags > kDense || view.count_ == 0) return Damaged(view.first_, "its head is wrong");
  std::memcpy(view.chain_.data(), head + kChainAt, view.chain_.size());

  const size_t directory_at = LoadLittle32(head + kDirectoryAt);
  const size_t names_at = LoadLittle32(head + kNamesAt);
  const uint64_t directory_bytes =
      uint64_t{view.count_} * (kEntryBytes + (view.dense_ ? 0 : kDeltaBytes));
  if (directory_at < kHeadBytes || names_at < directory_at || names_at > covered.size() ||
      names_at - directory_at != directory_bytes) {
    return Damaged(view.first_, "its parts do not fit");
  }
  view.body_ = covered.substr(kHeadBytes, directory_at - kHeadBytes);
  view.directory_ = covered.substr(directory_at, names_at - directory_at);
  if (!ReadScopes(covered.substr(names_at), LoadLittle32(head + kScopesAt), &view.scopes_)) {
    return Damaged(view.first_, "its scope names do not fit");
  }
  if (!view.DirectoryIsSound()) return Damaged(view.first_, "its directory is wrong");
  return view;
}

bool BlockView::DirectoryIsSound() const {
  const char* entry = directory_.data();
  const char* delta = entry + count_ * kEntryBytes;
  uint32_t at = 0;
  for (uint32_t i = 0; i < count_; ++i, entry += kEntryBytes) {
    const uint32_t intent = LoadLittle32(entry);
    const uint32_t end = LoadLittle32(entry + 4);
    if (intent < at || end < intent || LoadLittle32(entry + 8) >> 1 >= scopes_.size()) return false;
    at = end;
  }
  if (at != body_.size() || last_ < first_ || first_ == Position()) return false;
  const uint64_t span = last_.Since(first_);
  if (dense_) return span == count_ - 1;
  uint64_t before = 0;
  for (uint32_t i = 0; i < count_; ++i, delta += kDeltaBytes) {
    const uint64_t here = LoadLittle64(delta);
    if (i == 0 ? here != 0 : here <= before) return false;
    before = here;
  }
  return before == span;
}

BlockView::Place BlockView::place(size_t index) const {
  const uint32_t place = LoadLittle32(directory_.data() + index * kEntryBytes + 8);
  return {place >> 1, (place & 1) != 0};
}

std::optional<uint32_t> BlockView::FindScope(std::string_view scope) const {
  const auto found = std::find(scopes_.begin(), scopes_.end(), scope);
  if (found == scopes_.end()) return std::nullopt;
  return static_cast<uint32_t>(found - scopes_.begin());
}

size_t BlockView::BodyBegin(size_t index) const {
  return index == 0 ? 0 : LoadLittle32(directory_.data() + (index - 1) * kEntryBytes + 4);
}

BlockView BlockView::In(std::string_view copy) const {
  INTENTLOG_CHECK(copy.size() == bytes_.size());
  const auto moved = [&](std::string_view part) {
    return copy.substr(static_cast<size_t>(part.data() - bytes_.data()), part.size());
  };
  BlockView view = *this;
  view.bytes_ = copy;
  for (std::string_view& scope : view.scopes_) scope = moved(scope);
  view.directory_ = moved(directory_);
  view.body_ = moved(body_);
  return view;
}

EventRef BlockView::event(size_t index) const {
  const char* const entry = directory_.data() + index * kEntryBytes;
  const size_t begin = BodyBegin(index);
  const size_t intent = LoadLittle32(entry);
  const size_t end = LoadLittle32(entry + 4);
  const uint32_t place = LoadLittle32(entry + 8);
  EventRef event;
  event.position = position(index);
  event.scope = scopes_[place >> 1];
  event.in_feed = (place & 1) != 0;
  event.header = body_.substr(begin, intent - begin);
  event.intent = body_.substr(intent, end - intent);
  return event;
}

Position BlockView::position(size_t index) const {
  if (dense_) return first_.Plus(index);
  return first_.Plus(LoadLittle64(directory_.data() + count_ * kEntryBytes + index * kDeltaBytes));
}

// ---- BlockBuilder

uint32_t BlockBuilder::ScopeIndex(std::string_view scope) {
  const uint64_t hash = XXH3_64bits(scope.data(), scope.size());
  for (size_t i = 0; i < scope_hashes_.size(); ++i) {
    if (scope_hashes_[i] == hash && scopes_[i] == scope) return static_cast<uint32_t>(i);
  }
  scope_hashes_.push_back(hash);
  scopes_.emplace_back(scope);
  scope_bytes_ += 4 + scope.size();
  return static_cast<uint32_t>(scopes_.size() - 1);
}

void BlockBuilder::Add(const EventRef& event) {
  INTENTLOG_CHECK(event.position > last_);
  if (count_ == 0) Begin(event.position);
  last_ = event.position;
  ++count_;
  block_.append(event.header);
  const size_t intent_at = block_.size() - body_at();
  block_.append(event.intent);
  const size_t end = block_.size() - body_at();
  INTENTLOG_CHECK(end <= UINT32_MAX / 2);
  char entry[kEntryBytes];
  StoreLittle(entry, static_cast<uint32_t>(intent_at));
  StoreLittle(entry + 4, static_cast<uint32_t>(end));
  StoreLittle(entry + 8, ScopeIndex(event.scope) << 1 | (event.in_feed ? 1u : 0u));
  directory_.append(entry, sizeof(entry));
  AppendLittle64(deltas_, event.position.Since(first_));
}

void BlockBuilder::Add(const BlockView& block, size_t begin, size_t end) {
  INTENTLOG_CHECK(begin < end && end <= block.size() && block.position(begin) > last_);
  if (count_ == 0) Begin(block.position(begin));
  last_ = block.position(end - 1);
  count_ += static_cast<uint32_t>(end - begin);

  const size_t from = block.BodyBegin(begin);
  const size_t moved = block_.size() - body_at() - from;  // modulo 2^64: it may go down
  block_.append(block.body_.substr(from, block.BodyBegin(end) - from));
  INTENTLOG_CHECK(block_.size() <= UINT32_MAX / 2);

  const size_t entries_at = directory_.size();
  const size_t deltas_at = deltas_.size();
  directory_.resize(entries_at + (end - begin) * kEntryBytes);
  deltas_.resize(deltas_at + (end - begin) * kDeltaBytes);
  char* entry = directory_.data() + entries_at;
  char* delta = deltas_.data() + deltas_at;
  std::optional<uint32_t> theirs;  // the scope before, there and here
  uint32_t ours = 0;
  for (size_t i = begin; i < end; ++i, entry += kEntryBytes, delta += kDeltaBytes) {
    const char* const old = block.directory_.data() + i * kEntryBytes;
    const BlockView::Place place = block.place(i);
    if (place.scope != theirs) {
      theirs = place.scope;
      ours = ScopeIndex(block.scopes_[place.scope]);
    }
    StoreLittle(entry, static_cast<uint32_t>(LoadLittle32(old) + moved));
    StoreLittle(entry + 4, static_cast<uint32_t>(LoadLittle32(old + 4) + moved));
    StoreLittle(entry + 8, ours << 1 | (place.in_feed ? 1u : 0u));
    StoreLittle(delta, block.position(i).Since(first_));
  }
}

void BlockBuilder::Begin(Position first) {
  first_ = first;
  block_.append(body_at(), '\0');
}

void BlockBuilder::Reserve(size_t bytes) { block_.reserve(room_ + bytes); }

bool BlockBuilder::dense() const { return last_.Since(first_) + 1 == count_; }

size_t BlockBuilder::bytes() const {
  if (count_ == 0) return 0;
  return block_.size() - room_ + directory_.size() + (dense() ? 0 : deltas_.size()) + scope_bytes_ +
         kChecksumBytes;
}

std::string BlockBuilder::Finish(const ChainValue& chain) {
  INTENTLOG_CHECK(count_ > 0);
  const size_t directory_at = block_.size() - room_;
  block_.append(directory_);
  if (!dense()) block_.append(deltas_);
  const size_t names_at = block_.size() - room_;
  for (const std::string& scope : scopes_) {
    AppendLittle32(block_, static_cast<uint32_t>(scope.size()));
    block_.append(scope);
  }
  char* const head = block_.data() + room_;
  std::memcpy(head, kMagic.data(), kMagic.size());
  StoreLittle(head + kFlagsAt, dense() ? kDense : 0u);
  StoreLittle(head + kFirstAt, first_.value());
  StoreLittle(head + kLastAt, last_.value());
  StoreLittle(head + kCountAt, count_);
  StoreLittle(head + kScopesAt, static_cast<uint32_t>(scopes_.size()));
  StoreLittle(head + kDirectoryAt, static_cast<uint32_t>(directory_at));
  StoreLittle(head + kNamesAt, static_cast<uint32_t>(names_at));
  std::memcpy(head + kChainAt, chain.data(), chain.size());
  AppendLittle64(block_, Checksum(std::string_view(block_).substr(room_)));

  std::string block = std::move(block_);
  *this = BlockBuilder(room_);
  return block;
}

}  // namespace intentlog
