// Opening and creating a store: the settings of RocksDB, the identity row, and what its errors
// mean.
#include <algorithm>
#include <atomic>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/info_log.h"
#include "eventlog/store/log_files.h"
#include "eventlog/store/rocks_rep.h"
#include "eventlog/store/store.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"

namespace intentlog {
namespace {

// Rows come sorted by key within a read model, whose number begins the key.
constexpr size_t kRowHintBytes = 4;
constexpr const char* kSpaceNames[kSpaces] = {"default", "log", "index", "rows"};

bool Contains(const rocksdb::Status& status, std::string_view text) {
  const char* const state = status.getState();
  return state != nullptr && std::string_view(state).find(text) != std::string_view::npos;
}

bool IsLocked(const rocksdb::Status& status) {
  return status.IsIOError() &&
         (Contains(status, "While lock file") || Contains(status, "lock hold by current process"));
}

std::string Parent(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// What is made for one store and shared by its spaces.
struct Shared {
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
};

Shared MakeShared(const StoreOptions& options) {
  return {rocksdb::NewLRUCache(options.block_cache_bytes, /*num_shard_bits=*/2),
          std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes)};
}

}  // namespace

// Marks how far the manifest came, and syncs each write-ahead log before the next one is written.
// RocksDB does not heal itself by writing on: what failed is opened again. It may try a compaction
// again that found no space, because nothing that was committed depends on one.
class FailStop final : public rocksdb::EventListener {
 public:
  explicit FailStop(HighWater* high_water) : high_water_(high_water) {}

  // The database is open, until null is given.
  void Opened(rocksdb::DB* db) { db_ = db; }
  // In the thread that writes, before it writes to the new log. If it fails, the database has
  // failed.
  void OnMemTableSealed(const rocksdb::MemTableInfo&) override {
    rocksdb::DB* const db = db_;
    if (db != nullptr) db->SyncWAL().PermitUncheckedError();
  }

  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status,
                            bool* auto_recovery) override {
    if (reason != rocksdb::BackgroundErrorReason::kCompaction) *auto_recovery = false;
  }
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override { Mark(); }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override { Mark(); }
  void OnExternalFileIngested(rocksdb::DB*, const rocksdb::ExternalFileIngestionInfo&) override {
    Mark();
  }

 private:
  void Mark() {
    if (high_water_ != nullptr) high_water_->Write();
  }

  HighWater* const high_water_;  // null: nothing is marked
  std::atomic<rocksdb::DB*> db_ = nullptr;
};

namespace {

// What a store's list of its files takes, if it is not very large.
constexpr size_t kListOfFilesBytes = 64 << 10;

// RocksDB takes half of the write buffer and more for each log before it writes there: of a small
// disk that would be most.
bool MayAllocateAhead(const std::string& dir, const StoreOptions& options) {
  constexpr uint64_t kBuffers = 16;
  return CheckFree(options.env, dir, dir, kBuffers * options.write_buffer_bytes).ok();
}

// Why each is as it is: README.md.
rocksdb::DBOptions DatabaseOptions(const std::string& dir, const StoreOptions& options,
                                   const Shared& shared, std::shared_ptr<FailStop> fail_stop) {
  rocksdb::DBOptions db;
  db.info_log = MakeInfoLog(options.env, dir);
  db.listeners = {std::move(fail_stop)};
  db.env = options.env;
  db.paranoid_checks = true;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.recycle_log_file_num = 0;
  db.wal_compression = rocksdb::kNoCompression;
  db.manual_wal_flush = false;
  db.allow_fallocate = MayAllocateAhead(dir, options);
  db.manifest_preallocation_size = kListOfFilesBytes;
  db.track_and_verify_wals_in_manifest = false;
  db.write_buffer_manager = shared.write_buffers;
  // Small spaces pin old logs: past this they are flushed, so a restart has little to read.
  db.max_total_wal_size = std::max<uint64_t>(2 * options.write_buffer_bytes, 1 << 20);
  db.max_background_jobs = 2;  // one flush, one compaction
  db.max_subcompactions = 1;
  db.writable_file_max_buffer_size =
      std::clamp<size_t>(options.write_buffer_bytes / 32, 64 << 10, 1 << 20);
  db.max_open_files = options.open_files_max;
  db.max_file_opening_threads = 1;
  db.skip_stats_update_on_db_open = true;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.enable_pipelined_write = false;
  return db;
}

rocksdb::BlockBasedTableOptions TableOptions(Space space, const Shared& shared) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = shared.block_cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.block_size = space == Space::kLog ? 16 << 10 : 4 << 10;
  if (space == Space::kIndex || space == Space::kRows) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  }
  return table;
}

