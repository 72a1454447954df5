// A HighWater says how far a database has been durable, and what its manifest was, in a file beside
// them: RocksDB opens a write-ahead log that was cut, or is missing, and a manifest of which a bit
// was flipped, without a word, and what was lost so is found by this. It lags by a number of
// durable commits; what is lost of those is found by whoever was told that they are durable.
//
//   HIGHWATER   "high water " sequence number " manifest " name ' ' length ' ' its XXH3
//               [" logs" (' ' name ':' length) for each] " xxh3 " XXH3 of all before it, newline;
//               hashes in hexadecimal
//
// The write-ahead logs are named when a database was closed: from then on none may be missing.
// Written aside and renamed. Private to this folder. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/store/log_files.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace intentlog {

class HighWater {
 public:
  struct Mark {
    uint64_t sequence = 0;
    // The manifest, which only grows, as far as it was; no name: it could not be read.
    std::string manifest;
    uint64_t length = 0;
    uint64_t hash = 0;
    // As they were when the database was closed; nothing: it may have been written since.
    std::optional<std::vector<LogFile>> logs;
  };
  // The mark of `dir`; nothing: there is none yet. DATA_LOSS: the file is damaged.
  static absl::StatusOr<std::optional<Mark>> Read(rocksdb::Env* env, const std::string& dir);
  // DATA_LOSS: the manifest in use is the marked one, and is not as it was, or the marked logs are
  // not there as they were. Before the database is opened, because that removes the files that a
  // manifest does not name.
  static absl::Status CheckFiles(rocksdb::Env* env, const std::string& dir, const Mark& mark);

  // A mark is written after every `every` durable commits; 0: never.
  HighWater(rocksdb::Env* env, std::string dir, uint64_t every)
      : env_(env), dir_(std::move(dir)), every_(every) {}

  // The database is open, and durable through `sequence`. Nothing is written before.
  void Begin(uint64_t sequence);
  // Everything through `sequence` survives a power cut. A mark that cannot be written is written
  // later: it is no reason to fail.
  void Durable(uint64_t sequence);
  // Writes what is known now: after tables came or went.
  void Write() { WriteMark(/*closed=*/false); }
  // The same, and which logs there are. REQUIRES: the database is closed.
  void WriteClosed() { WriteMark(/*closed=*/true); }

 private:
  void WriteMark(bool closed);

  rocksdb::Env* const env_;
  const std::string dir_;
  const uint64_t every_;
  std::atomic<uint64_t> durable_{0};
  std::atomic<uint64_t> commits_{0};
  std::atomic<bool> begun_{false};
  std::mutex mutex_;
  Mark written_;  // protected by mutex_
};

}  // namespace intentlog
