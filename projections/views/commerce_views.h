// The read models of a shop: orders, stock, and sales by invoice, product, customer, country, month
// and day; and of every application: the statistics of its conflicts. Each is a Projection of its
// own in this folder.
#pragma once

#include "projections/engine/read_models.h"

namespace intentlog {

Projections CommerceViews();

}  // namespace intentlog