rocksdb::ColumnFamilyOptions SpaceOptions(Space space, const StoreOptions& options,
                                          const Shared& shared) {
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(space, shared)));
  family.max_write_buffer_number = 2;
  // One space alone may fill half of the memory while its other half is being flushed.
  family.write_buffer_size = std::max<size_t>(options.write_buffer_bytes / 2, 256 << 10);
  family.arena_block_size = 256 << 10;
  family.compression = space == Space::kRows ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  family.bottommost_compression = family.compression;
  family.target_file_size_base = 32 << 20;
  family.max_bytes_for_level_base = 128 << 20;
  if (space == Space::kRows) {
    family.memtable_insert_with_hint_prefix_extractor.reset(
        rocksdb::NewCappedPrefixTransform(kRowHintBytes));
    family.memtable_whole_key_filtering = true;
    family.memtable_prefix_bloom_size_ratio = 0.02;
  }
  family.ttl = 0;
  family.periodic_compaction_seconds = 0;
  return family;
}

std::vector<rocksdb::ColumnFamilyDescriptor> Families(const StoreOptions& options,
                                                      const Shared& shared) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (int i = 0; i < kSpaces; ++i) {
    families.emplace_back(kSpaceNames[i], SpaceOptions(static_cast<Space>(i), options, shared));
  }
  return families;
}

absl::Status SyncFolder(rocksdb::Env* env, const std::string& dir) {
  std::unique_ptr<rocksdb::Directory> folder;
  rocksdb::Status status = env->NewDirectory(dir, &folder);
  if (status.ok()) status = folder->Fsync();
  return status.ok() ? absl::OkStatus() : ToStatus(status, dir);
}

// Makes `dir` and what is missing above it, durably.
absl::Status EnsureFolder(rocksdb::Env* env, const std::string& dir) {
  if (env->FileExists(dir).ok()) return absl::OkStatus();
  const std::string parent = Parent(dir);
  RETURN_IF_ERROR(EnsureFolder(env, parent));
  const rocksdb::Status status = env->CreateDirIfMissing(dir);
  if (!status.ok()) return ToStatus(status, dir);
  return SyncFolder(env, parent);
}

enum class Found { kAbsent, kStore, kDamaged, kOther };

absl::StatusOr<Found> Look(rocksdb::Env* env, const std::string& dir) {
  if (env->FileExists(dir + "/CURRENT").ok()) return Found::kStore;
  const rocksdb::Status exists = env->FileExists(dir);
  if (exists.IsNotFound()) return Found::kAbsent;
  if (!exists.ok()) return ToStatus(exists, dir);
  std::vector<std::string> children;
  const rocksdb::Status status = env->GetChildren(dir, &children);
  if (!status.ok()) return FailedPrecondition(dir, " is not a folder that can be read");
  const auto is_real = [](const std::string& name) { return name != "." && name != ".."; };
  const auto is_ours = [](const std::string& name) { return name.starts_with("MANIFEST-"); };
  if (std::any_of(children.begin(), children.end(), is_ours)) return Found::kDamaged;
  return std::any_of(children.begin(), children.end(), is_real) ? Found::kOther : Found::kAbsent;
}

absl::Status WriteNewStore(const std::string& dir, const StoreOptions& options) {
  const Shared shared = MakeShared(options);
  rocksdb::DBOptions db_options =
      DatabaseOptions(dir, options, shared, std::make_shared<FailStop>(nullptr));
  db_options.create_if_missing = true;
  db_options.create_missing_column_families = true;
  db_options.error_if_exists = true;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  rocksdb::Status status =
      rocksdb::DB::Open(db_options, dir, Families(options, shared), &handles, &raw);
  if (!status.ok()) return ToStatus(status, dir);
  const std::unique_ptr<rocksdb::DB> db(raw);
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  status = batch.Put(handles[0], ToSlice(kIdentityKey), IdentityOf(options.role));
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (status.ok()) status = db->Write(synced, &batch);
  for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  if (status.ok()) status = db->Close();
  return status.ok() ? absl::OkStatus() : ToStatus(status, dir);
}

// Creates aside and renames: a power cut at any moment leaves no store or a whole one.
absl::Status Create(const std::string& dir, const StoreOptions& options) {
  rocksdb::Env* const env = options.env;
  const std::string parent = Parent(dir);
  std::string above = parent;
  while (!env->FileExists(above).ok() && above != "/" && above != ".") above = Parent(above);
  RETURN_IF_ERROR(CheckFree(env, above, dir, 2 * options.free_bytes_min));
  RETURN_IF_ERROR(EnsureFolder(env, parent));
  const std::string aside = dir + ".tmp-new";
  if (env->FileExists(aside).ok()) {  // left by a power cut; its lock says if another is at it now
    rocksdb::Options leftover;
    leftover.env = env;
    leftover.info_log = MakeSilentLog();
    const rocksdb::Status status = rocksdb::DestroyDB(aside, leftover);
    if (!status.ok()) return ToStatus(status, dir);
  }
  RETURN_IF_ERROR(WriteNewStore(aside, options));
  RETURN_IF_ERROR(SyncFolder(env, aside));
  const rocksdb::Status status = env->RenameFile(aside, dir);
  if (!status.ok()) return ToStatus(status, dir);
  return SyncFolder(env, parent);
}

}  // namespace

