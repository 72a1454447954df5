// Golden figures: what a well-known order file must come to, read from FILE.golden.json beside it,
// and compared figure by figure with what the read models (or the file's rows) gave. Pure, but for
// loading.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/import/order_figures.h"
#include "tools/import/sales_tally.h"

namespace intentlog {

// The sales views as they were found, each as rows and as the text that `view dump --tsv` prints.
struct SalesDump {
  SalesByKey rows;
  std::string sha256;  // 64 hexadecimal digits, of the text
};
using SalesDumps = std::map<std::string, SalesDump, std::less<>>;  // by kSalesViews

struct Comparison {
  std::string figure;
  std::string golden, computed;  // short enough to print
  bool equal = false;
};

class Golden {
 public:
  // The path where the golden figures of an order file lie: its name without .csv and packing.
  static std::string PathBeside(const std::string& file);
  // NOT_FOUND: there is no such file. INVALID_ARGUMENT: it holds no golden figures.
  static absl::StatusOr<Golden> Load(const std::string& path);

  // Whether the figures are of this file, or of its content packed otherwise. Hashes of 32 bytes.
  bool AppliesTo(std::string_view file_sha256, std::string_view content_sha256) const;

  // Every golden figure that views and rows can tell, in golden order.
  std::vector<Comparison> Compare(const SalesDumps& views, const OrderFigures& rows) const;
  // Names of the others.
  std::vector<std::string> NotCompared(const SalesDumps& views, const OrderFigures& rows) const;

 private:
  explicit Golden(nlohmann::ordered_json json) : json_(std::move(json)) {}
  nlohmann::ordered_json json_;
};

// The figures of an order file under their golden names, as the views alone tell them.
nlohmann::ordered_json FiguresOfViews(const SalesDumps& views);

}  // namespace intentlog
