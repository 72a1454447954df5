#include "projections/snapshot/snapshot_writer.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/snapshot/snapshot_layout.h"

namespace intentlog {
namespace {

absl::Status CheckFree(const std::string& folder, uint64_t free_bytes_min) {
  struct statvfs disk = {};
  if (statvfs(folder.c_str(), &disk) != 0) {
    return Unavailable(folder, ": ", std::strerror(errno));
  }
  const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free >= free_bytes_min) return absl::OkStatus();
  return Exhausted("no snapshot is written to ", folder, ": ", free, " bytes are free, and ",
                   free_bytes_min, " must stay so; make room");
}

// What a folder names is durable only when the folder is.
absl::Status SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Unavailable(folder, ": ", std::strerror(errno));
  const int failed = fsync(fd);
  const int why = errno;
  close(fd);
  if (failed != 0) return Unavailable(folder, " cannot be synced: ", std::strerror(why));
  return absl::OkStatus();
}

}  // namespace

SnapshotWriter::SnapshotWriter(const std::string& folder, SnapshotInfo about,
                               SnapshotWriterOptions options)
    : folder_(folder),
      path_(Cat(folder, "/", SnapshotFileName(Position(about.position())))),
      unfinished_(Cat(path_.substr(0, path_.size() - kSnapshotSuffix.size()), kSnapshotUnfinished)),
      options_(std::move(options)),
      info_(std::move(about)) {
  info_.set_format(kSnapshotFormat);
  info_.clear_scopes();
  info_.clear_blocks();
}

absl::StatusOr<std::unique_ptr<SnapshotWriter>> SnapshotWriter::Create(
    const std::string& folder, SnapshotInfo about, SnapshotWriterOptions options) {
  std::unique_ptr<SnapshotWriter> writer(
      new SnapshotWriter(folder, std::move(about), std::move(options)));
  RETURN_IF_ERROR(writer->Open());
  return writer;
}

absl::Status SnapshotWriter::Open() {
  RETURN_IF_ERROR(Before("make the folder"));
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return Unavailable("folder ", folder_, " cannot be made: ", error.message());
  if (!options_.replace && std::filesystem::exists(path_, error)) {
    return absl::AlreadyExistsError(Cat("there is a file ", path_, " already"));
  }
  RETURN_IF_ERROR(CheckFree(folder_, options_.free_bytes_min));
  RETURN_IF_ERROR(Before("make the file"));
  fd_ = open(unfinished_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) return Failed("be made");
  waiting_.assign(kSnapshotBegin);
  offset_ = waiting_.size();
  return absl::OkStatus();
}

SnapshotWriter::~SnapshotWriter() {
  if (fd_ < 0) return;
  close(fd_);
  if (!finished_) unlink(unfinished_.c_str());
}

absl::Status SnapshotWriter::Before(std::string_view step) const {
  return options_.before == nullptr ? absl::OkStatus() : options_.before(step);
}

absl::Status SnapshotWriter::Failed(std::string_view what) const {
  const int why = errno;
  if (why == ENOSPC || why == EDQUOT) {
    return Exhausted("snapshot ", unfinished_, " cannot ", what, ": ", std::strerror(why));
  }
  return Unavailable("snapshot ", unfinished_, " cannot ", what, ": ", std::strerror(why));
}

// ---- rows

void SnapshotWriter::BeginScope(std::string_view scope, uint64_t events) {
  INTENTLOG_CHECK(info_.scopes().empty() || info_.scopes().rbegin()->scope() < scope);
  SnapshotScope& added = *info_.add_scopes();
  added.set_scope(std::string(scope));
  added.set_events(events);
}

void SnapshotWriter::BeginPart(uint32_t view) {
  INTENTLOG_CHECK(view < static_cast<uint32_t>(info_.views_size()) && !info_.scopes().empty());
  SnapshotScope& scope = *info_.mutable_scopes()->rbegin();
  INTENTLOG_CHECK(scope.parts().empty() || scope.parts().rbegin()->view() < view);
  SnapshotPart& part = *scope.add_parts();
  part.set_view(view);
  part.set_first_block(static_cast<uint32_t>(info_.blocks_size()));
  digest_ = Digest128();
}

