// The view "stock": units on hand by product. Sold lines take away (a negative quantity brings
// back), returned goods and movements add, a count sets. Nothing keeps it from falling below zero:
// what was sold was sold, and people look for the reason. Over scopes, stock adds up.
#pragma once

#include <memory>

#include "projections/engine/projection.h"

namespace intentlog {

std::shared_ptr<const Projection> StockView();

}  // namespace intentlog
