#include "client/sync/fork.h"

#include <optional>
#include <utility>

#include "eventlog/log/chain.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// By chance of this process alone, where nothing moves: then no two copies have anything of the new
// log in common.
LogId NewName(const LogId& old, const Outbox::Moving& moving, const InstanceId& instance) {
  const ChainValue name = NextLogHash(
      moving.mark,
      Cat("continues ", old.bytes(), moving.intents > 0 ? std::string_view() : instance.bytes()));
  return LogId::FromBytes(Bytes(name).substr(0, LogId::kSize));
}

// That it had when it went on from here before.
std::optional<LogId> NameByChance(const DeviceLogState& log, Count left_at) {
  for (const LogBranch& branch : log.branches()) {
    const bool here = branch.named_by_chance() && branch.left_at() == left_at.value();
    if (here) return LogId::FromBytes(branch.log_id());
  }
  return std::nullopt;
}

}  // namespace

absl::Status ContinueInNewLog(Device& device, const NewLog& how) {
  const auto log = device.logs->StateOf(how.priority);
  INTENTLOG_CHECK(log.has_value());
  if (log->former_size() >= kFormerLogsMax) {
    return Exhausted("the device log has had ", log->former_size(),
                     " names and gets no other: the server says too often that it is another's");
  }
  DeviceLogState next;
  const auto commit = [&](const Outbox::Moving& moving, StoreBatch& batch) {
    DeviceLogs::Continuation continuation;
    continuation.priority = how.priority;
    continuation.last = Count(how.first.value() - 1);
    const std::optional<LogId> again = NameByChance(*log, continuation.last);
    continuation.by_chance = again || moving.intents == 0;
    continuation.id =
        again ? *again : NewName(LogId::FromBytes(log->log_id()), moving, how.instance);
    if (!device.history.empty()) continuation.begun_in_epoch = device.history.rbegin()->id();
    continuation.why = how.why;
    continuation.now_us = how.now_us;
    next = device.logs->Continue(continuation, batch);
    return device.store->Commit(batch, Sync::kDurable);
  };
  RETURN_IF_ERROR(device.outbox->Continue(how.priority, how.first, commit));
  device.logs->Continued(next);
  return absl::OkStatus();
}

absl::Status GoBackToFormerLog(Device& device, PriorityClass priority) {
  const auto log = device.logs->StateOf(priority);
  INTENTLOG_CHECK(log.has_value());
  DeviceLogState former;
  const auto commit = [&](const Outbox::Moving&, StoreBatch& batch) {
    former = device.logs->GoBack(priority, batch);
    return device.store->Commit(batch, Sync::kDurable);
  };
  RETURN_IF_ERROR(device.outbox->GoBack(priority, Count(log->counts_before()).Next(), commit));
  device.logs->Continued(former);
  return absl::OkStatus();
}

}  // namespace intentlog
