// The whole table of rules, by enumeration: rule × the same type or another × seen, own or
// concurrent × fields set by each × equal or not × clock of the types × trusted or not × earlier,
// at once or later × what the other one lost. Each cell is asked twice: Admit, and the naive rules.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema_maker.h"
#include "gtest/gtest.h"
#include "server/admit/test_entity.h"

namespace intentlog {
namespace {

constexpr int64_t kTime = 500'000;

const std::array<std::string, 6> kRules = {"COMMUTES",  "LAST_WRITER_WINS",
                                           "REVIEW",    "FIRST_WRITER_WINS",
                                           "FIELDWISE", "SAME_IS_DUPLICATE"};
const std::array<std::string, 3> kFields = {"last", "first", "asked"};

// Two types that have the rule, by themselves and against each other.
std::shared_ptr<const Schema> TwoTypes(const std::string& rule, bool device_clock) {
  SchemaMaker maker("ruled.proto", "ruled");
  const bool fieldwise = rule == "FIELDWISE";
  for (const char* name : {"One", "Other"}) {
    maker.Event(name,
                Cat("entity: \"thing\" key: \"id\" concurrent: ", rule,
                    device_clock ? " clock: DEVICE max_skew_ms: 1" : ""),
                {{"id", 1, "string", ""},
                 {"last", 2, "optional string", ""},
                 {"first", 3, "optional string", fieldwise ? "on_clash: FIRST_WRITER_WINS" : ""},
                 {"asked", 4, "optional string", fieldwise ? "on_clash: REVIEW" : ""},
                 {"noted", 5, "string", "volatile: true"}});
  }
  auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}

bool HasTimes(const std::string& rule) { return rule == "LAST_WRITER_WINS" || rule == "FIELDWISE"; }

std::map<std::string, std::string> FieldsOf(unsigned bits, const std::string& value) {
  std::map<std::string, std::string> fields;
  for (size_t i = 0; i < kFields.size(); ++i) {
    if ((bits >> i & 1) != 0) fields[kFields[i]] = value;
  }
  return fields;
}

enum class Place { kSeen, kOwn, kContinued, kConcurrent };
enum class Clock { kTrusted, kUntrusted };

struct Cell {
  Place place;
  unsigned mine, theirs;  // fields
  bool equal_values;
  Clock my_clock, their_clock;
  int64_t later_us;  // than theirs
  bool lost_last;    // theirs had lost that field
};

std::string ToText(const Cell& cell) {
  return Cat("place ", static_cast<int>(cell.place), ", fields ", cell.mine, " upon ", cell.theirs,
             cell.equal_values ? ", equal" : ", unequal", ", clocks ",
             static_cast<int>(cell.my_clock), " and ", static_cast<int>(cell.their_clock),
             ", later by ", cell.later_us, cell.lost_last ? ", last was lost" : "");
}

ClockFacts ClockOf(Clock clock) {
  ClockFacts facts = GoodClock(1'000'000);
  if (clock == Clock::kUntrusted) facts.skew_before_us = 2000;
  return facts;
}

int AskCell(const std::shared_ptr<const Schema>& schema, const std::string& other,
            const Cell& cell) {
  TestEntity entity(schema, "thing", "id");
  Deed theirs = {other, FieldsOf(cell.theirs, "a"), {TestLog(1)}};
  theirs.fields["noted"] = "then";
  theirs.device_time_us = kTime;
  theirs.clock = ClockOf(cell.their_clock);
  Verdict effective;
  if (cell.lost_last) effective.without = {2};
  entity.Add(theirs, effective);
  Deed mine = {"One", FieldsOf(cell.mine, cell.equal_values ? "a" : "b")};
  mine.fields["noted"] = "now";
  mine.base = cell.place == Place::kSeen ? 1 : 0;
  if (cell.place == Place::kOwn) mine.own_logs = {TestLog(1)};
  if (cell.place == Place::kContinued) mine.own_logs = {TestLog(0), TestLog(1)};
  mine.device_time_us = kTime + cell.later_us;
  mine.clock = ClockOf(cell.my_clock);
  const NaiveVerdict said = entity.Plain(mine, entity.Ask(mine));
  const NaiveVerdict naive = entity.AskNaively(mine);
  EXPECT_TRUE(said == naive) << ToText(said) << "\nnaive: " << ToText(naive) << "\n"
                             << ToText(cell);
  return 1;
}

int AskAll(const std::shared_ptr<const Schema>& schema, const std::string& other, bool times) {
  const std::vector<Clock> clocks = {Clock::kTrusted, Clock::kUntrusted};
  int cells = 0;
  for (const Place place : {Place::kSeen, Place::kOwn, Place::kContinued, Place::kConcurrent}) {
    for (unsigned fields = 0; fields < 64; ++fields) {
      for (const bool equal : {false, true}) {
        for (const bool lost_last : {false, true}) {
          if (lost_last && (fields & 1) == 0) continue;
          for (int clock = 0; clock < (times ? 4 : 1); ++clock) {
            for (const int64_t later_us :
                 times ? std::vector<int64_t>{-1, 0, 1} : std::vector<int64_t>{0}) {
              cells += AskCell(schema, other,
                               {place, fields >> 3, fields & 7, equal, clocks[clock & 1],
                                clocks[clock >> 1], later_us, lost_last});
              if (testing::Test::HasFailure()) return cells;
            }
          }
        }
      }
    }
  }
  return cells;
}

TEST(RuleTableTest, EveryCellIsAsTheNaiveRulesSay) {
  int cells = 0;
  for (const std::string& rule : kRules) {
    for (const bool device_clock : {false, true}) {
      if (device_clock && !HasTimes(rule)) continue;  // such a schema is refused
      const auto schema = TwoTypes(rule, device_clock);
      for (const char* other : {"One", "Other"}) {
        SCOPED_TRACE(Cat(rule, device_clock ? ", device clocks" : "", ", against ", other));
        cells += AskAll(schema, other, device_clock || rule == "COMMUTES");
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(cells, 40'000);
}

}  // namespace
}  // namespace intentlog
