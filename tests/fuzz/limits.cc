#include "tests/fuzz/limits.h"

#include <time.h>

#include <algorithm>
#include <bit>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#define INTENTLOG_FUZZ_COUNTS_MEMORY
#endif
#endif

namespace intentlog::fuzz {
namespace {

int64_t ThreadMicros() {
  timespec now = {};
  INTENTLOG_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

#ifdef INTENTLOG_FUZZ_COUNTS_MEMORY

// What was allocated since a measurement began: a table that allocates nothing itself. A slot of an
// earlier measurement is empty.
class Allocations {
 public:
  void Begin() {
    ++round_;
    used_ = live_ = most_ = 0;
  }
  size_t most() const { return most_; }

  void Add(uintptr_t at, size_t size) {
    INTENTLOG_CHECK(++used_ < kSlots / 2);
    size_t i = Hash(at);
    while (slots_[i].round == round_ && slots_[i].at != kFreed) i = (i + 1) % kSlots;
    slots_[i] = {at, size, round_};
    live_ += size;
    most_ = std::max(most_, live_);
  }
  void Remove(uintptr_t at) {
    for (size_t i = Hash(at); slots_[i].round == round_; i = (i + 1) % kSlots) {
      if (slots_[i].at != at) continue;
      slots_[i].at = kFreed;
      live_ -= slots_[i].size;
      return;
    }
  }

 private:
  static constexpr size_t kSlots = 1 << 20;
  static constexpr uintptr_t kFreed = 1;
  struct Slot {
    uintptr_t at;
    size_t size;
    uint64_t round;
  };
  static size_t Hash(uintptr_t at) {
    return (at * 0x9e3779b97f4a7c15) >> (64 - std::bit_width(kSlots - 1));
  }

  Slot slots_[kSlots];
  uint64_t round_;
  size_t used_, live_, most_;
};

Allocations allocations;  // zero from the start: it is used before constructors run
thread_local bool measuring = false;

void OnMalloc(const volatile void* at, size_t size) {
  if (measuring) allocations.Add(reinterpret_cast<uintptr_t>(at), size);
}
void OnFree(const volatile void* at) {
  if (measuring) allocations.Remove(reinterpret_cast<uintptr_t>(at));
}

void Watch(bool begin) {
  static const int hooked = __sanitizer_install_malloc_and_free_hooks(OnMalloc, OnFree);
  INTENTLOG_CHECK(hooked > 0 && measuring != begin);
  if (begin) allocations.Begin();
  measuring = begin;
}
size_t MostBytes() { return allocations.most(); }

#else

void Watch(bool) {}
size_t MostBytes() { return 0; }

#endif

}  // namespace

Usage Measure(absl::FunctionRef<void()> use) {
  Usage usage;
  Watch(true);
  usage.micros = -ThreadMicros();
  use();
  usage.micros += ThreadMicros();
  Watch(false);
  usage.bytes = MostBytes();
  return usage;
}

std::optional<std::string> OverLimit(const Usage& usage, size_t input_bytes) {
  if (usage.micros > kMicrosMax) {
    return Cat(input_bytes, " bytes took ", usage.micros, " us; at most ", kMicrosMax,
               " are allowed");
  }
  if (usage.bytes > BytesMax(input_bytes)) {
    return Cat(input_bytes, " bytes took ", usage.bytes, " bytes of memory; at most ",
               BytesMax(input_bytes), " are allowed");
  }
  return std::nullopt;
}

}  // namespace intentlog::fuzz