absl::Status SnapshotWriter::Add(std::string_view key, std::string_view row) {
  if (block_.IsFullFor(key, row)) RETURN_IF_ERROR(CutBlock());
  SnapshotPart& part = *info_.mutable_scopes()->rbegin()->mutable_parts()->rbegin();
  part.set_rows(part.rows() + 1);
  digest_.Add(key, row);
  block_.Add(key, row);
  return absl::OkStatus();
}

absl::Status SnapshotWriter::CutBlock() {
  const std::string block = block_.Finish();
  SnapshotPart& part = *info_.mutable_scopes()->rbegin()->mutable_parts()->rbegin();
  part.set_blocks(part.blocks() + 1);
  part.set_bytes(part.bytes() + block.size());
  BlockPlace& place = *info_.add_blocks();
  place.set_offset(offset_);
  place.set_size(static_cast<uint32_t>(block.size()));
  offset_ += block.size();
  waiting_ += block;
  return waiting_.size() < options_.write_bytes ? absl::OkStatus() : Flush();
}

absl::Status SnapshotWriter::EndPart(const Digest128& digest, uint64_t rows, uint64_t parked) {
  if (block_.rows() > 0) RETURN_IF_ERROR(CutBlock());
  const SnapshotScope& scope = *info_.scopes().rbegin();
  SnapshotPart& part = *info_.mutable_scopes()->rbegin()->mutable_parts()->rbegin();
  const std::string& view = info_.views(static_cast<int>(part.view())).name();
  if (part.rows() != rows || !(digest_ == digest)) {
    return DataLoss("view ", view, ", scope ", scope.scope(), ": its ", part.rows(),
                    " rows are not the ", rows, " of its checkpoint: rebuild the view");
  }
  part.set_digest(digest.Bytes());
  part.set_parked(parked);
  return absl::OkStatus();
}

// ---- the disk

absl::Status SnapshotWriter::Flush() {
  RETURN_IF_ERROR(Before("write"));
  RETURN_IF_ERROR(CheckFree(folder_, options_.free_bytes_min));
  for (size_t done = 0; done < waiting_.size();) {
    const ssize_t wrote = write(fd_, waiting_.data() + done, waiting_.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Failed("be written");
    done += static_cast<size_t>(wrote);
  }
  waiting_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const SnapshotFile>> SnapshotWriter::ReadBack() const {
  ASSIGN_OR_RETURN(auto file, SnapshotFile::Open(unfinished_));
  RETURN_IF_ERROR(file->Verify());
  if (file->info().SerializeAsString() == info_.SerializeAsString()) return file;
  return DataLoss("snapshot ", unfinished_, " is not what was written");
}

absl::StatusOr<std::shared_ptr<const SnapshotFile>> SnapshotWriter::Finish() {
  const std::string info = info_.SerializeAsString();
  waiting_ += info;
  AppendLittle64(waiting_, info.size());
  AppendLittle64(waiting_, SnapshotInfoChecksum(info));
  waiting_ += kSnapshotEnd;
  RETURN_IF_ERROR(Flush());
  RETURN_IF_ERROR(Before("sync the file"));
  if (fsync(fd_) != 0) return Failed("be synced");
  // So that the disk is read, and not memory; it is a wish only.
  static_cast<void>(posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED));
  RETURN_IF_ERROR(Before("read back"));
  RETURN_IF_ERROR(ReadBack().status());
  RETURN_IF_ERROR(Before("name the file"));
  if (rename(unfinished_.c_str(), path_.c_str()) != 0) return Failed("be renamed");
  finished_ = true;
  RETURN_IF_ERROR(Before("sync the folder"));
  RETURN_IF_ERROR(SyncFolder(folder_));
  RETURN_IF_ERROR(Before("open the file"));
  return SnapshotFile::Open(path_);
}

}  // namespace intentlog
