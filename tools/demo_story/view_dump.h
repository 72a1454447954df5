// A ViewDump is what `view dump NAME --tsv` prints of a read model, as a number of keys and a
// SHA-256: key TAB columns LF, in ascending byte order of keys, merged over scopes.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "client/wire/reader_client.h"
#include "projections/engine/projection.h"
#include "projections/engine/read_models.h"
#include "projections/engine/row_cursor.h"
#include "tools/import/hashed_source.h"
#include "tools/import/sales_tally.h"

namespace intentlog {

struct ViewDump {
  uint64_t keys = 0;
  std::string sha256;  // 64 hexadecimal digits
  SalesByKey sales;    // the rows, where it is a sales view
  Position position;   // of a server's view
};

// Of a server's view, once it is folded through `at_least`.
absl::StatusOr<ViewDump> DumpServerView(const ReaderClient& reader, const Projection& projection,
                                        Position at_least);
// Of a device's view.
absl::StatusOr<ViewDump> DumpDeviceView(const Client& client, const Projection& projection,
                                        Client::Reading reading);
// Of rows as they come.
absl::StatusOr<ViewDump> DumpRows(const Projection& projection, RowCursor& rows);
// Of read models in a store.
absl::StatusOr<ViewDump> DumpModels(const ReadModels& models, const Projection& projection);

// Lines, units and mills over all rows of a device's sales view, and how many keys it has.
struct SalesFigures {
  uint64_t keys = 0;
  SalesSum total;
};
absl::StatusOr<SalesFigures> AddUpSales(const Client& client, std::string_view view,
                                        Client::Reading reading);

}  // namespace intentlog
