#include "server/admit/batch.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "eventlog/runtime/text.h"
#include "server/admit/decided.h"

namespace intentlog {
namespace {

int Strictness(Decision decision) {
  switch (decision) {
    case REJECTED:
      return 5;
    case CONFLICTED:
      return 4;
    case PARKED:
      return 3;
    case DUPLICATE:
      return 2;
    case MERGED:
      return 1;
    default:
      return 0;
  }
}

Verdict AsMember(Decision decision, size_t index) {
  return Decided(decision, Reason::BATCH_MEMBER, "",
                 Cat("decided as member ", index + 1, " of its batch"));
}

// Whether a verdict is no obstacle, once the whole batch is known to be there already: a clash can
// only be one with that.
bool GivesWayToDuplicate(const Verdict& verdict) {
  return Strictness(verdict.decision) <= Strictness(DUPLICATE) ||
         verdict.reason.code() == Reason::CONCURRENT_CHANGE ||
         verdict.reason.code() == Reason::CLOCK_UNTRUSTED;
}

// True if the batch is a duplicate as a whole; then each member points to its counterpart.
bool DecideAsDuplicate(absl::Span<Verdict> members) {
  const auto equal = std::find_if(members.begin(), members.end(), [](const Verdict& member) {
    return member.decision == DUPLICATE && member.whole_batch;
  });
  if (equal == members.end()) return false;
  if (!std::all_of(members.begin(), members.end(), GivesWayToDuplicate)) return false;
  const auto index = static_cast<size_t>(equal - members.begin());
  const uint64_t first = equal->duplicate_of - index;  // equal batches have equal places
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].decision == DUPLICATE && members[i].whole_batch) continue;
    members[i] = AsMember(DUPLICATE, index);
    members[i].duplicate_of = first + i;
    members[i].reason.set_other_position(first + i);
  }
  return true;
}

// Some of the members are there already, and others are not.
void Suspect(absl::Span<Verdict> members) {
  for (Verdict& member : members) {
    if (member.decision != DUPLICATE) continue;
    Reason reason = std::move(member.reason);
    reason.set_code(Reason::SUSPECTED_DUPLICATE);
    reason.set_text(Cat(reason.text(), ", and others of its batch are not; a person decides"));
    member = Verdict();
    member.decision = CONFLICTED;
    member.reason = std::move(reason);
  }
}

}  // namespace

void DecideAsOne(absl::Span<Verdict> members) {
  if (members.empty() || DecideAsDuplicate(members)) return;
  const auto stricter = [](const Verdict& a, const Verdict& b) {
    return Strictness(a.decision) < Strictness(b.decision);
  };
  const auto [mildest, strictest] = std::minmax_element(members.begin(), members.end(), stricter);
  if (strictest->decision == DUPLICATE && mildest->decision != DUPLICATE) Suspect(members);
  const auto decisive = std::max_element(members.begin(), members.end(), stricter);
  const Decision decision = decisive->decision;
  const uint64_t behind = decisive->behind;
  const auto index = static_cast<size_t>(decisive - members.begin());
  for (Verdict& member : members) {
    if (member.decision == decision) continue;
    member = AsMember(decision, index);
    if (decision == PARKED) member.behind = behind;
  }
}

}  // namespace intentlog
