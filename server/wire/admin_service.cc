#include "server/wire/admin_service.h"

#include <mutex>
#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// The answer to a settlement, which comes on another thread, perhaps after nobody waits for it.
class Answer {
 public:
  void Set(absl::StatusOr<SettleReply> reply) {
    const std::lock_guard<std::mutex> lock(mutex_);
    reply_ = std::move(reply);
  }
  std::optional<absl::StatusOr<SettleReply>> Get() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return reply_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<absl::StatusOr<SettleReply>> reply_;  // protected by mutex_
};

// Asks for the settlement at the first call, then looks whether it is there.
class SettleCall {
 public:
  SettleCall(const FleetDesk& desk, const SettleRequest& request,
             const AdminServiceOptions& options)
      : desk_(desk),
        request_(request),
        left_(options.settle_wait_max),
        step_(options.poll_interval) {}

  absl::StatusOr<bool> Ask(SettleReply* reply) {
    if (answer_ == nullptr) {
      RETURN_IF_ERROR(desk_.CheckSettle(request_));
      answer_ = std::make_shared<Answer>();
      desk_.backend().Settle(request_, [answer = answer_](absl::StatusOr<SettleReply> settled) {
        answer->Set(std::move(settled));
      });
    }
    if (auto settled = answer_->Get()) {
      ASSIGN_OR_RETURN(*reply, *std::move(settled));
      return true;
    }
    if (left_ <= absl::ZeroDuration()) {
      return StatusOf(absl::StatusCode::kDeadlineExceeded,
                      "the server did not decide in time, and may still do so: look whether it is "
                      "open before you ask again");
    }
    left_ -= step_;
    return false;
  }

 private:
  const FleetDesk& desk_;
  const SettleRequest& request_;
  absl::Duration left_;
  const absl::Duration step_;
  std::shared_ptr<Answer> answer_;
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
  auto call = std::make_shared<SettleCall>(desk_, *request, options_);
  return Unary(calls_, context,
               [call, reply]() -> absl::StatusOr<bool> { return call->Ask(reply); });
}

}  // namespace intentlog
