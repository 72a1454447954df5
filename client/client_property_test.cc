// What must hold after every step of any schedule, against a naive recompute.
#include "client/client.h"
#include "client/test_shop.h"
#include "eventlog/log/decision.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

constexpr int kProducts = 3;
constexpr int kSteps = 120;

class Schedule {
 public:
  explicit Schedule(uint64_t seed)
      : shop_("schedule_" + std::to_string(seed), seed), dice_(seed * 7919) {
    shop_.options().policy.class_of = {{"stock", 2}};
    shop_.Restart();
    shop_.server().FeedEvents(2);
    shop_.server().Decide([this](const Intent&) {
      constexpr Decision kDecisions[] = {ACCEPTED, ACCEPTED, MERGED,    ACCEPTED,
                                         REJECTED, PARKED,   DUPLICATE, CONFLICTED};
      return kDecisions[dice_.Below(std::size(kDecisions))];
    });
    shop_.server().Readmit(
        [this](const Intent&) { return dice_.Below(3) == 0 ? CONFLICTED : ACCEPTED; });
  }

  void Step() {
    switch (dice_.Below(17)) {
      case 0:
      case 1:
      case 2:
        return Record(1);
      case 3:
        return Record(1 + dice_.Below(4));
      case 4: {
        const std::string order = "order-" + std::to_string(dice_.Below(4));
        shop_.server().Append("shop", TestShop::ByOthers(order, Product(), Quantity()));
        return;
      }
      case 5:
        return shop_.server().HoldReceipts(dice_.Below(2) == 0);
      case 6:
        return shop_.server().HoldFeed(dice_.Below(2) == 0);
      case 7:
        return shop_.Cut();
      case 8:
        return SettleSomething();
      case 9:
        if (dice_.Below(4) == 0) shop_.Restart();
        if (!shop_.client().Status().syncing) shop_.StartSync();
        return;
      case 10:
        return shop_.Pass(absl::Milliseconds(static_cast<int64_t>(dice_.Below(2000))));
      case 11:
        return ResolveSomething();
      case 12:
        return AmendSomething();
      case 13:
        return BeSomewhere();
      case 14:
        return Move();
      default:
        for (uint64_t i = dice_.Below(6); i > 0; --i) shop_.executor().RunOne();
    }
  }

  // The optimistic view is what is confirmed and what is pending, each once.
  void CheckView() {
    const uint64_t cursor = shop_.client().Status().scopes[0].cursor.value();
    std::map<std::string, int64_t> wanted;
    for (const FakeServer::Stored& stored : shop_.server().log()) {
      if (stored.header.position() > cursor || !IsEffective(stored.header.decision())) continue;
      Intent intent;
      ASSERT_TRUE(intent.ParseFromString(stored.intent_bytes));
      std::string type = intent.type();
      if (stored.header.settlement_of() == 0 && !IsRecord(type)) continue;  // a decision
      std::string payload = intent.payload();
      if (stored.header.settlement_of() != 0) {
        Settlement settlement;
        ASSERT_TRUE(settlement.ParseFromString(payload));
        type = settlement.type();
        payload = settlement.payload();
      }
      Sold(type, payload, wanted);
    }
    const auto recorded = shop_.client().List(Count(1), 100000);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    for (const auto& own : *recorded) {
      const bool waits = own.decision == DECISION_UNSPECIFIED || own.decision == PARKED;
      // A settled one keeps the position of its first decision, which the cursor has passed or not;
      // its settlement came with the feed.
      const bool comes = IsEffective(own.decision) && own.position.value() > cursor;
      if (own.is_control) continue;
      if (waits || comes) Sold(own.intent.type(), own.intent.payload(), wanted);
    }
    for (int i = 0; i < kProducts; ++i) {
      const std::string product = "product-" + std::to_string(i);
      ASSERT_EQ(shop_.Stock(product), wanted[product]) << product << " at " << cursor;
    }
  }

  void CheckCounts() {
    const StateCounts counts = shop_.client().Status().counts;
    ASSERT_EQ(counts.recorded, recorded_);
    ASSERT_EQ(counts.synced + counts.pending + counts.failed + counts.conflicted, recorded_);
    std::map<RecordState, uint64_t> states;
    const auto recorded = shop_.client().List(Count(1), 100000);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    for (const auto& own : *recorded) ++states[own.state];
    ASSERT_EQ(states[RecordState::kSynced], counts.synced);
    ASSERT_EQ(states[RecordState::kFailed], counts.failed);
    ASSERT_EQ(states[RecordState::kConflicted], counts.conflicted);
    ASSERT_EQ(states[RecordState::kPending], counts.pending);
  }

