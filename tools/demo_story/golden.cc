#include "tools/demo_story/golden.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

// Golden names of the six views' digests, as kSalesViews.
constexpr std::array<std::string_view, 6> kDigestNames = {
    "by_invoice", "by_stock_code", "by_customer", "by_country", "by_month", "by_day"};
constexpr size_t kTop = 10;
constexpr size_t kPrintedMax = 40;

const SalesByKey& Rows(const SalesDumps& views, std::string_view view) {
  static const SalesByKey* const kNone = new SalesByKey;
  const auto found = views.find(view);
  return found == views.end() ? *kNone : found->second.rows;
}

SalesSum Total(const SalesByKey& rows) {
  SalesSum total;
  for (const auto& [key, sum] : rows) {
    total.lines += sum.lines;
    total.units += sum.units;
    total.mills += sum.mills;
  }
  return total;
}

void AddInvoices(const SalesByKey& invoices, Json& json) {
  struct Kind {
    int64_t invoices = 0, lines = 0, mills = 0;
  };
  std::array<Kind, 3> kinds;  // as InvoiceKind
  int64_t lines_max = 0;
  for (const auto& [key, sum] : invoices) {
    Kind& kind = kinds[static_cast<size_t>(KindOfInvoice(key))];
    ++kind.invoices;
    kind.lines += sum.lines;
    kind.mills += sum.mills;
    lines_max = std::max(lines_max, sum.lines);
  }
  json["invoices"] = invoices.size();
  json["invoices_plain"] = kinds[0].invoices;
  json["invoices_cancelled"] = kinds[1].invoices;
  json["invoices_other_letter"] = kinds[2].invoices;
  json["rows_cancelled"] = kinds[1].lines;
  json["rows_other_letter"] = kinds[2].lines;
  json["revenue_mills_plain"] = kinds[0].mills;
  json["revenue_mills_cancelled"] = kinds[1].mills;
  json["revenue_mills_other_letter"] = kinds[2].mills;
  json["lines_per_invoice_max"] = lines_max;
}

void AddProducts(const SalesByKey& products, Json& json) {
  std::vector<std::pair<std::string, int64_t>> units;
  int64_t negative = 0;
  for (const auto& [key, sum] : products) {
    units.emplace_back(key, sum.units);
    if (sum.units < 0) ++negative;
  }
  std::stable_sort(units.begin(), units.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (units.size() > kTop) units.resize(kTop);
  json["stock_codes"] = products.size();
  json["stock_codes_net_negative"] = negative;
  json["top_stock_codes_net_units"] = Json::array();
  for (const auto& [key, sold] : units) {
    json["top_stock_codes_net_units"].push_back({{"key", key}, {"units", sold}});
  }
}

Json RowsJson(const SalesByKey& rows, bool by_revenue) {
  std::vector<std::pair<std::string, SalesSum>> sorted(rows.begin(), rows.end());
  if (by_revenue) {
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second.mills > b.second.mills; });
  }
  Json json = Json::array();
  for (const auto& [key, sum] : sorted) {
    json.push_back(
        {{"key", key}, {"lines", sum.lines}, {"units", sum.units}, {"revenue_mills", sum.mills}});
  }
  return json;
}

Json Computed(const SalesDumps& views, const OrderFigures& rows) {
  Json json = FiguresOfViews(views);
  for (const auto& [name, value] : rows.All()) {
    if (!json.contains(name)) json[name] = value;  // what no view keeps
  }
  return json;
}

std::string Printed(const Json& value) {
  if (value.is_array() && !value.empty()) return Cat(value.size(), " rows");
  std::string text = value.dump();
  if (text.size() > kPrintedMax) text = text.substr(0, kPrintedMax - 3) + "...";
  return text;
}

Comparison Compared(std::string figure, const Json& golden, const Json& computed) {
  return {std::move(figure), Printed(golden), Printed(computed), golden == computed};
}

}  // namespace

nlohmann::ordered_json FiguresOfViews(const SalesDumps& views) {
  const SalesByKey& customers = Rows(views, "sales_by_customer");
  const auto nobody = customers.find("");
  const bool has_nobody = nobody != customers.end();
  const SalesSum total = Total(Rows(views, "sales_by_invoice"));
  Json json;
  json["rows"] = total.lines;
  AddInvoices(Rows(views, "sales_by_invoice"), json);
  json["customers"] = customers.size() - (has_nobody ? 1 : 0);
  json["rows_without_customer"] = has_nobody ? nobody->second.lines : 0;
  json["countries"] = Rows(views, "sales_by_country").size();
  AddProducts(Rows(views, "sales_by_product"), json);
  json["days"] = Rows(views, "sales_by_day").size();
  json["months"] = Rows(views, "sales_by_month").size();
  json["units_net"] = total.units;
  json["revenue_mills"] = total.mills;
  json["by_country"] = RowsJson(Rows(views, "sales_by_country"), true);
  json["by_month"] = RowsJson(Rows(views, "sales_by_month"), false);
  json["by_day"] = RowsJson(Rows(views, "sales_by_day"), false);
  for (size_t i = 0; i < kSalesViews.size(); ++i) {
    const auto view = views.find(kSalesViews[i]);
    if (view == views.end()) continue;
    json["digests"][std::string(kDigestNames[i])] = {{"keys", view->second.rows.size()},
                                                     {"sha256", view->second.sha256}};
  }
  return json;
}

std::string Golden::PathBeside(const std::string& file) {
  const size_t slash = file.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  const size_t csv = file.find(".csv", name);
  return (csv == std::string::npos ? file : file.substr(0, csv)) + ".golden.json";
}

absl::StatusOr<Golden> Golden::Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound(path, ": no such file");
  Json json = Json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("csv_sha256") || !json["csv_sha256"].is_string()) {
    return Invalid(path, ": holds no golden figures (a JSON object with csv_sha256)");
  }
  return Golden(std::move(json));
}

bool Golden::AppliesTo(std::string_view file_sha256, std::string_view content_sha256) const {
  return json_["csv_sha256"] == Hex(content_sha256) ||
         (json_.contains("xz_sha256") && json_["xz_sha256"] == Hex(file_sha256));
}

std::vector<Comparison> Golden::Compare(const SalesDumps& views, const OrderFigures& rows) const {
  const Json computed = Computed(views, rows);
  std::vector<Comparison> comparisons;
  for (const auto& [name, golden] : json_.items()) {
    if (!computed.contains(name)) continue;
    if (name != "digests") {
      comparisons.push_back(Compared(name, golden, computed[name]));
      continue;
    }
    for (const auto& [view, digest] : golden.items()) {
      const Json mine = computed[name].value(view, Json::object());
      for (const auto& [part, value] : digest.items()) {
        comparisons.push_back(
            Compared(Cat("digests.", view, ".", part), value, mine.value(part, Json())));
        if (part != "sha256") continue;
        comparisons.back().golden = value.get<std::string>();
        comparisons.back().computed = mine.value(part, "");
      }
    }
  }
  return comparisons;
}

std::vector<std::string> Golden::NotCompared(const SalesDumps& views,
                                             const OrderFigures& rows) const {
  const Json computed = Computed(views, rows);
  std::vector<std::string> names;
  for (const auto& [name, golden] : json_.items()) {
    if (!computed.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace intentlog
