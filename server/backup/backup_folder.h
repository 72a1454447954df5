// A backup is a folder: copies of a server's stores as of one moment, and a MANIFEST that names
// every file with its checksum. It is written aside and renamed, so one that has its name is whole.
//
//   BACKUPS/backup-20261126T021500Z/MANIFEST            BackupManifest, then its checksum (8)
//                                  /log/…               the store of all tenants' logs
//                                  /views/TENANT/…      the store of a tenant's read models
//
// Functions block. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/store.pb.h"

namespace intentlog {

inline constexpr uint32_t kBackupFormat = 1;
inline constexpr std::string_view kManifestName = "MANIFEST";

// NOT_FOUND: `dir` is no backup. DATA_LOSS: its manifest is damaged. FAILED_PRECONDITION: of a
// newer format.
absl::StatusOr<BackupManifest> ReadManifest(const std::string& dir);
// Names every file below `dir` in `manifest`, makes them durable, and writes the manifest last.
absl::Status WriteManifest(const std::string& dir, BackupManifest manifest);
// Every file is there, as it was written, and no other one. DATA_LOSS names the first that is not.
absl::Status CheckFiles(const std::string& dir, const BackupManifest& manifest);

struct FoundBackup {
  std::string dir;
  BackupManifest manifest;
};
// The backups in the folder `dir`, oldest first. One that cannot be read is left out, and told in
// `skipped`, a line each.
absl::StatusOr<std::vector<FoundBackup>> ListBackups(const std::string& dir,
                                                     std::vector<std::string>* skipped);

// What the oldest of these covers that is still accepted, if `accepted` are; 0: none is there.
uint64_t CoveredThrough(const Backups& backups, int accepted);
// With one more; those that are accepted no longer leave.
void AddBackup(const Backups::Backup& backup, int accepted, Backups& backups);

// ---- files
absl::Status SyncPath(const std::string& path);
// Copies what is below `from` to below `to`, durably. `to` is absent.
absl::Status CopyTree(const std::string& from, const std::string& to);

}  // namespace intentlog
