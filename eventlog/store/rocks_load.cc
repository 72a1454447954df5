// Rows that are written to a table beside the database, which takes it in.
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/rocks_rep.h"
#include "rocksdb/sst_file_writer.h"

namespace intentlog {
namespace {

// So named that RocksDB sees no file of its own in it.
constexpr std::string_view kLoadName = "load-";
// How often the free space is looked at.
constexpr size_t kLookedBytes = 1 << 20;

}  // namespace

class Store::Rep::Rocks::TableLoad final : public StoreLoad {
 public:
  TableLoad(Rocks& rep, rocksdb::ColumnFamilyHandle* space, std::string path)
      : rep_(rep),
        space_(space),
        path_(std::move(path)),
        writer_(rocksdb::EnvOptions(rep.db->GetDBOptions()), rep.db->GetOptions(space), space,
                /*invalidate_page_cache=*/false) {}
  ~TableLoad() override {
    if (!finished_ && any_) rep_.env->DeleteFile(path_).PermitUncheckedError();
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    RETURN_IF_ERROR(rep_.MayWrite());
    looked_ += key.size() + value.size();
    if (!any_ || looked_ > kLookedBytes) RETURN_IF_ERROR(Look());
    const rocksdb::Status status = writer_.Put(ToSlice(key), ToSlice(value));
    return status.ok() ? absl::OkStatus() : rep_.FailOf(status);
  }

  absl::Status Finish() override {
    RETURN_IF_ERROR(rep_.MayWrite());
    RETURN_IF_ERROR(rep_.SyncLog());
    if (!any_) return absl::OkStatus();
    rocksdb::Status status = writer_.Finish();
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.failed_move_fall_back_to_copy = true;
    // With a number of its own there would be one that no log has, which is how a log that was cut
    // is found. So it comes before all others, and may not lie among them.
    options.allow_global_seqno = false;
    options.snapshot_consistency = false;
    if (!status.ok()) return rep_.FailOf(status);
    status = rep_.db->IngestExternalFile(space_, {path_}, options);
    finished_ = status.ok();
    if (status.IsInvalidArgument()) return ToStatus(status, rep_.dir);
    return status.ok() ? absl::OkStatus() : rep_.FailOf(status);
  }

 private:
  // Before the first row, too.
  absl::Status Look() {
    RETURN_IF_ERROR(rep_.CheckRoom(kLookedBytes, /*spare=*/0));
    looked_ = 0;
    if (std::exchange(any_, true)) return absl::OkStatus();
    const rocksdb::Status status = writer_.Open(path_);
    return status.ok() ? absl::OkStatus() : rep_.FailOf(status);
  }

  Rocks& rep_;
  rocksdb::ColumnFamilyHandle* const space_;
  const std::string path_;
  rocksdb::SstFileWriter writer_;
  bool any_ = false;
  bool finished_ = false;
  size_t looked_ = 0;  // bytes since the free space was looked at
};

std::unique_ptr<StoreLoad> Store::Rep::Rocks::Load(Space of) {
  return std::make_unique<TableLoad>(*this, space(of), Cat(dir, "/", kLoadName, ++loads));
}

absl::Status Store::Rep::Rocks::RemoveLoads() {
  std::vector<std::string> names;
  const rocksdb::Status status = env->GetChildren(dir, &names);
  if (!status.ok()) return ToStatus(status, dir);
  for (const std::string& name : names) {
    if (!std::string_view(name).starts_with(kLoadName)) continue;
    const std::string path = Cat(dir, "/", name);
    const rocksdb::Status removed = env->DeleteFile(path);
    if (removed.ok()) continue;
    return StatusOf(ToStatus(removed, dir).code(), path,
                    " is left of rows that were not taken in, and cannot be removed: ",
                    removed.ToString(), "; remove it by hand");
  }
  return absl::OkStatus();
}

}  // namespace intentlog
