// A Syncer keeps a device in step with a server: connects, runs a Session for each connection, and
// after each failure waits as Backoff says. Attempts, the last error and a delay that the server
// set survive restarts (RetryState).
//
// Thread-safe. The work is done by tasks on the executor, one at a time. Stop waits for a task that
// is running and for nothing else; tasks that come later find the Syncer stopped and do nothing, so
// it may be called from any thread and with any executor. A channel that is still open then is
// destroyed by the executor.
//
//   Syncer syncer(device, options, runtime, instance, jitter);
//   syncer.OnChange([] {…});
//   RETURN_IF_ERROR(syncer.Start(connector));
//   syncer.Wake();                    // something was appended
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "client/device.h"
#include "client/sync/backoff.h"
#include "client/sync/channel.h"
#include "client/sync/session.h"
#include "client/sync/sync_state.h"
#include "eventlog/runtime/runtime.h"

namespace intentlog {

struct SyncerOptions {
  BackoffOptions backoff;
  SessionOptions session;
  // Time-outs and reports are looked at this often.
  absl::Duration tick = absl::Seconds(5);
};

class Syncer {
 public:
  // `jitter` gives numbers in [0, 1); thread-safe. Device and runtime must outlive the Syncer.
  Syncer(Device& device, const SyncerOptions& options, const Runtime& runtime,
         const InstanceId& instance, std::function<double()> jitter);
  ~Syncer();  // stops

  // Called within a task or Stop, so it must only post or note. REQUIRES: before Start.
  void OnChange(std::function<void()> callback);
  // FAILED_PRECONDITION if started already. The connector must outlive the sync.
  absl::Status Start(Connector& connector);
  void Stop();
  // Something was appended. Cheap: many calls cost one task.
  void Wake();
  SyncState state() const;

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

}  // namespace intentlog
