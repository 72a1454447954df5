// The folder of a backup: its manifest, and the files that it names or does not name.
//
//   of the first piece, the manifest:  tag bit 0: its checksum is made right
//                                      bit 1: it names the files that are there, as they are
//   each other piece: a file
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"
#include "proto/store.pb.h"
#include "server/backup/backup_folder.h"
#include "tests/fuzz/fuzz_target.h"
#include "xxhash.h"

namespace intentlog::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr uint8_t kSeal = 1;
constexpr uint8_t kNamed = 2;
constexpr size_t kFilesMax = 6;

// In memory where there is such a folder: a run writes a few files.
const std::string& Root() {
  static const auto* const root = new std::string(
      Cat(fs::exists("/dev/shm") ? "/dev/shm" : "/tmp", "/intentlog-backup-fuzz-", getpid()));
  static const int at_exit = std::atexit([] { fs::remove_all(*root); });
  INTENTLOG_CHECK(at_exit == 0);
  return *root;
}

std::string FileName(size_t i) { return Cat(i % 2 == 0 ? "log/" : "views/shop/", i, ".sst"); }

void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  INTENTLOG_CHECK(file.good());
}

// The manifest's bytes as they lie in the folder.
std::string ManifestOf(const Pieces& pieces, size_t files) {
  std::string bytes = pieces.front().bytes;
  BackupManifest manifest;
  if ((pieces.front().tag & kNamed) != 0 && manifest.ParseFromString(bytes)) {
    std::set<std::string> names;
    for (size_t i = 1; i <= files; ++i) names.insert(FileName(i));
    manifest.clear_files();
    for (const std::string& name : names) {
      const size_t i = std::stoul(name.substr(name.rfind('/') + 1));
      BackupManifest::File& file = *manifest.add_files();
      file.set_path(name);
      file.set_bytes(pieces[i].bytes.size());
      file.set_xxh3(XXH3_64bits(pieces[i].bytes.data(), pieces[i].bytes.size()));
    }
    bytes = manifest.SerializeAsString();
  }
  if ((pieces.front().tag & kSeal) != 0)
    AppendBig64(bytes, XXH3_64bits(bytes.data(), bytes.size()));
  return bytes;
}

void CheckWhole(const BackupManifest& manifest, const Pieces& pieces, size_t files) {
  if (manifest.files_size() < static_cast<int>(files)) Fail("a file that is not named passed");
  for (const BackupManifest::File& file : manifest.files()) {
    size_t i = 1;
    while (i <= files && FileName(i) != file.path()) ++i;
    if (i > files) Fail(Cat("a file that is not there passed: ", file.path()));
    if (file.bytes() != pieces[i].bytes.size()) Fail("a file of another size passed");
  }
  for (const BackupManifest::Log& log : manifest.logs()) {
    if (!ValidTenant(log.tenant()).ok()) Fail("a tenant that cannot be passed");
  }
}

void UseFolder(const std::string& dir, const Pieces& pieces, size_t files) {
  std::vector<std::string> skipped;
  const auto found = ListBackups(Root(), &skipped);
  if (!found.ok()) Fail(found.status().ToString());
  const auto manifest = ReadManifest(dir);
  if (found->size() != (manifest.ok() ? 1 : 0)) Fail("a list and its manifest do not agree");
  if (manifest.ok() && CheckFiles(dir, *manifest).ok()) CheckWhole(*manifest, pieces, files);
}

BackupManifest MadeManifest() {
  BackupManifest manifest;
  manifest.set_format(kBackupFormat);
  manifest.set_name("backup-20261126T021500Z");
  manifest.set_at_us(1'795'659'300'000'000);
  for (const char* tenant : {"default", "shop"}) {
    BackupManifest::Log& log = *manifest.add_logs();
    log.set_tenant(tenant);
    log.mutable_epoch()->set_id(std::string(16, 'E'));
    log.set_position(90);
    log.set_chain(std::string(32, 'c'));
    log.set_announced(40);
  }
  return manifest;
}

}  // namespace

const bool kMessages = true;

void Run(const Pieces& pieces) {
  if (pieces.empty()) return;
  const std::string dir = Root() + "/one";
  fs::remove_all(dir);
  fs::create_directories(dir + "/log");
  fs::create_directories(dir + "/views/shop");
  const size_t files = std::min(pieces.size() - 1, kFilesMax);
  size_t size = 0;
  for (size_t i = 1; i <= files; ++i) {
    WriteBytes(Cat(dir, "/", FileName(i)), pieces[i].bytes);
    size += pieces[i].bytes.size();
  }
  const std::string manifest = ManifestOf(pieces, files);
  WriteBytes(Cat(dir, "/", kManifestName), manifest);
  Hostile(size + manifest.size(), [&] { UseFolder(dir, pieces, files); });
}

std::vector<Seed> Seeds() {
  const BackupManifest manifest = MadeManifest();
  BackupManifest away = manifest;
  for (const char* path : {"../one/log/2.sst", "/etc/hostname", "log/2.sst"}) {
    away.add_files()->set_path(path);
  }
  BackupManifest newer = manifest;
  newer.set_format(kBackupFormat + 1);
  const std::string bytes = manifest.SerializeAsString();
  const Piece log = {0, std::string(300, 'l')};
  return {{"whole", {{kSeal | kNamed, bytes}, {0, "view"}, log, {0, ""}}},
          {"unnamed_file", {{kSeal, bytes}, {0, "view"}}},
          {"no_file", {{kSeal, bytes}}},
          {"unsealed", {{0, bytes}}},
          {"away", {{kSeal, away.SerializeAsString()}, {0, "view"}, log}},
          {"newer", {{kSeal, newer.SerializeAsString()}}}};
}

}  // namespace intentlog::fuzz
