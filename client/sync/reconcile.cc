#include "client/sync/reconcile.h"

#include <algorithm>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// No run is longer than this: it bounds what one hostile word can claim, and keeps sums from
// overflow.
constexpr uint64_t kRunLengthMax = uint64_t{1} << 31;

bool IsDecided(Decision decision) {
  return decision == ACCEPTED || decision == MERGED || decision == REJECTED ||
         decision == DUPLICATE || decision == CONFLICTED || decision == PARKED;
}

// A part of `whole`: the counts from `first` to `last`, at the positions that belong to them.
Outcome Part(const Outcome& whole, Count first, Count last) {
  Outcome part = whole;
  part.first = first;
  part.length = static_cast<uint32_t>(last.Since(first) + 1);
  part.position = whole.position.Plus(first.Since(whole.first));
  return part;
}

// Adds what of `outcome` has no receipt yet.
void AddUnsettled(const OutboxView& outbox, const Outcome& outcome, std::vector<Outcome>& out) {
  Count next = std::max(outcome.first, outbox.receipted.Next());
  const Count last = outcome.last();
  for (const CountRange& island : outbox.islands) {
    if (next > last || island.first > last) break;
    if (island.last < next) continue;
    if (next < island.first) out.push_back(Part(outcome, next, Count(island.first.value() - 1)));
    next = island.last.Next();
  }
  if (next <= last) out.push_back(Part(outcome, next, last));
}

absl::Status CheckRun(const OutboxView& outbox, const ReceiptRun& run, Count next) {
  if (run.length() == 0 || run.length() > kRunLengthMax || run.first_count() == 0 ||
      run.first_count() > UINT64_MAX - kRunLengthMax) {
    return Invalid("receipts: a run of ", run.length(), " counts from ", run.first_count(),
                   " is no run");
  }
  if (run.first_position() == 0 || run.first_position() > UINT64_MAX - kRunLengthMax) {
    return Invalid("receipts: count ", run.first_count(), " has no position");
  }
  if (!IsDecided(run.decision())) {
    return Invalid("receipts: count ", run.first_count(), " has no decision");
  }
  const uint64_t last = run.first_count() + run.length() - 1;
  if (last > outbox.pushed.value()) {
    return Invalid("receipts: count ", last, " was never pushed; ", outbox.pushed,
                   " is the last that was");
  }
  if (run.first_count() > next.value()) {
    return Invalid("receipts: counts ", next, " to ", run.first_count() - 1, " are left out");
  }
  return absl::OkStatus();
}

Outcome ToOutcome(PriorityClass priority, const ReceiptRun& run) {
  Outcome outcome;
  outcome.priority = priority;
  outcome.first = Count(run.first_count());
  outcome.length = run.length();
  outcome.position = Position(run.first_position());
  outcome.decision = run.decision();
  outcome.reason = run.reason();
  outcome.pointer = run.pointer();
  return outcome;
}

Outcome ToOutcome(PriorityClass priority, const Header& header) {
  Outcome outcome;
  outcome.priority = priority;
  outcome.first = Count(header.count());
  outcome.length = 1;
  outcome.position = Position(header.position());
  outcome.decision = header.decision();
  outcome.reason = header.reason();
  outcome.pointer = header.decision() == DUPLICATE ? header.duplicate_of() : header.behind();
  return outcome;
}

// Whether `next` goes on where `last` ends and says the same.
bool Follows(const Outcome& last, const Outcome& next) {
  return next.first == last.last().Next() && next.position == last.position.Plus(last.length) &&
         next.decision == last.decision && next.pointer == last.pointer &&
         !last.reason.ByteSizeLong() && !next.reason.ByteSizeLong() && last.length < kRunLengthMax;
}

}  // namespace

absl::StatusOr<std::vector<Outcome>> ReconcileReceipts(const OutboxView& outbox,
                                                       const Receipts& receipts) {
  std::vector<Outcome> out;
  Count next = outbox.receipted.Next();
  uint64_t before = 0;  // last count of the run before
  for (const ReceiptRun& run : receipts.runs()) {
    RETURN_IF_ERROR(CheckRun(outbox, run, next));
    if (run.first_count() <= before) {
      return Invalid("receipts: count ", run.first_count(), " is named twice");
    }
    const Outcome outcome = ToOutcome(outbox.priority, run);
    before = outcome.last().value();
    next = std::max(next, outcome.last().Next());
    if (Planted(Bug::kReconcileDropsLast) && &run == &*receipts.runs().rbegin()) break;
    if (outcome.last() > outbox.receipted) AddUnsettled(outbox, outcome, out);
  }
  return out;
}

absl::StatusOr<std::vector<Outcome>> ReconcileFeed(const OutboxView& outbox,
                                                   absl::Span<const Header> own) {
  std::vector<Outcome> out;
  uint64_t position = 0;
  uint64_t count = 0;
  for (const Header& header : own) {
    if (header.position() <= position || header.count() <= count) {
      return Invalid("feed: own count ", header.count(), " at position ", header.position(),
                     " comes after count ", count, " at position ", position);
    }
    if (!IsDecided(header.decision())) {
      return Invalid("feed: own count ", header.count(), " has no decision");
    }
    position = header.position();
    count = header.count();
    if (count > outbox.last.value()) continue;
    std::vector<Outcome> fresh;
    AddUnsettled(outbox, ToOutcome(outbox.priority, header), fresh);
    for (Outcome& outcome : fresh) {
      if (!out.empty() && Follows(out.back(), outcome)) {
        ++out.back().length;
      } else {
        out.push_back(std::move(outcome));
      }
    }
  }
  return out;
}

void AddOutcomes(absl::Span<const Outcome> outcomes, OutboxView& outbox) {
  std::vector<CountRange>& islands = outbox.islands;
  for (const Outcome& outcome : outcomes) {
    INTENTLOG_CHECK(outcome.length > 0 && outcome.first > outbox.receipted &&
                    outcome.priority == outbox.priority);
    CountRange range{outcome.first, outcome.last()};
    auto at = std::lower_bound(
        islands.begin(), islands.end(), range,
        [](const CountRange& a, const CountRange& b) { return a.first < b.first; });
    if (at != islands.end() && range.last.Next() == at->first) {
      range.last = at->last;
      at = islands.erase(at);
    }
    if (at != islands.begin() && std::prev(at)->last.Next() == range.first) {
      std::prev(at)->last = range.last;
    } else {
      islands.insert(at, range);
    }
  }
  if (!islands.empty() && islands.front().first == outbox.receipted.Next()) {
    outbox.receipted = islands.front().last;
    islands.erase(islands.begin());
  }
}

LogStanding CompareHighest(const OutboxView& outbox, Count server_highest) {
  return server_highest > outbox.last ? LogStanding::kServerAhead : LogStanding::kInStep;
}

Count PushFrom(const OutboxView& outbox) { return outbox.receipted.Next(); }

}  // namespace intentlog
