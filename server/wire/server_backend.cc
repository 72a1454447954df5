#include "server/wire/server_backend.h"

namespace intentlog {
namespace {

class ServerBackend final : public Backend {
 public:
  ServerBackend(Server& server, Executor& core, FleetBackend* fleet)
      : server_(server), core_(core), fleet_(fleet) {}

  Executor& core() override { return core_; }
  std::unique_ptr<ServerConnection> Accept(FrameSink& sink) override {
    return server_.Accept(sink);
  }
  absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const override {
    return server_.Log(tenant);
  }
  absl::StatusOr<std::shared_ptr<const ReadModels>> Models(std::string_view tenant) const override {
    return server_.Models(tenant);
  }
  Position ViewPosition(std::string_view tenant) const override {
    return server_.ViewPosition(tenant);
  }
  absl::StatusOr<StatsReply> Stats(std::string_view tenant) const override {
    return server_.Stats(tenant);
  }
  absl::StatusOr<std::shared_ptr<const SnapshotFolder>> Snapshots(
      std::string_view tenant) const override {
    return server_.Snapshots(tenant);
  }
  FleetBackend* fleet() override { return fleet_; }

 private:
  Server& server_;
  Executor& core_;
  FleetBackend* const fleet_;  // null: no door for operators
};

}  // namespace

std::unique_ptr<Backend> BackendOf(Server& server, Executor& core) {
  return std::make_unique<ServerBackend>(server, core, nullptr);
}

std::unique_ptr<Backend> BackendOf(Server& server, Executor& core, FleetBackend& fleet) {
  return std::make_unique<ServerBackend>(server, core, &fleet);
}

}  // namespace intentlog
