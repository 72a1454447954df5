// The Reader service: what people and their tools read from a running server. Calls run on an
// executor of their own, in small steps, so that a long dump holds up neither devices nor other
// calls for long.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "eventlog/runtime/executor.h"
#include "proto/store.grpc.pb.h"
#include "server/wire/backend.h"
#include "server/wire/view_reads.h"

namespace intentlog {

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
  grpc::ServerUnaryReactor* ScanRows(grpc::CallbackServerContext* context,
                                     const ScanRowsRequest* request, ScanRowsReply* reply) override;
  grpc::ServerWriteReactor<WatchChunk>* WatchRows(grpc::CallbackServerContext* context,
                                                  const WatchRowsRequest* request) override;
  grpc::ServerUnaryReactor* Stats(grpc::CallbackServerContext* context, const StatsRequest* request,
                                  StatsReply* reply) override;

  // Ends the calls that follow or wait, and refuses new ones.
  void Stop();
  // Blocks until every call is over; false if that takes longer than `limit`.
  bool WaitUntilIdle(absl::Duration limit);

 private:
  struct Shared;
  template <class Request, class Fill>
  grpc::ServerUnaryReactor* AnswerAt(grpc::CallbackServerContext* context, const Request& request,
                                     const std::string& view, Fill fill);

  const std::shared_ptr<Shared> shared_;
};

}  // namespace intentlog
