#include "tools/commands/view_tsv.h"

#include <openssl/evp.h>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

void AppendCell(std::string_view cell, std::string& line) {
  for (const char c : cell) {
    switch (c) {
      case '\t':
        line += "\\t";
        break;
      case '\n':
        line += "\\n";
        break;
      case '\r':
        line += "\\r";
        break;
      default:
        line.push_back(c);
    }
  }
}

}  // namespace

struct ViewTsv::Hash {
  Hash() { INTENTLOG_CHECK(EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1); }
  ~Hash() { EVP_MD_CTX_free(context); }
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
};

ViewTsv::ViewTsv(const Projection& projection)
    : projection_(projection), hash_(std::make_unique<Hash>()) {}

ViewTsv::~ViewTsv() = default;

absl::Status ViewTsv::Add(std::string_view key, const Row& row) {
  columns_.clear();
  RETURN_IF_ERROR(projection_.Print(row, columns_));
  line_.clear();
  AppendCell(key, line_);
  for (const std::string& column : columns_) {
    line_.push_back('\t');
    AppendCell(column, line_);
  }
  line_.push_back('\n');
  INTENTLOG_CHECK(EVP_DigestUpdate(hash_->context, line_.data(), line_.size()) == 1);
  ++rows_;
  return absl::OkStatus();
}

std::string ViewTsv::Cell(std::string_view cell) {
  std::string text;
  AppendCell(cell, text);
  return text;
}

std::string ViewTsv::Sha256() const {
  Hash copy;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  INTENTLOG_CHECK(EVP_MD_CTX_copy_ex(copy.context, hash_->context) == 1);
  INTENTLOG_CHECK(EVP_DigestFinal_ex(copy.context, digest, &size) == 1);
  return Hex(std::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace intentlog
