#include "tools/bench/bench_row.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "eventlog/runtime/check.h"

namespace intentlog::bench {
namespace {

// 1234567.8 -> "1,234,568"; small values keep three significant digits.
std::string Figure(double value) {
  char text[64];
  if (std::fabs(value) < 100) {
    std::snprintf(text, sizeof text, "%.3g", value);
    return text;
  }
  std::snprintf(text, sizeof text, "%.0f", value);
  std::string digits = text;
  for (int at = static_cast<int>(digits.size()) - 3; at > (digits[0] == '-' ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string Target(const BenchRow& row) {
  return std::string(row.aim == Aim::kAtLeast ? ">= " : "<= ") + Figure(row.target) +
         (row.of_value ? " " + row.unit : " x");
}

// Display columns of UTF-8 text: bytes that do not continue a character.
size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::vector<std::string> Cells(const BenchRow& row) {
  if (!row.not_measured.empty()) {
    return {"NOT MEASURED",
            row.name,
            Figure(row.value),
            row.unit,
            "-",
            row.beside_name + " (" + row.not_measured + ")",
            "-",
            Target(row),
            row.durability};
  }
  char ratio[32];
  std::snprintf(ratio, sizeof ratio, "%.2f", row.ratio);
  return {row.ok() ? "ok" : "MISS",
          row.name,
          Figure(row.value),
          row.unit,
          Figure(row.beside_value),
          row.beside_name,
          ratio,
          Target(row),
          row.durability};
}

}  // namespace

double Median(std::vector<double> values) {
  INTENTLOG_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Quantile(std::vector<double> values, double q) {
  INTENTLOG_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(q * static_cast<double>(values.size()));
  return values[std::min(values.size() - 1, static_cast<size_t>(std::max(1.0, rank)) - 1)];
}

void FillFromPairs(const std::vector<Pair>& pairs, BenchRow& row) {
  std::vector<double> ours, beside, ratios;
  for (const Pair& pair : pairs) {
    ours.push_back(pair.ours);
    beside.push_back(pair.beside);
    ratios.push_back(pair.beside == 0 ? 0 : pair.ours / pair.beside);
  }
  row.value = Median(ours);
  row.beside_value = Median(beside);
  row.ratio = Median(ratios);
}

nlohmann::json ToJson(const std::vector<BenchRow>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const BenchRow& row : rows) {
    list.push_back({{"name", row.name},
                    {"value", row.value},
                    {"unit", row.unit},
                    {"durability", row.durability},
                    {"beside", {{"name", row.beside_name}, {"value", row.beside_value}}},
                    {"ratio", row.ratio},
                    {"target", row.target},
                    {"target_is", std::string(row.aim == Aim::kAtLeast ? "least " : "greatest ") +
                                      (row.of_value ? "value" : "ratio")},
                    {"not_measured", row.not_measured},
                    {"ok", row.ok()}});
  }
  return {{"rows", list}};
}

std::string ToTable(const std::vector<BenchRow>& rows) {
  std::vector<std::vector<std::string>> cells = {{"", "figure", "ours", "unit", "beside",
                                                  "in the same run", "ratio", "target",
                                                  "an answer means"}};
  for (const BenchRow& row : rows) cells.push_back(Cells(row));
  std::vector<size_t> widths(cells[0].size(), 0);
  for (const auto& line : cells) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], Width(line[i]));
  }
  std::string out;
  for (const auto& line : cells) {
    for (size_t i = 0; i < line.size(); ++i) {
      const bool number = i == 2 || i == 4 || i == 6;
      const std::string space(widths[i] - Width(line[i]), ' ');
      out += number ? space + line[i] : line[i] + (i + 1 == line.size() ? "" : space);
      out += i + 1 == line.size() ? "\n" : "  ";
    }
  }
  return out;
}

}  // namespace intentlog::bench
