// What one hostile input may take (I33): 100 ms of processor time, and at its highest 16 times its
// size and 1 MB of memory. Measured on the calling thread, so neither a busy machine nor a store's
// own threads count; memory only where AddressSanitizer tells of allocations.
//
//   const Usage usage = Measure([&] { (void)BlockView::Parse(bytes); });
//   if (auto problem = OverLimit(usage, bytes.size())) …
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"

namespace intentlog::fuzz {

struct Usage {
  int64_t micros = 0;
  size_t bytes = 0;  // the most that was allocated and not yet freed
};

// Not within itself.
Usage Measure(absl::FunctionRef<void()> use);

inline constexpr int64_t kMicrosMax = 100'000;
constexpr size_t BytesMax(size_t input) { return (1 << 20) + 16 * input; }

// A sentence that says what was too much.
std::optional<std::string> OverLimit(const Usage& usage, size_t input_bytes);

}  // namespace intentlog::fuzz
