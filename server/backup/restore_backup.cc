#include "server/backup/restore_backup.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "eventlog/log/event_log.h"
#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/log/verify.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "server/options.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string FolderOf(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

struct Chosen {
  FoundBackup backup;
  std::vector<FoundBackup> others;  // beside it
  std::vector<std::string> skipped;
};

absl::StatusOr<Chosen> Choose(const std::string& from) {
  Chosen chosen;
  auto manifest = ReadManifest(from);
  if (!manifest.ok() && !absl::IsNotFound(manifest.status())) return manifest.status();
  const std::string folder = manifest.ok() ? FolderOf(from) : from;
  ASSIGN_OR_RETURN(chosen.others, ListBackups(folder, &chosen.skipped));
  if (manifest.ok()) {
    chosen.backup = {from, *std::move(manifest)};
    return chosen;
  }
  if (chosen.others.empty()) {
    return NotFound(from, " is no backup and holds none",
                    chosen.skipped.empty() ? "" : Cat(" that can be read: ", chosen.skipped[0]));
  }
  chosen.backup = chosen.others.back();
  return chosen;
}

// What the backups beside it tell about each of its logs.
absl::Status Compare(const Chosen& chosen, bool accept_loss, Restored& restored) {
  for (const BackupManifest::Log& log : chosen.backup.manifest.logs()) {
    Restored::Log& entry = restored.logs.emplace_back();
    entry.tenant = log.tenant();
    entry.position = log.position();
    entry.announced = log.announced();
    for (const FoundBackup& other : chosen.others) {
      for (const BackupManifest::Log& one : other.manifest.logs()) {
        if (one.tenant() != log.tenant()) continue;
        entry.announced = std::max(entry.announced, one.announced());
        if (one.position() <= log.position()) continue;
        entry.newer_position = std::max(entry.newer_position, one.position());
      }
    }
    if (entry.announced <= entry.position || accept_loss) continue;
    return FailedPrecondition(
        chosen.backup.dir, " is too old: it has tenant ", entry.tenant, " through position ",
        entry.position, ", and devices were told that everything through ", entry.announced,
        " is safe in backups, so they may have trimmed it; restore a newer one, or say "
        "--accept-loss to lose what no device has any more");
  }
  return absl::OkStatus();
}

absl::Status CheckTarget(const std::string& data) {
  std::error_code error;
  if (!fs::exists(data, error)) return absl::OkStatus();
  if (fs::is_directory(data, error) && fs::is_empty(data, error)) return absl::OkStatus();
  return FailedPrecondition(data, " holds something already; move it away, or give a new folder");
}

absl::Status BeginEpoch(RocksdbEngine& engine, const FoundBackup& backup, int accepted,
                        Random& random, Restored::Log& restored) {
  ASSIGN_OR_RETURN(const auto log,
                   EventLog::Open(engine, restored.tenant, EpochId(), EventLogOptions()));
  ASSIGN_OR_RETURN(const LogVerification found, VerifyLog(*log));
  if (!found.problems.empty() || found.head.value() != restored.position) {
    return DataLoss(
        "the log of tenant ", restored.tenant, " in ", backup.dir, " is damaged: ",
        found.problems.empty() ? Cat("it ends at ", found.head) : found.problems.front(),
        "; use another backup");
  }
  Backups backups;
  ASSIGN_OR_RETURN(const std::optional<std::string> row, log->GetIndex(BackupsKey()));
  if (row && !backups.ParseFromString(*row)) return DataLoss("the row of the backups is damaged");
  Backups::Backup taken;
  taken.set_name(backup.manifest.name());
  taken.set_position(restored.position);
  taken.set_at_us(backup.manifest.at_us());
  AddBackup(taken, accepted, backups);
  RETURN_IF_ERROR(log->Fence().status());
  RETURN_IF_ERROR(log->PutIndex(BackupsKey(), backups.SerializeAsString()));
  RETURN_IF_ERROR(log->StartEpoch(RandomId<EpochIdTag>(random)));
  restored.epoch = log->epochs().back();
  return absl::OkStatus();
}

absl::Status Fill(const RestoreOptions& options, const std::string& aside, Random& random,
                  Restored& restored) {
  const FoundBackup& backup = restored.backup;
  RETURN_IF_ERROR(CheckFiles(backup.dir, backup.manifest));
  RETURN_IF_ERROR(CopyTree(backup.dir, aside));
  StoreOptions store;
  store.create_if_missing = false;
  ASSIGN_OR_RETURN(const auto engine, RocksdbEngine::Open(ServerLogDir(aside), store));
  for (Restored::Log& log : restored.logs) {
    RETURN_IF_ERROR(BeginEpoch(*engine, backup, options.accepted, random, log));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Restored> RestoreBackup(const std::string& from, const std::string& data,
                                       const RestoreOptions& options, Random& random) {
  const std::string target = WithoutSlash(data);
  if (target.empty()) return Invalid("the folder to restore to has no name");
  ASSIGN_OR_RETURN(Chosen chosen, Choose(WithoutSlash(from)));
  Restored restored;
  RETURN_IF_ERROR(Compare(chosen, options.accept_loss, restored));
  RETURN_IF_ERROR(CheckTarget(target));
  restored.backup = std::move(chosen.backup);
  restored.skipped = std::move(chosen.skipped);
  const std::string aside = Cat(target, ".tmp-restore");
  std::error_code error;
  fs::remove_all(aside, error);
  absl::Status status = Fill(options, aside, random, restored);
  if (status.ok()) {
    fs::remove(target, error);  // empty, or absent
    fs::rename(aside, target, error);
    if (error) status = Unavailable(target, " cannot be named: ", error.message());
  }
  if (!status.ok()) {
    fs::remove_all(aside, error);
    return status;
  }
  RETURN_IF_ERROR(SyncPath(FolderOf(target)));
  return restored;
}

}  // namespace intentlog
