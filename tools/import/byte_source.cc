#include "tools/import/byte_source.h"

#include <fcntl.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// An open file, read in order.
class File {
 public:
  File(std::string path, int fd, uint64_t size, size_t buffer_bytes)
      : path_(std::move(path)), fd_(fd), size_(size), buffer_(buffer_bytes) {}
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // The next bytes; empty at the end.
  absl::StatusOr<std::string_view> Read() {
    ssize_t n;
    do {
      n = read(fd_, buffer_.data(), buffer_.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
      return Unavailable(path_, ": cannot be read at byte ", offset_, ": ", std::strerror(errno));
    }
    offset_ += static_cast<uint64_t>(n);
    return std::string_view(buffer_.data(), static_cast<size_t>(n));
  }

  const std::string& path() const { return path_; }
  uint64_t offset() const { return offset_; }
  uint64_t size() const { return size_; }

 private:
  const std::string path_;
  const int fd_;
  const uint64_t size_;
  uint64_t offset_ = 0;
  std::vector<char> buffer_;
};

class PlainSource : public ByteSource {
 public:
  PlainSource(std::unique_ptr<File> file, std::string_view first)
      : file_(std::move(file)), first_(first) {}

  absl::StatusOr<std::string_view> Next() override {
    if (!first_.empty()) return std::exchange(first_, {});
    return file_->Read();
  }
  const std::string& path() const override { return file_->path(); }
  uint64_t file_offset() const override { return file_->offset(); }
  uint64_t file_size() const override { return file_->size(); }

 private:
  std::unique_ptr<File> file_;
  std::string_view first_;  // in the file's buffer
};

// How one packed format is unpacked, piece by piece.
class Unpacker {
 public:
  enum Result { kMore, kStreamEnd, kDamaged, kTooMuchMemory };
  virtual ~Unpacker() = default;
  // Takes from the front of `in`, writes at most `out_size` bytes and says how many in `written`.
  virtual Result Unpack(std::string_view& in, char* out, size_t out_size, size_t* written) = 0;
  // Makes ready for a stream that follows a finished one; false if the format does that by itself.
  virtual bool Restart() = 0;
  virtual const char* format() const = 0;
};

class XzUnpacker : public Unpacker {
 public:
  explicit XzUnpacker(size_t memory_max) : memory_max_(memory_max) { Restart(); }
  ~XzUnpacker() override { lzma_end(&stream_); }

  Result Unpack(std::string_view& in, char* out, size_t out_size, size_t* written) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out);
    stream_.avail_out = out_size;
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    in.remove_prefix(in.size() - stream_.avail_in);
    *written = out_size - stream_.avail_out;
    if (result == LZMA_STREAM_END) return kStreamEnd;
    if (result == LZMA_MEMLIMIT_ERROR || result == LZMA_MEM_ERROR) return kTooMuchMemory;
    return result == LZMA_OK || result == LZMA_BUF_ERROR ? kMore : kDamaged;
  }
  bool Restart() override {
    INTENTLOG_CHECK(lzma_stream_decoder(&stream_, memory_max_, 0) == LZMA_OK);
    return true;
  }
  const char* format() const override { return "xz"; }

 private:
  const size_t memory_max_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class GzUnpacker : public Unpacker {
 public:
  GzUnpacker() { INTENTLOG_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK); }
  ~GzUnpacker() override { inflateEnd(&stream_); }

  Result Unpack(std::string_view& in, char* out, size_t out_size, size_t* written) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(out_size);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(in.size() - stream_.avail_in);
    *written = out_size - stream_.avail_out;
    if (result == Z_STREAM_END) return kStreamEnd;
    if (result == Z_MEM_ERROR) return kTooMuchMemory;
    return result == Z_OK || result == Z_BUF_ERROR ? kMore : kDamaged;
  }
  bool Restart() override { return inflateReset(&stream_) == Z_OK; }
  const char* format() const override { return "gzip"; }

 private:
  z_stream stream_ = {};
};

class ZstdUnpacker : public Unpacker {
 public:
  explicit ZstdUnpacker(size_t memory_max) : stream_(ZSTD_createDStream()) {
    INTENTLOG_CHECK(stream_ != nullptr);
    const int window_log = std::bit_width(memory_max) - 1;
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, std::clamp(window_log, 10, 31));
  }
  ~ZstdUnpacker() override { ZSTD_freeDStream(stream_); }

  Result Unpack(std::string_view& in, char* out, size_t out_size, size_t* written) override {
    ZSTD_inBuffer input = {in.data(), in.size(), 0};
    ZSTD_outBuffer output = {out, out_size, 0};
    const size_t result = ZSTD_decompressStream(stream_, &output, &input);
    in.remove_prefix(input.pos);
    *written = output.pos;
    if (ZSTD_isError(result)) {
      return std::string_view(ZSTD_getErrorName(result)).find("memory") == std::string_view::npos
                 ? kDamaged
                 : kTooMuchMemory;
    }
    return result == 0 ? kStreamEnd : kMore;
  }
  bool Restart() override { return true; }
  const char* format() const override { return "zstd"; }

 private:
  ZSTD_DStream* stream_;
};

