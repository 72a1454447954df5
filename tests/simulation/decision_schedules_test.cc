// Random schedules of people who decide: devices, rules, cuts, conflicts, and their resolutions.
// Every intent has one outcome, nothing waits without a reason, a lane keeps its order, and all end
// with the same rows.
//
// A world carries many schedules one after another, each on entities of its own, because opening
// stores would be most of the time. INTENTLOG_SEED=S runs the world of that seed alone;
// INTENTLOG_SCHEDULES=20000 runs so many in
// all.
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <map>

#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "proto/rules.pb.h"
#include "tests/scenario/shop.h"
#include "tests/simulation/lanes.h"
#include "tests/simulation/world.h"

namespace intentlog::simulation {
namespace {

using scenario::Cancel;
using scenario::CountStock;
using scenario::Describe;
using scenario::Line;
using scenario::Move;
using scenario::Price;

// For each commit; 20,000 take five minutes.
#if defined(__SANITIZE_ADDRESS__) || defined(INTENTLOG_PLANTED_BUGS)
constexpr uint64_t kSchedules = 200;
#else
constexpr uint64_t kSchedules = 1500;
#endif
constexpr uint64_t kPerWorld = 100;

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// How often what happened, over all worlds.
using Tally = std::map<std::string, uint64_t>;

// The shop with other default rules for some types; the seed chooses.
std::shared_ptr<const Schema> OtherRules(uint64_t seed) {
  SeededRandom random(seed);
  constexpr std::array kRules = {COMMUTES, LAST_WRITER_WINS, FIRST_WRITER_WINS, REVIEW,
                                 SAME_IS_DUPLICATE};
  google::protobuf::FileDescriptorSet set;
  const auto shop = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
  EXPECT_TRUE(set.ParseFromString(shop->DescriptorSet()));
  for (auto& file : *set.mutable_file()) {
    if (file.package() != "intentlog.commerce") continue;
    for (auto& type : *file.mutable_message_type()) {
      const bool plain = type.name() == "PriceSet" || type.name() == "ProductDescribed" ||
                         type.name() == "StockMoved" || type.name() == "OrderLineAdded";
      if (!plain) continue;
      type.mutable_options()->MutableExtension(event)->set_concurrent(
          kRules[random.Below(kRules.size())]);
    }
  }
  auto schema = Schema::FromDescriptorSetAlone(set.SerializeAsString());
  EXPECT_TRUE(schema.ok()) << schema.status();
  return *schema;
}

class People {
 public:
  People(uint64_t seed, Tally& tally)
      : tally_(tally),
        world_(seed, seed % 3 == 0 ? OtherRules(seed) : nullptr),
        names_({"till-1", "till-2", "office"}) {
    world_.StartServer();
    for (const std::string& name : names_) {
      world_.SetWallClock(name, absl::Minutes(name == "till-2" ? 40 * (seed % 2) : 0));
      world_.AddDevice(name, /*all_scopes=*/name == "office");
    }
    world_.RunUntilQuiet();
  }

  // Empty if all is well.
  std::string Live(uint64_t schedule) {
    schedule_ = schedule;
    begins_ = Head();
    Misfortune();
    const uint64_t steps = 4 + random().Below(8);
    for (uint64_t step = 0; step < steps; ++step) Work(Someone());
    Heal();
    if (!world_.RunUntilQuiet()) return "I15: not quiet after 30 minutes\n" + world_.State();
    const uint64_t decisions = random().Below(4);
    for (uint64_t i = 0; i < decisions; ++i) Decide();
    Heal();
    if (!world_.RunUntilQuiet())
      return "I15: not quiet 30 minutes after the decisions\n" + world_.State();
    return WaitsWithoutReason();
  }

  // The whole of what happened in this world.
  std::string Problems() {
    std::string problems = world_.Problems();
    const auto log = world_.server().Log("shop");
    if (!log.ok()) return problems + "no log\n";
    const Lanes lanes(**log);
    problems += lanes.problems();
    for (const std::string& name : names_) CheckOutcomes(name, lanes, problems);
    for (const auto& [place, outcome] : lanes.outcomes()) {
      ++tally_[Cat("first ", Decision_Name(outcome.first))];
      if (outcome.closed > 0) ++tally_[Cat("settled ", Decision_Name(outcome.now))];
    }
    return problems;
  }

 private:
  Random& random() { return world_.random(); }
  const std::string& Someone() { return names_[random().Below(names_.size())]; }
  Position Head() { return (*world_.server().Log("shop"))->head().position; }
  std::string Name(const char* kind) { return Cat(kind, "-", schedule_, "-", random().Below(2)); }

