// The view "orders": one row per order, with its lines and returns in log order, what it comes to,
// and whether it is cancelled. The key is the order's id; an order lives in one scope, so nothing
// merges.
//
// The first event of an order makes its row, whichever it is; customer, country and time of an
// order that nobody opened are those of its first line. OrderOpened sets them at any time. Units
// and total are the lines' less what was returned. A cancelled order stays cancelled; later lines
// still join it.
//
// Indexes: "customer", by customer_id, and "day", by the UTC day on which it was opened, such as
// 2011-12-09; an order without customer or time is not in that index.
#pragma once

#include <memory>

#include "projections/engine/projection.h"

namespace intentlog {

std::shared_ptr<const Projection> OrdersView();

}  // namespace intentlog
