// Marks are names of rare branches. Simulations tell which no seed has reached: a branch that is
// never taken is not tested, whatever the line count says.
//
//   if (gap) INTENTLOG_MARK("sequencer: gap");
//
// In every build, because what is simulated should be what is shipped: a mark costs one relaxed
// increment, and stands on rare branches alone. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace intentlog {

class Mark {
 public:
  explicit Mark(std::string_view name) : name_(name), next_(first_) { first_ = this; }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

  void Hit() { hits_.fetch_add(1, std::memory_order_relaxed); }
  std::string_view name() const { return name_; }
  uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }

  // All marks of the program, reached or not, in no order.
  static const Mark* first() { return first_; }
  const Mark* next() const { return next_; }

 private:
  static inline Mark* first_ = nullptr;

  const std::string_view name_;
  Mark* const next_;
  std::atomic<uint64_t> hits_{0};
};

namespace mark_internal {

template <size_t size>
struct Name {
  constexpr Name(const char (&text)[size]) {  // NOLINT: a literal
    for (size_t i = 0; i < size; ++i) bytes[i] = text[i];
  }
  constexpr std::string_view view() const { return std::string_view(bytes, size - 1); }
  char bytes[size] = {};
};

// Made before main, so that a mark which is never reached is known, too.
template <Name name>
struct Of {
  static inline Mark mark{name.view()};
};

}  // namespace mark_internal
}  // namespace intentlog

#define INTENTLOG_MARK(name) ::intentlog::mark_internal::Of<name>::mark.Hit()