  void Misfortune() {
    for (const std::string& name : names_) {
      if (random().Below(2) == 0) world_.network().Partition(name);
      if (random().Below(10) == 0) world_.network().DropReplies(name);
    }
    if (random().Below(5) != 0) return;
    world_.network().SetFaults({.cut_per_frame = random().Unit() * 0.1,
                                .refuse_connection = random().Unit() * 0.3,
                                .latency_max = absl::Milliseconds(1 + random().Below(300))});
  }
  void Heal() {
    if (random().Below(40) == 0) {
      const std::string& name = Someone();
      world_.CrashDevice(name);
      world_.StartDevice(name);
    }
    if (random().Below(100) == 0) {
      world_.CrashServer();
      world_.StartServer();
    }
    world_.network().Heal();
    world_.network().SetFaults({});
  }

  void Work(const std::string& name) {
    AppendOptions shared;
    shared.scope = "shared";
    shared.durability = random().Below(4) == 0 ? Durability::kBuffered : Durability::kDurable;
    const auto append = [&](const google::protobuf::Message& event) {
      world_.Append(name, event, shared);
    };
    const auto amount = static_cast<int64_t>(random().Below(4));
    switch (random().Below(11)) {
      case 0:
      case 1:
        return append(Price(Name("product"), amount));
      case 2:
        return append(Describe(Name("product"), Cat("words ", amount)));
      case 3:
        return append(Move(Name("product"), amount - 2));
      case 4:
        return append(CountStock(Name("product"), amount));
      case 5:
        return append(Cancel(Name("order")));
      case 6:
        return append(Customer(amount));
      case 7: {
        commerce::OrderOpened opened;
        opened.set_order_id(Name("order"));
        opened.set_customer_id(Cat("c-", amount % 2));
        return append(opened);
      }
      case 8: {
        const auto price = Price(Name("product"), amount);
        const auto line = Line(Name("order"), "milk");
        return world_.AppendAll(name, {&price, &line}, "shared");
      }
      case 9:
        return world_.RunFor(absl::Milliseconds(random().Below(3000)));
      default:
        return append(Line(Name("order"), "milk", amount + 1));
    }
  }
  commerce::CustomerUpdated Customer(int64_t amount) {
    commerce::CustomerUpdated updated;
    updated.set_customer_id(Name("customer"));
    if (random().Below(2) == 0) updated.set_name(Cat("name ", amount));
    if (random().Below(2) == 0) updated.set_phone(Cat("phone ", amount));
    if (random().Below(4) == 0) updated.set_credit_limit_micros(amount);
    return updated;
  }

  // Somebody decides about something that this schedule left open; sometimes two do, without
  // hearing of each other.
  void Decide() {
    const auto open = world_.server().OpenEvents("shop", begins_, 100);
    ASSERT_TRUE(open.ok()) << open.status();
    if (open->empty()) return;
    const OpenEvent chosen = (*open)[random().Below(open->size())];
    const bool two = random().Below(4) == 0;
    if (two) {
      for (const std::string& name : names_) world_.network().Partition(name);
      world_.RunFor(absl::Seconds(1));
    }
    Say(Someone(), chosen);
    if (two) Say(Someone(), chosen);
    if (random().Below(2) == 0) Work(Someone());
    if (random().Below(3) == 0) return;
    world_.network().Heal();
    world_.RunFor(absl::Seconds(random().Below(20)));
  }
  void Say(const std::string& name, const OpenEvent& open) {
    absl::StatusOr<Appended> said = absl::UnknownError("nothing was said");
    DecideOptions options;
    Intent intent;
    ASSERT_TRUE(intent.ParseFromString(open.intent()));
    const auto other = Replacement(intent);
    if (open.decision() == REJECTED) {
      const IntentId id = IntentId::FromBytes(intent.intent_id());
      options.followers_too = random().Below(2) == 0;
      if (random().Below(2) == 0 && other != nullptr) {
        said = world_.Amend(name, id, *other);
      } else {
        said = world_.Dismiss(name, id, options);
      }
    } else {
      switch (random().Below(3)) {
        case 0:
          said = world_.Resolve(name, Position(open.position()), Verdict::kApply);
          break;
        case 1:
          options.followers_too = random().Below(2) == 0;
          said = world_.Resolve(name, Position(open.position()), Verdict::kDrop, options);
          break;
        default:
          options.replacement = other.get();
          if (other == nullptr) return;
          said = world_.Resolve(name, Position(open.position()), Verdict::kReplace, options);
      }
    }
    ++tally_[said.ok() ? "said"
                       : Cat("not said: ", absl::StatusCodeToString(said.status().code()))];
  }
  std::unique_ptr<google::protobuf::Message> Replacement(const Intent& intent) {
    if (intent.entity_type() == "product") {
      return world_.Convert(Price(intent.entity_id(), 77));
    }
    if (intent.entity_type() == "order") {
      return world_.Convert(Line(intent.entity_id(), "tea", 7));
    }
    return nullptr;
  }

