#include "tools/import/hashed_source.h"

#include <openssl/evp.h>

#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

EVP_MD_CTX* Context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  INTENTLOG_CHECK(EVP_DigestInit_ex(Context(context_), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(Context(context_)); }

void Sha256::Add(std::string_view bytes) {
  INTENTLOG_CHECK(EVP_DigestUpdate(Context(context_), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::Finish() {
  std::string digest(32, '\0');
  auto* out = reinterpret_cast<unsigned char*>(digest.data());
  INTENTLOG_CHECK(EVP_DigestFinal_ex(Context(context_), out, nullptr) == 1);
  return digest;
}

std::string Sha256Of(std::string_view bytes) {
  Sha256 hash;
  hash.Add(bytes);
  return hash.Finish();
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto source, ByteSource::Open(path, {.unpack = false}));
  HashedSource hashed(*source);
  for (;;) {
    ASSIGN_OR_RETURN(const std::string_view bytes, hashed.Next());
    if (bytes.empty()) return hashed.Finish();
  }
}

absl::StatusOr<std::string_view> HashedSource::Next() {
  ASSIGN_OR_RETURN(const std::string_view bytes, source_.Next());
  hash_.Add(bytes);
  return bytes;
}

}  // namespace intentlog
