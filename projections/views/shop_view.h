// A ShopView is a Projection of this folder: its fingerprint is that over ShopGoldenLog.
// Thread-safe as every Projection.
#pragma once

#include <mutex>
#include <string>

#include "projections/engine/fingerprint.h"
#include "projections/engine/projection.h"

namespace intentlog {

// Some weeks of a small shop: every event that a view of this folder folds, in the ways that make a
// difference to one. Never changed: a view that folds something new gets events at its end, and
// then all views have other fingerprints, as if all had new code.
void ShopGoldenLog(const TakeGolden& take);

class ShopView : public Projection {
 public:
  // Worked out when first asked for: a millisecond.
  std::string fingerprint() const final;

 private:
  mutable std::once_flag once_;
  mutable std::string fingerprint_;
};

}  // namespace intentlog
