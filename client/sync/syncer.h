// A Syncer keeps a device in step with a server: connects, runs a Session for each connection, and
// after each failure waits as Retries say. It connects only while the policy lets a log go, and
// pushes only those that may; what the conditions become in the middle of a session holds at once.
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
#include "client/conditions/conditions.h"
#include "client/conditions/sync_policy.h"
#include "client/device.h"
#include "client/sync/backoff.h"
#include "client/sync/channel.h"
#include "client/sync/session.h"
#include "client/sync/slice.h"
#include "client/sync/sync_state.h"
#include "eventlog/runtime/runtime.h"

namespace intentlog {

struct SyncerOptions {
  BackoffOptions backoff;
  SessionOptions session;
  SyncPolicy policy;
  // Time-outs, reports and the wall clock are looked at this often.
  absl::Duration tick = absl::Seconds(5);
};

// What somebody who can not wait wants: no back-off, and what the policy holds back, too.
enum class Ask { kByPolicy, kAnyway };

class Syncer {
 public:
  // `jitter` gives numbers in [0, 1); thread-safe. Device and runtime must outlive the Syncer.
  Syncer(Device& device, const SyncerOptions& options, const Runtime& runtime,
         const InstanceId& instance, std::function<double()> jitter);
  ~Syncer();  // stops; a slice that runs tells nobody

  // Called within a task or Stop, so it must only post or note. REQUIRES: before Start.
  void OnChange(std::function<void()> callback);
  // FAILED_PRECONDITION if started already. The connector must outlive the sync.
  absl::Status Start(Connector& connector);
  // The same for one slice; then it stops by itself. `done` is called once, by the executor.
  absl::Status StartSlice(Connector& connector, const SliceBudget& budget, SliceDone done);
  void Stop();
  // Something was appended. Cheap: many calls cost one task.
  void Wake();
  void SetConditions(const Conditions& conditions);
  // Until all is synced that was there, or the next failure. FAILED_PRECONDITION unless started.
  absl::Status Now(Ask ask);
  SyncState state() const;

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

}  // namespace intentlog
