#include "server/views/view_switch.h"

#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/view_records.h"

namespace intentlog {
namespace {

ProjectionBuild LiveOf(const ViewRecord& record) {
  ProjectionBuild live;
  live.set_name(record.name());
  live.set_version(record.version());
  live.set_build(record.build());
  live.set_row(record.row());
  return live;
}

void MakeLive(const ProjectionBuild& build, int64_t now_us, ViewRecord& record) {
  record.set_version(build.version());
  record.set_build(build.build());
  record.set_row(build.row());
  record.set_activated_us(now_us);
  record.clear_previous_ended_us();
}

void ClearShadow(ViewRecord& record) {
  record.clear_shadow();
  record.clear_shadow_follows();
  record.clear_shadow_through();
}

absl::Status TimeOver(const ViewRecord& record, absl::Duration window) {
  return FailedPrecondition("what was live before the last switch of view ", record.name(),
                            " has gone: it is kept for ", absl::FormatDuration(window),
                            " after a switch. A program with the former version makes it anew");
}

}  // namespace

absl::Status ActivateShadow(uint32_t version, int64_t now_us, ViewRecord& record,
                            StoreBatch& batch) {
  if (!record.shadow_follows() || record.shadow().version() != version) {
    return FailedPrecondition("view ", record.name(),
                              " has no rebuilt one that is ready: rebuild it");
  }
  if (record.has_previous()) PutDropped(record.previous().build(), batch);
  ProjectionBuild before = LiveOf(record);
  MakeLive(record.shadow(), now_us, record);
  ClearShadow(record);
  record.clear_previous();
  if (before.build() != 0) *record.mutable_previous() = std::move(before);
  return absl::OkStatus();
}

absl::Status RollBack(uint32_t version, int64_t now_us, absl::Duration window, ViewRecord& record) {
  if (!record.has_previous()) {
    if (record.previous_ended_us() != 0) return TimeOver(record, window);
    return FailedPrecondition("view ", record.name(), " has no earlier build to go back to");
  }
  if (now_us >= RollBackUntil(record, window)) return TimeOver(record, window);
  if (record.previous().version() != version) {
    return FailedPrecondition("the earlier build of view ", record.name(), " is of version ",
                              record.previous().version(), ", which this program does not fold");
  }
  ProjectionBuild before = LiveOf(record);
  MakeLive(ProjectionBuild(record.previous()), now_us, record);
  *record.mutable_previous() = std::move(before);
  return absl::OkStatus();
}

absl::Status CancelShadow(ViewRecord& record, StoreBatch& batch) {
  if (!record.has_shadow()) {
    return FailedPrecondition("view ", record.name(), " is not being rebuilt");
  }
  PutDropped(record.shadow().build(), batch);
  ClearShadow(record);
  return absl::OkStatus();
}

int64_t RollBackUntil(const ViewRecord& record, absl::Duration window) {
  return record.has_previous() ? record.activated_us() + absl::ToInt64Microseconds(window) : 0;
}

bool EndRollBack(int64_t now_us, absl::Duration window, ViewRecord& record, StoreBatch& batch) {
  if (!record.has_previous() || now_us < RollBackUntil(record, window)) return false;
  PutDropped(record.previous().build(), batch);
  record.clear_previous();
  record.set_previous_ended_us(now_us);
  return true;
}

}  // namespace intentlog
