// A Table prints rows of text in columns, for people. Thread-compatible.
//
//   Table table({"key", "lines", "revenue"});
//   table.Add({"581482", "30", "1,250.00"});
//   table.Print();
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace intentlog {

class Table {
 public:
  explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  size_t rows() const { return rows_.size() - 1; }
  // On stdout; columns of numbers to the right.
  void Print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Code points of UTF-8 text, which is how wide it is on a terminal, nearly.
size_t Width(std::string_view text);
// At most `columns` wide; what is cut is shown as "…". Control characters become spaces.
std::string Shorten(std::string_view text, size_t columns);

}  // namespace intentlog
