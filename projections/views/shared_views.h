// For tests, which open many clients and servers: a view takes a golden log to tell its
// fingerprint.
#pragma once

#include "projections/views/commerce_views.h"

namespace intentlog {

// CommerceViews, made once a process. Thread-safe.
inline const Projections& SharedViews() {
  static const auto* const views = new Projections(CommerceViews());
  return *views;
}

}  // namespace intentlog
