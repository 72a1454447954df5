// Files and blocks of rows: whole as written, and refused when they are anything else.
#include "projections/snapshot/snapshot_file.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/digest.h"
#include "projections/snapshot/snapshot_block.h"
#include "projections/snapshot/snapshot_writer.h"

namespace intentlog {
namespace {

using Rows = std::map<std::string, std::string>;

class Dice {
 public:
  explicit Dice(uint32_t seed) : dice_(seed) {}
  uint32_t Roll(uint32_t n) { return static_cast<uint32_t>(dice_() % n); }
  std::string Bytes(uint32_t size, uint32_t letters = 256) {
    std::string bytes;
    while (size-- > 0) bytes.push_back(static_cast<char>(Roll(letters)));
    return bytes;
  }
  // Keys that share much with each other, an empty one among them.
  Rows SomeRows(uint32_t count) {
    Rows rows;
    for (uint32_t i = 0; i < count; ++i) {
      std::string key = Bytes(Roll(5), 3) + Bytes(Roll(3));
      if (Roll(4) != 0) key.insert(0, "order/5363");
      rows[key] = Bytes(Roll(60), 20);
    }
    return rows;
  }

 private:
  std::mt19937 dice_;
};

std::string BlockOf(const Rows& rows) {
  SnapshotBlockBuilder builder;
  for (const auto& [key, row] : rows) builder.Add(key, row);
  return builder.Finish();
}

Rows RowsOf(const SnapshotBlockView& block) {
  Rows found;
  size_t count = 0;
  for (SnapshotRows rows(block); rows.Next(); ++count) found.emplace(rows.key(), rows.row());
  EXPECT_EQ(count, block.rows());
  EXPECT_EQ(count, found.size());
  return found;
}

TEST(SnapshotBlockTest, RowsComeBackAsTheyWereAdded) {
  Dice dice(31);
  for (uint32_t i = 1; i < 200; ++i) {
    const Rows rows = dice.SomeRows(i);
    const auto block = SnapshotBlockView::Parse(BlockOf(rows));
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_EQ(RowsOf(*block), rows);
  }
}

TEST(SnapshotBlockTest, ALargeRowIsABlockOfItsOwnHoweverWellItPacks) {
  Dice dice(32);
  SnapshotBlockBuilder builder;
  builder.Add("a", "small");
  EXPECT_TRUE(builder.IsFullFor("b", std::string(kSnapshotBlockBytesMax, 'x')));
  builder.Finish();
  EXPECT_FALSE(builder.IsFullFor("b", std::string(kSnapshotBlockBytesMax, 'x')));
  for (const std::string& row : {std::string(9 << 20, 'x'), dice.Bytes(2 << 20)}) {
    const auto block = SnapshotBlockView::Parse(BlockOf({{"b", row}}));
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_EQ(RowsOf(*block), Rows({{"b", row}}));
  }
}

TEST(SnapshotBlockTest, I33_AnyOtherBytesAreRefused) {
  Dice dice(33);
  const std::string block = BlockOf(dice.SomeRows(40));
  for (size_t size = 0; size < block.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(SnapshotBlockView::Parse(block.substr(0, size)).status()));
  }
  for (size_t bit = 0; bit < 8 * block.size(); ++bit) {
    std::string flipped = block;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_TRUE(absl::IsDataLoss(SnapshotBlockView::Parse(flipped).status())) << bit;
  }
  EXPECT_TRUE(absl::IsDataLoss(SnapshotBlockView::Parse(block + "x").status()));
}

// As somebody would make one who knows the format.
std::string Sealed(std::string bytes) {
  AppendLittle64(bytes, XXH3_64bits(bytes.data(), bytes.size()));
  return bytes;
}

TEST(SnapshotBlockTest, I33_BytesWithARightChecksumAreStillNotBelieved) {
  Dice dice(34);
  uint32_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = BlockOf(dice.SomeRows(1 + dice.Roll(6)));
    bytes.resize(bytes.size() - 8);
    if (dice.Roll(4) == 0) {  // rows as they are, so that changes reach them
      bytes = Cat('\x02', static_cast<char>(20), dice.Bytes(20, 5));
    }
    for (uint32_t changes = dice.Roll(4); changes > 0 && !bytes.empty(); --changes) {
      const uint32_t at = dice.Roll(static_cast<uint32_t>(bytes.size()));
      if (dice.Roll(3) == 0) bytes.insert(at, dice.Bytes(1 + dice.Roll(3)));
      bytes[at] = static_cast<char>(dice.Roll(256));
      if (dice.Roll(5) == 0) bytes.erase(at, 1 + dice.Roll(3));
    }
    const auto block = SnapshotBlockView::Parse(Sealed(bytes));
    if (!block.ok()) continue;
    ++good;
    EXPECT_LE(block->raw_bytes(), kSnapshotBlockBytesMax + 16 * (bytes.size() + (64 << 10)));
    RowsOf(*block);  // in order, each once
  }
  EXPECT_GT(good, 1000u);
  // 4 GB, declared by a block of a few bytes.
  const std::string large = Sealed(Cat('\x01', "\xff\xff\xff\xff\x0f", "(\xb5/\xfd"));
  EXPECT_TRUE(absl::IsDataLoss(SnapshotBlockView::Parse(large).status()));
}

