// A Random gives random numbers and bytes. Ours rather than std:: distributions, which differ by
// library. Thread-compatible: one owner, or a lock around it. MakeSystemRandom's is thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace intentlog {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;

  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [0, 1).
  double Unit();
  std::string Bytes(size_t size);
};

// From the operating system; fit for ids.
std::unique_ptr<Random> MakeSystemRandom();

// The same numbers for the same seed, on every machine (splitmix64).
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next() override;

 private:
  uint64_t state_;
};

}  // namespace intentlog
