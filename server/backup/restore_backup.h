// Restoring a server from a backup. What the server did after it is lost here, and each tenant's
// log begins a new epoch, so that devices find that out and bring back what they have.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/runtime/random.h"
#include "proto/store.pb.h"
#include "server/backup/backup_folder.h"

namespace intentlog {

struct RestoreOptions {
  // Also a backup older than what devices were told is safe: what they trimmed since is gone.
  bool accept_loss = false;
  int accepted = 2;  // ServerOptions::backups_accepted
};

struct Restored {
  FoundBackup backup;
  struct Log {
    std::string tenant;
    uint64_t position = 0;        // the last one that is there
    Epoch epoch;                  // that begins after it
    uint64_t newer_position = 0;  // of a newer backup that was seen; 0: none was
    uint64_t announced = 0;  // greatest that devices may have trimmed below, as far as is known
  };
  std::vector<Log> logs;
  std::vector<std::string> skipped;  // backups beside it that cannot be read, a line each
};

// `from`: a backup, or a folder of them: then the newest. Checks every file and the whole log
// before `data`, which is absent or empty, gets its name: a crash leaves nothing, or all of it.
// FAILED_PRECONDITION: `data` holds something, or the backup is too old. DATA_LOSS: it is damaged.
absl::StatusOr<Restored> RestoreBackup(const std::string& from, const std::string& data,
                                       const RestoreOptions& options, Random& random);

}  // namespace intentlog
