// The Admin service: what operators ask of a running server, and decide on it. Calls run on an
// executor of their own, as those of the Reader do.
#pragma once

#include <memory>

#include "absl/time/time.h"
#include "eventlog/runtime/executor.h"
#include "proto/admin.grpc.pb.h"
#include "server/fleet/fleet_backend.h"
#include "server/fleet/fleet_desk.h"
#include "server/wire/calls.h"

namespace intentlog {

struct AdminServiceOptions {
  FleetOptions fleet;
  // Calls at a time; further ones are refused with RESOURCE_EXHAUSTED. Operators are few.
  int calls_max = 16;
  // While a settlement is being decided or a view switched: how often it is looked at.
  absl::Duration poll_interval = absl::Milliseconds(20);
  // What is not durable after this ends with DEADLINE_EXCEEDED; it may still be.
  absl::Duration settle_wait_max = absl::Seconds(30);
  // The same for a backup, which copies and reads everything.
  absl::Duration backup_wait_max = absl::Hours(2);
};

// Thread-safe. `backend` and `executor`, which may block, must outlive it.
class AdminService final : public Admin::CallbackService {
 public:
  AdminService(FleetBackend& backend, Executor& executor, const AdminServiceOptions& options);
  ~AdminService()
      override;  // REQUIRES: WaitUntilIdle returned true, or the executor runs nothing more

  grpc::ServerUnaryReactor* ListDevices(grpc::CallbackServerContext* context,
                                        const ListDevicesRequest* request,
                                        ListDevicesReply* reply) override;
  grpc::ServerUnaryReactor* GetDevice(grpc::CallbackServerContext* context,
                                      const GetDeviceRequest* request,
                                      GetDeviceReply* reply) override;
  grpc::ServerUnaryReactor* ListConflicts(grpc::CallbackServerContext* context,
                                          const ListConflictsRequest* request,
                                          ListConflictsReply* reply) override;
  grpc::ServerUnaryReactor* Settle(grpc::CallbackServerContext* context,
                                   const SettleRequest* request, SettleReply* reply) override;
  grpc::ServerUnaryReactor* GetSchema(grpc::CallbackServerContext* context,
                                      const GetSchemaRequest* request,
                                      GetSchemaReply* reply) override;
  grpc::ServerUnaryReactor* OperateView(grpc::CallbackServerContext* context,
                                        const OperateViewRequest* request,
                                        OperateViewReply* reply) override;

  grpc::ServerUnaryReactor* OperateSnapshots(grpc::CallbackServerContext* context,
                                             const OperateSnapshotsRequest* request,
                                             OperateSnapshotsReply* reply) override;

  grpc::ServerUnaryReactor* TakeBackup(grpc::CallbackServerContext* context,
                                       const TakeBackupRequest* request,
                                       TakeBackupReply* reply) override;
  grpc::ServerUnaryReactor* GoOnHealing(grpc::CallbackServerContext* context,
                                        const GoOnHealingRequest* request,
                                        GoOnHealingReply* reply) override;

  // Ends the calls that wait, and refuses new ones.
  void Stop() { calls_->Stop(); }
  // Blocks until every call is over; false if that takes longer than `limit`.
  bool WaitUntilIdle(absl::Duration limit) { return calls_->WaitUntilIdle(limit); }

 private:
  const FleetDesk desk_;
  const AdminServiceOptions options_;
  const std::shared_ptr<Calls> calls_;
};

}  // namespace intentlog
