#include "projections/snapshot/snapshot_folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_keys.h"
#include "projections/snapshot/snapshot_layout.h"

namespace intentlog {
namespace {

constexpr int64_t kMicrosOfDay = int64_t{24} * 3600 * 1'000'000;

// False if the name is not that of a snapshot.
bool ParseName(std::string_view name, Position* position) {
  if (!name.ends_with(kSnapshotSuffix)) return false;
  name.remove_suffix(kSnapshotSuffix.size());
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  *position = Position(value);
  return error == std::errc() && end == name.data() + name.size();
}

std::vector<std::string> NamesIn(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(dir, error), end; !error && at != end;
       at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  return names;
}

}  // namespace

SnapshotFolder::SnapshotFolder(std::string dir, OfLog of_log, FingerprintLookup fingerprint,
                               Alarm alarm)
    : dir_(std::move(dir)),
      of_log_(std::move(of_log)),
      fingerprint_(std::move(fingerprint)),
      alarm_(std::move(alarm)) {}

FoundSnapshot SnapshotFolder::Look(const std::string& name, Position position) const {
  FoundSnapshot one;
  one.path = Cat(dir_, "/", name);
  one.position = position;
  auto file = SnapshotFile::Open(one.path);
  one.status = file.status();
  if (!file.ok()) return one;
  one.file = *std::move(file);
  one.bytes = one.file->bytes();
  one.status = of_log_(one.file->info());
  if (one.status.ok() && one.file->position() != position) {
    one.status = DataLoss("snapshot ", one.path, " is of position ", one.file->position());
  }
  return one;
}

std::vector<FoundSnapshot> SnapshotFolder::List() const {
  std::vector<FoundSnapshot> found;
  for (const std::string& name : NamesIn(dir_)) {
    Position position;
    if (!ParseName(name, &position)) continue;
    FoundSnapshot one = Look(name, position);
    if (absl::IsNotFound(one.status)) continue;  // removed meanwhile
    if (!one.status.ok() && alarm_ != nullptr) alarm_(one.path, one.status);
    found.push_back(std::move(one));
  }
  std::sort(found.begin(), found.end(), [](const FoundSnapshot& a, const FoundSnapshot& b) {
    return a.position != b.position ? a.position > b.position : a.path > b.path;
  });
  return found;
}

absl::StatusOr<std::shared_ptr<const SnapshotFile>> SnapshotFolder::OpenAt(
    Position position) const {
  FoundSnapshot one = Look(SnapshotFileName(position), position);
  RETURN_IF_ERROR(one.status);
  return std::move(one.file);
}

SnapshotView SnapshotFolder::ViewOf(const ProjectionInfo& view) const {
  SnapshotView wanted;
  wanted.set_name(view.name);
  wanted.set_version(view.version);
  wanted.set_row(view.row->full_name());
  if (fingerprint_ != nullptr) wanted.set_fingerprint(fingerprint_(view));
  return wanted;
}

absl::Status SnapshotFolder::Fits(const SnapshotFile& file, const ProjectionInfo& view) const {
  return Fits(file, ViewOf(view));
}

absl::Status SnapshotFolder::Fits(const SnapshotFile& file, const SnapshotView& view) {
  const int index = file.FindView(view.name());
  if (index < 0) return NotFound("snapshot ", file.path(), " has no view ", view.name());
  const SnapshotView& has = file.info().views(index);
  const bool other_code = !view.fingerprint().empty() && !has.fingerprint().empty() &&
                          has.fingerprint() != view.fingerprint();
  if (has.version() != view.version() || has.row() != view.row() || other_code) {
    return FailedPrecondition("view ", view.name(), " in snapshot ", file.path(), " is version ",
                              has.version(), " of ", has.row(), ", and this program folds version ",
                              view.version(), " of ", view.row(),
                              other_code ? ", with other code" : "");
  }
  for (const SnapshotScope& scope : file.info().scopes()) {
    for (const SnapshotPart& part : scope.parts()) {
      if (static_cast<int>(part.view()) != index || part.parked() == 0) continue;
      return FailedPrecondition("view ", view.name(), " in snapshot ", file.path(), " has ",
                                part.parked(), " rows of scope ", Quoted(scope.scope()),
                                " that stand still");
    }
  }
  return absl::OkStatus();
}

std::shared_ptr<const SnapshotFile> SnapshotFolder::Find(const SnapshotView& view, Position at,
                                                         bool verified) const {
  for (const FoundSnapshot& one : List()) {
    if (!one.status.ok() || one.position > at) continue;
    absl::Status usable = Fits(*one.file, view);
    if (usable.ok() && verified) usable = VerifyView(*one.file, view.name());
    if (usable.ok()) return one.file;
    // What another program would need is no matter of this one.
    if (verified && !absl::IsNotFound(usable) && alarm_ != nullptr) alarm_(one.path, usable);
  }
  return nullptr;
}

std::shared_ptr<const SnapshotFile> SnapshotFolder::Newest(const ProjectionInfo& view,
                                                           Position at) const {
  return Find(ViewOf(view), at, /*verified=*/true);
}

std::shared_ptr<const SnapshotFile> SnapshotFolder::NewestOf(const SnapshotView& view,
                                                             Position at) const {
  return Find(view, at, /*verified=*/false);
}

void SnapshotFolder::RemoveUnfinished() const {
  for (const std::string& name : NamesIn(dir_)) {
    std::error_code error;
    if (name.ends_with(kSnapshotUnfinished)) std::filesystem::remove(Cat(dir_, "/", name), error);
  }
}

size_t SnapshotFolder::Remove(const std::vector<FoundSnapshot>& files) const {
  size_t removed = 0;
  for (const FoundSnapshot& one : files) {
    INTENTLOG_CHECK(one.status.ok());
    std::error_code error;
    removed += std::filesystem::remove(one.path, error) ? 1 : 0;
  }
  return removed;
}

absl::Status CheckOfLog(const EventLog& log, const SnapshotInfo& info) {
  const auto other = [&](const auto&... why) {
    return FailedPrecondition("the snapshot of position ", info.position(),
                              " is of another history: ", why...);
  };
  const std::vector<Epoch> epochs = log.epochs();
  const auto epoch = std::find_if(epochs.begin(), epochs.end(),
                                  [&](const Epoch& one) { return one.id() == info.epoch_id(); });
  if (epoch == epochs.end()) return other("its epoch is unknown here");
  const LogEnd head = log.head();
  const uint64_t end = std::next(epoch) == epochs.end() ? head.position.value()
                                                        : std::next(epoch)->first_position() - 1;
  if (info.position() > end) return other("its epoch ends at ", end);
  ChainValue chain = {};
  if (info.position() > 0) {
    ASSIGN_OR_RETURN(chain, log.ChainAt(Position(info.position())));
  }
  return Bytes(chain) == info.chain() ? absl::OkStatus() : other("the chain there differs");
}

absl::Status VerifyView(const SnapshotFile& file, std::string_view view) {
  const int index = file.FindView(view);
  for (const SnapshotScope& scope : file.info().scopes()) {
    for (const SnapshotPart& part : scope.parts()) {
      if (static_cast<int>(part.view()) != index) continue;
      RETURN_IF_ERROR(file.ForEachRow(
          part, [](std::string_view, std::string_view) { return absl::OkStatus(); }));
    }
  }
  return absl::OkStatus();
}

std::vector<FoundSnapshot> Superseded(const std::vector<FoundSnapshot>& found,
                                      const SnapshotKeep& keep, int64_t now_us) {
  std::vector<FoundSnapshot> superseded;
  const int64_t today = now_us / kMicrosOfDay;
  std::set<int64_t> days;  // of which one is kept
  size_t usable = 0;
  for (const FoundSnapshot& one : found) {
    if (!one.status.ok()) continue;
    const int64_t day = one.file->info().taken_us() / kMicrosOfDay;
    const bool of_day =
        day < today && today - day <= static_cast<int64_t>(keep.days) && days.insert(day).second;
    if (usable++ >= keep.newest && !of_day) superseded.push_back(one);
  }
  return superseded;
}

}  // namespace intentlog
