// Writing a backup of a server's stores, and reading it back. Blocking: for a thread of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/store/store.h"
#include "proto/store.pb.h"
#include "server/backup/backup_folder.h"

namespace intentlog {

// What is backed up. All must stay open meanwhile; commits go on.
struct BackupSource {
  const RocksdbEngine* engine = nullptr;
  std::map<std::string, const Store*> views;  // by tenant
  int accepted = 2;                           // ServerOptions::backups_accepted
};

// Writes a new folder in `to`, which is made where it is absent, and verifies it: every checksum,
// and every tenant's log from its first event. The folder appears when that is done.
// RESOURCE_EXHAUSTED: the disk is full. DATA_LOSS: what is to be backed up is damaged.
absl::StatusOr<FoundBackup> WriteBackup(const BackupSource& source, const std::string& to,
                                        int64_t now_us);

// The same, of the folder of a server that is not running; the log notes that it was taken.
absl::StatusOr<FoundBackup> BackUpFolder(const std::string& data, const std::string& to,
                                         int accepted, const Clock& clock);

}  // namespace intentlog
