#include "client/wire/admin_client.h"

#include <chrono>
#include <string>

#include "client/wire/wire_error.h"
#include "eventlog/runtime/check.h"
#include "proto/admin.grpc.pb.h"

namespace intentlog {

struct AdminClient::Rep {
  Rep(const WireOptions& options, absl::Duration timeout_in)
      : address(options.address), timeout(timeout_in), stub(Admin::NewStub(MakeChannel(options))) {}

  template <class Request, class Reply>
  absl::StatusOr<Reply> Call(grpc::Status (Admin::Stub::*method)(grpc::ClientContext*,
                                                                 const Request&, Reply*),
                             const Request& request) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    Reply reply;
    RETURN_IF_ERROR(WireStatus(address, (stub.get()->*method)(&context, request, &reply)));
    return reply;
  }

  const std::string address;
  const absl::Duration timeout;
  const std::unique_ptr<Admin::Stub> stub;
};

AdminClient::AdminClient(const WireOptions& options, absl::Duration timeout)
    : rep_(std::make_unique<Rep>(options, timeout)) {}
AdminClient::~AdminClient() = default;

absl::StatusOr<ListDevicesReply> AdminClient::ListDevices(const ListDevicesRequest& request) const {
  return rep_->Call(&Admin::Stub::ListDevices, request);
}
absl::StatusOr<GetDeviceReply> AdminClient::GetDevice(const GetDeviceRequest& request) const {
  return rep_->Call(&Admin::Stub::GetDevice, request);
}
absl::StatusOr<ListConflictsReply> AdminClient::ListConflicts(
    const ListConflictsRequest& request) const {
  return rep_->Call(&Admin::Stub::ListConflicts, request);
}
absl::StatusOr<SettleReply> AdminClient::Settle(const SettleRequest& request) const {
  return rep_->Call(&Admin::Stub::Settle, request);
}
absl::StatusOr<GetSchemaReply> AdminClient::GetSchema(const GetSchemaRequest& request) const {
  return rep_->Call(&Admin::Stub::GetSchema, request);
}
absl::StatusOr<OperateViewReply> AdminClient::OperateView(const OperateViewRequest& request) const {
  return rep_->Call(&Admin::Stub::OperateView, request);
}
absl::StatusOr<OperateSnapshotsReply> AdminClient::OperateSnapshots(
    const OperateSnapshotsRequest& request) const {
  return rep_->Call(&Admin::Stub::OperateSnapshots, request);
}
absl::StatusOr<TakeBackupReply> AdminClient::TakeBackup(const TakeBackupRequest& request) const {
  return rep_->Call(&Admin::Stub::TakeBackup, request);
}
absl::StatusOr<GoOnHealingReply> AdminClient::GoOnHealing(const GoOnHealingRequest& request) const {
  return rep_->Call(&Admin::Stub::GoOnHealing, request);
}

}  // namespace intentlog
