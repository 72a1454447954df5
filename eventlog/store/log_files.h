// Whether the write-ahead logs of a database follow on each other: RocksDB opens a log that was
// cut, or is missing, without a word, and if another log comes behind it, the changes in between
// are a hole. Each record of a log begins with the number of its first change and how many it has,
// so that a hole shows. Whether the bytes of a record are right RocksDB checks itself.
//
//   record = checksum (4) ‖ length (2, little-endian) ‖ kind (1) ‖ bytes; none crosses 32 KiB
//   kind: 1 whole, 2 first, 3 middle, 4 last part of a batch
//   batch = number of its first change (8, little-endian) ‖ how many changes (4) ‖ …
//
// Private to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace intentlog {

struct LogFile {
  std::string name;  // "000012.log"
  uint64_t size = 0;

  bool operator==(const LogFile&) const = default;
};

// Those of `dir`, oldest first.
std::vector<LogFile> LogFilesOf(rocksdb::Env* env, const std::string& dir);

// DATA_LOSS, and where: changes are missing between two records, in one log or in two. A torn tail
// of the last log is none: a power cut leaves one. REQUIRES: each log was synced before the next
// one was begun.
absl::Status CheckLogFiles(rocksdb::Env* env, const std::string& dir);

}  // namespace intentlog
