#include "server/backup/backup_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/parse_cost.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"
#include "xxhash.h"

namespace intentlog {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChecksumBytes = 8;
constexpr size_t kReadBytes = 64 << 10;
constexpr uint64_t kManifestBytesMax = 256 << 20;

absl::Status FileError(const std::string& path, std::string_view what, int error) {
  if (error == ENOSPC) return Exhausted(path, ": ", what, ": the disk is full");
  return Unavailable(path, ": ", what, ": ", std::strerror(error));
}

struct FileSum {
  uint64_t bytes = 0;
  uint64_t xxh3 = 0;
};

absl::StatusOr<FileSum> SumOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileError(path, "cannot be opened", errno);
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::string buffer(kReadBytes, '\0');
  FileSum digest;
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto got = static_cast<size_t>(file.gcount());
    XXH3_64bits_update(state.get(), buffer.data(), got);
    digest.bytes += got;
  }
  if (file.bad()) return FileError(path, "cannot be read", EIO);
  digest.xxh3 = XXH3_64bits_digest(state.get());
  return digest;
}

// Of every file below `dir`, by path; locks are no part of a backup.
absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& dir) {
  std::vector<std::string> files;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(dir, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (!at->is_regular_file()) continue;
    const std::string name = at->path().filename().string();
    const std::string path = fs::relative(at->path(), dir).string();
    if (name != "LOCK" && path != kManifestName) files.push_back(path);
  }
  if (error) return Unavailable(dir, " cannot be listed: ", error.message());
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status SyncFolders(const std::string& dir) {
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(dir, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at->is_directory()) RETURN_IF_ERROR(SyncPath(at->path().string()));
  }
  if (error) return Unavailable(dir, " cannot be listed: ", error.message());
  return SyncPath(dir);
}

// Logs are in the order of their tenants and files in that of their paths, each once.
absl::Status CheckNames(const BackupManifest& manifest) {
  for (int i = 0; i < manifest.logs_size(); ++i) {
    const std::string& tenant = manifest.logs(i).tenant();
    RETURN_IF_ERROR(ValidTenant(tenant));
    if (i > 0 && manifest.logs(i - 1).tenant() >= tenant) return Invalid("the order of its logs");
  }
  for (int i = 1; i < manifest.files_size(); ++i) {
    if (manifest.files(i - 1).path() >= manifest.files(i).path()) {
      return Invalid("the order of its files");
    }
  }
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return FileError(path, "cannot be written", errno);
  return SyncPath(path);
}

}  // namespace

absl::Status SyncPath(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError(path, "cannot be opened", errno);
  const int failed = fsync(fd);
  const int why = errno;
  close(fd);
  return failed == 0 ? absl::OkStatus() : FileError(path, "cannot be synced", why);
}

absl::StatusOr<BackupManifest> ReadManifest(const std::string& dir) {
  const std::string path = Cat(dir, "/", kManifestName);
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) return NotFound(dir, " is no backup: it has no ", kManifestName);
  const auto damaged = [&](std::string_view how) {
    return DataLoss(path, " is damaged: ", how, "; take another backup");
  };
  if (size < kChecksumBytes || size > kManifestBytesMax) return damaged("its size");
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return FileError(path, "cannot be read", errno);
  }
  const std::string_view body = std::string_view(bytes).substr(0, size - kChecksumBytes);
  const std::string_view sum = std::string_view(bytes).substr(size - kChecksumBytes);
  if (LoadBig64(sum) != XXH3_64bits(body.data(), body.size())) return damaged("its checksum");
  BackupManifest manifest;
  if (!IsCheapToParse(*BackupManifest::descriptor(), body) ||
      !manifest.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return damaged("it does not parse");
  }
  if (manifest.format() > kBackupFormat) {
    return FailedPrecondition(dir, " is a backup of format ", manifest.format(),
                              ", newer than this program knows (", kBackupFormat,
                              "); use a newer intentlog");
  }
  const absl::Status names = CheckNames(manifest);
  if (!names.ok()) return damaged(MessageOf(names));
  return manifest;
}

