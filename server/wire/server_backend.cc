#include "server/wire/server_backend.h"

namespace intentlog {
namespace {

class ServerBackend final : public Backend {
 public:
  ServerBackend(Server& server, Executor& core) : server_(server), core_(core) {}

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

 private:
  Server& server_;
  Executor& core_;
};

}  // namespace

std::unique_ptr<Backend> BackendOf(Server& server, Executor& core) {
  return std::make_unique<ServerBackend>(server, core);
}

}  // namespace intentlog
