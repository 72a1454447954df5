#include "tests/fuzz/limits.h"

#include <time.h>

#include <algorithm>
#include <bit>
#include <iterator>

#include "absl/types/span.h"
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

struct Slot {
  uintptr_t at;
  size_t size;
  uint64_t round;  // of the measurement; a slot of an earlier one is empty
};
Slot small[1 << 12];
Slot middle[1 << 16];
Slot large[1 << 20];

// What was allocated since a measurement began: a table that allocates nothing itself. It begins
// small, because most inputs need little, and what is small stays in the caches.
class Allocations {
 public:
  void Begin() {
    ++round_;
    table_ = used_ = live_ = most_ = 0;
  }
  size_t most() const { return most_; }

  void Add(uintptr_t at, size_t size) {
    if (used_ + 1 >= kTables[table_].size() / 2) Grow();
    Put({at, size, round_});
    live_ += size;
    most_ = std::max(most_, live_);
  }
  void Remove(uintptr_t at) {
    const absl::Span<Slot> slots = kTables[table_];
    for (size_t i = First(at); slots[i].round == round_; i = (i + 1) & (slots.size() - 1)) {
      if (slots[i].at != at) continue;
      slots[i].at = kFreed;
      live_ -= slots[i].size;
      return;
    }
  }

 private:
  static constexpr uintptr_t kFreed = 1;
  static constexpr absl::Span<Slot> kTables[] = {small, middle, large};

  size_t First(uintptr_t at) const {
    return (at * 0x9e3779b97f4a7c15) >> (64 - std::bit_width(kTables[table_].size() - 1));
  }
  void Put(const Slot& slot) {
    const absl::Span<Slot> slots = kTables[table_];
    size_t i = First(slot.at);
    while (slots[i].round == round_ && slots[i].at != kFreed) i = (i + 1) & (slots.size() - 1);
    slots[i] = slot;
    ++used_;
  }
  void Grow() {
    INTENTLOG_CHECK(table_ + 1 < std::size(kTables));
    const absl::Span<const Slot> before = kTables[table_++];
    used_ = 0;
    for (const Slot& slot : before) {
      if (slot.round == round_ && slot.at != kFreed) Put(slot);
    }
  }

  uint64_t round_;
  size_t table_, used_, live_, most_;
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
