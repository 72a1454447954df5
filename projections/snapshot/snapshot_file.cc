#include "projections/snapshot/snapshot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/runtime/wire_fields.h"
#include "projections/engine/digest.h"
#include "projections/engine/row_keys.h"
#include "projections/snapshot/snapshot_block.h"
#include "projections/snapshot/snapshot_layout.h"

namespace intentlog {
namespace {

static_assert(kSnapshotBegin.size() == 8 && kSnapshotEnd.size() == 8);
constexpr size_t kDigestBytes = 16;
constexpr size_t kEpochBytes = 16;
constexpr size_t kChainBytes = 32;
constexpr int kPositionDigits = 20;

// Memory that a message within the info takes, at most, besides its bytes.
constexpr uint64_t kMessageBytes = 128;
constexpr uint64_t kGrowthMax = 16;
constexpr uint64_t kGrowthFree = 1 << 20;

// Messages within a serialized SnapshotInfo.
uint64_t CountMessages(std::string_view info) {
  constexpr uint32_t kViews = SnapshotInfo::kViewsFieldNumber;
  constexpr uint32_t kScopes = SnapshotInfo::kScopesFieldNumber;
  constexpr uint32_t kBlocks = SnapshotInfo::kBlocksFieldNumber;
  constexpr uint32_t kParts = SnapshotScope::kPartsFieldNumber;
  uint64_t count = 0;
  for (WireFields fields(info); fields.Next();) {
    const uint32_t number = fields.number();
    if (number == kViews || number == kBlocks) ++count;
    if (number != kScopes || !fields.is_bytes()) continue;
    ++count;
    for (WireFields parts(fields.bytes()); parts.Next();) count += parts.number() == kParts;
  }
  return count;
}

bool IsCheap(std::string_view info) {
  return CountMessages(info) <= (kGrowthFree + kGrowthMax * info.size()) / kMessageBytes;
}

absl::Status CheckViews(const SnapshotInfo& info) {
  std::unordered_set<std::string_view> names;
  for (const SnapshotView& view : info.views()) {
    if (view.name().empty()) return Invalid("a view has no name");
    if (!names.insert(view.name()).second) return Invalid("view ", view.name(), " is there twice");
  }
  return absl::OkStatus();
}

// Moves `next_block` over the part's blocks.
absl::Status CheckPart(const SnapshotInfo& info, const SnapshotPart& part, uint64_t* next_block) {
  if (part.view() >= static_cast<uint32_t>(info.views_size())) return Invalid("its view is none");
  if (part.digest().size() != kDigestBytes) return Invalid("its digest is not of 16 bytes");
  if ((part.rows() == 0) != (part.blocks() == 0)) return Invalid("its rows have no blocks");
  if (part.first_block() != *next_block) return Invalid("its blocks do not follow");
  const uint64_t end = *next_block + part.blocks();
  if (end > static_cast<uint64_t>(info.blocks_size())) return Invalid("its blocks are not there");
  uint64_t bytes = 0;
  for (; *next_block < end; ++*next_block) {
    bytes += info.blocks(static_cast<int>(*next_block)).size();
  }
  return bytes == part.bytes() ? absl::OkStatus() : Invalid("its bytes do not add up");
}

absl::Status CheckScopes(const SnapshotInfo& info) {
  uint64_t next_block = 0;
  std::string_view before;
  for (const SnapshotScope& scope : info.scopes()) {
    RETURN_IF_ERROR(CheckScope(scope.scope()));
    if (scope.scope() <= before)
      return Invalid("scope ", Quoted(scope.scope()), " is not in order");
    before = scope.scope();
    for (int i = 0; i < scope.parts_size(); ++i) {
      if (i > 0 && scope.parts(i).view() <= scope.parts(i - 1).view()) {
        return Invalid("the views of scope ", Quoted(before), " are not in order");
      }
      const absl::Status part = CheckPart(info, scope.parts(i), &next_block);
      if (!part.ok()) return Invalid("part ", i, " of scope ", Quoted(before), ": ", part);
    }
  }
  if (next_block == static_cast<uint64_t>(info.blocks_size())) return absl::OkStatus();
  return Invalid("a block belongs to no part");
}

}  // namespace

uint64_t SnapshotInfoChecksum(std::string_view info) {
  return XXH3_64bits_withSeed(info.data(), info.size(), info.size());
}

std::string SnapshotFileName(Position position) {
  const std::string digits = std::to_string(position.value());
  return Cat(std::string(kPositionDigits - digits.size(), '0'), digits, kSnapshotSuffix);
}

absl::Status CheckSnapshotInfo(const SnapshotInfo& info, uint64_t first_offset, uint64_t end) {
  if (info.epoch_id().size() != kEpochBytes) return Invalid("the epoch's id is not of 16 bytes");
  if (info.chain().size() != kChainBytes) return Invalid("the chain value is not of 32 bytes");
  RETURN_IF_ERROR(CheckViews(info));
  uint64_t offset = first_offset;
  for (const BlockPlace& block : info.blocks()) {
    if (block.size() == 0 || block.offset() != offset || block.size() > end - offset) {
      return Invalid("the blocks do not lie one after another");
    }
    offset += block.size();
  }
  if (offset != end) return Invalid("the blocks do not fill the file");
  return CheckScopes(info);
}

// ---- opening

SnapshotFile::~SnapshotFile() { close(fd_); }

template <class... Parts>
absl::Status SnapshotFile::Damaged(const Parts&... what) const {
  return DataLoss("snapshot ", path_, " is damaged: ", what...);
}

absl::StatusOr<std::shared_ptr<const SnapshotFile>> SnapshotFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return NotFound("there is no snapshot ", path);
  if (fd < 0) return Unavailable("snapshot ", path, " cannot be opened: ", std::strerror(errno));
  std::shared_ptr<SnapshotFile> file(new SnapshotFile(path, fd));
  RETURN_IF_ERROR(file->ReadInfo());
  return std::shared_ptr<const SnapshotFile>(std::move(file));
}

