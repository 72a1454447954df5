#include "server/backup/write_backup.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/verify.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "server/options.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished = ".unfinished";

std::string NameAt(int64_t now_us) {
  return Cat("backup-",
             absl::FormatTime("%Y%m%dT%H%M%SZ", absl::FromUnixMicros(now_us), absl::UTCTimeZone()));
}

// A folder that nobody has yet: "…-2" where one was taken in the same second.
std::string FreeName(const std::string& to, int64_t now_us) {
  const std::string base = NameAt(now_us);
  std::string name = base;
  for (int n = 2; fs::exists(Cat(to, "/", name)); ++n) name = Cat(base, "-", n);
  return name;
}

absl::Status MakeFolder(const std::string& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (!error) return absl::OkStatus();
  return Unavailable(dir, " cannot be made: ", error.message());
}

absl::StatusOr<Backups> ReadBackups(const EventLog& log) {
  Backups backups;
  ASSIGN_OR_RETURN(const std::optional<std::string> row, log.GetIndex(BackupsKey()));
  if (row && !backups.ParseFromString(*row)) return DataLoss("the row of the backups is damaged");
  return backups;
}

// Reads the whole copied log, and notes what it holds.
absl::Status AddLog(const EventLog& log, int accepted, BackupManifest& manifest) {
  ASSIGN_OR_RETURN(const LogVerification found, VerifyLog(log));
  if (!found.problems.empty()) {
    return DataLoss("the log of tenant ", log.tenant(),
                    " is damaged, so no backup was made: ", found.problems.front(),
                    "; events verify tells all");
  }
  const LogEnd head = log.head();
  BackupManifest::Log& entry = *manifest.add_logs();
  entry.set_tenant(log.tenant());
  *entry.mutable_epoch() = log.epochs().back();
  entry.set_position(head.position.value());
  entry.set_chain(std::string(Bytes(head.chain)));
  ASSIGN_OR_RETURN(Backups backups, ReadBackups(log));
  Backups::Backup backup;
  backup.set_position(entry.position());
  AddBackup(backup, accepted, backups);
  entry.set_announced(backups.announced());
  return absl::OkStatus();
}

absl::Status AddLogs(const std::string& dir, int accepted, BackupManifest& manifest) {
  StoreOptions options;
  options.read_only = true;
  options.create_if_missing = false;
  ASSIGN_OR_RETURN(const auto engine, RocksdbEngine::Open(ServerLogDir(dir), options));
  ASSIGN_OR_RETURN(const std::vector<std::string> tenants, engine->Tenants());
  for (const std::string& tenant : tenants) {
    ASSIGN_OR_RETURN(const auto log, EventLog::Open(*engine, tenant, EpochId(), EventLogOptions()));
    RETURN_IF_ERROR(AddLog(*log, accepted, manifest));
  }
  return absl::OkStatus();
}

absl::Status Fill(const BackupSource& source, const std::string& dir, BackupManifest manifest) {
  RETURN_IF_ERROR(MakeFolder(Cat(dir, "/views")));
  // Read models first: what they have folded is in the log that is copied after them.
  for (const auto& [tenant, views] : source.views) {
    RETURN_IF_ERROR(views->CopyTo(ServerViewsDir(dir, tenant)));
  }
  RETURN_IF_ERROR(source.engine->store().CopyTo(ServerLogDir(dir)));
  RETURN_IF_ERROR(AddLogs(dir, source.accepted, manifest));
  return WriteManifest(dir, std::move(manifest));
}

}  // namespace

absl::StatusOr<FoundBackup> WriteBackup(const BackupSource& source, const std::string& to,
                                        int64_t now_us) {
  if (to.empty()) return Invalid("the folder of the backups has no name");
  RETURN_IF_ERROR(MakeFolder(to));
  const std::string name = FreeName(to, now_us);
  FoundBackup backup{Cat(to, "/", name), {}};
  const std::string aside = Cat(backup.dir, kUnfinished);
  std::error_code error;
  fs::remove_all(aside, error);
  BackupManifest manifest;
  manifest.set_name(name);
  manifest.set_at_us(now_us);
  absl::Status status = Fill(source, aside, std::move(manifest));
  if (status.ok()) {
    auto written = ReadManifest(aside);
    status = written.ok() ? CheckFiles(aside, *written) : written.status();
    if (status.ok()) backup.manifest = *std::move(written);
  }
  if (status.ok()) {
    fs::rename(aside, backup.dir, error);
    if (error) status = Unavailable(backup.dir, " cannot be named: ", error.message());
  }
  if (!status.ok()) {
    fs::remove_all(aside, error);
    return status;
  }
  RETURN_IF_ERROR(SyncPath(to));
  return backup;
}

absl::StatusOr<FoundBackup> BackUpFolder(const std::string& data, const std::string& to,
                                         int accepted, const Clock& clock) {
  StoreOptions options;
  options.create_if_missing = false;
  ASSIGN_OR_RETURN(const auto engine, RocksdbEngine::Open(ServerLogDir(data), options));
  ASSIGN_OR_RETURN(const std::vector<std::string> tenants, engine->Tenants());
  BackupSource source;
  source.engine = engine.get();
  source.accepted = accepted;
  std::vector<std::unique_ptr<Store>> open;
  for (const std::string& tenant : tenants) {
    options.role = "server-views";
    auto views = Store::Open(ServerViewsDir(data, tenant), options);
    if (absl::IsNotFound(views.status())) continue;  // they are folded again
    RETURN_IF_ERROR(views.status());
    source.views[tenant] = views->get();
    open.push_back(*std::move(views));
  }
  ASSIGN_OR_RETURN(FoundBackup backup, WriteBackup(source, to, clock.WallMicros()));
  for (const BackupManifest::Log& entry : backup.manifest.logs()) {
    ASSIGN_OR_RETURN(const auto log,
                     EventLog::Open(*engine, entry.tenant(), EpochId(), EventLogOptions()));
    ASSIGN_OR_RETURN(Backups backups, ReadBackups(*log));
    Backups::Backup taken;
    taken.set_name(backup.manifest.name());
    taken.set_position(entry.position());
    taken.set_at_us(backup.manifest.at_us());
    AddBackup(taken, accepted, backups);
    RETURN_IF_ERROR(log->Fence().status());
    RETURN_IF_ERROR(log->PutIndex(BackupsKey(), backups.SerializeAsString()));
  }
  return backup;
}

}  // namespace intentlog
