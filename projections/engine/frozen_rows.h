// The rows of views as they were at one moment, to be read while folding goes on.
#pragma once

#include <memory>
#include <vector>

#include "eventlog/store/store.h"
#include "projections/engine/projection.h"
#include "projections/engine/row_keys.h"

namespace intentlog {

// Keeps what it holds on the disk: let go of it soon. The store must outlive it.
struct FrozenRows {
  struct View {
    ProjectionInfo info;
    BuildId build = 0;
  };
  std::shared_ptr<const StoreSnapshot> snapshot;
  std::vector<View> views;
};

}  // namespace intentlog
