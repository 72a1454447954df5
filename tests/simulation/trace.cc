#include "tests/simulation/trace.h"

#include <cstring>
#include <iomanip>
#include <iostream>

namespace intentlog::simulation {

void Trace::Mix(uint64_t number) {
  hash_ = (hash_ ^ number) * 0x9fb21c651e98df25;
  hash_ ^= hash_ >> 29;
}

void Trace::Mix(std::string_view bytes) {
  Mix(bytes.size());
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    Mix(word);
    bytes.remove_prefix(8);
  }
  uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  Mix(word);
}

void Trace::Print(std::string_view node, std::string_view text) const {
  std::cout << std::setw(12) << std::fixed << std::setprecision(3)
            << absl::ToDoubleSeconds(clock_.Passed() - began_) << "  " << std::left << std::setw(8)
            << node << std::right << " " << text << "\n";
}

}  // namespace intentlog::simulation
