// A Settler closes what is open: it decides about Resolve, Amend and Dismiss, writes settlements
// into the server's own device log, and admits again what waited, in order.
//
//   Plan ─► (the asking intent gets its place) ─► CarryOut ─► settlements ─► followers
//
// A batch is closed as one, and settled contiguously. No group admits again more than it may: the
// rest is in rows, and goes on with the next groups.
//
// Reads the log, and blocks while it does. Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/admit/settle.h"
#include "server/sequencer/admitter.h"
#include "server/sequencer/log_ahead.h"
#include "server/sequencer/open_lanes.h"

namespace intentlog {

class Settler {
 public:
  struct Options {
    size_t readmissions_max = 4096;  // a group
    size_t group_bytes_max = 4 << 20;
  };
  // An intent by which a person closes an open event.
  struct Asked {
    const Intent* intent = nullptr;
    absl::Span<const OwnLog> own_logs;  // of who asks
    std::string_view resolver;          // the device's name, or whatever the operator is called
    bool by_operator = false;
    std::optional<SeenClock> clock;
  };

  // All must outlive the settler.
  Settler(LogAhead& ahead, Admitter& admitter, OpenLanes& lanes, const Options& options)
      : ahead_(ahead), admitter_(admitter), lanes_(lanes), options_(options) {}

  // Reads the name of the server's own device log.
  absl::Status Load();
  const LogId& own_log() const { return own_log_; }

  // ---- in the group in hand
  void BeginGroup() { readmissions_left_ = options_.readmissions_max; }
  // ACCEPTED, or REJECTED with the reason.
  absl::StatusOr<Verdict> Plan(const Asked& asked);
  // Does what the last Plan accepted; nothing if it refused.
  absl::Status CarryOut();
  // Admits again what waits, as much as this group may.
  absl::Status Readmit();

  // An intent of the server's own, with an id that is made of time and count.
  absl::StatusOr<Intent> OwnIntent(std::string_view type);

 private:
  // Why something is settled.
  struct Cause {
    std::string resolver;  // empty: it followed by itself
    std::string resolved_by;
    Resolve::Verdict verdict = Resolve::VERDICT_UNSPECIFIED;  // if it was resolved
    bool closes = false;  // conflicted and rejected ones, too; otherwise they turn
    Readmission followers;
  };
  // What an accepted intent is going to do.
  struct Work {
    Control control;
    std::vector<OpenMember> batch;
    std::vector<Intent> intents;        // of the batch, as they take effect
    std::vector<Candidate> candidates;  // of `intents`
    Cause cause;
  };

  absl::StatusOr<std::optional<Reason>> Prepare(const Asked& asked, Work& work);
  absl::StatusOr<std::optional<Reason>> Judge(const Asked& asked, Work& work);
  absl::StatusOr<Verdict> AdmitAsSeen(const Asked& asked, const Work& work,
                                      std::vector<EntitySummary>& summaries,
                                      std::vector<Candidate>& candidates,
                                      const std::vector<Intent>& intents);
  std::optional<Reason> ReplaceMember(const Asked& asked, Work& work);

  absl::Status Conclude(std::vector<OpenMember>& batch, absl::Span<Candidate> candidates,
                        const Cause& cause);
  absl::Status ConcludeOne(OpenMember& member, Candidate& candidate, const Cause& cause,
                           size_t index, size_t size);
  absl::StatusOr<Position> Write(const OpenMember& member, const Candidate& candidate,
                                 const Cause& cause, size_t index, size_t size);
  absl::Status CloseMember(OpenMember& member, const Candidate& candidate, const Cause& cause,
                           Position settlement);
  bool Turns(const Candidate& candidate, const Cause& cause) const;

  bool MayGoOn() const;
  absl::Status ReadmitWaiting(OpenLanes::Waiting waiting);
  absl::Status ReadmitLane(const OpenLanes::Waiting& waiting);
  absl::Status ReadmitOne(const std::string& key, const Readmission& how);
  absl::Status ReadmitBatch(std::vector<OpenMember> batch, const Readmission& how, bool drop);

  LogAhead& ahead_;
  Admitter& admitter_;
  OpenLanes& lanes_;
  const Options options_;
  LogId own_log_;
  size_t readmissions_left_ = 0;
  std::optional<Work> work_;
};

}  // namespace intentlog