absl::Status WriteManifest(const std::string& dir, BackupManifest manifest) {
  manifest.set_format(kBackupFormat);
  manifest.clear_files();
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(dir));
  for (const std::string& file : files) {
    const std::string path = Cat(dir, "/", file);
    RETURN_IF_ERROR(SyncPath(path));
    ASSIGN_OR_RETURN(const FileSum digest, SumOf(path));
    BackupManifest::File& entry = *manifest.add_files();
    entry.set_path(file);
    entry.set_bytes(digest.bytes);
    entry.set_xxh3(digest.xxh3);
  }
  std::string bytes = manifest.SerializeAsString();
  AppendBig64(bytes, XXH3_64bits(bytes.data(), bytes.size()));
  RETURN_IF_ERROR(WriteFile(Cat(dir, "/", kManifestName), bytes));
  return SyncFolders(dir);
}

absl::Status CheckFiles(const std::string& dir, const BackupManifest& manifest) {
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(dir));
  std::vector<std::string> named;
  for (const BackupManifest::File& file : manifest.files()) named.push_back(file.path());
  const auto is_named = [&](const std::string& file) {
    return std::binary_search(named.begin(), named.end(), file);
  };
  for (const std::string& file : files) {
    if (!is_named(file)) return DataLoss(dir, "/", file, " is no file of this backup");
  }
  for (const BackupManifest::File& file : manifest.files()) {
    const std::string path = Cat(dir, "/", file.path());
    if (!std::binary_search(files.begin(), files.end(), file.path())) {
      return DataLoss(path, " is missing; use another backup");
    }
    ASSIGN_OR_RETURN(const FileSum digest, SumOf(path));
    if (digest.bytes == file.bytes() && digest.xxh3 == file.xxh3()) continue;
    return DataLoss(path, " is not as it was written (", digest.bytes, " bytes, ", file.bytes(),
                    " were); use another backup");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<FoundBackup>> ListBackups(const std::string& dir,
                                                     std::vector<std::string>* skipped) {
  std::vector<FoundBackup> found;
  std::error_code error;
  for (auto at = fs::directory_iterator(dir, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    if (!at->is_directory()) continue;
    auto manifest = ReadManifest(at->path().string());
    if (manifest.ok()) {
      found.push_back({at->path().string(), *std::move(manifest)});
    } else if (!absl::IsNotFound(manifest.status())) {
      skipped->emplace_back(MessageOf(manifest.status()));
    }
  }
  if (error) return NotFound(dir, " cannot be listed: ", error.message());
  std::sort(found.begin(), found.end(), [](const FoundBackup& a, const FoundBackup& b) {
    return std::make_pair(a.manifest.at_us(), a.dir) < std::make_pair(b.manifest.at_us(), b.dir);
  });
  return found;
}

uint64_t CoveredThrough(const Backups& backups, int accepted) {
  const int taken = backups.taken_size();
  return taken == 0 ? 0 : backups.taken(std::max(0, taken - accepted)).position();
}

void AddBackup(const Backups::Backup& backup, int accepted, Backups& backups) {
  *backups.add_taken() = backup;
  const int surplus = backups.taken_size() - accepted;
  if (surplus > 0) backups.mutable_taken()->DeleteSubrange(0, surplus);
  backups.set_announced(std::max(backups.announced(), CoveredThrough(backups, accepted)));
}

absl::Status CopyTree(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (error) return Unavailable(to, " cannot be made: ", error.message());
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(from));
  for (const std::string& file : files) {
    const fs::path target = fs::path(to) / file;
    fs::create_directories(target.parent_path(), error);
    if (!error) fs::copy_file(fs::path(from) / file, target, error);
    if (error) return Unavailable(target.string(), " cannot be written: ", error.message());
    RETURN_IF_ERROR(SyncPath(target.string()));
  }
  return SyncFolders(to);
}

}  // namespace intentlog
