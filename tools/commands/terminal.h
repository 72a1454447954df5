// What people see: colours and progress bars, on a terminal and nowhere else. NO_COLOR is honoured.
// Thread rule: one thread.
//
//   ProgressBar bar("importing", total_bytes);
//   bar.Update(done_bytes);          // draws at most ten times a second, on stderr
//   bar.Finish();                    // takes the bar away
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace intentlog {

// Whether `fd` (1 stdout, 2 stderr) is a terminal that can move its cursor.
bool IsTerminal(int fd);
// Whether `fd` takes colours: a terminal, and NO_COLOR is not set.
bool TakesColour(int fd);

enum class Colour { kPlain, kBold, kDim, kRed, kGreen, kYellow };
// `text` in that colour, or as it is if `fd` takes none.
std::string Paint(std::string_view text, Colour colour, int fd = 1);

// 1234567 as "1,234,567".
std::string Grouped(int64_t number);

class ProgressBar {
 public:
  // `total` 0: unknown, only the figure is shown.
  ProgressBar(std::string label, uint64_t total);
  ~ProgressBar() { Finish(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Update(uint64_t done);
  // Also shows `note` behind the bar: "120,000 lines".
  void Update(uint64_t done, std::string_view note);
  void Finish();

 private:
  const std::string label_;
  const uint64_t total_;
  const bool shown_;
  bool drawn_ = false;
  absl::Duration next_;
};

}  // namespace intentlog