// ---- files

const std::vector<std::string> kScopes = {"east", "shared", "west"};

SnapshotInfo About(uint64_t position) {
  SnapshotInfo about;
  about.set_epoch_id(std::string(16, 'e'));
  about.set_position(position);
  about.set_chain(std::string(32, 'c'));
  for (const std::string view : {"orders", "stock"}) {
    SnapshotView& added = *about.add_views();
    added.set_name(view);
    added.set_version(3);
    added.set_row("intentlog.views.Row");
  }
  return about;
}

// Rows of two views in three scopes; the second view has none in the first.
class MadeRows {
 public:
  MadeRows(uint32_t seed, uint32_t count) {
    Dice dice(seed);
    for (size_t part = 1; part < 6; ++part) parts_[part] = dice.SomeRows(count);
  }

  absl::StatusOr<std::shared_ptr<const SnapshotFile>> Write(const std::string& folder,
                                                            SnapshotWriterOptions options = {},
                                                            uint64_t position = 581) const {
    auto writer = SnapshotWriter::Create(folder, About(position), std::move(options));
    if (!writer.ok()) return writer.status();
    for (size_t part = 0; part < 6; ++part) {
      if (part % 2 == 0) (*writer)->BeginScope(kScopes[part / 2]);
      (*writer)->BeginPart(part % 2);
      Digest128 digest;
      for (const auto& [key, row] : parts_[part]) {
        digest.Add(key, row);
        const absl::Status added = (*writer)->Add(key, row);
        if (!added.ok()) return added;
      }
      const absl::Status ended = (*writer)->EndPart(digest, parts_[part].size(), part);
      if (!ended.ok()) return ended;
    }
    return (*writer)->Finish();
  }

  void ExpectIn(const SnapshotFile& file) const {
    size_t part = 0;
    for (const SnapshotScope& scope : file.info().scopes()) {
      EXPECT_EQ(scope.scope(), kScopes[part / 2]);
      for (const SnapshotPart& one : scope.parts()) {
        Rows rows;
        const absl::Status read =
            file.ForEachRow(one, [&](std::string_view key, std::string_view row) {
              rows.emplace(key, row);
              return absl::OkStatus();
            });
        EXPECT_TRUE(read.ok()) << read;
        EXPECT_EQ(one.parked(), part);
        EXPECT_EQ(rows, parts_[part++]);
      }
    }
    EXPECT_EQ(part, 6u);
  }

 private:
  Rows parts_[6];
};

