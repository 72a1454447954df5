// The Reader service: what people and their tools read from a running server. Calls run on an
// executor of their own, in small steps, so that a long dump holds up neither devices nor other
// calls for long.
#pragma once

#include <atomic>
#include <memory>

#include "absl/time/time.h"
#include "eventlog/runtime/executor.h"
#include "proto/store.grpc.pb.h"
#include "server/wire/backend.h"

namespace intentlog {

struct ReaderServiceOptions {
  // Rows of a dump in one message, and blocks of events in one message, nearly.
  size_t chunk_bytes = 256 << 10;
  // at_least_position waits this long, then the call ends with DEADLINE_EXCEEDED.
  absl::Duration position_wait_max = absl::Seconds(30);
  // While waiting for a position or for events: how often the server is asked.
  absl::Duration poll_interval = absl::Milliseconds(20);
  // Calls at a time; further ones are refused with RESOURCE_EXHAUSTED.
  int calls_max = 64;
};

// Thread-safe. `backend` and `executor`, which may block, must outlive it.
class ReaderService final : public Reader::CallbackService {
 public:
  ReaderService(Backend& backend, Executor& executor, const ReaderServiceOptions& options);
  ~ReaderService()
      override;  // REQUIRES: WaitUntilIdle returned true, or the executor runs nothing more

  grpc::ServerWriteReactor<EventChunk>* ReadEvents(grpc::CallbackServerContext* context,
                                                   const ReadEventsRequest* request) override;
  grpc::ServerWriteReactor<RowChunk>* DumpView(grpc::CallbackServerContext* context,
                                               const DumpViewRequest* request) override;
  grpc::ServerUnaryReactor* ListViews(grpc::CallbackServerContext* context,
                                      const ListViewsRequest* request,
                                      ListViewsReply* reply) override;
  grpc::ServerUnaryReactor* GetRow(grpc::CallbackServerContext* context,
                                   const GetRowRequest* request, GetRowReply* reply) override;
  grpc::ServerUnaryReactor* Stats(grpc::CallbackServerContext* context, const StatsRequest* request,
                                  StatsReply* reply) override;

  // Ends the calls that follow or wait, and refuses new ones.
  void Stop();
  // Blocks until every call is over; false if that takes longer than `limit`.
  bool WaitUntilIdle(absl::Duration limit);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace intentlog
