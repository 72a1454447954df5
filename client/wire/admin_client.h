// An AdminClient asks a running server as its operator. Every call blocks, has a deadline, and
// fails with one line that names the address.
//
// Thread-safe.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/wire/channel_settings.h"
#include "proto/admin.pb.h"

namespace intentlog {

class AdminClient {
 public:
  explicit AdminClient(const WireOptions& options, absl::Duration timeout = absl::Seconds(60));
  ~AdminClient();

  // What each answers is said in proto/admin.proto.
  absl::StatusOr<ListDevicesReply> ListDevices(const ListDevicesRequest& request) const;
  absl::StatusOr<GetDeviceReply> GetDevice(const GetDeviceRequest& request) const;
  absl::StatusOr<ListConflictsReply> ListConflicts(const ListConflictsRequest& request) const;
  absl::StatusOr<SettleReply> Settle(const SettleRequest& request) const;
  absl::StatusOr<GetSchemaReply> GetSchema(const GetSchemaRequest& request) const;
  absl::StatusOr<OperateViewReply> OperateView(const OperateViewRequest& request) const;
  absl::StatusOr<OperateSnapshotsReply> OperateSnapshots(
      const OperateSnapshotsRequest& request) const;
  absl::StatusOr<TakeBackupReply> TakeBackup(const TakeBackupRequest& request) const;
  absl::StatusOr<GoOnHealingReply> GoOnHealing(const GoOnHealingRequest& request) const;

 private:
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
