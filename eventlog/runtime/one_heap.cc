#include "eventlog/runtime/one_heap.h"

#include <malloc.h>

namespace intentlog {

void UseOneHeap() {
  mallopt(M_ARENA_MAX, 1);
  constexpr int kGlibcsOwn = 128 << 10;
  mallopt(M_TRIM_THRESHOLD, kGlibcsOwn);
}

}  // namespace intentlog
