#include "eventlog/runtime/one_heap.h"

#include <malloc.h>

namespace intentlog {

void UseOneHeap() { mallopt(M_ARENA_MAX, 1); }

}  // namespace intentlog
