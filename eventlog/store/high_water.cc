#include "eventlog/store/high_water.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/rep.h"
#include "rocksdb/env.h"
#include "xxhash.h"

namespace intentlog {
namespace {

constexpr char kFile[] = "/HIGHWATER";

std::string HashText(uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

uint64_t HashOf(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string Encode(const HighWater::Mark& mark) {
  std::string text =
      Cat("high water ", mark.sequence, " manifest ", mark.manifest.empty() ? "-" : mark.manifest,
          " ", mark.length, " ", HashText(mark.hash));
  if (mark.logs) text += " logs";
  for (const LogFile& log : mark.logs.value_or(std::vector<LogFile>())) {
    text += Cat(" ", log.name, ":", log.size);
  }
  text += " xxh3 ";
  return Cat(text, HashText(HashOf(text)), "\n");
}

std::optional<HighWater::Mark> Decode(const std::string& text) {
  HighWater::Mark mark;
  std::istringstream words(text);
  std::string high, water, manifest;
  words >> high >> water >> mark.sequence >> manifest >> mark.manifest >> mark.length >> std::hex >>
      mark.hash;
  if (!words) return std::nullopt;
  if (mark.manifest == "-") mark.manifest.clear();
  std::string word;
  words >> std::dec >> word;
  if (word == "logs") mark.logs.emplace();
  for (; mark.logs && words >> word && word != "xxh3";) {
    const size_t colon = word.find(':');
    if (colon == std::string::npos) return std::nullopt;
    mark.logs->push_back(
        {word.substr(0, colon), std::strtoull(word.c_str() + colon + 1, nullptr, 10)});
  }
  if (Encode(mark) != text) return std::nullopt;
  return mark;
}

// Name and content of the manifest in use; no name: it cannot be read now.
std::pair<std::string, std::string> ReadManifest(rocksdb::Env* env, const std::string& dir) {
  std::string name, bytes;
  if (!rocksdb::ReadFileToString(env, dir + "/CURRENT", &name).ok()) return {};
  while (!name.empty() && name.back() == '\n') name.pop_back();
  if (!name.starts_with("MANIFEST-")) return {};
  if (!rocksdb::ReadFileToString(env, Cat(dir, "/", name), &bytes).ok()) return {};
  return {name, bytes};
}

}  // namespace

absl::StatusOr<std::optional<HighWater::Mark>> HighWater::Read(rocksdb::Env* env,
                                                               const std::string& dir) {
  const std::string path = dir + kFile;
  std::string bytes;
  const rocksdb::Status status = rocksdb::ReadFileToString(env, path, &bytes);
  if (status.IsNotFound() || status.IsPathNotFound()) return std::optional<Mark>();
  if (status.ok()) {
    if (std::optional<Mark> mark = Decode(bytes)) return mark;
  }
  return DataLoss(path, " is damaged",
                  status.ok() ? std::string() : Cat(" (", status.ToString(), ")"),
                  ": it says how much of the store must be there; look after the disk, and delete "
                  "the file to open the store without this check");
}

absl::Status HighWater::CheckFiles(rocksdb::Env* env, const std::string& dir, const Mark& mark) {
  if (mark.manifest.empty()) return absl::OkStatus();
  const auto [name, bytes] = ReadManifest(env, dir);
  if (name.empty() || name != mark.manifest) return absl::OkStatus();  // it is another one by now
  const std::string_view marked = std::string_view(bytes).substr(0, mark.length);
  if (marked.size() != mark.length || HashOf(marked) != mark.hash) {
    return Damaged(dir, Cat(name, " is not as it was written, so tables would be missed"));
  }
  if (!mark.logs || bytes.size() > mark.length) return absl::OkStatus();
  const std::vector<LogFile> logs = LogFilesOf(env, dir);
  for (const LogFile& log : *mark.logs) {
    if (std::find(logs.begin(), logs.end(), log) != logs.end()) continue;
    return Damaged(dir, Cat("its write-ahead log ", log.name, " had ", log.size,
                            " bytes when it was closed, and was cut or is missing"));
  }
  return absl::OkStatus();
}

void HighWater::Begin(uint64_t sequence) {
  durable_ = sequence;
  begun_ = true;
  Write();
}

void HighWater::Durable(uint64_t sequence) {
  uint64_t before = durable_.load(std::memory_order_relaxed);
  while (before < sequence && !durable_.compare_exchange_weak(before, sequence)) {
  }
  const uint64_t commits = commits_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (every_ > 0 && commits % every_ == 0) Write();
}

void HighWater::WriteMark(bool closed) {
  const std::lock_guard<std::mutex> hold(mutex_);
  if (every_ == 0 || !begun_) return;
  Mark mark;
  mark.sequence = durable_.load();
  const auto [name, bytes] = ReadManifest(env_, dir_);
  mark.manifest = name;
  mark.length = bytes.size();
  mark.hash = HashOf(bytes);
  if (closed) mark.logs = LogFilesOf(env_, dir_);
  if (mark.sequence <= written_.sequence && name == written_.manifest &&
      mark.length == written_.length && mark.logs == written_.logs) {
    return;
  }
  const std::string aside = Cat(dir_, kFile, ".new");
  rocksdb::Status status =
      rocksdb::WriteStringToFile(env_, Encode(mark), aside, /*should_sync=*/true);
  if (status.ok()) status = env_->RenameFile(aside, dir_ + kFile);
  if (status.ok()) written_ = mark;
}

}  // namespace intentlog