  // Every intent stands as the server's log says that it does, as far as this device has it.
  void CheckStates() {
    const auto recorded = shop_.client().List(Count(1), 100000);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    std::map<std::pair<std::string, std::string>, RecordState> worst;
    std::set<uint64_t> conflicts = ConflictsOfFeed();
    const Standing settled = Settled();
    const std::set<LogPlace> told = ToldBySettlements();
    for (const auto& own : *recorded) {
      const bool waits = own.decision == DECISION_UNSPECIFIED;
      ASSERT_FALSE(waits && told.count(own.place())) << own.count.value();
      ASSERT_EQ(own.state, StateInLog(own, settled)) << "count " << own.count.value();
      const std::pair entity(own.intent.entity_type(), own.intent.entity_id());
      const auto known = worst.try_emplace(entity, own.state).first;
      if (Rank(own.state) > Rank(known->second)) known->second = own.state;
      if (own.state == RecordState::kConflicted) conflicts.insert(own.position.value());
    }
    for (const auto& [entity, state] : worst) {
      ASSERT_EQ(*shop_.client().StateOf({entity.first, entity.second}), state) << entity.second;
    }
    const auto shown = shop_.client().Conflicts();
    ASSERT_TRUE(shown.ok()) << shown.status();
    std::set<uint64_t> positions;
    for (const Conflict& one : *shown) positions.insert(one.position.value());
    ASSERT_EQ(positions, conflicts);
  }

  // Whoever waits knows why, and only who waits.
  void CheckReasons() {
    const auto recorded = shop_.client().List(Count(1), 100000);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    std::set<std::pair<std::string, std::string>> entities;
    for (const auto& own : *recorded) {
      const auto why = shop_.client().Why(IntentId::FromBytes(own.intent.intent_id()));
      ASSERT_TRUE(why.ok()) << why.status();
      ASSERT_EQ(why->kind != BlockedBy::kNothing, own.state == RecordState::kPending) << why->text;
      ASSERT_FALSE(why->text.empty());
      ASSERT_GE(why->age, absl::ZeroDuration());
      entities.emplace(own.intent.entity_type(), own.intent.entity_id());
    }
    for (const auto& [type, id] : entities) {
      const auto why = shop_.client().Why(Entity{type, id});
      ASSERT_TRUE(why.ok()) << why.status();
      if (shop_.client().StateOf({type, id}).value() != RecordState::kPending) continue;
      ASSERT_NE(why->kind, BlockedBy::kNothing) << type << "/" << id;
    }
    const ClientStatus status = shop_.client().Status();
    ASSERT_EQ(status.blocked_by.kind != BlockedBy::kNothing, status.counts.pending > 0);
  }

  void Heal() {
    shop_.client().SetConditions(Conditions());
    shop_.server().HoldReceipts(false);
    shop_.server().HoldFeed(false);
    if (!shop_.client().Status().syncing) shop_.StartSync();
    shop_.Pass(absl::Minutes(12));
    // Whatever is open is closed by somebody.
    for (uint64_t position = 1; position <= shop_.server().head(); ++position) {
      while (shop_.server().OpenAs(position) != DECISION_UNSPECIFIED) Close(position);
    }
    shop_.Pass(absl::Minutes(1));
  }

  void CheckHealed() {
    const ClientStatus status = shop_.client().Status();
    ASSERT_EQ(status.counts.pending, 0u) << status.last_error;
    ASSERT_EQ(status.counts.conflicted, 0u);
    ASSERT_EQ(status.counts.failed, 0u);
    ASSERT_EQ(status.scopes[0].cursor.value(), shop_.server().head());
    for (const LogStatus& log : status.logs) {
      const auto positions = shop_.server().PositionsOf(std::string(log.log_id.bytes()));
      ASSERT_EQ(positions.size(), log.counts.recorded);
      for (uint64_t count = 1; count <= log.counts.recorded; ++count) {
        ASSERT_EQ(positions.count(count), 1u);
      }
    }
    ASSERT_EQ(status.counts.recorded, recorded_);
    for (int i = 0; i < kProducts; ++i) {
      const std::string product = "product-" + std::to_string(i);
      ASSERT_EQ(shop_.Stock(product), shop_.ConfirmedStock(product));
    }
  }

