#include "projections/views/conflicts.h"

#include <algorithm>
#include <optional>
#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/checked.h"
#include "projections/views/civil_day.h"
#include "projections/views/shop_view.h"
#include "proto/event.pb.h"
#include "proto/views.pb.h"

namespace intentlog {
namespace {

using google::protobuf::RepeatedPtrField;
using views::ConflictsRow;
using Counts = RepeatedPtrField<ConflictsRow::Count>;

constexpr int64_t kMicrosPerSecond = 1'000'000;

// An enum value's name in lower case; its number where this program does not know it.
std::string Word(const std::string& name, int number) {
  if (name.empty()) return std::to_string(number);
  std::string word = name;
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return word;
}

std::string AskedBy(const Reason& reason) {
  if (reason.rule() != RULE_UNSPECIFIED) return Word(Rule_Name(reason.rule()), reason.rule());
  return Word(Reason::Code_Name(reason.code()), reason.code());
}

std::string FieldsOf(const Reason& reason) {
  std::string text = reason.fields().empty() ? reason.field() : "";
  for (const std::string& field : reason.fields()) {
    if (!text.empty()) text.push_back(',');
    text += field;
  }
  return text.empty() ? "*" : text;
}

std::string KeyOf(const std::string& entity_type, const std::string& type, const Reason& reason,
                  int64_t opened_at_us) {
  char buffer[kDayTextMax];
  return Cat(entity_type, "/", type, "/", FieldsOf(reason), "/", AskedBy(reason), "/",
             DayText(opened_at_us, buffer));
}

// The key of the conflict that this event opens, if it does.
std::optional<std::string> Opens(const Event& event) {
  const std::string& entity_type = event.intent().entity_type();
  const Settlement* const turn = event.settlement;
  if (turn == nullptr) {
    if (event.header().decision() != CONFLICTED) return std::nullopt;
    return KeyOf(entity_type, event.intent().type(), event.header().reason(),
                 event.header().server_time_us());
  }
  if (!turn->turned() || turn->decision() != CONFLICTED) return std::nullopt;
  // Its settlement will name the same moment: that of the first decision.
  return KeyOf(entity_type, turn->type().empty() ? turn->open_type() : turn->type(), turn->reason(),
               turn->opened_at_us());
}

// The key of the conflict that this event ends, if it does.
std::optional<std::string> KeyOfEnd(const Event& event) {
  const Settlement* const end = event.settlement;
  if (end == nullptr || end->open_decision() != CONFLICTED) return std::nullopt;
  return KeyOf(event.intent().entity_type(), end->open_type(), end->open_reason(),
               end->opened_at_us());
}

std::string_view VerdictOf(const Settlement& end) {
  switch (end.verdict()) {
    case Resolve::APPLY:
      return "applied";
    case Resolve::REPLACE:
      return "replaced";
    case Resolve::DROP:
      return "dropped";
    default:
      break;
  }
  switch (end.decision()) {
    case ACCEPTED:
    case MERGED:
      return "took effect";
    case DUPLICATE:
      return "duplicate";
    case REJECTED:
      return end.reason().code() == Reason::DROPPED ? "dropped" : "rejected";
    default:
      return "conflicted again";
  }
}

// The place of `name` in the ascending list.
int PlaceOf(const std::string& name, const Counts& counts) {
  const auto place =
      std::lower_bound(counts.begin(), counts.end(), name,
                       [](const ConflictsRow::Count& one, const std::string& wanted) {
                         return one.name() < wanted;
                       });
  return static_cast<int>(place - counts.begin());
}

bool HasName(const std::string& name, const Counts& counts) {
  const int place = PlaceOf(name, counts);
  return place < counts.size() && counts[place].name() == name;
}

void AddCount(const std::string& name, int64_t count, Counts* counts) {
  const int place = PlaceOf(name, *counts);
  if (!HasName(name, *counts)) {
    counts->Add()->set_name(name);
    for (int at = counts->size() - 1; at > place; --at) counts->SwapElements(at, at - 1);
  }
  ConflictsRow::Count& one = (*counts)[place];
  one.set_count(one.count() + count);
}

absl::Status AddEnd(const Event& event, Row& row) {
  const Settlement& end = *event.settlement;
  // A clock that went back between two servers gives no negative time.
  const int64_t took_us =
      std::max<int64_t>(0, event.header().server_time_us() - end.opened_at_us());
  ASSIGN_OR_RETURN(
      const int64_t total,
      CheckedAdd("resolved_us_total", row.Read<ConflictsRow>().resolved_us_total(), took_us));
  auto& stats = row.Edit<ConflictsRow>();
  stats.set_resolved(stats.resolved() + 1);
  stats.set_resolved_us_total(total);
  stats.set_resolved_us_greatest(std::max<int64_t>(stats.resolved_us_greatest(), took_us));
  AddCount(std::string(VerdictOf(end)), 1, stats.mutable_verdicts());
  Counts* const resolvers = stats.mutable_resolvers();
  if (resolvers->size() < kResolversPerRow || HasName(end.resolver(), *resolvers)) {
    AddCount(end.resolver(), 1, resolvers);
  } else {
    stats.set_other_resolvers(stats.other_resolvers() + 1);
  }
  return absl::OkStatus();
}

// "operator 3, till-2 1"
std::string CountsText(const Counts& counts) {
  std::string text;
  for (const ConflictsRow::Count& one : counts) {
    if (!text.empty()) text += ", ";
    text += Cat(one.name().empty() ? "itself" : one.name(), " ", one.count());
  }
  return text;
}

class Conflicts final : public ShopView {
 public:
  ProjectionInfo info() const override {
    return {"conflicts", 1, ConflictsRow::descriptor(), /*decisions=*/true};
  }

