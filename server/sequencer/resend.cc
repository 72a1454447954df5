#include "server/sequencer/resend.h"

#include <algorithm>
#include <memory>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "server/sequencer/receipt_runs.h"

namespace intentlog {
namespace {

// Answers `intents`, which lie at consecutive positions from `position` on.
absl::Status AnswerRun(const EventLog& log, Count count, Position position,
                       absl::Span<const std::string_view> intents, ResendAnswer& answer) {
  const std::unique_ptr<BlockReader> reader = log.Read(position);
  Header header;
  size_t at = 0;
  while (at < intents.size()) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) return DataLoss("position ", position, " is above the head, but a run names it");
    for (size_t i = reader->begin(); i < reader->block().size() && at < intents.size(); ++i) {
      const EventRef event = reader->block().event(i);
      if (event.position < position) continue;
      if (event.intent != intents[at] && !Planted(Bug::kForkUnseen)) {
        answer.forked_at = count;
        return absl::OkStatus();
      }
      if (!header.ParseFromArray(event.header.data(), event.header.size())) {
        return DataLoss("the header at position ", event.position, " does not parse");
      }
      const uint64_t pointer =
          header.decision() == DUPLICATE ? header.duplicate_of() : header.behind();
      AddToRuns(count, position, header.decision(), header.reason(), pointer, answer.runs);
      count = count.Next();
      position = position.Next();
      ++at;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ChainValue> LogHashAt(const EventLog& log, const LogId& device_log, Count count) {
  ChainValue hash = {};
  if (count == Count()) return hash;
  ASSIGN_OR_RETURN(const std::optional<Run> run, log.FindRun(device_log, count));
  if (!run) return DataLoss("no run holds count ", count, " of device log ", ToText(device_log));
  const Count first(run->first_count());
  if (count.Since(first) + 1 == run->length()) {
    ToChainValue(run->hash_after(), &hash);
    return hash;
  }
  // Within a run: on from the one before it.
  if (first > Count(1)) {
    ASSIGN_OR_RETURN(hash, LogHashAt(log, device_log, Count(first.value() - 1)));
  }
  Position next(run->first_position());
  const Position last = next.Plus(count.Since(first));
  const std::unique_ptr<BlockReader> reader = log.Read(next);
  while (next <= last) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) return DataLoss("position ", next, " is above the head, but a run names it");
    for (size_t i = reader->begin(); i < reader->block().size() && next <= last; ++i) {
      const EventRef event = reader->block().event(i);
      if (event.position < next) continue;
      hash = NextLogHash(hash, event.intent);
      next = next.Next();
    }
  }
  return hash;
}

absl::StatusOr<ResendAnswer> AnswerFromLog(const EventLog& log, const LogId& device_log,
                                           Count first,
                                           absl::Span<const std::string_view> intents) {
  ResendAnswer answer;
  while (!intents.empty() && !answer.forked_at) {
    ASSIGN_OR_RETURN(const std::optional<Run> run, log.FindRun(device_log, first));
    if (!run || run->first_count() > first.value() ||
        run->first_count() + run->length() <= first.value()) {
      return DataLoss("no run holds count ", first, " of device log ", ToText(device_log));
    }
    const uint64_t skipped = first.value() - run->first_count();
    const size_t size = std::min<size_t>(run->length() - skipped, intents.size());
    RETURN_IF_ERROR(AnswerRun(log, first, Position(run->first_position() + skipped),
                              intents.subspan(0, size), answer));
    intents.remove_prefix(size);
    first = first.Plus(size);
  }
  return answer;
}

}  // namespace intentlog
