#include "tools/commands/table.h"

#include <algorithm>
#include <cstdio>

#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.,+-%") == std::string_view::npos;
}

}  // namespace

size_t Width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::string Shorten(std::string_view text, size_t columns) {
  std::string out;
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsContinuation(text[i]) && ++width > columns) {
      // The last one makes room for the sign.
      while (!out.empty() && IsContinuation(out.back())) out.pop_back();
      if (!out.empty()) out.pop_back();
      return out + "…";
    }
    const unsigned char c = static_cast<unsigned char>(text[i]);
    out.push_back(c < 0x20 || c == 0x7f ? ' ' : text[i]);
  }
  return out;
}

void Table::Print() const {
  std::vector<size_t> widths(rows_.front().size());
  std::vector<bool> numbers(widths.size(), true);
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t c = 0; c < rows_[r].size() && c < widths.size(); ++c) {
      widths[c] = std::max(widths[c], Width(rows_[r][c]));
      if (r > 0 && !rows_[r][c].empty() && !IsNumber(rows_[r][c])) numbers[c] = false;
    }
  }
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t c = 0; c < rows_[r].size() && c < widths.size(); ++c) {
      const std::string& cell = rows_[r][c];
      const std::string room(widths[c] - Width(cell), ' ');
      if (c > 0) line += "  ";
      line += numbers[c] ? room + cell : cell + room;
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    if (r == 0) line = Paint(line, Colour::kBold);
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
  }
}

}  // namespace intentlog
