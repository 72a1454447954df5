#include "client/outbox/outbox.h"

#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/random.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() : dir_(testing::TempDir() + "/" + Name()) {
    std::filesystem::remove_all(dir_);
    Reopen();
  }
  ~OutboxTest() override {
    outbox_.reset();
    store_.reset();
    std::filesystem::remove_all(dir_);
  }

  static std::string Name() {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  void Reopen() {
    outbox_.reset();
    store_.reset();
    StoreOptions options;
    options.role = "device";
    auto store = Store::Open(dir_, options);
    INTENTLOG_CHECK(store.ok());
    store_ = *std::move(store);
    auto outbox = Outbox::Open(*store_, clock_, OutboxOptions());
    INTENTLOG_CHECK(outbox.ok());
    outbox_ = *std::move(outbox);
  }

  static IntentId IdOf(uint64_t number) {
    std::string bytes(8, '\1');
    for (int shift = 56; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<char>(number >> shift));
    return IntentId::FromBytes(bytes);
  }

  static EncodedIntent Make(const IntentId& id, bool given, const std::string& order,
                            const std::string& payload) {
    Intent intent;
    intent.set_intent_id(std::string(id.bytes()));
    intent.set_type("t");
    intent.set_entity_type("order");
    intent.set_entity_id(order);
    intent.set_scope("shop");
    intent.set_device_time_us(++made_);  // differs whenever it is made again
    intent.set_payload(payload);
    return {id, given, {"order", order}, intent.SerializeAsString()};
  }
  EncodedIntent Fresh(const std::string& order = "1") {
    return Make(IdOf(++last_id_), false, order, "milk");
  }
  std::vector<EncodedIntent> Batch(size_t size, const std::string& order = "1") {
    std::vector<EncodedIntent> batch;
    while (batch.size() < size) batch.push_back(Fresh(order));
    return batch;
  }
  Count Record(const std::string& order = "1") {
    const EncodedIntent intent = Fresh(order);
    const auto done = outbox_->Append({&intent, 1}, true);
    EXPECT_TRUE(done.ok()) << done.status();
    return done->first;
  }

  static Outcome Decided(uint64_t first, uint32_t length, uint64_t position, Decision decision) {
    Outcome outcome;
    outcome.first = Count(first);
    outcome.length = length;
    outcome.position = Position(position);
    outcome.decision = decision;
    return outcome;
  }
  Settled Settle(std::vector<Outcome> outcomes, std::vector<SettlementSeen> settlements = {}) {
    StoreBatch batch;
    Settled settled;
    const absl::Status status = outbox_->Settle(
        {std::move(outcomes), std::move(settlements)}, batch,
        [&](StoreBatch& whole) { return store_->Commit(whole, Sync::kBuffered); }, &settled);
    EXPECT_TRUE(status.ok()) << status;
    return settled;
  }
  void Continue(Count first, ChainValue* mark = nullptr) {
    const absl::Status status =
        outbox_->Continue(kPlainClass, first, [&](const Outbox::Moving& moving, StoreBatch& batch) {
          if (mark != nullptr) *mark = moving.mark;
          return store_->Commit(batch, Sync::kDurable);
        });
    EXPECT_TRUE(status.ok()) << status;
  }
  // What is pushed from `from` on of the log that has what comes after `before`.
  void ExpectPush(Count from, Count before, uint64_t first_count, std::optional<ChainValue> hash) {
    IntentReader reader(*store_, kPlainClass);
    Push push;
    ASSERT_TRUE(reader.FillPush(from, outbox_->view(kPlainClass).last, 1, before, &push).ok());
    EXPECT_EQ(push.first_count(), first_count);
    if (!hash) return;
    EXPECT_EQ(push.hash_before(), *hash == ChainValue() ? "" : std::string(Bytes(*hash)));
  }
  static ChainValue HashOf(const std::vector<EncodedIntent>& intents) {
    ChainValue hash = {};
    for (const EncodedIntent& intent : intents) hash = NextLogHash(hash, intent.bytes);
    return hash;
  }
  static std::vector<LogPlace> Places(const std::vector<uint64_t>& counts,
                                      PriorityClass priority = kPlainClass) {
    std::vector<LogPlace> places;
    for (const uint64_t count : counts) places.push_back({priority, Count(count)});
    return places;
  }
  static SettlementSeen Closing(uint64_t of, uint64_t position, Decision decision,
                                const std::string& order = "1") {
    SettlementSeen seen;
    seen.of = Position(of);
    seen.position = Position(position);
    seen.decision = decision;
    seen.entity = {"order", order};
    return seen;
  }

  // Counts, as the outbox says and as it says after it is opened again.
  void ExpectCounts(const OutboxCounts& wanted) {
    for (const bool again : {false, true}) {
      if (again) Reopen();
      const OutboxCounts counts = outbox_->counts();
      EXPECT_EQ(counts.recorded, wanted.recorded) << again;
      EXPECT_EQ(counts.synced, wanted.synced) << again;
      EXPECT_EQ(counts.pending, wanted.pending) << again;
      EXPECT_EQ(counts.failed, wanted.failed) << again;
      EXPECT_EQ(counts.conflicted, wanted.conflicted) << again;
      EXPECT_EQ(counts.parked, wanted.parked) << again;
    }
  }
  // 1, 2, 3 … without a hole, the rolling hash unbroken.
  void ExpectDense(uint64_t last) {
    IntentReader reader(*store_, kPlainClass);
    ChainValue hash = {};
    uint64_t next = 1;
    while (next <= last) {
      const auto at = reader.Find(Count(next));
      ASSERT_TRUE(at.ok()) << at.status();
      EXPECT_EQ(at->first, Count(next));
      EXPECT_EQ(at->row.hash_before(), hash);
      at->row.ForEach([&](uint32_t, std::string_view intent) { hash = NextLogHash(hash, intent); });
      next = at->last().value() + 1;
    }
    EXPECT_EQ(next, last + 1);
    EXPECT_EQ(outbox_->view(kPlainClass).last, Count(last));
  }

  ManualClock clock_;
  const std::string dir_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Outbox> outbox_;
  uint64_t last_id_ = 1000;
  static inline int64_t made_ = 0;
};

