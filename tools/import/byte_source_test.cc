#include "tools/import/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdlib>
#include <fstream>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

using ::testing::HasSubstr;

std::string Sample(size_t lines) {
  std::string text;
  for (size_t i = 0; i < lines; ++i) text += Cat("line ", i, ", ", i * 7919 % 1000, "\n");
  return text;
}

std::string Xz(const std::string& text) {
  std::string out(text.size() + 4096, '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr,
                                    reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                    reinterpret_cast<uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  return out.substr(0, size);
}

std::string Gz(const std::string& text) {
  std::string out(text.size() + 4096, '\0');
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// With a checksum, as the zstd command writes it; without one zstd data can be damaged unseen.
std::string Zst(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

class ByteSourceTest : public ::testing::Test {
 protected:
  // The path of a file with these bytes.
  std::string File(const std::string& bytes) {
    const std::string path = Cat(std::getenv("TEST_TMPDIR"), "/file", ++files_);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  absl::StatusOr<std::string> ReadAll(const std::string& path, ByteSourceOptions options = {}) {
    auto source = ByteSource::Open(path, options);
    if (!source.ok()) return source.status();
    std::string all;
    for (;;) {
      auto bytes = (*source)->Next();
      if (!bytes.ok()) return bytes.status();
      if (bytes->empty()) break;
      EXPECT_LE(bytes->size(), options.buffer_bytes);
      all += *bytes;
    }
    EXPECT_EQ((*source)->file_offset(), (*source)->file_size());
    return all;
  }

 private:
  int files_ = 0;
};

TEST_F(ByteSourceTest, PlainAndPackedFilesGiveTheSameBytes) {
  const std::string text = Sample(30000);
  for (const std::string& bytes : {text, Xz(text), Gz(text), Zst(text)}) {
    auto all = ReadAll(File(bytes));
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_EQ(*all, text);
  }
}

TEST_F(ByteSourceTest, StreamsOneAfterAnotherAreOne) {
  const std::string a = Sample(100), b = Sample(5000);
  for (const std::string& bytes : {Xz(a) + Xz(b), Gz(a) + Gz(b), Zst(a) + Zst(b)}) {
    auto all = ReadAll(File(bytes), {.buffer_bytes = 1000});
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_EQ(*all, a + b);
  }
}

TEST_F(ByteSourceTest, EmptyFilesAreEmpty) {
  for (const std::string& bytes : {std::string(), Xz(""), Gz(""), Zst("")}) {
    auto all = ReadAll(File(bytes));
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_EQ(*all, "");
  }
}

TEST_F(ByteSourceTest, ACutFileIsTruncatedWithItsLength) {
  const std::string text = Sample(30000);
  for (const std::string& whole : {Xz(text), Gz(text), Zst(text)}) {
    for (const size_t size : {whole.size() - 1, whole.size() / 2, size_t{20}}) {
      const std::string path = File(whole.substr(0, size));
      auto all = ReadAll(path);
      ASSERT_EQ(all.status().code(), absl::StatusCode::kDataLoss) << size;
      EXPECT_THAT(all.status().message(), HasSubstr(Cat(path, ": ends at byte ", size, " ")));
    }
  }
}

TEST_F(ByteSourceTest, ADamagedFileIsNamedWithAnOffset) {
  const std::string text = Sample(30000);
  for (std::string bytes : {Xz(text), Gz(text), Zst(text)}) {
    for (size_t i = bytes.size() / 2; i < bytes.size() / 2 + 16; ++i) bytes[i] ^= 0x55;
    auto all = ReadAll(File(bytes));
    ASSERT_EQ(all.status().code(), absl::StatusCode::kDataLoss) << all.status();
    EXPECT_THAT(all.status().message(), HasSubstr("near byte "));
  }
}

TEST_F(ByteSourceTest, RubbishAfterAStreamIsDamage) {
  const std::string text = Sample(100);
  for (const std::string& bytes : {Xz(text) + "more", Gz(text) + "more", Zst(text) + "more"}) {
    EXPECT_EQ(ReadAll(File(bytes)).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(ByteSourceTest, TooLargeADictionaryIsRefusedByName) {
  auto all = ReadAll(File(Xz(Sample(30000))), {.unpack_memory_max = 100000});
  ASSERT_EQ(all.status().code(), absl::StatusCode::kResourceExhausted) << all.status();
  EXPECT_THAT(all.status().message(), HasSubstr("more memory than allowed"));
}

TEST_F(ByteSourceTest, NoFileAndAFolderAreNamed) {
  EXPECT_EQ(ByteSource::Open("/no/such.csv").status().code(), absl::StatusCode::kNotFound);
  auto folder = ByteSource::Open(std::getenv("TEST_TMPDIR"));
  EXPECT_EQ(folder.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(folder.status().message(), HasSubstr("is a folder"));
}

}  // namespace
}  // namespace intentlog
