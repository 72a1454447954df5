// Summaries against whole histories: what Admit says by a summary is what the naive rules say by
// the list of all events, or a stricter thing where the summary's bounds cut something off.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema_maker.h"
#include "gtest/gtest.h"
#include "server/admit/summary.h"
#include "server/admit/test_entity.h"

namespace intentlog {
namespace {

// Every rule, between types and in fields, with clocks of both kinds.
std::shared_ptr<const Schema> MixedRules() {
  SchemaMaker maker("mixed.proto", "mixed");
  const std::string clock = " clock: DEVICE max_skew_ms: 1";
  const auto event = [&](const std::string& name, const std::string& rules) {
    const bool fieldwise = name != "Priced" && name != "Taken";
    maker.Event(name, Cat("entity: \"thing\" key: \"id\" ", rules),
                {{"id", 1, "string", ""},
                 {"a", 2, "optional string", ""},
                 {"b", 3, "optional string", fieldwise ? "on_clash: FIRST_WRITER_WINS" : ""},
                 {"c", 4, "optional string", name == "Timed" ? "on_clash: REVIEW" : ""},
                 {"d", 5, "string", ""},
                 {"noted", 6, "string", "volatile: true"}});
  };
  event("Moved", "concurrent: COMMUTES");
  event("Counted", "concurrent: LAST_WRITER_WINS" + clock);
  event("Written", "concurrent: FIELDWISE");
  event("Timed", "concurrent: FIELDWISE" + clock);
  event("Closed", R"(concurrent: SAME_IS_DUPLICATE pair: { against: "Moved" rule: COMMUTES }
                     pair: { against: "Written" rule: FIELDWISE }
                     pair: { against: "Timed" rule: FIELDWISE })");
  event("Priced", R"(concurrent: REVIEW pair: { against: "Written" rule: COMMUTES }
                     pair: { against: "Timed" rule: COMMUTES })");
  event("Taken", R"(concurrent: FIRST_WRITER_WINS pair: { against: "Moved" rule: COMMUTES }
                    pair: { against: "Written" rule: COMMUTES }
                    pair: { against: "Timed" rule: COMMUTES }
                    pair: { against: "Counted" rule: LAST_WRITER_WINS })");
  auto schema = Schema::FromDescriptorSet(maker.Bytes());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}

const char* const kTypes[] = {"Moved", "Counted", "Written", "Timed", "Closed", "Priced", "Taken"};

struct Shape {
  uint64_t seed;
  int histories;
  uint64_t events;   // of each history
  uint64_t logs;     // that write it
  bool clocks_slew;  // a device's times may go back, and its clock be right and wrong by turns
};

class History {
 public:
  History(const Shape& shape, std::shared_ptr<const Schema> schema, Random& random)
      : shape_(shape), random_(random), entity_(std::move(schema), "thing", "id") {
    // A few types each, so that mild outcomes are not drowned by strict ones.
    for (int i = 0; i < 3; ++i) types_.push_back(kTypes[random.Below(std::size(kTypes))]);
  }

  TestEntity& entity() { return entity_; }

  // By one log, or one that continues others; having seen some of what is there, most often much.
  Deed Next() {
    Deed deed;
    deed.type = types_[random_.Below(types_.size())];
    for (const char* field : {"a", "b", "c", "d"}) {
      if (random_.Below(3) == 0) deed.fields[field] = random_.Below(2) == 0 ? "x" : "y";
    }
    if (deed.type == "Closed" && random_.Below(2) == 0) deed.fields = {{"d", "x"}};
    deed.fields["noted"] = Cat(random_.Below(100));
    deed.own_logs.clear();
    for (uint64_t i = 0; i <= random_.Below(3); ++i) {
      deed.own_logs.push_back(TestLog(static_cast<int>(random_.Below(shape_.logs))));
    }
    const uint64_t unseen = random_.Below(2) == 0 ? random_.Below(4) : random_.Below(50);
    deed.base = entity_.position() - std::min(unseen, entity_.position());
    now_ += static_cast<int64_t>(random_.Below(3));
    // Devices sync late, so times come in any order; those of one device go on, as a rule.
    int64_t& last = last_times_[deed.own_logs.front().id];
    const int64_t time = now_ - static_cast<int64_t>(random_.Below(6));
    deed.device_time_us = shape_.clocks_slew ? time : std::max(time, last);
    last = deed.device_time_us;
    deed.clock = GoodClock(1'000'000);
    const bool wrong = deed.own_logs.front().id == TestLog(0);
    if (shape_.clocks_slew ? random_.Below(8) == 0 : wrong) deed.clock.steps_after = 1;
    return deed;
  }