TEST_F(OutboxTest, I1_WhatWasAppendedIsThereAfterReopening) {
  EXPECT_EQ(Record(), Count(1));
  const auto batch = Batch(5);
  EXPECT_EQ(outbox_->Append(batch, true)->first, Count(2));
  EXPECT_EQ(Record(), Count(7));
  Reopen();
  EXPECT_EQ(Record(), Count(8));
  ExpectDense(8);
}

TEST_F(OutboxTest, I1_EightThreadsGetDenseCounts) {
  constexpr int kThreads = 8;
  constexpr int kEach = 40;
  std::vector<std::vector<Count>> counts(kThreads);
  std::vector<Count> order;  // as the listener hears it
  outbox_->OnAppend([&](LogPlace first, absl::Span<const EncodedIntent> intents) {
    for (size_t i = 0; i < intents.size(); ++i) order.push_back(first.count.Plus(i));
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        std::vector<EncodedIntent> batch;
        for (int k = 0; k <= i % 3; ++k) {
          const auto id = IdOf(static_cast<uint64_t>(t) << 32 | static_cast<uint64_t>(i * 3 + k));
          Intent intent;
          intent.set_intent_id(std::string(id.bytes()));
          intent.set_entity_type("order");
          intent.set_entity_id(std::to_string(t % 3));
          batch.push_back(
              {id, i % 2 == 0, {"order", std::to_string(t % 3)}, intent.SerializeAsString()});
        }
        const auto done = outbox_->Append(batch, i % 5 != 0);
        ASSERT_TRUE(done.ok()) << done.status();
        for (size_t k = 0; k < batch.size(); ++k) counts[t].push_back(done->first.Plus(k));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<Count> all;
  size_t given = 0;
  for (const auto& mine : counts) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
    given += mine.size();
  }
  EXPECT_EQ(all.size(), given);
  EXPECT_EQ(*all.rbegin(), Count(given));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(order.size(), given);
  ExpectDense(given);
  uint64_t pending = 0;
  for (const char* id : {"0", "1", "2"}) pending += ReadLane(*store_, "order", id)->pending();
  EXPECT_EQ(pending, given);
  outbox_->OnAppend(nullptr);
  Reopen();
  ExpectDense(given);
}

TEST_F(OutboxTest, I2_ARetryWithTheSameIdReturnsTheFirstCount) {
  const IntentId id = IdOf(7);
  const EncodedIntent first = Make(id, true, "1", "milk");
  EXPECT_EQ(outbox_->Append({&first, 1}, true)->first, Count(1));
  Record();
  for (const bool again : {false, true}) {
    if (again) Reopen();
    const EncodedIntent retry = Make(id, true, "1", "milk");
    const auto done = outbox_->Append({&retry, 1}, true);
    ASSERT_TRUE(done.ok()) << done.status();
    EXPECT_EQ(done->first, Count(1));
    EXPECT_TRUE(done->repeated);
  }
  EXPECT_EQ(outbox_->view(kPlainClass).last, Count(2));
}

TEST_F(OutboxTest, I2_TheSameIdWithOtherContentIsRefused) {
  const IntentId id = IdOf(7);
  const EncodedIntent first = Make(id, true, "1", "milk");
  ASSERT_TRUE(outbox_->Append({&first, 1}, true).ok());
  for (const EncodedIntent& other : {Make(id, true, "1", "bread"), Make(id, true, "2", "milk")}) {
    const auto done = outbox_->Append({&other, 1}, true);
    EXPECT_TRUE(absl::IsAlreadyExists(done.status())) << done.status();
  }
  EXPECT_EQ(Record(), Count(2));  // and nothing else is disturbed
}

TEST_F(OutboxTest, I2_AnIdThatAppendMadeIsKnownToo) {
  auto batch = Batch(3);
  ASSERT_TRUE(outbox_->Append(batch, true).ok());
  Reopen();
  batch[1].id_given = true;
  EXPECT_EQ(outbox_->Append({&batch[1], 1}, true)->first, Count(2));
  EXPECT_EQ(outbox_->Find(batch[2].id)->count, Count(3));
  EXPECT_TRUE(absl::IsNotFound(outbox_->Find(IdOf(5)).status()));
}

TEST_F(OutboxTest, MadeIdsThatComeOutOfOrderAreFound) {
  const EncodedIntent late = Make(IdOf(900), false, "1", "late");
  const EncodedIntent early = Make(IdOf(800), false, "1", "early");
  ASSERT_TRUE(outbox_->Append({&late, 1}, true).ok());
  ASSERT_TRUE(outbox_->Append({&early, 1}, true).ok());
  Reopen();
  EXPECT_EQ(outbox_->Find(late.id)->count, Count(1));
  EXPECT_EQ(outbox_->Find(early.id)->count, Count(2));
}

TEST_F(OutboxTest, I2_ABatchIsRepeatedAsAWholeOrNotAtAll) {
  const auto make = [](size_t size, const std::string& last) {
    std::vector<EncodedIntent> batch;
    for (size_t i = 0; i < size; ++i) {
      batch.push_back(Make(IdOf(i + 1), true, "1", i + 1 == size ? last : "x"));
    }
    return batch;
  };
  ASSERT_TRUE(outbox_->Append(make(3, "end"), true).ok());
  EXPECT_TRUE(outbox_->Append(make(3, "end"), true)->repeated);
  EXPECT_TRUE(absl::IsAlreadyExists(outbox_->Append(make(3, "other"), true).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(outbox_->Append(make(4, "end"), true).status()));
  auto mixed = make(2, "x");
  std::swap(mixed[0], mixed[1]);
  EXPECT_TRUE(absl::IsAlreadyExists(outbox_->Append(mixed, true).status()));
  mixed = {Make(IdOf(50), true, "1", "new"), Make(IdOf(2), true, "1", "x")};
  EXPECT_TRUE(absl::IsAlreadyExists(outbox_->Append(mixed, true).status()));
  mixed = {Make(IdOf(51), true, "1", "new"), Make(IdOf(51), true, "1", "new")};
  EXPECT_TRUE(absl::IsInvalidArgument(outbox_->Append(mixed, true).status()));
  EXPECT_EQ(outbox_->view(kPlainClass).last, Count(3));
}

TEST_F(OutboxTest, BufferedIntentsCountAsSyncedOnceSomethingIs) {
  const auto batch = Batch(2);
  ASSERT_TRUE(outbox_->Append(batch, false).ok());
  EXPECT_EQ(outbox_->view(kPlainClass).synced, Count(0));
  ASSERT_TRUE(outbox_->Sync().ok());
  EXPECT_EQ(outbox_->view(kPlainClass).synced, Count(2));
  ASSERT_TRUE(outbox_->Append(Batch(1), false).ok());
  Record();
  EXPECT_EQ(outbox_->view(kPlainClass).synced, Count(4));
}

TEST_F(OutboxTest, ARetriedBufferedIntentIsDurableIfAsked) {
  const EncodedIntent intent = Make(IdOf(3), true, "1", "milk");
  ASSERT_TRUE(outbox_->Append({&intent, 1}, false).ok());
  ASSERT_TRUE(outbox_->Append({&intent, 1}, true)->repeated);
  EXPECT_EQ(outbox_->view(kPlainClass).synced, Count(1));
}

TEST_F(OutboxTest, CountsFollowReceiptsAndSurviveReopening) {
  ASSERT_TRUE(outbox_->Append(Batch(10), true).ok());
  ExpectCounts({.recorded = 10, .pending = 10});
  Settle({Decided(1, 3, 70, ACCEPTED), Decided(4, 1, 75, REJECTED)});
  ExpectCounts({.recorded = 10, .synced = 3, .pending = 6, .failed = 1});
  Settle({Decided(5, 1, 80, CONFLICTED), Decided(6, 2, 81, PARKED)});
  ExpectCounts(
      {.recorded = 10, .synced = 3, .pending = 5, .failed = 1, .conflicted = 1, .parked = 2});
  Settle({Decided(9, 2, 90, MERGED)});  // the feed was faster than a receipt
  ExpectCounts(
      {.recorded = 10, .synced = 5, .pending = 3, .failed = 1, .conflicted = 1, .parked = 2});
  EXPECT_EQ(outbox_->view(kPlainClass).receipted, Count(7));
  EXPECT_EQ(outbox_->view(kPlainClass).islands, (std::vector<CountRange>{{Count(9), Count(10)}}));
  Settle({Decided(8, 1, 88, DUPLICATE)});
  EXPECT_EQ(outbox_->view(kPlainClass).receipted, Count(10));
  const auto lane = ReadLane(*store_, "order", "1");
  EXPECT_EQ(lane->pending(), 0u);
  EXPECT_EQ(lane->parked(), 2u);
  EXPECT_EQ(lane->failed(), 1u);
  EXPECT_EQ(lane->conflicted(), 1u);
}

TEST_F(OutboxTest, I16_ASettlementClosesAnOpenIntent) {
  ASSERT_TRUE(outbox_->Append(Batch(4), true).ok());
  Settle({Decided(1, 1, 70, CONFLICTED), Decided(2, 3, 71, PARKED)});
  auto dropped = Closing(70, 90, REJECTED);
  dropped.resolved = true;
  EXPECT_EQ(Settle({}, {dropped}).closed, Places({1}));
  Settle({}, {Closing(71, 91, ACCEPTED), Closing(72, 92, REJECTED), Closing(999, 93, ACCEPTED)});
  ExpectCounts({.recorded = 4, .synced = 2, .pending = 1, .failed = 1, .parked = 1});
  const auto first = OutcomeOf(*store_, kPlainClass, Count(1));
  EXPECT_EQ((*first)->first_decision, CONFLICTED);
  EXPECT_EQ((*first)->decision, REJECTED);
  EXPECT_EQ((*first)->settled_at, Position(90));
  EXPECT_TRUE((*first)->resolved);
  EXPECT_EQ((*OutcomeOf(*store_, kPlainClass, Count(4)))->decision, PARKED);
  EXPECT_TRUE(Settle({}, {Closing(70, 90, REJECTED)}).closed.empty());  // only once
}

TEST_F(OutboxTest, I16_ASettlementThatComesBeforeItsReceiptIsNotLost) {
  ASSERT_TRUE(outbox_->Append(Batch(2), true).ok());
  EXPECT_TRUE(Settle({}, {Closing(71, 91, ACCEPTED)}).closed.empty());
  Reopen();
  EXPECT_EQ(Settle({Decided(1, 2, 70, PARKED)}).closed, Places({2}));
  ExpectCounts({.recorded = 2, .synced = 1, .pending = 1, .parked = 1});
}

TEST_F(OutboxTest, I4_APushNeverCutsABatch) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(outbox_->Append(Batch(10), true).ok());
  const size_t batch_bytes = 10 * (Fresh().bytes.size() + 6);  // as fields of a frame
  IntentReader reader(*store_, kPlainClass);
  Push push;
  EXPECT_EQ(*reader.FillPush(Count(1), Count(40), batch_bytes * 2 + 50, Count(), &push), Count(20));
  EXPECT_EQ(push.intents_size(), 20);
  EXPECT_TRUE(push.hash_before().empty());
  push.Clear();
  EXPECT_EQ(*reader.FillPush(Count(21), Count(40), 1, Count(), &push), Count(30));
  EXPECT_EQ(push.hash_before().size(), 32u);
  push.Clear();
  EXPECT_EQ(*reader.FillPush(Count(25), Count(40), 1 << 20, Count(), &push), Count(40));
  EXPECT_EQ(push.first_count(), 21u);  // from the batch's beginning
}

TEST_F(OutboxTest, I29_WhatHasNoReceiptGoesOnInANewLogAndKeepsItsPlaces) {
  Record();
  const auto batch = Batch(2);
  ASSERT_TRUE(outbox_->Append(batch, true).ok());
  Record();
  Settle({Decided(1, 1, 70, ACCEPTED)});
  // Written or not: the folder is as it was before, or all of it has moved.
  const auto full = [](const auto&, StoreBatch&) {
    return absl::ResourceExhaustedError("the disk is full");
  };
  EXPECT_FALSE(outbox_->Continue(kPlainClass, Count(2), full).ok());
  ExpectPush(Count(2), Count(), 2, std::nullopt);
  EXPECT_FALSE(outbox_->Continue(kPlainClass, Count(1), full).ok());  // has its receipt
  EXPECT_FALSE(outbox_->Continue(kPlainClass, Count(3), full).ok());  // 2 has none

  ChainValue mark = {};
  Continue(Count(2), &mark);
  EXPECT_NE(mark, ChainValue());
  for (const bool again : {false, true}) {
    if (again) Reopen();
    ExpectPush(Count(2), Count(1), 1, ChainValue());
    ExpectPush(Count(4), Count(1), 3, HashOf({batch[0], batch[1]}));
    EXPECT_EQ(*outbox_->Find(batch[1].id), (LogPlace{kPlainClass, Count(3)}));
    const EncodedIntent next = Fresh();
    ASSERT_TRUE(outbox_->Append({&next, 1}, true).ok());
  }
  ExpectPush(Count(6), Count(1), 5, std::nullopt);
  ExpectCounts({.recorded = 6, .synced = 1, .pending = 5});
}

TEST_F(OutboxTest, I31_ALogOfWhichNothingMovesBeginsWithTheNextAppend) {
  Record();
  Settle({Decided(1, 1, 70, ACCEPTED)});
  Continue(Count(2));
  Reopen();
  EXPECT_EQ(Record(), Count(2));
  ExpectPush(Count(2), Count(1), 1, ChainValue());
  // And once more, before the server has any of it.
  Continue(Count(2));
  EXPECT_EQ(Record(), Count(3));
  Reopen();
  ExpectPush(Count(2), Count(1), 1, ChainValue());
  ExpectPush(Count(3), Count(1), 2, std::nullopt);
}

TEST_F(OutboxTest, I29_ABatchOfWhichACopyRecordedTheBeginningIsDividedThere) {
  const auto batch = Batch(3);
  ASSERT_TRUE(outbox_->Append(batch, true).ok());
  Settle({Decided(1, 1, 70, ACCEPTED)});
  Continue(Count(2));
  for (const bool again : {false, true}) {
    if (again) Reopen();
    ExpectPush(Count(2), Count(1), 1, ChainValue());
    for (uint64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(*outbox_->Find(batch[i].id), (LogPlace{kPlainClass, Count(i + 1)}));
    }
  }
  ExpectCounts({.recorded = 3, .synced = 1, .pending = 2});
}

TEST_F(OutboxTest, I29_CopiesThatMoveTheSameFirstIntentHaveTheSameMark) {
  Record();
  const EncodedIntent second = Fresh();
  ASSERT_TRUE(outbox_->Append({&second, 1}, true).ok());
  Settle({Decided(1, 1, 70, ACCEPTED)});
  outbox_.reset();
  store_.reset();
  const std::string copy = dir_ + "_copy";
  std::filesystem::remove_all(copy);
  std::filesystem::copy(dir_, copy, std::filesystem::copy_options::recursive);
  ChainValue marks[2];
  for (int i = 0; i < 2; ++i) {
    Reopen();
    for (int more = 0; more <= i; ++more) Record();
    Continue(Count(2), &marks[i]);
    outbox_.reset();
    store_.reset();
    std::filesystem::remove_all(dir_);
    if (i == 0) std::filesystem::rename(copy, dir_);
  }
  EXPECT_EQ(marks[0], marks[1]);
  Reopen();
}

TEST_F(OutboxTest, I6_AfterAFailedWriteNothingIsTaken) {
  Record();
  StoreBatch batch;
  Settled settled;
  const auto fail = [](StoreBatch&) { return absl::UnavailableError("disk gone"); };
  EXPECT_FALSE(outbox_->Settle({{Decided(1, 1, 70, ACCEPTED)}, {}}, batch, fail, &settled).ok());
  const EncodedIntent next = Fresh();
  EXPECT_EQ(outbox_->Append({&next, 1}, true).status().message(), "disk gone");
  EXPECT_FALSE(outbox_->Sync().ok());
  Reopen();
  ExpectCounts({.recorded = 1, .pending = 1});
  EXPECT_EQ(Record(), Count(2));
}

TEST_F(OutboxTest, AnIntentViewSeesWhatTheIntentSays) {
  Intent intent;
  intent.set_intent_id("id");
  intent.set_type("type");
  intent.set_entity_type("order");
  intent.set_entity_id("7");
  intent.set_scope("shop");
  intent.mutable_based_on()->set_position(3);
  intent.set_device_time_us(-5);
  intent.set_hlc(9);
  intent.set_batch_size(12);
  intent.set_payload("payload");
  const std::string bytes = intent.SerializeAsString();
  IntentView view;
  ASSERT_TRUE(ReadIntent(bytes, &view).ok());
  EXPECT_EQ(view.entity_id, "7");
  EXPECT_EQ(view.scope, "shop");
  EXPECT_EQ(view.device_time_us, -5);
  EXPECT_EQ(view.batch_size, 12u);
  EXPECT_EQ(view.payload, "payload");
  for (size_t cut = 1; cut < bytes.size(); ++cut) {  // never reads past the end
    ReadIntent(std::string(bytes, 0, cut), &view).IgnoreError();
  }
  EXPECT_FALSE(ReadIntent(bytes.substr(0, bytes.size() - 1), &view).ok());
}

TEST_F(OutboxTest, EachClassHasCountsOfItsOwn) {
  const EncodedIntent photo = Fresh("photo-1");
  EXPECT_EQ(Record(), Count(1));
  EXPECT_EQ(outbox_->Append({&photo, 1}, true, 2)->first, Count(1));
  EXPECT_EQ(Record(), Count(2));
  EXPECT_EQ(*outbox_->Find(photo.id), (LogPlace{2, Count(1)}));
  Outcome outcome = Decided(1, 1, 70, PARKED);
  outcome.priority = 2;
  Settle({outcome, Decided(1, 2, 71, ACCEPTED)});
  EXPECT_EQ(outbox_->counts(0).synced, 2u);
  EXPECT_EQ(outbox_->counts(2).parked, 1u);
  EXPECT_EQ(outbox_->view(2).receipted, Count(1));
  ExpectCounts({3, 2, 1, 0, 0, 1});
  EXPECT_EQ(Settle({}, {Closing(70, 90, ACCEPTED, "photo-1")}).closed, Places({1}, 2));
  ExpectCounts({3, 3, 0, 0, 0, 0});
  EXPECT_EQ(outbox_->view(0).last, Count(2));
  EXPECT_EQ(outbox_->view(2).last, Count(1));
}

TEST_F(OutboxTest, AnIntentIdIsUniqueOverAllClasses) {
  const EncodedIntent order = Make(IdOf(7), true, "1", "milk");
  EXPECT_EQ(outbox_->Append({&order, 1}, true, 0)->first, Count(1));
  const EncodedIntent photo = Make(IdOf(7), true, "photo-1", "pixels");
  EXPECT_TRUE(absl::IsAlreadyExists(outbox_->Append({&photo, 1}, true, 2).status()));
  EXPECT_TRUE(outbox_->Append({&order, 1}, true, 0)->repeated);
  EXPECT_EQ(outbox_->counts().recorded, 1u);
}

}  // namespace
}  // namespace intentlog
