// The Snapshots service: what tools read of a running server's snapshots. Calls run on an executor
// that may block, each in one small step.
#pragma once

#include <memory>

#include "absl/time/time.h"
#include "eventlog/runtime/executor.h"
#include "proto/snapshot.grpc.pb.h"
#include "server/wire/backend.h"
#include "server/wire/calls.h"

namespace intentlog {

struct SnapshotServiceOptions {
  // Blocks of one answer, nearly: as much as a frame.
  size_t answer_bytes = 1 << 20;
  // Calls at a time; further ones are refused with RESOURCE_EXHAUSTED.
  int calls_max = 16;
};

// Thread-safe. `backend` and `executor` must outlive it.
class SnapshotService final : public Snapshots::CallbackService {
 public:
  SnapshotService(const Backend& backend, Executor& executor,
                  const SnapshotServiceOptions& options);

  grpc::ServerUnaryReactor* FindSnapshot(grpc::CallbackServerContext* context,
                                         const FindSnapshotRequest* request,
                                         FindSnapshotReply* reply) override;
  grpc::ServerUnaryReactor* ReadSnapshotBlocks(grpc::CallbackServerContext* context,
                                               const ReadSnapshotBlocksRequest* request,
                                               ReadSnapshotBlocksReply* reply) override;

  // Refuses new calls.
  void Stop() { calls_->Stop(); }
  // Blocks until every call is over; false if that takes longer than `limit`.
  bool WaitUntilIdle(absl::Duration limit) { return calls_->WaitUntilIdle(limit); }

 private:
  const Backend& backend_;
  const SnapshotServiceOptions options_;
  const std::shared_ptr<Calls> calls_;
};

}  // namespace intentlog
