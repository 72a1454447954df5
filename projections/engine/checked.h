// Sums and products of amounts that never wrap around: what does not fit into 64 bits is an error
// that names the row's field. Pure.
//
//   ASSIGN_OR_RETURN(int64_t units, CheckedAdd("units", row.units(), line.quantity()));
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace intentlog {

// OUT_OF_RANGE: `field` would leave the range of 64 bits.
absl::Status FieldOverflow(std::string_view field);

inline absl::StatusOr<int64_t> CheckedAdd(std::string_view field, int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) [[unlikely]]
    return FieldOverflow(field);
  return sum;
}

inline absl::StatusOr<int64_t> CheckedSubtract(std::string_view field, int64_t a, int64_t b) {
  int64_t difference;
  if (__builtin_sub_overflow(a, b, &difference)) [[unlikely]]
    return FieldOverflow(field);
  return difference;
}

inline absl::StatusOr<int64_t> CheckedMultiply(std::string_view field, int64_t a, int64_t b) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product)) [[unlikely]]
    return FieldOverflow(field);
  return product;
}

}  // namespace intentlog
