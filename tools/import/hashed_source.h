// A HashedSource hands on another source's bytes and hashes them on the way. Thread-compatible; the
// other source must outlive it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tools/import/byte_source.h"

namespace intentlog {

// SHA-256, fed piece by piece. Thread-compatible.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(std::string_view bytes);
  // 32 bytes. REQUIRES: called once, last.
  std::string Finish();

 private:
  void* context_;
};

// 32 bytes, of all of `bytes`.
std::string Sha256Of(std::string_view bytes);
// 32 bytes, of a file as it lies there. Errors as ByteSource::Open.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

class HashedSource final : public ByteSource {
 public:
  explicit HashedSource(ByteSource& source) : source_(source) {}

  absl::StatusOr<std::string_view> Next() override;
  const std::string& path() const override { return source_.path(); }
  uint64_t file_offset() const override { return source_.file_offset(); }
  uint64_t file_size() const override { return source_.file_size(); }

  // Of everything handed on. REQUIRES: called once, at the end.
  std::string Finish() { return hash_.Finish(); }

 private:
  ByteSource& source_;
  Sha256 hash_;
};

}  // namespace intentlog
