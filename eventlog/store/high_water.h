// A HighWater says how far a database has been durable, in a file beside the write-ahead log: a log
// that was cut, or is missing, opens without a word, and what it lost is found by this. It lags by
// a number of durable commits; what is lost of those is found by whoever was told that they are
// durable.
//
//   HIGHWATER   "high water " sequence number " xxh3 " of all before it, in hexadecimal, newline
//
// Written aside and renamed. Private to this folder. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace intentlog {

class HighWater {
 public:
  // The mark of `dir`; nothing: there is none yet. DATA_LOSS: the file is damaged.
  static absl::StatusOr<std::optional<uint64_t>> Read(rocksdb::Env* env, const std::string& dir);

  // A mark is written after every `every` durable commits; 0: never.
  HighWater(rocksdb::Env* env, std::string dir, uint64_t every)
      : env_(env), path_(std::move(dir) + "/HIGHWATER"), every_(every) {}

  // Everything through `sequence` survives a power cut. A mark that cannot be written is written
  // later: it is no reason to fail.
  void Durable(uint64_t sequence);
  // Writes what is known now.
  void Write();

 private:
  rocksdb::Env* const env_;
  const std::string path_;
  const uint64_t every_;
  std::atomic<uint64_t> durable_{0};
  std::atomic<uint64_t> commits_{0};
  std::mutex mutex_;
  uint64_t written_ = 0;  // protected by mutex_
};

}  // namespace intentlog