absl::StatusOr<std::string> SnapshotFile::ReadAt(uint64_t offset, size_t size) const {
  std::string bytes(size, '\0');
  for (size_t done = 0; done < size;) {
    const ssize_t got =
        pread(fd_, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unavailable("snapshot ", path_, " cannot be read: ", std::strerror(errno));
    if (got == 0) return Damaged("it ends at ", offset + done);
    done += static_cast<size_t>(got);
  }
  return bytes;
}

absl::Status SnapshotFile::ReadInfo() {
  struct stat about = {};
  if (fstat(fd_, &about) != 0) return Unavailable("snapshot ", path_, ": ", std::strerror(errno));
  if (!S_ISREG(about.st_mode)) return FailedPrecondition("snapshot ", path_, " is no file");
  bytes_ = static_cast<uint64_t>(about.st_size);
  const size_t frame = kSnapshotBegin.size() + kSnapshotTailBytes;
  if (bytes_ < frame) return Damaged("it is cut short");
  ASSIGN_OR_RETURN(const std::string begin, ReadAt(0, kSnapshotBegin.size()));
  ASSIGN_OR_RETURN(const std::string tail, ReadAt(bytes_ - kSnapshotTailBytes, kSnapshotTailBytes));
  if (begin != kSnapshotBegin) return Damaged("it does not begin as one");
  if (std::string_view(tail).substr(16) != kSnapshotEnd) return Damaged("it does not end as one");
  const uint64_t size = LoadLittle64(tail.data());
  if (size > bytes_ - frame || size > INT_MAX) return Damaged("its info has an impossible size");
  const uint64_t info_at = bytes_ - kSnapshotTailBytes - size;
  ASSIGN_OR_RETURN(const std::string info, ReadAt(info_at, size));
  if (SnapshotInfoChecksum(info) != LoadLittle64(tail.data() + 8)) {
    return Damaged("the checksum of its info differs");
  }
  if (!IsCheap(info) || !info_.ParseFromString(info)) return Damaged("its info does not parse");
  if (info_.format() != kSnapshotFormat) {
    return FailedPrecondition("snapshot ", path_, " is of format ", info_.format(),
                              "; this program knows ", kSnapshotFormat);
  }
  const absl::Status sound = CheckSnapshotInfo(info_, kSnapshotBegin.size(), info_at);
  return sound.ok() ? sound : Damaged(MessageOf(sound));
}

// ---- reading

int SnapshotFile::FindView(std::string_view name) const {
  for (int i = 0; i < info_.views_size(); ++i) {
    if (info_.views(i).name() == name) return i;
  }
  return -1;
}

absl::StatusOr<std::string> SnapshotFile::ReadBlock(uint32_t index) const {
  INTENTLOG_CHECK(index < static_cast<uint32_t>(info_.blocks_size()));
  const BlockPlace& place = info_.blocks(static_cast<int>(index));
  ASSIGN_OR_RETURN(std::string bytes, ReadAt(place.offset(), place.size()));
  const absl::Status sound = CheckSnapshotBlock(bytes);
  if (!sound.ok()) return Damaged("block ", index, ": ", sound);
  return bytes;
}

absl::Status SnapshotFile::ForEachRow(const SnapshotPart& part, const TakeRow& take) const {
  Digest128 digest;
  uint64_t count = 0;
  std::string last;
  for (uint32_t i = part.first_block(); i < part.first_block() + part.blocks(); ++i) {
    ASSIGN_OR_RETURN(const std::string bytes, ReadBlock(i));
    const auto block = SnapshotBlockView::Parse(bytes);
    if (!block.ok()) return Damaged("block ", i, ": ", block.status());
    SnapshotRows rows(*block);
    for (bool first = i > part.first_block(); rows.Next(); first = false) {
      if (first && rows.key() <= last) return Damaged("block ", i, " is not in order");
      digest.Add(rows.key(), rows.row());
      RETURN_IF_ERROR(take(rows.key(), rows.row()));
    }
    last.assign(rows.key());
    count += block->rows();
  }
  const std::string_view view = info_.views(static_cast<int>(part.view())).name();
  if (count != part.rows()) return Damaged("view ", view, " has ", count, " rows of ", part.rows());
  if (digest.Bytes() != part.digest()) return Damaged("the digest of view ", view, " differs");
  return absl::OkStatus();
}

absl::Status SnapshotFile::Verify() const {
  for (const SnapshotScope& scope : info_.scopes()) {
    for (const SnapshotPart& part : scope.parts()) {
      RETURN_IF_ERROR(
          ForEachRow(part, [](std::string_view, std::string_view) { return absl::OkStatus(); }));
    }
  }
  return absl::OkStatus();
}

}  // namespace intentlog
