#include "tools/commands/fleet_door.h"

#include <chrono>
#include <future>
#include <utility>

#include "client/wire/admin_client.h"
#include "client/wire/reader_client.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "server/fleet/fleet_desk.h"
#include "server/fleet/server_fleet.h"
#include "tools/commands/command.h"
#include "tools/commands/domain.h"
#include "tools/commands/folder.h"
#include "tools/commands/open_server.h"

namespace intentlog {
namespace {

using SharedSchema = std::shared_ptr<const Schema>;

absl::StatusOr<SharedSchema> SchemaOfFile(const std::string& file) {
  ASSIGN_OR_RETURN(Domain domain, LoadDomain(file));
  return std::move(domain.schema);
}

class RunningFleet final : public FleetDoor {
 public:
  explicit RunningFleet(FleetDoorOptions options)
      : options_(std::move(options)), client_({.address = options_.server}) {}

  absl::StatusOr<ListDevicesReply> ListDevices(ListDevicesRequest request) override {
    request.set_tenant(options_.tenant);
    return client_.ListDevices(request);
  }
  absl::StatusOr<GetDeviceReply> GetDevice(GetDeviceRequest request) override {
    request.set_tenant(options_.tenant);
    return client_.GetDevice(request);
  }
  absl::StatusOr<ListConflictsReply> ListConflicts(ListConflictsRequest request) override {
    request.set_tenant(options_.tenant);
    return client_.ListConflicts(request);
  }
  absl::StatusOr<SettleReply> Settle(SettleRequest request) override {
    request.set_tenant(options_.tenant);
    return client_.Settle(request);
  }
  absl::StatusOr<OperateViewReply> OperateView(OperateViewRequest request) override {
    request.set_tenant(options_.tenant);
    return client_.OperateView(request);
  }
  absl::StatusOr<OperateSnapshotsReply> OperateSnapshots(OperateSnapshotsRequest request) override {
    request.set_tenant(options_.tenant);
    return client_.OperateSnapshots(request);
  }
  absl::Status ReadEvents(const TakeEvent& take) override {
    return ReaderClient({.address = options_.server}, options_.tenant)
        .ReadEvents({.from = Position(1)},
                    [&take](const EventRef& event, Position) { return take(event); });
  }
  absl::StatusOr<SharedSchema> LoadSchema() override {
    if (!options_.schema_file.empty()) return SchemaOfFile(options_.schema_file);
    GetSchemaRequest request;
    request.set_tenant(options_.tenant);
    ASSIGN_OR_RETURN(const GetSchemaReply reply, client_.GetSchema(request));
    return Schema::FromDescriptorSet(reply.descriptor_set());
  }

 private:
  const FleetDoorOptions options_;
  const AdminClient client_;
};

class FolderFleet final : public FleetDoor {
 public:
  FolderFleet(FleetDoorOptions options, OpenServer server)
      : options_(std::move(options)),
        server_(std::move(server)),
        backend_(FleetOf(server_.server(), server_.core(), SystemClock(),
                         [this] { return server_.schema(); })),
        desk_(*backend_) {}

  absl::StatusOr<ListDevicesReply> ListDevices(ListDevicesRequest request) override {
    request.set_tenant(options_.tenant);
    return desk_.ListDevices(request);
  }
  absl::StatusOr<GetDeviceReply> GetDevice(GetDeviceRequest request) override {
    request.set_tenant(options_.tenant);
    return desk_.GetDevice(request);
  }
  absl::StatusOr<ListConflictsReply> ListConflicts(ListConflictsRequest request) override {
    request.set_tenant(options_.tenant);
    return desk_.ListConflicts(request);
  }
  absl::StatusOr<SettleReply> Settle(SettleRequest request) override {
    request.set_tenant(options_.tenant);
    RETURN_IF_ERROR(desk_.CheckSettle(request));
    return Answered<SettleReply>(
        [&](FleetBackend::Settled done) { backend_->Settle(request, std::move(done)); });
  }
  absl::StatusOr<OperateViewReply> OperateView(OperateViewRequest request) override {
    request.set_tenant(options_.tenant);
    return Answered<OperateViewReply>(
        [&](FleetBackend::Operated done) { backend_->OperateView(request, std::move(done)); });
  }
  absl::StatusOr<OperateSnapshotsReply> OperateSnapshots(OperateSnapshotsRequest request) override {
    request.set_tenant(options_.tenant);
    return Answered<OperateSnapshotsReply>([&](FleetBackend::SnapshotsOperated done) {
      backend_->OperateSnapshots(request, std::move(done));
    });
  }
  absl::Status ReadEvents(const TakeEvent& take) override {
    ASSIGN_OR_RETURN(const auto log, server_.server().Log(options_.tenant));
    const auto reader = log->Read(Position(1));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, reader->Next());
      if (!more) return absl::OkStatus();
      for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
        if (!take(reader->block().event(i))) return absl::OkStatus();
      }
    }
  }
  absl::StatusOr<SharedSchema> LoadSchema() override { return backend_->schema(); }

 private:
  static constexpr std::chrono::seconds kPatience{60};

  template <class Reply, class Ask>
  absl::StatusOr<Reply> Answered(Ask ask) {
    const auto given = std::make_shared<std::promise<absl::StatusOr<Reply>>>();
    ask([given](absl::StatusOr<Reply> reply) { given->set_value(std::move(reply)); });
    auto answer = given->get_future();
    if (answer.wait_for(kPatience) == std::future_status::ready) return answer.get();
    RETURN_IF_ERROR(server_.server().health());
    return StatusOf(absl::StatusCode::kDeadlineExceeded, "it was not done in time");
  }

  const FleetDoorOptions options_;
  OpenServer server_;
  const std::unique_ptr<FleetBackend> backend_;
  const FleetDesk desk_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FleetDoor>> OpenFleetDoor(const FleetDoorOptions& options) {
  if (options.dir.empty() == options.server.empty()) {
    return WrongUsage("say either --dir DIR or --server HOST:PORT");
  }
  if (!options.server.empty()) {
    RETURN_IF_ERROR(CheckAddress(options.server));
    return std::unique_ptr<FleetDoor>(std::make_unique<RunningFleet>(options));
  }
  ASSIGN_OR_RETURN(const FolderKind kind, KindOfFolder(options.dir));
  if (kind == FolderKind::kAbsent) return NotFound("there is no server's data at ", options.dir);
  RETURN_IF_ERROR(RequireFolder(options.dir, FolderKind::kServer));
  ServerOptions server_options;
  server_options.dir = options.dir;
  absl::StatusOr<OpenServer> server = OpenServer::Open(server_options, options.schema_file);
  if (!server.ok()) return ExplainInUse(server.status());
  return std::unique_ptr<FleetDoor>(std::make_unique<FolderFleet>(options, std::move(*server)));
}

}  // namespace intentlog
