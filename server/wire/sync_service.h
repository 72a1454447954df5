// The DeviceSync service: one raw stream of bytes for each device. gRPC's threads only post to the
// core; every state of a stream but its counters belongs to the core executor.
//
//   gRPC thread            core                                gRPC thread
//   Connect ─► post ─►     Accept, StartRead
//   OnReadDone ─► post ─►  connection.OnFrame; StartRead again while its input is below the window
//                          Send: queue, StartWrite ──────────► OnWriteDone ─► post ─► OnWritable
//   OnCancel, read ends ─► post ─► connection destroyed, Finish ─► OnDone
//
// One read and one write are outstanding at most. A frame is handed to gRPC without a copy.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/time/time.h"
#include "proto/sync.grpc.pb.h"
#include "server/wire/backend.h"

namespace intentlog {

struct SyncServiceOptions {
  // Reading from a device stops while its session holds this much input that it has not processed.
  size_t unprocessed_bytes_max = 2 << 20;
  // A stream with more unsent bytes than this is cut: its device does not take what it asked for.
  // Sessions stop feeding far below it.
  size_t unsent_bytes_max = 4 << 20;
  // Streams at a time; further ones are refused with RESOURCE_EXHAUSTED.
  size_t streams_max = 20000;
  // After Close, a device that does not take the last frames in this time is cut.
  absl::Duration close_grace = absl::Seconds(5);
};

// Thread-safe. Register it with a grpc::ServerBuilder; `backend` must outlive it.
class SyncService final : public DeviceSync::WithRawCallbackMethod_Connect<DeviceSync::Service> {
 public:
  SyncService(Backend& backend, const SyncServiceOptions& options);
  ~SyncService() override;  // REQUIRES: WaitUntilIdle returned true, or the core runs nothing more

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(
      grpc::CallbackServerContext* context) override;

  // New streams are refused from now on.
  void StopAccepting();
  // Blocks until every stream is over and its connection destroyed; false if that takes longer than
  // `limit`. The core must be running.
  bool WaitUntilIdle(absl::Duration limit);
  size_t streams() const;

 private:
  class Stream;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace intentlog
