// Snapshot blocks, as they are sent, and snapshot files, as they lie in a folder.
//
//   tag bit 0: the checksum is made right
//   of the first piece, tag & 6:  0: a block   2: a file   4: a file's info, before it its blocks,
//   which are the other pieces
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <string>
#include <string_view>
#include <vector>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/digest.h"
#include "projections/snapshot/snapshot_block.h"
#include "projections/snapshot/snapshot_file.h"
#include "projections/snapshot/snapshot_layout.h"
#include "tests/fuzz/fuzz_target.h"

namespace intentlog::fuzz {
namespace {

constexpr uint8_t kSeal = 1;
constexpr uint8_t kKind = 6;
constexpr uint8_t kFile = 2;
constexpr uint8_t kInfo = 4;
constexpr size_t kChecksumBytes = 8;

void SealBlock(std::string& bytes) {
  if (bytes.size() < kChecksumBytes) return;
  const size_t covered = bytes.size() - kChecksumBytes;
  StoreLittle(bytes.data() + covered, XXH3_64bits(bytes.data(), covered));
}

void UseBlock(std::string_view bytes) {
  const auto block = SnapshotBlockView::Parse(bytes);
  if (!block.ok()) return;
  SnapshotBlockBuilder builder;
  size_t count = 0;
  for (SnapshotRows rows(*block); rows.Next(); ++count) builder.Add(rows.key(), rows.row());
  if (count != block->rows()) Fail("a block has other rows than it says");
  const auto again = SnapshotBlockView::Parse(builder.Finish());
  if (!again.ok() || again->raw_bytes() != block->raw_bytes()) Fail("a block built anew differs");
}

// Of the file with these bytes, which has no place on a disk.
class BytesAsFile {
 public:
  explicit BytesAsFile(std::string_view bytes) : fd_(memfd_create("snapshot", MFD_CLOEXEC)) {
    INTENTLOG_CHECK(fd_ >= 0);
    INTENTLOG_CHECK(write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~BytesAsFile() { close(fd_); }
  std::string path() const { return Cat("/proc/self/fd/", fd_); }

 private:
  const int fd_;
};

void UseFile(const std::string& path) {
  const auto file = SnapshotFile::Open(path);
  if (!file.ok()) return;
  (void)(*file)->FindView("stock");
  (void)(*file)->Verify();
}

std::string FileOf(const Pieces& pieces) {
  std::string bytes(kSnapshotBegin);
  for (size_t i = 1; i < pieces.size(); ++i) bytes += pieces[i].bytes;
  const std::string& info = pieces.front().bytes;
  bytes += info;
  AppendLittle64(bytes, info.size());
  AppendLittle64(bytes, SnapshotInfoChecksum(info));
  bytes += kSnapshotEnd;
  return bytes;
}

std::string BlockOf(const std::vector<std::pair<std::string, std::string>>& rows,
                    Digest128& digest) {
  SnapshotBlockBuilder builder;
  for (const auto& [key, row] : rows) {
    builder.Add(key, row);
    digest.Add(key, row);
  }
  return builder.Finish();
}

// A file of two blocks in one part.
Pieces MadeFile() {
  Digest128 digest;
  const std::string one = BlockOf({{"bread", "12"}, {"butter", "7"}}, digest);
  const std::string two = BlockOf({{"milk", std::string(300, 'm')}}, digest);
  SnapshotInfo info;
  info.set_format(kSnapshotFormat);
  info.set_epoch_id(std::string(16, 'E'));
  info.set_position(90);
  info.set_chain(std::string(32, 'c'));
  info.add_views()->set_name("stock");
  SnapshotScope& scope = *info.add_scopes();
  scope.set_scope("shop");
  SnapshotPart& part = *scope.add_parts();
  part.set_digest(digest.Bytes());
  part.set_rows(3);
  part.set_blocks(2);
  part.set_bytes(one.size() + two.size());
  uint64_t offset = kSnapshotBegin.size();
  for (const std::string* block : {&one, &two}) {
    BlockPlace& place = *info.add_blocks();
    place.set_offset(offset);
    place.set_size(static_cast<uint32_t>(block->size()));
    offset += block->size();
  }
  return {{kInfo, info.SerializeAsString()}, {kSeal, one}, {kSeal, two}};
}

}  // namespace

const bool kMessages = true;

void Run(const Pieces& pieces) {
  if (pieces.empty()) return;
  Pieces sealed = pieces;
  for (Piece& piece : sealed) {
    if ((piece.tag & kSeal) != 0) SealBlock(piece.bytes);
  }
  const Piece& first = sealed.front();
  if ((first.tag & kKind) == 0) {
    return Hostile(first.bytes.size(), [&] { UseBlock(first.bytes); });
  }
  const std::string bytes = (first.tag & kKind) == kInfo ? FileOf(sealed) : first.bytes;
  const BytesAsFile file(bytes);
  Hostile(bytes.size(), [&] { UseFile(file.path()); });
}

std::vector<Seed> Seeds() {
  const Pieces file = MadeFile();
  Digest128 digest;
  // Rows that pack well.
  const std::string large = BlockOf({{"", "empty"}, {"a", std::string(20'000, 'a')}}, digest);
  return {{"file", file},
          {"file_as_it_is", {{kFile, FileOf(file)}}},
          {"block", {{kSeal, file[1].bytes}}},
          {"packed_block", {{kSeal, large}}},
          {"block_as_it_is", {{0, file[2].bytes}}}};
}

}  // namespace intentlog::fuzz