 private:
  std::string Product() { return "product-" + std::to_string(dice_.Below(kProducts)); }
  int64_t Quantity() { return static_cast<int64_t>(dice_.Below(9)) - 3; }

  void Record(uint64_t size) {
    std::vector<commerce::OrderLineAdded> lines;
    const std::string order = "order-" + std::to_string(dice_.Below(4));
    for (uint64_t i = 0; i < size; ++i) {
      lines.push_back(TestShop::Line(order, Product(), Quantity()));
    }
    std::vector<NewIntent> batch;
    for (const auto& line : lines) batch.push_back({&line, {}, {}});
    const auto done = shop_.client().AppendAll(batch);
    ASSERT_TRUE(done.ok()) << done.status();
    recorded_ += size;
  }
  void SettleSomething() {
    if (shop_.server().head() > 0) Close(1 + dice_.Below(shop_.server().head()));
  }
  void Close(uint64_t position) {
    FakeServer::Closing closing;
    const Decision open = shop_.server().OpenAs(position);
    if (open == DECISION_UNSPECIFIED) return;
    switch (dice_.Below(4)) {
      case 0:
        closing.decision = REJECTED;
        closing.reason.set_code(Reason::DROPPED);
        break;
      case 1:
        closing.resolved_by = "a person";
        break;
      case 2:
        closing.turned = open == PARKED;
        if (closing.turned) closing.decision = dice_.Below(2) == 0 ? REJECTED : CONFLICTED;
        break;
    }
    shop_.server().Settle(position, closing);
  }
  // Both may be refused: a decision is on its way, or the device does not know what was decided.
  void ResolveSomething() {
    const auto conflicts = shop_.client().Conflicts();
    ASSERT_TRUE(conflicts.ok()) << conflicts.status();
    if (dice_.Below(3) == 0) shop_.server().RefuseNext();
    if (conflicts->empty()) return;
    const Conflict& one = (*conflicts)[dice_.Below(conflicts->size())];
    const auto line = TestShop::Line(one.entity.id, Product(), Quantity());
    DecideOptions options;
    auto verdict = static_cast<Verdict>(dice_.Below(3));
    if (one.entity.type != "order" && verdict == Verdict::kReplace) verdict = Verdict::kApply;
    if (verdict == Verdict::kReplace) options.replacement = &line;
    options.followers_too = verdict == Verdict::kDrop && dice_.Below(2) == 0;
    const auto done = shop_.client().Resolve(one.position, verdict, options);
    ASSERT_EQ(done.ok(), !one.said || one.said->refused) << done.status();
    recorded_ += done.ok() ? 1 : 0;
  }
  void AmendSomething() {
    const auto recorded = shop_.client().List(Count(1), 100000);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    for (const auto& own : *recorded) {
      if (own.state != RecordState::kFailed || dice_.Below(3) == 0) continue;
      const auto id = IntentId::FromBytes(own.intent.intent_id());
      const auto line = TestShop::Line(own.intent.entity_id(), Product(), Quantity());
      const bool amends = dice_.Below(2) == 0 && own.intent.entity_type() == "order";
      const auto done = amends ? shop_.client().Amend(id, line) : shop_.client().Dismiss(id);
      ASSERT_TRUE(done.ok() || absl::IsFailedPrecondition(done.status())) << done.status();
      recorded_ += done.ok() ? 1 : 0;
      return;
    }
  }