 private:
  const Shape shape_;
  Random& random_;
  TestEntity entity_;
  std::vector<std::string> types_;
  std::map<LogId, int64_t> last_times_;
  int64_t now_ = 1000;
};

int Severity(Decision decision) {
  switch (decision) {
    case REJECTED:
      return 3;
    case CONFLICTED:
      return 2;
    default:
      return 1;
  }
}

// "CONFLICTED CLOCK_UNTRUSTED of fields"
std::string KindOf(const NaiveVerdict& verdict) {
  return Cat(Decision_Name(verdict.decision), " ", Reason::Code_Name(verdict.code),
             verdict.fields.empty() ? "" : " of fields", verdict.without_all ? " without all" : "");
}

struct Count {
  int asked = 0;
  int stricter = 0;
  std::map<std::string, int> kinds;
};

Count AskAlong(const Shape& shape) {
  const auto schema = MixedRules();
  SeededRandom random(shape.seed);
  Count count;
  for (int i = 0; i < shape.histories; ++i) {
    History history(shape, schema, random);
    TestEntity& entity = history.entity();
    while (entity.position() < shape.events) {
      const Deed deed = history.Next();
      const Verdict verdict = entity.Ask(deed);
      const NaiveVerdict said = entity.Plain(deed, verdict);
      const NaiveVerdict naive = entity.AskNaively(deed);
      ++count.asked;
      ++count.kinds[KindOf(naive)];
      if (!(said == naive)) {
        ++count.stricter;
        EXPECT_GT(Severity(said.decision), Severity(naive.decision))
            << "seed " << shape.seed << ", history " << i << ", position " << entity.position()
            << ", " << deed.type << ", base " << deed.base << "\n"
            << ToText(said) << "\nnaive: " << ToText(naive);
        if (testing::Test::HasFailure()) return count;
      }
      // What nobody else waits for: an open one would only stop its own lane.
      if (verdict.decision == ACCEPTED || verdict.decision == MERGED) {
        entity.Add(deed, verdict);
      } else if (random.Below(2) == 0) {
        entity.Add(deed, Verdict());  // a person applied it
      }
    }
  }
  return count;
}

TEST(HistoryTest, WithinItsBoundsASummarySaysWhatTheWholeHistoryWould) {
  // As many logs as it names, as many events as it knows contents, and clocks that only go on: one
  // of them is wrong.
  const Shape shape = {20260301, 1600, kContentsPerType, kWritersPerType, false};
  const Count count = AskAlong(shape);
  EXPECT_EQ(count.stricter, 0);
  EXPECT_GT(count.asked, 10'000);
  // Every kind of outcome came up, none of them by rare luck.
  EXPECT_EQ(count.kinds.size(), 11u);
  for (const auto& [kind, times] : count.kinds) EXPECT_GT(times, 30) << kind;
}

TEST(HistoryTest, BeyondItsBoundsItIsTheSameOrStricter) {
  for (const uint64_t seed : {20260302, 20260303}) {
    const Count count = AskAlong({seed, 70, 60, 9, true});
    EXPECT_GT(count.asked, 4'000);
    EXPECT_LT(count.stricter, count.asked / 10);
  }
}

TEST(HistoryTest, ASummaryDoesNotGrowWithTheNumberOfEvents) {
  const Shape shape = {20260304, 1, 0, 26, true};
  SeededRandom random(shape.seed);
  History history(shape, MixedRules(), random);
  size_t size_at_1000 = 0;
  for (int i = 1; i <= 4000; ++i) {
    history.entity().Add(history.Next(), Verdict());
    if (i == 1000) size_at_1000 = history.entity().summary().ByteSizeLong();
  }
  EXPECT_LT(history.entity().summary().ByteSizeLong(), size_at_1000 + size_at_1000 / 10);
  for (const auto& type : history.entity().summary().types()) {
    EXPECT_LE(type.writers_size(), kWritersPerType);
    EXPECT_LE(type.recent_size(), kContentsPerType);
    EXPECT_LE(type.fields_size(), 5);
    for (const auto& field : type.fields()) EXPECT_LE(field.writers_size(), kWritersPerType);
  }
}

}  // namespace
}  // namespace intentlog
