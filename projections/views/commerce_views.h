// The read models of a shop: orders, stock, and sales by invoice, product, customer, country, month
// and day. Each is a Projection of its own in this folder.
#pragma once

#include "projections/engine/read_models.h"

namespace intentlog {

Projections CommerceViews();

}  // namespace intentlog
