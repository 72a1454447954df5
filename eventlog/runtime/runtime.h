// Where everything nondeterministic comes from. Borrowed pointers; all must outlive the user.
#pragma once

#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/runtime/random.h"

namespace intentlog {

struct Runtime {
  const Clock* clock = nullptr;
  Executor* executor = nullptr;  // owns the core objects built with this Runtime
  Random* random = nullptr;      // used on that executor, or under the user's own lock
};

}  // namespace intentlog
