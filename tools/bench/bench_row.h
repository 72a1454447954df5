// A BenchRow is one figure beside its ceiling or peer, measured in the same run on the same disk,
// with what an acknowledgement of it means. Absolute figures change with the machine; the ratio is
// what counts. Values.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace intentlog::bench {

// Which side of the target is good.
enum class Aim { kAtLeast, kAtMost };

struct BenchRow {
  std::string name;
  double value = 0;         // ours
  std::string unit;         // "events/s", "µs", "bytes"
  std::string durability;   // what an acknowledgement means
  std::string beside_name;  // the ceiling or peer
  double beside_value = 0;  // in the same unit
  double ratio = 0;         // value / beside_value: median over the pairs of interleaved runs
  double target = 0;        // of the ratio, or of the value where `of_value`
  Aim aim = Aim::kAtLeast;
  bool of_value = false;
  std::string not_measured;  // why the other side is missing; such a row is not ok

  bool ok() const {
    if (!not_measured.empty()) return false;
    const double judged = of_value ? value : ratio;
    return aim == Aim::kAtLeast ? judged >= target : judged <= target;
  }
};

// The middle value; the mean of the two middle ones for an even number. REQUIRES: not empty.
double Median(std::vector<double> values);

// The q-quantile (0 to 1), nearest rank. REQUIRES: not empty.
double Quantile(std::vector<double> values, double q);

// One interleaved run of both sides.
struct Pair {
  double ours = 0;
  double beside = 0;
};

// Fills value, beside_value and ratio with medians: the ratio's of the pairs' own ratios, because
// the machine's speed drifts between pairs.
void FillFromPairs(const std::vector<Pair>& pairs, BenchRow& row);

nlohmann::json ToJson(const std::vector<BenchRow>& rows);
// An aligned table for people, one row a line.
std::string ToTable(const std::vector<BenchRow>& rows);

}  // namespace intentlog::bench
