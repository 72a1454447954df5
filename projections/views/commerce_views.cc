#include "projections/views/commerce_views.h"

#include "projections/views/conflicts.h"
#include "projections/views/orders.h"
#include "projections/views/sales.h"
#include "projections/views/stock.h"

namespace intentlog {

Projections CommerceViews() {
  // The cache keeps the rows of the later ones longer: an order is soon done, a product goes on.
  return {OrdersView(),     SalesByInvoice(), SalesByDay(), SalesByMonth(), SalesByCustomer(),
          SalesByProduct(), SalesByCountry(), StockView(),  ConflictsView()};
}

}  // namespace intentlog
