// What a session does when its device log turns out to be another copy's, too.
#include <algorithm>

#include "client/outbox/intent_reader.h"
#include "client/sync/fork.h"
#include "client/sync/meet_history.h"
#include "client/sync/session.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// Often enough that one who has something to push has had the time for it.
constexpr int kSupersededMax = 3;
constexpr std::string_view kCopied = "another copy of this folder is in use";

// What a restored server has nothing of may be there under the former name by now, from a copy that
// had not left it. A name by chance is another matter: who has it, has it from this device.
bool IsGone(const DeviceLogState& log, const Welcome& welcome) {
  if (log.named_by_chance() || log.begun_in_epoch() == welcome.epoch_id()) return false;
  const auto& told = welcome.highest();
  return std::none_of(told.begin(), told.end(), [&](const HighestCount& one) {
    return one.log_id() == log.log_id() && one.count() > 0;
  });
}

}  // namespace

// True if the log has another name now; false if it has had too many, and stops.
absl::StatusOr<bool> Session::Leave(Upload& upload, Count first, std::string why) {
  NewLog next;
  next.priority = upload.priority();
  next.first = first;
  next.why = std::move(why);
  next.now_us = clock_.WallMicros();
  next.instance = instance_;
  const absl::Status status = ContinueInNewLog(device_, next);
  if (absl::IsResourceExhausted(status) && device_.store->failed().ok()) {
    upload.Stop();
    return false;
  }
  RETURN_IF_ERROR(status);
  device_.leaving.erase(upload.priority());
  outgrown_ = true;
  return true;
}

// The server has other work where it gave receipts: it went back without a word, another copy was
// the first to bring something there, and nothing that came since told of it. Where the work stood
// is not said, because no epoch ended for the server.
absl::Status Session::ForgetReceipts(PriorityClass priority, Count from) {
  const OutboxView view = device_.outbox->view(priority);
  if (from > view.receipted && view.islands.empty()) return absl::OkStatus();
  INTENTLOG_MARK("session: forked below its receipts");
  LostReceipts lost;
  lost.places_kept = false;
  lost.shared = Position(UINT64_MAX - 1);
  lost.highest.fill(Count(UINT64_MAX - 1));
  lost.highest[priority] = Count(from.value() - 1);
  const std::lock_guard<std::mutex> lock(device_.folding);
  return device_.Lose(lost, {}, device_.history);
}

absl::Status Session::OnForked(const Forked& forked) {
  ASSIGN_OR_RETURN(Upload * upload, UploadOf("forked", forked.log_id()));
  const auto count = upload->Pushed(forked.first_differing_count());
  const OutboxView view = upload->view();
  if (!count || *count > view.receipted.Next()) {
    return Invalid("forked: count ", forked.first_differing_count(), " of log ",
                   Hex(forked.log_id()), ", where counts of this device through ", view.receipted,
                   " have receipts and those through ", view.pushed, " were pushed");
  }
  RETURN_IF_ERROR(ForgetReceipts(upload->priority(), *count));
  ASSIGN_OR_RETURN(const bool left, Leave(*upload, *count,
                                          Cat("the server has another intent at count ",
                                              forked.first_differing_count(), ": ", kCopied)));
  if (!left) {
    host_.Changed();
    return absl::OkStatus();
  }
  for (const Upload& other : uploads_) {
    if (&other != upload) device_.leaving.emplace(other.priority(), std::string(kCopied));
  }
  return Unavailable("the device log goes on under another name: ", kCopied);
}

// True if a log is the former one again: what it holds must be weighed anew.
absl::StatusOr<bool> Session::GoBackBehindLosses(const Welcome& welcome) {
  bool went_back = false;
  for (const DeviceLogs::Named& former : device_.logs->Former()) {
    const auto log = device_.logs->StateOf(former.priority);
    ASSIGN_OR_RETURN(const Count first, IntentReader(*device_.store, former.priority).First());
    // What it held was trimmed: it cannot be brought back.
    if (first.value() > std::max<uint64_t>(log->counts_before(), 1)) continue;
    ASSIGN_OR_RETURN(const Count within, device_.outbox->ReceiptedWithin(
                                             former.priority, CertainlyShared(device_, welcome)));
    const bool uncertain = within.value() < log->counts_before();
    const bool lacks = std::any_of(
        welcome.highest().begin(), welcome.highest().end(), [&](const HighestCount& told) {
          return told.log_id() == former.id.bytes() && told.count() < log->continues_count();
        });
    if (!lacks && !uncertain && !IsGone(*log, welcome)) continue;
    RETURN_IF_ERROR(GoBackToFormerLog(device_, former.priority));
    went_back = true;
  }
  return went_back;
}

void Session::NoteServerAhead(const Upload& upload) {
  if (!upload.server_ahead()) return;
  device_.leaving.emplace(upload.priority(),
                          "the server has more of the log than this folder: it is an old copy, or "
                          "another copy of it is in use");
}

// The server lacks what this device had receipts for and has trimmed since: it was restored from a
// backup older than it had promised. The log cannot go on over that gap.
absl::Status Session::LeaveIfTrimmed(Upload& upload, Count server_highest) {
  const Count receipted = upload.view().receipted;
  if (upload.log().before.Plus(server_highest.value()) >= receipted) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool left,
                   Leave(upload, receipted.Next(),
                         "the server was restored from a backup that lacks what this device had "
                         "trimmed, because it was said to be safe"));
  if (!left) return absl::OkStatus();
  return Unavailable("the device log goes on under another name behind what the server has lost");
}

// Logs that shall be left, and of which the server has all that is here; or all that was before
// they were left last time.
absl::Status Session::LeaveSettledLogs() {
  if (outgrown_) return absl::OkStatus();
  for (Upload& upload : uploads_) {
    if (upload.log().until && upload.view().receipted == *upload.log().until && !upload.stopped()) {
      RETURN_IF_ERROR(Leave(upload, upload.log().until->Next(), std::string(kCopied)).status());
      continue;
    }
    const auto why = device_.leaving.find(upload.priority());
    const OutboxView view = upload.view();
    const bool settled = view.receipted == view.last && upload.compared();
    if (why == device_.leaving.end() || upload.stopped() || !settled) continue;
    RETURN_IF_ERROR(Leave(upload, view.last.Next(), why->second).status());
  }
  return outgrown_ ? Unavailable("a device log goes on under another name") : absl::OkStatus();
}

// Nobody but a copy of this folder can take over from a process that has it open. This one takes
// over again, after a while: so one of the two learns that the log is another's, if either has
// something to push. If neither has, that one leaves which is superseded too often first.
absl::Status Session::OnSuperseded() {
  superseded_ = true;
  const bool settled = std::all_of(uploads_.begin(), uploads_.end(), [](const Upload& upload) {
    const OutboxView view = upload.view();
    return view.receipted == view.last;
  });
  if (!open_ || ++device_.superseded < kSupersededMax || !settled) return absl::OkStatus();
  device_.superseded = 0;
  for (Upload& upload : uploads_) {
    RETURN_IF_ERROR(
        Leave(upload, upload.view().last.Next(),
              Cat("other sessions took over its log ", kSupersededMax, " times: ", kCopied))
            .status());
  }
  return absl::OkStatus();
}

}  // namespace intentlog
