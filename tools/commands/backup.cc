#include "tools/commands/backup.h"

#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "client/wire/admin_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "server/backup/restore_backup.h"
#include "server/backup/write_backup.h"
#include "server/options.h"
#include "tools/commands/command.h"
#include "tools/commands/folder.h"
#include "tools/commands/json.h"
#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

// A backup of terabytes takes hours.
constexpr absl::Duration kBackupTimeout = absl::Hours(2);

struct BackupOptions {
  std::string server;
  std::string data;
  std::string to;
  uint64_t accepted = static_cast<uint64_t>(ServerOptions().backups_accepted);
  bool json = false;
};

absl::StatusOr<FoundBackup> TakeFromServer(const BackupOptions& options) {
  const AdminClient client({options.server}, kBackupTimeout);
  TakeBackupRequest request;
  request.set_dir(options.to);
  ASSIGN_OR_RETURN(TakeBackupReply reply, client.TakeBackup(request));
  return FoundBackup{reply.dir(), std::move(*reply.mutable_manifest())};
}

uint64_t BytesOf(const BackupManifest& manifest) {
  uint64_t bytes = 0;
  for (const BackupManifest::File& file : manifest.files()) bytes += file.bytes();
  return bytes;
}

Json ToJson(const FoundBackup& backup) {
  Json json = {{"backup", backup.dir},
               {"bytes", BytesOf(backup.manifest)},
               {"files", backup.manifest.files_size()},
               {"taken_us", backup.manifest.at_us()},
               {"tenants", Json::array()}};
  for (const BackupManifest::Log& log : backup.manifest.logs()) {
    json["tenants"].push_back({{"tenant", log.tenant()},
                               {"position", log.position()},
                               {"epoch", log.epoch().number()},
                               {"safe_on_devices_through", log.announced()}});
  }
  return json;
}

void Print(const FoundBackup& backup) {
  const BackupManifest& manifest = backup.manifest;
  std::printf("%s: %s bytes in %d files, read back and right\n", backup.dir.c_str(),
              Grouped(static_cast<int64_t>(BytesOf(manifest))).c_str(), manifest.files_size());
  for (const BackupManifest::Log& log : manifest.logs()) {
    std::printf("  tenant %s: every event through position %s; devices may trim through %s\n",
                log.tenant().c_str(), Grouped(static_cast<int64_t>(log.position())).c_str(),
                Grouped(static_cast<int64_t>(log.announced())).c_str());
  }
}

// A copy on the disk of the original goes with it.
void WarnIfSameDisk(const std::string& data, const std::string& backup) {
  struct stat one = {};
  struct stat other = {};
  if (stat(data.c_str(), &one) != 0 || stat(backup.c_str(), &other) != 0) return;
  if (one.st_dev != other.st_dev) return;
  std::fprintf(stderr, "intentlog backup: %s is on the same disk as %s; copy it to another one\n",
               backup.c_str(), data.c_str());
}

absl::Status Back(const BackupOptions& options) {
  if (options.server.empty() == options.data.empty()) {
    return WrongUsage("say either --server HOST:PORT or --data DIR");
  }
  absl::StatusOr<FoundBackup> backup = FailedPrecondition("");
  if (options.data.empty()) {
    backup = TakeFromServer(options);
  } else {
    RETURN_IF_ERROR(RequireFolder(options.data, FolderKind::kServer));
    backup =
        BackUpFolder(options.data, options.to, static_cast<int>(options.accepted), SystemClock());
    if (!backup.ok()) return ExplainInUse(backup.status());
  }
  RETURN_IF_ERROR(backup.status());
  if (!options.data.empty()) WarnIfSameDisk(options.data, backup->dir);
  if (options.json) {
    PrintJson(ToJson(*backup));
  } else {
    Print(*backup);
  }
  return absl::OkStatus();
}

struct RestoreArguments {
  std::string from;
  std::string data;
  RestoreOptions options;
  bool json = false;
};

Json ToJson(const Restored& restored, const std::string& data) {
  Json json = {{"restored", data},
               {"backup", restored.backup.dir},
               {"taken_us", restored.backup.manifest.at_us()},
               {"tenants", Json::array()},
               {"skipped", restored.skipped}};
  for (const Restored::Log& log : restored.logs) {
    json["tenants"].push_back({{"tenant", log.tenant},
                               {"position", log.position},
                               {"epoch", log.epoch.number()},
                               {"newer_backup_position", log.newer_position},
                               {"trimmed_on_devices_through", log.announced}});
  }
  return json;
}

void Print(const Restored& restored, const std::string& data) {
  const absl::Time taken = absl::FromUnixMicros(restored.backup.manifest.at_us());
  std::printf("%s is as it was at %s (%s)\n", data.c_str(),
              absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", taken, absl::UTCTimeZone()).c_str(),
              restored.backup.dir.c_str());
  for (const Restored::Log& log : restored.logs) {
    std::printf(
        "  tenant %s: through position %s; epoch %u begins, and devices bring back what they "
        "did since\n",
        log.tenant.c_str(), Grouped(static_cast<int64_t>(log.position)).c_str(),
        log.epoch.number());
    if (log.newer_position > 0) {
      std::printf("    a newer backup has %s more events\n",
                  Grouped(static_cast<int64_t>(log.newer_position - log.position)).c_str());
    }
    if (log.announced > log.position) {
      std::printf(
          "    of the %s events through position %s only what devices still keep comes "
          "back; they may have trimmed the rest\n",
          Grouped(static_cast<int64_t>(log.announced - log.position)).c_str(),
          Grouped(static_cast<int64_t>(log.announced)).c_str());
    }
  }
  for (const std::string& line : restored.skipped)
    std::printf("  not looked at: %s\n", line.c_str());
}

absl::Status Restore(const RestoreArguments& arguments) {
  const std::unique_ptr<Random> random = MakeSystemRandom();
  ASSIGN_OR_RETURN(const Restored restored,
                   RestoreBackup(arguments.from, arguments.data, arguments.options, *random));
  if (arguments.json) {
    PrintJson(ToJson(restored, arguments.data));
  } else {
    Print(restored, arguments.data);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterBackup(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<BackupOptions>();
  CLI::App& command = AddCommand(
      app, "backup", "Copy a server's data, running or not, into a new folder, and read it back.");
  AddText(command, "--server", &options->server, "HOST:PORT of a running server");
  AddText(command, "--data", &options->data, "the data folder of a server that is not running");
  AddText(command, "--to", &options->to,
          "the folder of the backups; with --server, on that server's machine", kRequired);
  AddNumber(command, "--backups-accepted", &options->accepted, 1, 1000,
            "with --data: as serve's (default: 2)");
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Back(*options); });
}

void RegisterRestore(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<RestoreArguments>();
  CLI::App& command =
      AddCommand(app, "restore",
                 "Make a server's data folder from a backup; devices bring back what is newer.");
  AddText(command, "--from", &arguments->from, "a backup, or the folder of the backups: the newest",
          kRequired);
  AddText(command, "--data", &arguments->data, "the new data folder; absent or empty", kRequired);
  AddFlag(command, "--accept-loss", &arguments->options.accept_loss,
          "also a backup older than what devices were told they may trim");
  AddJson(command, &arguments->json);
  OnRun(command, exit_code, [arguments] { return Restore(*arguments); });
}

}  // namespace intentlog