  // Every pending intent of this schedule has one reason, and every synced one has none.
  std::string WaitsWithoutReason() {
    std::string problems;
    for (const std::string& name : names_) {
      const auto& all = world_.acknowledged(name);
      size_t& seen = seen_[name];
      for (; seen < all.size(); ++seen) {
        const auto found = world_.device(name).Find(all[seen].second);
        const auto why = world_.device(name).Why(all[seen].second);
        if (!found.ok() || !why.ok()) {
          problems +=
              Cat(name, ": an intent is unknown: ", found.status(), ", ", why.status(), "\n");
          continue;
        }
        const bool waits = found->state == RecordState::kPending;
        const bool reason =
            why->kind == BlockedBy::kParked || why->kind == BlockedBy::kAwaitingReview;
        if (waits && !reason) {
          problems += Cat(name, ": count ", found->count, " waits: ", BlockedWord(why->kind), "\n");
        }
        if (waits) ++tally_[Cat("waits: ", BlockedWord(why->kind))];
        if (found->is_control && found->decision == REJECTED) {
          ++tally_[Cat("refused: ", Reason::Code_Name(found->reason.code()))];
        }
      }
    }
    return problems;
  }

  // One outcome for each intent, and the device knows it.
  void CheckOutcomes(const std::string& name, const Lanes& lanes, std::string& problems) {
    std::map<PriorityClass, std::string> logs;
    for (const LogStatus& log : world_.device(name).Status().logs) {
      logs[log.priority] = std::string(log.log_id.bytes());
    }
    for (const auto& [place, id] : world_.acknowledged(name)) {
      const auto outcome = lanes.outcomes().find({logs[place.priority], place.count.value()});
      const auto found = world_.device(name).Find(id);
      if (outcome == lanes.outcomes().end() || !found.ok()) {
        problems += Cat(name, ": count ", place.count, " is nowhere\n");
      } else if (found->first_decision != outcome->second.first ||
                 found->decision != outcome->second.now) {
        problems += Cat(name, ": count ", place.count, " at ", outcome->second.position, " is ",
                        Decision_Name(outcome->second.now), ", the device says ",
                        Decision_Name(found->decision), "\n");
      }
    }
  }

  Tally& tally_;
  World world_;
  const std::vector<std::string> names_;
  uint64_t schedule_ = 0;
  Position begins_;
  std::map<std::string, size_t> seen_;  // by device: acknowledged ones that were looked at
};

void RunWorld(uint64_t seed, Tally& tally) {
  People people(seed, tally);
  for (uint64_t schedule = 0; schedule < kPerWorld; ++schedule) {
    EXPECT_EQ(people.Live(schedule), "")
        << "schedule " << schedule << " of INTENTLOG_SEED=" << seed;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(people.Problems(), "") << "INTENTLOG_SEED=" << seed;
}

TEST(DecisionSchedules, EveryIntentHasOneOutcomeAndAReasonToWaitAndLanesKeepTheirOrder) {
  Tally tally;
  const uint64_t only = Setting("INTENTLOG_SEED", 0);
  if (only != 0) return RunWorld(only, tally);
  const uint64_t worlds = (Setting("INTENTLOG_SCHEDULES", kSchedules) + kPerWorld - 1) / kPerWorld;
  std::cout << worlds << " worlds of " << kPerWorld << " schedules, seeds 1 to " << worlds << "\n";
  for (uint64_t seed = 1; seed <= worlds && !HasFailure(); ++seed) RunWorld(seed, tally);
  for (const auto& [what, times] : tally) std::cout << "  " << what << ": " << times << "\n";
  constexpr uint64_t kEnoughForAll = 10;
  if (HasFailure() || worlds < kEnoughForAll) return;
  for (const char* const seldom :
       {"first ACCEPTED", "first MERGED", "first REJECTED", "first DUPLICATE", "first CONFLICTED",
        "first PARKED", "settled ACCEPTED", "settled MERGED", "settled REJECTED", "refused: STALE",
        "refused: NOT_OPEN", "waits: awaiting-review", "waits: parked"}) {
    EXPECT_GT(tally[seldom], 0u) << seldom << " never happened";
  }
}

}  // namespace
}  // namespace intentlog::simulation
