#include "tools/commands/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr int kBarColumns = 30;
constexpr absl::Duration kRedraw = absl::Milliseconds(100);

const char* Code(Colour colour) {
  switch (colour) {
    case Colour::kPlain:
      return "0";
    case Colour::kBold:
      return "1";
    case Colour::kDim:
      return "2";
    case Colour::kRed:
      return "31";
    case Colour::kGreen:
      return "32";
    case Colour::kYellow:
      return "33";
  }
  return "0";
}

}  // namespace

bool IsTerminal(int fd) {
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

bool TakesColour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  return IsTerminal(fd) && (no_colour == nullptr || *no_colour == '\0');
}

std::string Paint(std::string_view text, Colour colour, int fd) {
  if (colour == Colour::kPlain || !TakesColour(fd)) return std::string(text);
  return Cat("\033[", std::string_view(Code(colour)), "m", text, "\033[0m");
}

std::string Grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t sign = number < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > sign + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

ProgressBar::ProgressBar(std::string label, uint64_t total)
    : label_(std::move(label)), total_(total), shown_(IsTerminal(2)) {}

void ProgressBar::Update(uint64_t done) { Update(done, {}); }

void ProgressBar::Update(uint64_t done, std::string_view note) {
  if (!shown_) return;
  const absl::Duration now = SystemClock().Passed();
  if (drawn_ && now < next_) return;
  drawn_ = true;
  next_ = now + kRedraw;
  std::string line = Cat("\r\033[K", label_, " ");
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const int full = static_cast<int>(share * kBarColumns);
    line += Cat("[", std::string(full, '#'), std::string(kBarColumns - full, '.'), "] ",
                static_cast<int>(share * 100), "%");
  } else {
    line += Grouped(static_cast<int64_t>(done));
  }
  if (!note.empty()) line += Cat("  ", note);
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

void ProgressBar::Finish() {
  if (!drawn_) return;
  drawn_ = false;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

}  // namespace intentlog
