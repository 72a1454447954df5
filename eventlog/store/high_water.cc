#include "eventlog/store/high_water.h"

#include <charconv>
#include <cstdio>
#include <string_view>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "rocksdb/env.h"
#include "xxhash.h"

namespace intentlog {
namespace {

constexpr std::string_view kBegin = "high water ";
constexpr std::string_view kSum = " xxh3 ";

std::string Encode(uint64_t sequence) {
  std::string text = Cat(kBegin, sequence, kSum);
  char sum[17];
  std::snprintf(sum, sizeof(sum), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return Cat(text, sum, "\n");
}

std::optional<uint64_t> Decode(std::string_view text) {
  if (!text.starts_with(kBegin)) return std::nullopt;
  uint64_t sequence = 0;
  const char* const begin = text.data() + kBegin.size();
  const auto parsed = std::from_chars(begin, text.data() + text.size(), sequence);
  if (parsed.ec != std::errc() || Encode(sequence) != text) return std::nullopt;
  return sequence;
}

}  // namespace

absl::StatusOr<std::optional<uint64_t>> HighWater::Read(rocksdb::Env* env, const std::string& dir) {
  const std::string path = dir + "/HIGHWATER";
  std::string bytes;
  const rocksdb::Status status = rocksdb::ReadFileToString(env, path, &bytes);
  if (status.IsNotFound() || status.IsPathNotFound()) return std::optional<uint64_t>();
  if (status.ok()) {
    if (const std::optional<uint64_t> sequence = Decode(bytes)) return sequence;
  }
  return DataLoss(path, " is damaged",
                  status.ok() ? std::string() : Cat(" (", status.ToString(), ")"),
                  ": it says how much of the store must be there; look after the disk, and delete "
                  "the file to open the store without this check");
}

void HighWater::Durable(uint64_t sequence) {
  uint64_t before = durable_.load(std::memory_order_relaxed);
  while (before < sequence && !durable_.compare_exchange_weak(before, sequence)) {
  }
  const uint64_t commits = commits_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (every_ > 0 && commits % every_ == 0) Write();
}

void HighWater::Write() {
  const std::lock_guard<std::mutex> hold(mutex_);
  const uint64_t durable = durable_.load();
  if (every_ == 0 || durable <= written_) return;
  const std::string aside = path_ + ".new";
  rocksdb::Status status =
      rocksdb::WriteStringToFile(env_, Encode(durable), aside, /*should_sync=*/true);
  if (status.ok()) status = env_->RenameFile(aside, path_);
  if (status.ok()) written_ = durable;
}

}  // namespace intentlog