absl::Status ToStatus(const rocksdb::Status& status, std::string_view dir) {
  const std::string text = status.ToString();
  if (IsLocked(status)) return InUse(dir);
  if (status.IsNoSpace() || Contains(status, "No space left")) {
    return Exhausted("disk full: ", dir, ": ", text, "; free some space and open it again");
  }
  if (status.IsCorruption()) return Damaged(dir, text);
  if (status.IsInvalidArgument()) return FailedPrecondition(dir, ": ", text);
  return Unavailable(dir, ": ", text);
}

absl::Status Store::Rep::Rocks::OpenDatabase(const StoreOptions& options) {
  const Shared shared = MakeShared(options);
  block_cache = shared.block_cache;
  write_buffers = shared.write_buffers;
  fail_stop = std::make_shared<FailStop>(high_water.get());
  const rocksdb::DBOptions db_options = DatabaseOptions(dir, options, shared, fail_stop);
  const auto families = Families(options, shared);
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status =
      lock != nullptr ? rocksdb::DB::OpenForReadOnly(db_options, dir, families, &spaces, &raw)
                      : rocksdb::DB::Open(db_options, dir, families, &spaces, &raw);
  db.reset(raw);
  if (lock == nullptr) fail_stop->Opened(raw);
  if (status.ok()) return absl::OkStatus();
  if (Contains(status, "Column families not opened")) {
    return FailedPrecondition(dir, " is of a newer format than this program knows (", kStoreFormat,
                              "); use a newer intentlog");
  }
  if (status.IsInvalidArgument() && Contains(status, "olumn family not found")) {
    return FailedPrecondition(dir, " holds no Intentlog store, but a database of something else");
  }
  if (status.IsPathNotFound()) return Damaged(dir, Cat("a file is missing: ", status.ToString()));
  return ToStatus(status, dir);
}

absl::Status Store::Rep::Rocks::CheckHighWater(const HighWater::Mark& mark) const {
  const uint64_t sequence = db->GetLatestSequenceNumber();
  if (sequence >= mark.sequence) return absl::OkStatus();
  return Damaged(dir, Cat("its last change is number ", sequence, ", but number ", mark.sequence,
                          " was durable once, so its write-ahead log was cut or is missing"));
}

absl::StatusOr<std::unique_ptr<Store::Rep>> Store::Rep::OpenRocks(const std::string& path,
                                                                  const StoreOptions& given) {
  StoreOptions options = given;
  if (options.env == nullptr) options.env = rocksdb::Env::Default();
  ASSIGN_OR_RETURN(const Found found, Look(options.env, path));
  if (found == Found::kDamaged) return Damaged(path, "its file CURRENT is missing");
  if (found == Found::kOther) {
    return FailedPrecondition(path, " holds no Intentlog store: no CURRENT file");
  }
  if (found == Found::kAbsent) {
    if (options.read_only || !options.create_if_missing) return Absent(path);
    RETURN_IF_ERROR(Create(path, options));
  } else if (!options.read_only) {
    // A crash may have come between the rename of a new store and the sync of that name.
    RETURN_IF_ERROR(SyncFolder(options.env, Parent(path)));
  }
  auto rep = std::make_unique<Rocks>();
  rep->dir = path;
  rep->read_only = options.read_only;
  rep->free_bytes_min = options.free_bytes_min;
  rep->env = options.env;
  ASSIGN_OR_RETURN(const std::optional<HighWater::Mark> mark, HighWater::Read(options.env, path));
  if (mark) RETURN_IF_ERROR(HighWater::CheckFiles(options.env, path, *mark));
  RETURN_IF_ERROR(CheckLogFiles(options.env, path));
  rep->high_water = std::make_unique<HighWater>(options.env, path,
                                                options.read_only ? 0 : options.high_water_commits);
  RETURN_IF_ERROR(options.read_only ? rep->OpenForReading(options) : rep->OpenForWriting(options));
  if (mark) RETURN_IF_ERROR(rep->CheckHighWater(*mark));
  if (rep->failure.ok()) rep->high_water->Begin(rep->db->GetLatestSequenceNumber());
  if (rep->lock == nullptr) RETURN_IF_ERROR(rep->RemoveLoads());
  // Compaction may wait, what a person waits for may not.
  options.env->LowerThreadPoolCPUPriority(rocksdb::Env::LOW);
  return std::unique_ptr<Rep>(std::move(rep));
}

}  // namespace intentlog