class PackedSource : public ByteSource {
 public:
  PackedSource(std::unique_ptr<File> file, std::string_view first, size_t buffer_bytes,
               std::unique_ptr<Unpacker> unpacker)
      : file_(std::move(file)), in_(first), out_(buffer_bytes), unpacker_(std::move(unpacker)) {}

  absl::StatusOr<std::string_view> Next() override {
    for (;;) {
      if (in_.empty() && !file_ended_) {
        ASSIGN_OR_RETURN(in_, file_->Read());
        file_ended_ = in_.empty();
      }
      if (between_streams_) {
        if (in_.empty()) return std::string_view();
        if (!unpacker_->Restart()) return Damaged();
        between_streams_ = false;
      }
      size_t written = 0;
      const size_t before = in_.size();
      const Unpacker::Result result = unpacker_->Unpack(in_, out_.data(), out_.size(), &written);
      if (result == Unpacker::kDamaged) return Damaged();
      if (result == Unpacker::kTooMuchMemory) return TooMuchMemory();
      between_streams_ = result == Unpacker::kStreamEnd;
      if (written > 0) return std::string_view(out_.data(), written);
      if (!between_streams_ && file_ended_ && before == 0) return Truncated();
      if (!between_streams_ && in_.size() == before && before > 0) return Damaged();
    }
  }
  const std::string& path() const override { return file_->path(); }
  uint64_t file_offset() const override { return file_->offset() - in_.size(); }
  uint64_t file_size() const override { return file_->size(); }

 private:
  absl::Status Damaged() const {
    return DataLoss(path(), ": damaged ", unpacker_->format(), " data near byte ", file_offset(),
                    "; fetch the file again");
  }
  absl::Status Truncated() const {
    return DataLoss(path(), ": ends at byte ", file_offset(), " in the middle of its ",
                    unpacker_->format(), " data; fetch the file again");
  }
  absl::Status TooMuchMemory() const {
    return Exhausted(path(), ": unpacking this ", unpacker_->format(),
                     " file takes more memory than allowed; pack it with a smaller dictionary");
  }

  std::unique_ptr<File> file_;
  std::string_view in_;  // of the file's buffer, not yet unpacked
  std::vector<char> out_;
  std::unique_ptr<Unpacker> unpacker_;
  bool file_ended_ = false;
  bool between_streams_ = false;
};

class MemorySource : public ByteSource {
 public:
  MemorySource(std::string path, std::string bytes, size_t piece)
      : path_(std::move(path)), bytes_(std::move(bytes)), piece_(piece) {}

  absl::StatusOr<std::string_view> Next() override {
    const std::string_view next = std::string_view(bytes_).substr(offset_, piece_);
    offset_ += next.size();
    return next;
  }
  const std::string& path() const override { return path_; }
  uint64_t file_offset() const override { return offset_; }
  uint64_t file_size() const override { return bytes_.size(); }

 private:
  const std::string path_;
  const std::string bytes_;
  const size_t piece_;
  size_t offset_ = 0;
};

std::unique_ptr<Unpacker> UnpackerFor(std::string_view first, size_t memory_max) {
  if (first.starts_with(std::string_view("\xFD"
                                         "7zXZ\0",
                                         6))) {
    return std::make_unique<XzUnpacker>(memory_max);
  }
  if (first.starts_with("\x1F\x8B")) return std::make_unique<GzUnpacker>();
  if (first.starts_with("\x28\xB5\x2F\xFD")) return std::make_unique<ZstdUnpacker>(memory_max);
  return nullptr;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> ByteSource::Open(const std::string& path,
                                                             const ByteSourceOptions& options) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return NotFound(path, ": no such file");
    return Unavailable(path, ": cannot be opened: ", std::strerror(errno));
  }
  struct stat about = {};
  const bool known = fstat(fd, &about) == 0;
  auto file = std::make_unique<File>(
      path, fd, known && about.st_size > 0 ? static_cast<uint64_t>(about.st_size) : 0,
      options.buffer_bytes);
  if (known && S_ISDIR(about.st_mode)) return Invalid(path, ": is a folder, not a file");
  ASSIGN_OR_RETURN(const std::string_view first, file->Read());
  auto unpacker = options.unpack ? UnpackerFor(first, options.unpack_memory_max) : nullptr;
  if (unpacker == nullptr) return std::make_unique<PlainSource>(std::move(file), first);
  return std::make_unique<PackedSource>(std::move(file), first, options.buffer_bytes,
                                        std::move(unpacker));
}

std::unique_ptr<ByteSource> SourceFromMemory(std::string path, std::string bytes, size_t piece) {
  return std::make_unique<MemorySource>(std::move(path), std::move(bytes), piece);
}

}  // namespace intentlog
