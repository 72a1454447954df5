#include "tools/demo_story/view_dump.h"

#include <algorithm>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/dump.h"
#include "projections/engine/row_access.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

constexpr int64_t kMicrosPerMill = 1000;

class Dumper {
 public:
  explicit Dumper(const Projection& projection)
      : projection_(projection), sales_(projection.info().row == views::SalesRow::descriptor()) {}

  absl::Status Add(std::string_view key, const Row& row) {
    RETURN_IF_ERROR(projection_.Print(row, columns_));
    line_ = TsvEscaped(key);
    for (const std::string& column : columns_) {
      line_.push_back('\t');
      line_ += TsvEscaped(column);
    }
    line_.push_back('\n');
    hash_.Add(line_);
    ++dump_.keys;
    if (sales_) {
      const auto& sum = row.Read<views::SalesRow>();
      dump_.sales.emplace_hint(
          dump_.sales.end(), key,
          SalesSum{sum.lines(), sum.units(), sum.revenue_micros() / kMicrosPerMill});
    }
    return absl::OkStatus();
  }

  ViewDump Finish() {
    dump_.sha256 = Hex(hash_.Finish());
    return std::move(dump_);
  }

 private:
  const Projection& projection_;
  const bool sales_;
  ViewDump dump_;
  Sha256 hash_;
  std::vector<std::string> columns_;
  std::string line_;
};

}  // namespace

absl::StatusOr<ViewDump> DumpRows(const Projection& projection, RowCursor& rows) {
  Dumper dumper(projection);
  for (;;) {
    ASSIGN_OR_RETURN(const MergedRow* const row, rows.Next());
    if (row == nullptr) return dumper.Finish();
    RETURN_IF_ERROR(dumper.Add(row->key, row->row));
  }
}

absl::StatusOr<ViewDump> DumpServerView(const ReaderClient& reader, const Projection& projection,
                                        Position at_least) {
  Dumper dumper(projection);
  ASSIGN_OR_RETURN(const Position position,
                   reader.DumpView(projection.info().name, {at_least},
                                   [&](std::string_view key, std::string_view bytes) {
                                     const auto row = RowFromBytes(projection, bytes);
                                     if (!row.ok()) return row.status();
                                     return dumper.Add(key, *row);
                                   }));
  ViewDump dump = dumper.Finish();
  dump.position = position;
  return dump;
}

absl::StatusOr<ViewDump> DumpDeviceView(const Client& client, const Projection& projection,
                                        Client::Reading reading) {
  ASSIGN_OR_RETURN(const auto rows, client.Scan(projection.info().name, "", reading));
  return DumpRows(projection, *rows);
}

absl::StatusOr<ViewDump> DumpModels(const ReadModels& models, const Projection& projection) {
  ASSIGN_OR_RETURN(const auto rows, models.Scan(projection.info().name));
  return DumpRows(projection, *rows);
}

absl::StatusOr<SalesFigures> AddUpSales(const Client& client, std::string_view view,
                                        Client::Reading reading) {
  SalesFigures figures;
  ASSIGN_OR_RETURN(const auto cursor, client.Scan(view, "", reading));
  for (;;) {
    ASSIGN_OR_RETURN(const MergedRow* const row, cursor->Next());
    if (row == nullptr) return figures;
    const auto& sum = row->row.Read<views::SalesRow>();
    ++figures.keys;
    figures.total.lines += sum.lines();
    figures.total.units += sum.units();
    figures.total.mills += sum.revenue_micros() / kMicrosPerMill;
  }
}

}  // namespace intentlog
