#include "tests/tidy/source.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace intentlog::tidy {
namespace {

namespace fs = std::filesystem;

bool IsIdentifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Walks over C++ text and blanks what is not code.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), out_(text) {}

  std::string Run() {
    while (at_ < text_.size()) {
      if (Starts("//")) {
        BlankTo(text_.find('\n', at_));
      } else if (Starts("/*")) {
        BlankTo(After("*/", at_ + 2));
      } else if (text_[at_] == '"') {
        BlankTo(IsRaw() ? RawEnd() : QuotedEnd('"'));
      } else if (text_[at_] == '\'' && !IsDigitSeparator()) {
        BlankTo(QuotedEnd('\''));
      } else {
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  bool Starts(std::string_view word) const { return text_.substr(at_, word.size()) == word; }

  bool IsRaw() const { return at_ > 0 && text_[at_ - 1] == 'R'; }

  bool IsDigitSeparator() const { return at_ > 0 && IsIdentifier(text_[at_ - 1]); }

  size_t After(std::string_view word, size_t from) const {
    const size_t found = text_.find(word, from);
    return found == std::string_view::npos ? found : found + word.size();
  }

  size_t RawEnd() const {
    const size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) return open;
    const std::string close =
        ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + std::string("\"");
    return After(close, open);
  }

  size_t QuotedEnd(char quote) const {
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        return i + 1;
      } else if (text_[i] == '\n') {
        return i;
      }
    }
    return text_.size();
  }

  void BlankTo(size_t end) {
    end = std::min(end, text_.size());
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') out_[at_] = ' ';
    }
  }

  std::string_view text_;
  std::string out_;
  size_t at_ = 0;
};

bool IsOurs(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string extension = path.extension().string();
  if (name == "BUILD" || name == "WORKSPACE") return true;
  for (std::string_view known : {".h", ".cc", ".proto", ".bzl", ".BUILD", ".py", ".sh"}) {
    if (extension == known) return true;
  }
  if (!extension.empty()) return false;
  std::ifstream file(path);
  char begin[2] = {};
  return file.read(begin, 2) && begin[0] == '#' && begin[1] == '!';
}

}  // namespace

bool Source::IsCpp() const { return path.ends_with(".h") || path.ends_with(".cc"); }

std::string BlankNonCode(std::string_view text) { return Blanker(text).Run(); }

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Source MakeSource(std::string path, std::string_view text) {
  Source source{std::move(path), SplitLines(text), {}};
  if (source.IsCpp()) source.code = SplitLines(BlankNonCode(text));
  return source;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<Source> ReadTree(const std::string& root) {
  std::vector<Source> sources;
  for (auto at = fs::recursive_directory_iterator(root); at != fs::recursive_directory_iterator();
       ++at) {
    const bool hidden = at->path().filename().string().starts_with(".");
    if (hidden || at->is_symlink()) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file() && IsOurs(at->path())) {
      const std::string path = fs::relative(at->path(), root).string();
      sources.push_back(MakeSource(path, ReadFile(at->path().string())));
    }
  }
  std::ranges::sort(sources, {}, &Source::path);
  return sources;
}

}  // namespace intentlog::tidy