  uint64_t Cursor() { return shop_.client().Status().scopes[0].cursor.value(); }
  // Calls use(settlement) for those of `of` that this device has.
  template <class Use>
  void ForEachSettlement(Use use) {
    const uint64_t cursor = Cursor();
    for (const FakeServer::Stored& stored : shop_.server().log()) {
      if (stored.header.position() > cursor || stored.header.settlement_of() == 0) continue;
      Intent intent;
      Settlement settlement;
      ASSERT_TRUE(intent.ParseFromString(stored.intent_bytes));
      ASSERT_TRUE(settlement.ParseFromString(intent.payload()));
      use(settlement);
    }
  }
  // By position: the decision of the last settlement, and whether it closed.
  using Standing = std::map<uint64_t, std::pair<Decision, bool>>;
  Standing Settled() {
    Standing settled;
    ForEachSettlement([&](const Settlement& settlement) {
      settled[settlement.of()] = {settlement.decision(), !settlement.turned()};
    });
    return settled;
  }
  // Counts of this device of which the feed told what closed or turned them: that is their receipt,
  // too.
  std::set<LogPlace> ToldBySettlements() {
    std::set<LogPlace> told;
    const std::vector<LogStatus> logs = shop_.client().Status().logs;
    ForEachSettlement([&](const Settlement& settlement) {
      for (const LogStatus& log : logs) {
        if (settlement.open_log_id() != log.log_id.bytes()) continue;
        told.insert({log.priority, Count(settlement.open_count())});
      }
    });
    return told;
  }
  RecordState StateInLog(const Client::RecordedIntent& own, const Standing& settled) {
    if (own.decision == DECISION_UNSPECIFIED) return RecordState::kPending;
    if (own.is_control) return RecordState::kSynced;
    const Header& header = shop_.server().log()[own.position.value() - 1].header;
    const auto last = settled.find(own.position.value());
    const bool closed = last != settled.end() && last->second.second;
    const Decision decision = last != settled.end() ? last->second.first : header.decision();
    if (decision == CONFLICTED) return RecordState::kConflicted;
    if (decision == PARKED) return RecordState::kPending;
    return decision == REJECTED && !closed ? RecordState::kFailed : RecordState::kSynced;
  }
  std::set<uint64_t> ConflictsOfFeed() {
    std::set<uint64_t> open;
    const uint64_t cursor = Cursor();
    for (const FakeServer::Stored& stored : shop_.server().log()) {
      const Header& header = stored.header;
      const bool plain = header.settlement_of() == 0 && header.decision() == CONFLICTED;
      if (plain && header.position() <= cursor) open.insert(header.position());
    }
    ForEachSettlement([&](const Settlement& settlement) {
      if (settlement.turned() && settlement.decision() == CONFLICTED) {
        open.insert(settlement.of());
      } else {
        open.erase(settlement.of());
      }
    });
    return open;
  }
  static int Rank(RecordState state) {
    switch (state) {
      case RecordState::kSynced:
        return 0;
      case RecordState::kPending:
        return 1;
      case RecordState::kFailed:
        return 2;
      case RecordState::kConflicted:
        return 3;
    }
    return -1;
  }
  // Of the application, and not a decision.
  static bool IsRecord(const std::string& type) {
    return type == commerce::OrderLineAdded::descriptor()->full_name() ||
           type == commerce::StockMoved::descriptor()->full_name();
  }
  // All of the conditions, at random.
  void BeSomewhere() {
    Conditions conditions;
    conditions.network = static_cast<NetworkKind>(dice_.Below(3));
    conditions.charging = dice_.Below(2) == 0;
    conditions.battery_percent = static_cast<int>(dice_.Below(101));
    conditions.foreground = dice_.Below(2) == 0;
    conditions.data_saver = dice_.Below(4) == 0;
    shop_.client().SetConditions(conditions);
    if (dice_.Below(4) == 0 && shop_.client().Status().syncing) {
      ASSERT_TRUE(shop_.client().SyncNow().ok());
    }
  }
  void Move() {
    commerce::StockMoved moved;
    moved.set_product_id(Product());
    moved.set_delta(Quantity());
    const auto done = shop_.client().Append(moved);
    ASSERT_TRUE(done.ok()) << done.status();
    ++recorded_;
  }
  static void Sold(const std::string& type, const std::string& payload,
                   std::map<std::string, int64_t>& stock) {
    if (type == commerce::StockMoved::descriptor()->full_name()) {
      commerce::StockMoved moved;
      ASSERT_TRUE(moved.ParseFromString(payload));
      stock[moved.product_id()] += moved.delta();
      return;
    }
    commerce::OrderLineAdded line;
    ASSERT_TRUE(line.ParseFromString(payload));
    stock[line.product_id()] -= line.quantity();
  }

  TestShop shop_;
  SeededRandom dice_;
  uint64_t recorded_ = 0;
};

TEST(ClientPropertyTest, I8_I15_I16_I21_AnyScheduleShowsEachIntentOnceAndEndsSynced) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Schedule schedule(seed);
    for (int step = 0; step < kSteps; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      schedule.Step();
      schedule.CheckView();
      schedule.CheckCounts();
      if (step % 3 == 0) schedule.CheckStates();
      if (step % 3 == 1) schedule.CheckReasons();
      if (testing::Test::HasFatalFailure()) return;
    }
    schedule.Heal();
    schedule.CheckView();
    schedule.CheckStates();
    schedule.CheckHealed();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace intentlog
