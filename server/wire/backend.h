// What the gRPC services of this folder need from a server: to accept devices, and to read logs and
// read models. BackendOf gives the real one; tests write small ones.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/executor.h"
#include "projections/engine/read_models.h"
#include "projections/snapshot/snapshot_folder.h"
#include "server/fleet/fleet_backend.h"
#include "server/server.h"
#include "server/session/frame_sink.h"

namespace intentlog {

class Backend {
 public:
  virtual ~Backend() = default;

  // Runs what Accept gives. Thread-safe, as every Executor.
  virtual Executor& core() = 0;
  // A device connected; on core(). `sink` outlives the connection, which is destroyed on core().
  virtual std::unique_ptr<ServerConnection> Accept(FrameSink& sink) = 0;

  // ---- any thread; as the methods of Server
  virtual absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const = 0;
  virtual absl::StatusOr<std::shared_ptr<const ReadModels>> Models(
      std::string_view tenant) const = 0;
  virtual Position ViewPosition(std::string_view tenant) const = 0;
  virtual absl::StatusOr<StatsReply> Stats(std::string_view tenant) const = 0;
  virtual absl::StatusOr<std::shared_ptr<const SnapshotFolder>> Snapshots(
      std::string_view /*tenant*/) const {
    return absl::UnimplementedError("there are no snapshots here");
  }
  // For operators; lives as long as the backend. Null: there is no service Admin.
  virtual FleetBackend* fleet() { return nullptr; }
};

}  // namespace intentlog
