#include "client/sync/meet_history.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/outbox/intent_reader.h"
#include "eventlog/log/epochs.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr char kNothingDropped[] = "; nothing was dropped here";

bool Same(const EpochsOnWire& a, const EpochsOnWire& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const Epoch& one, const Epoch& other) {
        return one.id() == other.id() && one.first_position() == other.first_position();
      });
}

// Servers of an older version tell only the epoch that they are in.
EpochsOnWire HistoryOf(const Welcome& welcome) {
  if (!welcome.history().empty()) return welcome.history();
  EpochsOnWire history;
  Epoch& epoch = *history.Add();
  epoch.set_number(welcome.epoch_number());
  epoch.set_id(welcome.epoch_id());
  epoch.set_first_position(1);
  return history;
}

absl::Status CheckWelcome(const EpochsOnWire& history, const Welcome& welcome) {
  RETURN_IF_ERROR(CheckEpochs(history));
  if (history.rbegin()->id() == welcome.epoch_id()) return absl::OkStatus();
  return Invalid("welcome: its history does not end with its epoch");
}

bool HasReceiptAbove(const OutboxView& view, Count highest) {
  return view.receipted > highest || (!view.islands.empty() && view.islands.back().last > highest);
}

struct Missing {
  LostReceipts receipts;
  bool any_receipt = false;
  std::vector<std::string> scopes;

  bool any() const { return any_receipt || !scopes.empty(); }
};

// An epoch that this device does not know began because somebody found out that there had to be
// one.
bool WentBackUnseen(const Device& device, const Welcome& welcome) {
  return std::any_of(welcome.history().begin(), welcome.history().end(), [&](const Epoch& epoch) {
    return epoch.found_out() &&
           std::none_of(device.history.begin(), device.history.end(),
                        [&](const Epoch& known) { return known.id() == epoch.id(); });
  });
}

// A log that went back without a word, and was written to before that was found out, differs from
// this device's history somewhere below the new epoch. Where the server or the chain value of a
// cursor tells so, or no feed has ever come to tell, only what a cursor is right about is certain.
// What has a receipt above goes to the server once more, and is answered with the receipt that it
// has there.
Position CertainThrough(const Device& device, const Welcome& welcome, Position shared) {
  if (device.history.rbegin()->id() == welcome.epoch_id()) return shared;
  const auto& told = welcome.lost_scopes();
  Position certain;
  bool fed = false;
  bool differs = false;
  for (const auto& [scope, cursor] : device.cursors->All()) {
    if (cursor.lost()) continue;
    fed = fed || cursor.position > Position();
    if (cursor.position > shared) continue;
    const bool lost = std::find(told.begin(), told.end(), scope) != told.end();
    differs = differs || lost;
    if (!lost) certain = std::max(certain, cursor.position);
  }
  return differs || !fed || WentBackUnseen(device, welcome) ? certain : shared;
}

absl::StatusOr<Missing> FindMissing(const Device& device, const Welcome& welcome, Position shared) {
  Missing missing;
  missing.receipts.shared = CertainThrough(device, welcome, shared);
  missing.receipts.epoch_id = device.history.rbegin()->id();
  missing.receipts.epoch_number = device.history.rbegin()->number();
  for (const DeviceLogs::Named& log : device.logs->All()) {
    Count& highest = missing.receipts.highest[log.priority];
    highest = log.before;
    for (const HighestCount& one : welcome.highest()) {
      if (one.log_id() == log.id.bytes()) highest = log.before.Plus(one.count());
    }
    // Another copy of this device may have brought other work under the same counts.
    ASSIGN_OR_RETURN(const Count within,
                     device.outbox->ReceiptedWithin(log.priority, missing.receipts.shared));
    highest = std::min(highest, within);
    // What is trimmed here cannot be brought back.
    ASSIGN_OR_RETURN(const Count first, IntentReader(*device.store, log.priority).First());
    if (first > highest.Next()) highest = Count(first.value() - 1);
    const bool above = HasReceiptAbove(device.outbox->view(log.priority), highest);
    missing.any_receipt = missing.any_receipt || above;
  }
  for (const auto& [scope, cursor] : device.cursors->All()) {
    if (cursor.lost()) continue;
    const auto& told = welcome.lost_scopes();
    const bool lost =
        cursor.position > shared || std::find(told.begin(), told.end(), scope) != told.end();
    if (lost) missing.scopes.push_back(scope);
  }
  return missing;
}

}  // namespace

Position CertainlyShared(const Device& device, const Welcome& welcome) {
  const auto shared = SharedThrough(device.history, HistoryOf(welcome));
  if (!shared) return Position(UINT64_MAX);  // it has no history yet, or another one
  return CertainThrough(device, welcome, std::min(*shared, Position(welcome.head())));
}

absl::StatusOr<bool> MeetHistory(Device& device, const Welcome& welcome) {
  const EpochsOnWire theirs = HistoryOf(welcome);
  RETURN_IF_ERROR(CheckWelcome(theirs, welcome));
  if (device.history.empty()) {
    StoreBatch batch;
    device.PutHistory(theirs, batch);
    RETURN_IF_ERROR(device.store->Commit(batch, Sync::kBuffered));
    device.history = theirs;
    return false;
  }
  const std::optional<Position> shared = SharedThrough(device.history, theirs);
  if (!shared) {
    return FailedPrecondition("server has another history: epoch ", UuidText(welcome.epoch_id()),
                              ", but this device has a part of epoch ",
                              UuidText(device.history.rbegin()->id()), kNothingDropped);
  }
  ASSIGN_OR_RETURN(Missing missing,
                   FindMissing(device, welcome, std::min(*shared, Position(welcome.head()))));
  const bool new_epoch = device.history.rbegin()->id() != welcome.epoch_id();
  if (missing.any() && Planted(Bug::kLossIgnored)) missing = Missing();
  if (missing.any() && !new_epoch) {
    return FailedPrecondition("server has another history: it ends at position ", welcome.head(),
                              ", and lacks what it gave this device in the same epoch",
                              kNothingDropped);
  }
  if (missing.any()) {
    const std::lock_guard<std::mutex> lock(device.folding);
    RETURN_IF_ERROR(device.Lose(missing.receipts, missing.scopes, theirs));
    return true;
  }
  if (Same(device.history, theirs)) return false;
  StoreBatch batch;
  device.PutHistory(theirs, batch);
  RETURN_IF_ERROR(device.store->Commit(batch, Sync::kBuffered));
  device.history = theirs;
  return false;
}

}  // namespace intentlog
