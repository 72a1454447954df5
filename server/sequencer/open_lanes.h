// OpenLanes keeps what is open: a row for each stopper, and for each lane that one stops, who waits
// there in what order. All of it in rows and summaries, so nothing has to be remembered besides.
//
// A lane is stopped for one device log: later intents of that log, and of logs that continue it,
// wait behind what stops it. What waits in a lane may itself be conflicted or rejected: it stops
// the lane when its turn comes.
//
// Reads the log, and blocks while it does. Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "eventlog/runtime/ids.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/admit/admission.h"
#include "server/sequencer/log_ahead.h"

namespace intentlog {

// An event that is open, with what its row says of it.
struct OpenMember {
  OpenEvent row;
  Intent intent;
  std::vector<OwnLog> own_logs;    // its own first, then those that it continues
  CachedEntity* entity = nullptr;  // of the group in hand

  LogId log() const { return own_logs.front().id; }
  uint64_t position() const { return row.position(); }
};

class OpenLanes {
 public:
  // `ahead` must outlive this.
  explicit OpenLanes(LogAhead& ahead) : ahead_(ahead) {}

  // Whether something is left to be admitted again.
  absl::Status Load();
  bool has_readmissions() const { return has_readmissions_; }

  // ---- reading
  // Nothing: it is not open.
  absl::StatusOr<std::optional<OpenEvent>> Find(uint64_t position) const;
  // The members of a batch that are open, in order; those that have no lane never are.
  absl::StatusOr<std::vector<OpenMember>> BatchOf(const OpenEvent& open);
  // What stops a lane before the batch, so that a member of it waits; 0: nothing.
  absl::StatusOr<uint64_t> WaitsBehind(absl::Span<const OpenMember> batch) const;

  // ---- changing, in the group in hand
  // The event is open, with the decision and reason that its row says: it goes to the end of its
  // lane, or stops one. REQUIRES: it is in no lane.
  void Attach(OpenMember& member);
  // Takes it out of its lane. What waited behind it stays in its rows.
  absl::Status Detach(OpenMember& member);
  // Nothing of it is open any more. REQUIRES: it is in no lane.
  void Close(const OpenMember& member, const ClosedEvent& closed);
  // If nothing stops the lanes of these members any more, but something waits there, it is to be
  // admitted again: as `how` says, whose `closed` is filled in here. Until then the lane is
  // stopped by what was closed.
  absl::Status Release(absl::Span<const OpenMember> batch, const Readmission& how);
  // What waits for the first event with a duplicate key is to be admitted again.
  absl::Status ReleaseAwaiting(uint64_t first);
  void ReleaseSchemaWaiting();

  // ---- what is to be admitted again: lanes first, then what awaited a key, then the schema
  struct Waiting {
    enum class Kind : uint8_t { kAwaiting, kLane, kSchema };
    std::string key;  // of its row
    Kind kind = Kind::kLane;
    std::string prefix;  // of the rows that wait
    Readmission how;
    std::string lane;  // kLane
  };
  // Nothing: all is done.
  absl::StatusOr<std::optional<Waiting>> NextReadmission();
  // Whether something was added since this was last asked.
  bool TakeAdded() { return std::exchange(added_, false); }
  void Keep(const Waiting& waiting);
  void Done(const Waiting& waiting);
  // The lane is open while what waited there is admitted again, or stopped by what was closed.
  absl::Status OpenLane(const Waiting& waiting);
  absl::Status StopLane(const Waiting& waiting);
  absl::StatusOr<bool> IsStopped(const Waiting& waiting);

 private:
  absl::StatusOr<CachedEntity*> EntityOfLane(const std::string& lane);
  absl::StatusOr<bool> AnyRow(const std::string& prefix) const;
  // Nothing overtakes what waits behind `closed`, which is closed, before its turn comes.
  void StopUntilItsTurn(CachedEntity& entity, const LogId& log, uint64_t closed);
  void PutReadmission(std::string key, const Readmission& how);

  LogAhead& ahead_;
  bool has_readmissions_ = false;
  bool added_ = false;
};

// A member of its own, from its row.
absl::StatusOr<OpenMember> MemberOf(OpenEvent row);

ClockFacts FactsOf(const SeenClock& clock, bool known, int64_t server_now_us);

}  // namespace intentlog
