#include "eventlog/log/chain.h"

#include <cstring>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "openssl/evp.h"

namespace intentlog {
namespace {

// One hash computation at a time, reused: making a context costs more than hashing an event.
class Hasher {
 public:
  Hasher() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    INTENTLOG_CHECK(algorithm_ != nullptr && context_ != nullptr);
    INTENTLOG_CHECK(EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1);
  }
  ~Hasher() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
  }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  static Hasher& OfThisThread() {
    thread_local Hasher hasher;
    return hasher;
  }

  void Begin() { INTENTLOG_CHECK(EVP_DigestInit_ex2(context_, nullptr, nullptr) == 1); }
  void Add(std::string_view bytes) {
    INTENTLOG_CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
  }
  ChainValue End() {
    ChainValue value;
    INTENTLOG_CHECK(EVP_DigestFinal_ex(context_, value.data(), nullptr) == 1);
    return value;
  }

 private:
  EVP_MD* const algorithm_;
  EVP_MD_CTX* const context_;
};

// Small inputs are laid out in one piece first: a call per part costs more than the copy.
class Input {
 public:
  explicit Input(Hasher& hasher) : hasher_(hasher) { hasher_.Begin(); }

  void Add(std::string_view bytes) {
    if (size_ + bytes.size() > sizeof(buffer_)) Flush();
    if (bytes.size() > sizeof(buffer_)) {
      hasher_.Add(bytes);
    } else if (!bytes.empty()) {
      std::memcpy(buffer_ + size_, bytes.data(), bytes.size());
      size_ += bytes.size();
    }
  }
  void AddSized(std::string_view bytes) {
    INTENTLOG_CHECK(bytes.size() <= UINT32_MAX);
    char size[4];
    StoreLittle(size, static_cast<uint32_t>(bytes.size()));
    Add(std::string_view(size, sizeof(size)));
    Add(bytes);
  }
  ChainValue End() {
    Flush();
    return hasher_.End();
  }

 private:
  void Flush() {
    if (size_ > 0) hasher_.Add(std::string_view(buffer_, size_));
    size_ = 0;
  }

  Hasher& hasher_;
  size_t size_ = 0;
  char buffer_[1024];
};

}  // namespace

ChainValue NextChain(const ChainValue& before, std::string_view header, std::string_view intent) {
  Input input(Hasher::OfThisThread());
  input.Add(Bytes(before));
  input.AddSized(header);
  input.AddSized(intent);
  return input.End();
}

ChainValue NextLogHash(const ChainValue& before, std::string_view intent) {
  Input input(Hasher::OfThisThread());
  input.Add(Bytes(before));
  input.AddSized(intent);
  return input.End();
}

bool ToChainValue(std::string_view bytes, ChainValue* value) {
  if (bytes.empty()) {
    *value = {};
    return true;
  }
  if (bytes.size() != value->size()) return false;
  std::memcpy(value->data(), bytes.data(), bytes.size());
  return true;
}

}  // namespace intentlog