  void Keys(const Event& event, KeySink& keys) const override {
    if (event.settlement == nullptr && event.header().decision() != CONFLICTED) return;
    if (const auto key = KeyOfEnd(event)) keys.Add(*key);
    if (const auto key = Opens(event)) keys.Add(*key);
  }

  absl::Status Apply(const Event& event, std::string_view key, Row& row) const override {
    if (KeyOfEnd(event) == key) RETURN_IF_ERROR(AddEnd(event, row));
    if (Opens(event) == key) {
      auto& stats = row.Edit<ConflictsRow>();
      stats.set_opened(stats.opened() + 1);
    }
    return absl::OkStatus();
  }

  bool merges() const override { return true; }

  absl::Status Merge(const Row& other, Row& row) const override {
    const auto& theirs = other.Read<ConflictsRow>();
    ASSIGN_OR_RETURN(const int64_t total,
                     CheckedAdd("resolved_us_total", row.Read<ConflictsRow>().resolved_us_total(),
                                theirs.resolved_us_total()));
    auto& stats = row.Edit<ConflictsRow>();
    stats.set_opened(stats.opened() + theirs.opened());
    stats.set_resolved(stats.resolved() + theirs.resolved());
    stats.set_resolved_us_total(total);
    stats.set_resolved_us_greatest(
        std::max<int64_t>(stats.resolved_us_greatest(), theirs.resolved_us_greatest()));
    for (const auto& one : theirs.verdicts()) {
      AddCount(one.name(), one.count(), stats.mutable_verdicts());
    }
    for (const auto& one : theirs.resolvers()) {
      AddCount(one.name(), one.count(), stats.mutable_resolvers());
    }
    stats.set_other_resolvers(stats.other_resolvers() + theirs.other_resolvers());
    return absl::OkStatus();
  }

  std::vector<std::string> Columns() const override {
    return {"opened", "resolved", "open", "mean_s", "greatest_s", "verdicts", "resolvers"};
  }

  absl::Status Print(const Row& row, std::vector<std::string>& columns) const override {
    const auto& stats = row.Read<ConflictsRow>();
    const int64_t mean_us =
        stats.resolved() == 0 ? 0 : stats.resolved_us_total() / stats.resolved();
    std::string resolvers = CountsText(stats.resolvers());
    if (stats.other_resolvers() > 0) resolvers += Cat(", others ", stats.other_resolvers());
    columns = {std::to_string(stats.opened()),
               std::to_string(stats.resolved()),
               std::to_string(stats.opened() - stats.resolved()),
               std::to_string(mean_us / kMicrosPerSecond),
               std::to_string(stats.resolved_us_greatest() / kMicrosPerSecond),
               CountsText(stats.verdicts()),
               std::move(resolvers)};
    return absl::OkStatus();
  }
};

}  // namespace

std::shared_ptr<const Projection> ConflictsView() { return std::make_shared<Conflicts>(); }

}  // namespace intentlog
