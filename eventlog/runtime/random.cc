#include "eventlog/runtime/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <mutex>

#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

// Asks the operating system for many numbers at once, because each call costs about a microsecond.
class SystemRandom final : public Random {
 public:
  uint64_t Next() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (used_ == numbers_.size()) Refill();
    const uint64_t number = numbers_[used_];
    numbers_[used_++] = 0;  // given out once
    return number;
  }

 private:
  void Refill() {
    char* const bytes = reinterpret_cast<char*>(numbers_.data());
    size_t filled = 0;
    while (filled < sizeof(numbers_)) {
      const ssize_t got = getrandom(bytes + filled, sizeof(numbers_) - filled, 0);
      INTENTLOG_CHECK(got > 0 || (got < 0 && errno == EINTR));
      if (got > 0) filled += static_cast<size_t>(got);
    }
    used_ = 0;
  }

  std::mutex mutex_;
  std::array<uint64_t, 32> numbers_ = {};
  size_t used_ = numbers_.size();
};

}  // namespace

uint64_t Random::Below(uint64_t bound) {
  INTENTLOG_CHECK(bound > 0);
  // The lowest 2^64 mod bound numbers are thrown away: what remains is a multiple of bound.
  const uint64_t skipped = (0 - bound) % bound;
  uint64_t number = Next();
  while (number < skipped) number = Next();
  return number % bound;
}

double Random::Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

std::string Random::Bytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; i += 8) {
    const uint64_t number = Next();
    for (size_t j = 0; j < 8 && i + j < size; ++j) {
      bytes[i + j] = static_cast<char>(number >> (8 * j));  // the same on every machine
    }
  }
  return bytes;
}

std::unique_ptr<Random> MakeSystemRandom() { return std::make_unique<SystemRandom>(); }

uint64_t SeededRandom::Next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace intentlog
