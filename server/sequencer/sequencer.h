// A Sequencer is the one that gives out positions in a tenant's log. Pushes wait in a bounded
// queue; all that waits is decided as one group and appended with one sync, and the next group is
// decided while this one syncs.
//
//   Submit ─► waiting ─► decide (core) ─► append + sync (commit) ─► receipts, fan-out (core)
//
// Answers leave only after what they reveal is durable, also resends and gaps: they go with the
// group that was being decided when they came. After a failed append all that was decided above it
// is dropped and `failed` is called once; the owner then makes a new sequencer upon a log opened
// again.
//
// Everything on the core executor. Destroy it when idle() only, or when the executors run nothing
// more.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "server/feed/live_group.h"
#include "server/options.h"
#include "server/sequencer/decider.h"
#include "server/sequencer/healer.h"
#include "server/sequencer/push_unit.h"

namespace intentlog {

class Sequencer {
 public:
  struct Hooks {
    // Whether live devices watch a scope.
    LiveGroup::Wanted wanted;
    // A group is durable. Before its receipts are sent.
    std::function<void(LiveGroup& live, const LogEnd& end)> durable;
    // What was lost and comes back has moved on.
    std::function<void(const Healing& healing)> heals;
    // An append or a read of the log failed. Nothing is decided any more.
    std::function<void(const absl::Status& status)> failed;
  };
  struct Executors {
    Executor* core;
    Executor* commit;
  };

  // `log` is fenced; all must outlive the sequencer.
  Sequencer(EventLog& log, const ServerOptions& options, const Clock& clock, Executors executors,
            Hooks hooks);

  // Reads the state from the log. Before anything else.
  absl::Status Load();
  // Goes on with what was left to do.
  void Start();

  // A device had more of this log than is here now: after a restore (Healer).
  void NoteLost(const LostHistory& lost);
  // What waits for lost events waits no longer; how far that was.
  Healing GoOnHealing();
  Healing healing() const;

  // RESOURCE_EXHAUSTED, and nothing was taken: too much waits, or the disk has no room for it. The
  // message is for the device.
  absl::Status Submit(PushUnit unit);
  // An operator's intent (Decider::DecideOwn); `done` is called with what became of it once that is
  // durable, unless the sequencer fails or ends before. False if too much waits.
  using OwnDone = std::function<void(const OwnReceipt& receipt)>;
  bool SubmitOwn(Intent intent, std::string resolver, OwnDone done);
  // As Decider::MayAdopt and Adopt.
  absl::Status MayAdopt(const Schema& schema) const { return decider_.MayAdopt(schema); }
  absl::Status Adopt(std::shared_ptr<const Schema> schema);
  // Puts a row into the log's index with the next group, then calls `done`.
  void PutIndex(std::string key, std::string value, std::function<void()> done);
  // Drops what waits; what is being appended is finished and answered.
  void Stop();

  // Nothing is being appended, and no task of this sequencer is on its way.
  bool idle() const { return tasks_ == 0; }
  const StatsReply& stats() const { return decider_.stats(); }

 private:
  struct Row {
    std::string key;
    std::string value;
    std::function<void()> done;
  };
  struct Own {
    Intent intent;
    std::string resolver;
    OwnDone done;
  };
  struct Answer {
    PushUnit unit;
    UnitOutcome outcome;
  };
  struct Group {
    uint64_t number = 0;
    LiveGroup live;
    LogEnd end;
    size_t bytes = 0;
    bool has_events = false;
    std::vector<Answer> answers;
    std::vector<std::function<void()>> rows_done;
  };

  void Take(std::vector<PushUnit> units);
  absl::Status Hold(PushUnit unit);
  void NoteHealed(char how);
  void ArmHealing();
  void LookAtHealing();
  bool MayDecide() const;
  bool HasWork() const;
  absl::Status DecideOwn(Group& group);
  void SchedulePump();
  void Pump();
  absl::Status DecideGroup();
  void PostAppend(EventGroup events);
  void OnAppended(const absl::Status& status);
  void Deliver(Group& group);
  absl::Status Deliver(Answer& answer);
  absl::Status AnswerCovered(Answer& answer, PushAnswer& reply);
  absl::StatusOr<bool> SameBefore(const PushUnit& unit) const;
  absl::Status AskForEarlier(Answer& answer, PushAnswer& reply);
  void MergeBlocksIfMany(const Group& group);
  void Fail(const absl::Status& status);

  EventLog& log_;
  const ServerOptions& options_;
  const Clock& clock_;
  const Executors executors_;
  const Hooks hooks_;
  Decider decider_;

  Healer healer_;
  bool expects_losses_ = false;  // a log that was restored, and nothing has come back yet
  Executor::TimerId heal_timer_ = 0;
  std::deque<PushUnit> waiting_;
  size_t waiting_bytes_ = 0;
  std::vector<Row> rows_;
  std::vector<Own> own_;
  std::deque<std::unique_ptr<Group>> in_flight_;  // oldest first
  uint64_t last_group_ = 0;
  int small_appends_ = 0;
  bool merging_ = false;
  bool pump_posted_ = false;
  bool stopped_ = false;
  int tasks_ = 0;  // posted and not yet run

  bool append_failed_ = false;  // owned by the commit executor
};

}  // namespace intentlog