std::string MadeFolder(const std::string& name) {
  const std::string folder = testing::TempDir() + "/snapshot_" + name;
  std::filesystem::remove_all(folder);
  return folder;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteAll(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

absl::Status OpenAndVerify(const std::string& path) {
  const auto file = SnapshotFile::Open(path);
  return file.ok() ? (*file)->Verify() : file.status();
}

TEST(SnapshotFileTest, RowsComeBackFromTheDiskInAnyNumberOfBlocks) {
  for (const uint32_t rows : {0, 1, 500, 40'000}) {
    const MadeRows made(/*seed=*/35 + rows, rows);
    const auto file = made.Write(MadeFolder("rows"));
    ASSERT_TRUE(file.ok()) << file.status();
    made.ExpectIn(**file);
    EXPECT_TRUE((*file)->Verify().ok());
    EXPECT_EQ((*file)->position(), Position(581));
    EXPECT_EQ((*file)->FindView("stock"), 1);
    EXPECT_EQ((*file)->FindView("sales"), -1);
    EXPECT_EQ(std::filesystem::path((*file)->path()).filename(), "00000000000000000581.snapshot");
  }
}

TEST(SnapshotFileTest, I33_EveryChangedBitAndEveryCutIsRefused) {
  const std::string folder = MadeFolder("flips");
  const auto file = MadeRows(/*seed=*/36, 4).Write(folder);
  ASSERT_TRUE(file.ok()) << file.status();
  const std::string bytes = ReadAll((*file)->path());
  const std::string other = folder + "/other";
  WriteAll(other, bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::fstream changed(other, std::ios::binary | std::ios::in | std::ios::out);
    const auto at = static_cast<std::streamoff>(bit / 8);
    const auto flipped = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    changed.seekp(at).put(flipped).flush();
    const absl::Status status = OpenAndVerify(other);
    changed.seekp(at).put(bytes[bit / 8]).flush();
    EXPECT_TRUE(absl::IsDataLoss(status)) << bit << status;
    EXPECT_NE(MessageOf(status).find(other), std::string::npos);
  }
  for (size_t size = bytes.size(); size-- > 0;) {
    std::filesystem::resize_file(other, size);
    EXPECT_TRUE(absl::IsDataLoss(OpenAndVerify(other))) << size;
  }
  WriteAll(other, bytes + "x");
  EXPECT_TRUE(absl::IsDataLoss(OpenAndVerify(other)));
}

TEST(SnapshotFileTest, APartWithTheBlockOfAnotherOneIsRefused) {
  const std::string folder = MadeFolder("swapped");
  const auto file = MadeRows(/*seed=*/37, 4).Write(folder);
  ASSERT_TRUE(file.ok()) << file.status();
  SnapshotPart part = (*file)->info().scopes(1).parts(0);
  part.set_first_block((*file)->info().scopes(2).parts(0).first_block());
  const auto ignore = [](std::string_view, std::string_view) { return absl::OkStatus(); };
  EXPECT_TRUE(absl::IsDataLoss((*file)->ForEachRow(part, ignore)));
}

TEST(SnapshotFileTest, AnInfoThatContradictsItselfIsRefused) {
  const std::string folder = MadeFolder("info");
  const auto file = MadeRows(/*seed=*/38, 4).Write(folder);
  ASSERT_TRUE(file.ok()) << file.status();
  const SnapshotInfo good = (*file)->info();
  const uint64_t first = good.blocks(0).offset();
  const BlockPlace& last = *good.blocks().rbegin();
  const uint64_t end = last.offset() + last.size();
  EXPECT_TRUE(CheckSnapshotInfo(good, first, end).ok());
  const std::vector<std::function<void(SnapshotInfo&)>> changes = {
      [](SnapshotInfo& info) { info.set_chain("short"); },
      [](SnapshotInfo& info) { info.clear_epoch_id(); },
      [](SnapshotInfo& info) { info.mutable_views(1)->set_name("orders"); },
      [](SnapshotInfo& info) { info.mutable_blocks(1)->set_size(UINT32_MAX); },
      [](SnapshotInfo& info) { info.mutable_blocks(1)->set_offset(UINT64_MAX); },
      [](SnapshotInfo& info) { info.mutable_blocks()->RemoveLast(); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->set_scope("east"); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->set_scope(std::string("n\0l", 3)); },
      [](SnapshotInfo& info) { info.mutable_scopes()->RemoveLast(); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->mutable_parts(0)->set_view(2); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->mutable_parts(0)->set_view(1); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->mutable_parts(0)->set_blocks(UINT32_MAX); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->mutable_parts(0)->set_first_block(7); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->mutable_parts(0)->set_rows(0); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->mutable_parts(0)->set_digest("d"); },
      [](SnapshotInfo& info) { info.mutable_scopes(1)->mutable_parts(0)->set_bytes(1); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    SnapshotInfo bad = good;
    changes[i](bad);
    EXPECT_TRUE(absl::IsInvalidArgument(CheckSnapshotInfo(bad, first, end))) << i;
  }
}

TEST(SnapshotWriterTest, ACrashBeforeAnyStepLeavesNoFileOfThatNameOrAWholeOne) {
  const std::string folder = MadeFolder("crash");
  const MadeRows made(/*seed=*/39, 300);
  SnapshotWriterOptions options;
  options.write_bytes = 2000;
  int steps = 0;
  int whole = 0;
  options.before = [&](std::string_view step) {  // what a crash here would leave
    ++steps;
    if (!std::filesystem::exists(folder)) return absl::OkStatus();
    for (const auto& one : std::filesystem::directory_iterator(folder)) {
      if (one.path().extension() != ".snapshot") continue;
      EXPECT_TRUE(OpenAndVerify(one.path()).ok()) << step;
      ++whole;
    }
    return absl::OkStatus();
  };
  ASSERT_TRUE(made.Write(folder, options).ok());
  EXPECT_GT(steps, 10);
  EXPECT_EQ(whole, 2);
}

TEST(SnapshotWriterTest, AFailureAtAnyStepIsToldAndLeavesNothingUnfinished) {
  const MadeRows made(/*seed=*/40, 300);
  bool done = false;
  for (int failing = 0; !done; ++failing) {
    const std::string folder = MadeFolder("failure");
    SnapshotWriterOptions options;
    options.write_bytes = 2000;
    int steps = 0;
    options.before = [&](std::string_view step) {
      return steps++ == failing ? absl::UnavailableError(Cat("no ", step)) : absl::OkStatus();
    };
    const auto file = made.Write(folder, options);
    done = file.ok();
    EXPECT_EQ(done, steps <= failing);
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& one : std::filesystem::directory_iterator(folder)) {
      EXPECT_EQ(one.path().extension(), ".snapshot");
      EXPECT_TRUE(OpenAndVerify(one.path()).ok());
    }
  }
}

TEST(SnapshotWriterTest, WhatIsNotWhatWasWrittenGetsNoName) {
  const std::string folder = MadeFolder("read_back");
  SnapshotWriterOptions options;
  options.before = [&](std::string_view step) {
    if (step != "read back") return absl::OkStatus();
    const std::string path = folder + "/00000000000000000581.snapshot.tmp";
    std::string bytes = ReadAll(path);
    bytes[100] = static_cast<char>(bytes[100] ^ 4);
    WriteAll(path, bytes);
    return absl::OkStatus();
  };
  EXPECT_TRUE(absl::IsDataLoss(MadeRows(/*seed=*/41, 10).Write(folder, options).status()));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(SnapshotWriterTest, ADiskWithLittleRoomAndATakenNameAreLeftAlone) {
  const std::string folder = MadeFolder("room");
  const MadeRows made(/*seed=*/42, 10);
  SnapshotWriterOptions options;
  options.free_bytes_min = UINT64_MAX;
  EXPECT_TRUE(absl::IsResourceExhausted(made.Write(folder, options).status()));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  ASSERT_TRUE(made.Write(folder).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(made.Write(folder).status()));
  options = {};
  options.replace = true;
  EXPECT_TRUE(made.Write(folder, options).ok());
}

TEST(SnapshotWriterTest, RowsThatAreNotThoseOfTheirCheckpointAreNotWritten) {
  const std::string folder = MadeFolder("digest");
  auto writer = SnapshotWriter::Create(folder, About(7), {});
  ASSERT_TRUE(writer.ok()) << writer.status();
  (*writer)->BeginScope("east");
  (*writer)->BeginPart(0);
  ASSERT_TRUE((*writer)->Add("key", "row").ok());
  EXPECT_TRUE(absl::IsDataLoss((*writer)->EndPart(Digest128::Of("key", "other"), 1, 0)));
  writer->reset();
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

}  // namespace
}  // namespace intentlog
