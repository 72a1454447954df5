#include "server/wire/admin_service.h"

#include <mutex>
#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// An answer that comes on another thread, perhaps after nobody waits for it.
template <class Reply>
class Answer {
 public:
  void Set(absl::StatusOr<Reply> reply) {
    const std::lock_guard<std::mutex> lock(mutex_);
    reply_ = std::move(reply);
  }
  std::optional<absl::StatusOr<Reply>> Get() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return reply_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<absl::StatusOr<Reply>> reply_;  // protected by mutex_
};

// Asks at the first call, then looks whether the answer is there.
template <class Reply>
class AskedCall {
 public:
  using Ask = std::function<absl::Status(std::function<void(absl::StatusOr<Reply>)> done)>;

  AskedCall(Ask ask, const AdminServiceOptions& options)
      : AskedCall(std::move(ask), options, options.settle_wait_max) {}
  AskedCall(Ask ask, const AdminServiceOptions& options, absl::Duration wait_max)
      : ask_(std::move(ask)), left_(wait_max), step_(options.poll_interval) {}

  absl::StatusOr<bool> Look(Reply* reply) {
    if (answer_ == nullptr) {
      answer_ = std::make_shared<Answer<Reply>>();
      RETURN_IF_ERROR(
          ask_([answer = answer_](absl::StatusOr<Reply> given) { answer->Set(std::move(given)); }));
    }
    if (auto given = answer_->Get()) {
      ASSIGN_OR_RETURN(*reply, *std::move(given));
      return true;
    }
    if (left_ <= absl::ZeroDuration()) {
      return StatusOf(absl::StatusCode::kDeadlineExceeded,
                      "the server did not answer in time, and may still do what was asked: look "
                      "how things are before you ask again");
    }
    left_ -= step_;
    return false;
  }

 private:
  const Ask ask_;
  absl::Duration left_;
  const absl::Duration step_;
  std::shared_ptr<Answer<Reply>> answer_;
};

// A call whose answer is there at once.
template <class Request, class Reply>
grpc::ServerUnaryReactor* Now(std::shared_ptr<Calls> calls, grpc::CallbackServerContext* context,
                              const FleetDesk& desk,
                              absl::StatusOr<Reply> (FleetDesk::*ask)(const Request&) const,
                              const Request* request, Reply* reply) {
  return Unary(std::move(calls), context, [&desk, ask, request, reply]() -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(*reply, (desk.*ask)(*request));
    return true;
  });
}

}  // namespace

AdminService::AdminService(FleetBackend& backend, Executor& executor,
                           const AdminServiceOptions& options)
    : desk_(backend, options.fleet),
      options_(options),
      calls_(std::make_shared<Calls>(executor, options.calls_max, options.poll_interval)) {}

AdminService::~AdminService() = default;

grpc::ServerUnaryReactor* AdminService::ListDevices(grpc::CallbackServerContext* context,
                                                    const ListDevicesRequest* request,
                                                    ListDevicesReply* reply) {
  return Now(calls_, context, desk_, &FleetDesk::ListDevices, request, reply);
}

grpc::ServerUnaryReactor* AdminService::GetDevice(grpc::CallbackServerContext* context,
                                                  const GetDeviceRequest* request,
                                                  GetDeviceReply* reply) {
  return Now(calls_, context, desk_, &FleetDesk::GetDevice, request, reply);
}

grpc::ServerUnaryReactor* AdminService::ListConflicts(grpc::CallbackServerContext* context,
                                                      const ListConflictsRequest* request,
                                                      ListConflictsReply* reply) {
  return Now(calls_, context, desk_, &FleetDesk::ListConflicts, request, reply);
}

grpc::ServerUnaryReactor* AdminService::GetSchema(grpc::CallbackServerContext* context,
                                                  const GetSchemaRequest* request,
                                                  GetSchemaReply* reply) {
  return Now(calls_, context, desk_, &FleetDesk::GetSchema, request, reply);
}

grpc::ServerUnaryReactor* AdminService::Settle(grpc::CallbackServerContext* context,
                                               const SettleRequest* request, SettleReply* reply) {
  auto call = std::make_shared<AskedCall<SettleReply>>(
      [this, request](FleetBackend::Settled done) -> absl::Status {
        RETURN_IF_ERROR(desk_.CheckSettle(*request));
        desk_.backend().Settle(*request, std::move(done));
        return absl::OkStatus();
      },
      options_);
  return Unary(calls_, context,
               [call, reply]() -> absl::StatusOr<bool> { return call->Look(reply); });
}

grpc::ServerUnaryReactor* AdminService::OperateView(grpc::CallbackServerContext* context,
                                                    const OperateViewRequest* request,
                                                    OperateViewReply* reply) {
  auto call = std::make_shared<AskedCall<OperateViewReply>>(
      [this, request](FleetBackend::Operated done) {
        desk_.backend().OperateView(*request, std::move(done));
        return absl::OkStatus();
      },
      options_);
  return Unary(calls_, context,
               [call, reply]() -> absl::StatusOr<bool> { return call->Look(reply); });
}

grpc::ServerUnaryReactor* AdminService::OperateSnapshots(grpc::CallbackServerContext* context,
                                                         const OperateSnapshotsRequest* request,
                                                         OperateSnapshotsReply* reply) {
  auto call = std::make_shared<AskedCall<OperateSnapshotsReply>>(
      [this, request](FleetBackend::SnapshotsOperated done) {
        desk_.backend().OperateSnapshots(*request, std::move(done));
        return absl::OkStatus();
      },
      options_);
  return Unary(calls_, context,
               [call, reply]() -> absl::StatusOr<bool> { return call->Look(reply); });
}

grpc::ServerUnaryReactor* AdminService::TakeBackup(grpc::CallbackServerContext* context,
                                                   const TakeBackupRequest* request,
                                                   TakeBackupReply* reply) {
  auto call = std::make_shared<AskedCall<TakeBackupReply>>(
      [this, request](FleetBackend::BackedUp done) {
        desk_.backend().TakeBackup(*request, std::move(done));
        return absl::OkStatus();
      },
      options_, options_.backup_wait_max);
  return Unary(calls_, context,
               [call, reply]() -> absl::StatusOr<bool> { return call->Look(reply); });
}

grpc::ServerUnaryReactor* AdminService::GoOnHealing(grpc::CallbackServerContext* context,
                                                    const GoOnHealingRequest* request,
                                                    GoOnHealingReply* reply) {
  auto call = std::make_shared<AskedCall<GoOnHealingReply>>(
      [this, request](FleetBackend::WentOn done) {
        desk_.backend().GoOnHealing(*request, std::move(done));
        return absl::OkStatus();
      },
      options_);
  return Unary(calls_, context,
               [call, reply]() -> absl::StatusOr<bool> { return call->Look(reply); });
}

}  // namespace intentlog
