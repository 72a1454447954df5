// What verification says of logs that somebody wrote wrongly: each contradiction, with its
// position. That nothing is said of a log in order is in event_log_test.cc.
#include "eventlog/log/verify.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/log/event_log_keys.h"
#include "eventlog/log/memory_engine.h"
#include "eventlog/runtime/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const LogId kTill = LogId::FromBytes("till-9abcdef0123");

// What is written of one event: right, until a test spoils it.
struct Written {
  Header header;
  Intent intent;
  std::string scope = "north";
  std::string header_bytes;  // not empty: instead of `header`
  std::string intent_bytes;  // not empty: instead of `intent`
};
using Spoil = std::function<void(Written&)>;

// A log of one till, each event in a block and a run of its own.
class WrittenLog {
 public:
  WrittenLog() {
    auto log =
        EventLog::Open(engine_, "shop", EpochId::FromBytes("epoch-0123456789"), EventLogOptions());
    INTENTLOG_CHECK(log.ok());
    log_ = *std::move(log);
    INTENTLOG_CHECK(log_->Fence().ok());
  }

  void Add(const Spoil& spoil = [](Written&) {}) {
    EventGroup group(log_->head(), EventLogOptions());
    const uint64_t position = group.next().value();
    Written event;
    event.header.set_position(position);
    event.header.set_server_time_us(static_cast<int64_t>(1000 + position));
    event.header.set_log_id(std::string(kTill.bytes()));
    event.header.set_count(position);
    event.header.set_decision(ACCEPTED);
    event.intent.set_scope("north");
    spoil(event);
    if (event.header_bytes.empty()) event.header_bytes = event.header.SerializeAsString();
    if (event.intent_bytes.empty()) event.intent_bytes = event.intent.SerializeAsString();
    hash_ = NextLogHash(hash_, event.intent_bytes);
    event.header.set_position(position);
    group.Add(event.header, event.header_bytes, event.intent_bytes, event.scope);
    Run run;
    run.set_first_count(position);
    run.set_first_position(position);
    run.set_length(1);
    run.set_hash_after(std::string(Bytes(hash_)));
    group.AddRun(kTill, run);
    INTENTLOG_CHECK(log_->Append(std::move(group)).ok());
  }
  // Changes the block that ends at `last` behind the log's back.
  void Rewrite(Position last, const std::function<std::string(const BlockView&)>& change) {
    std::string bytes;
    INTENTLOG_CHECK(engine_.ReadBlock("shop", last, &bytes).ok());
    const BlockView block = *BlockView::Parse(bytes);
    const EngineBlock changed{block.first(), block.last(), change(block)};
    INTENTLOG_CHECK(
        engine_.Replace("shop", *engine_.Fence("shop"), changed, {block.last()}, {}).ok());
  }
  void PutRow(const std::string& key, const std::string& value) {
    EngineAppend append;
    append.index.push_back({key, value});
    INTENTLOG_CHECK(engine_.Append("shop", *engine_.Fence("shop"), append).ok());
  }

  std::vector<std::string> Problems() const {
    const auto verification = VerifyLog(*log_);
    EXPECT_TRUE(verification.ok()) << verification.status();
    return verification.value_or(LogVerification()).problems;
  }
  const EventLog& log() const { return *log_; }

 private:
  MemoryEngine engine_;
  std::unique_ptr<EventLog> log_;
  ChainValue hash_ = {};
};

// Of a log whose second event of three is spoiled.
std::vector<std::string> ProblemsOf(const Spoil& spoil) {
  WrittenLog log;
  log.Add();
  log.Add(spoil);
  log.Add();
  return log.Problems();
}

Spoil Decided(Decision decision) {
  return [decision](Written& event) { event.header.set_decision(decision); };
}

Spoil Settling(uint64_t of, bool turned = false) {
  return [of, turned](Written& event) {
    Settlement settlement;
    settlement.set_of(of);
    settlement.set_turned(turned);
    event.header.set_settlement_of(of);
    event.intent.set_payload(settlement.SerializeAsString());
  };
}

TEST(VerifyTest, I5_WhatAnEventSaysOfItselfIsComparedWithItsPlace) {
  EXPECT_THAT(ProblemsOf([](Written&) {}), IsEmpty());
  EXPECT_THAT(ProblemsOf([](Written& event) { event.header_bytes = "\xff"; }),
              Contains(HasSubstr("the header at position 2 does not parse; keep a copy")));
  EXPECT_THAT(ProblemsOf([](Written& event) { event.intent_bytes = "\xff"; }),
              Contains(HasSubstr("the event at position 2 does not parse")));
  EXPECT_THAT(ProblemsOf([](Written& event) { event.header.set_position(9); }),
              ElementsAre(HasSubstr("the header at position 2 names position 9")));
  EXPECT_THAT(ProblemsOf([](Written& event) { event.header.set_server_time_us(7); }),
              ElementsAre(HasSubstr("server time goes back at position 2")));
  EXPECT_THAT(ProblemsOf([](Written& event) { event.header.set_log_id("who"); }),
              Contains(HasSubstr("goes from count 0 to 2 at position 2")));
  EXPECT_THAT(ProblemsOf([](Written& event) { event.header.set_count(5); }),
              Contains(HasSubstr("goes from count 1 to 5 at position 2")));
}

TEST(VerifyTest, I5_TheDirectoryOfABlockSaysWhatItsEventsSay) {
  const auto differs =
      ElementsAre(HasSubstr("the block's directory and the event at position 2 differ"));
  EXPECT_THAT(ProblemsOf([](Written& event) { event.intent.set_scope("south"); }), differs);
  EXPECT_THAT(ProblemsOf([](Written& event) {
                Header other = event.header;
                other.set_decision(DUPLICATE);
                event.header_bytes = other.SerializeAsString();
              }),
              differs);
}

TEST(VerifyTest, WhatADeviceSentThatIsNoIntentIsOnRecordAsRejected) {
  EXPECT_THAT(ProblemsOf([](Written& event) {
                event.header.set_decision(REJECTED);
                event.scope.clear();
                event.intent_bytes = "\xff";
              }),
              IsEmpty());
}

TEST(VerifyTest, I16_ASettlementClosesWhatIsOpenAndOnce) {
  WrittenLog log;
  log.Add(Decided(CONFLICTED));
  log.Add(Decided(PARKED));
  log.Add(Settling(2, /*turned=*/true));  // is open still
  log.Add(Settling(2));
  log.Add(Settling(1));
  EXPECT_THAT(log.Problems(), IsEmpty());
  log.Add(Settling(1));
  EXPECT_THAT(log.Problems(), ElementsAre(HasSubstr("the settlement at position 6 closes position "
                                                    "1, which is not open")));
  log.Add(Decided(REJECTED));
  log.Add([](Written& event) {
    Settling(2)(event);  // in the event, but not in its header
    event.header.set_settlement_of(7);
  });
  EXPECT_THAT(log.Problems(),
              Contains(HasSubstr("the settlement at position 8 and its header differ")));
}

TEST(VerifyTest, I12_APositionThatIsMissingInsideABlockIsNamed) {
  WrittenLog log;
  log.Add();
  log.Add();
  log.Rewrite(Position(2), [](const BlockView& block) {
    BlockBuilder builder;
    EventRef event = block.event(0);
    builder.Add(event);
    event.position = Position(4);
    builder.Add(event);
    return builder.Finish(block.chain());
  });
  EXPECT_THAT(log.Problems(), Contains(HasSubstr("position 3 is missing inside its block")));
}

TEST(VerifyTest, I5_TheEndOfTheLogIsWhatItsHeadSays) {
  WrittenLog log;
  log.Add();
  log.Add();
  const auto as_block_of = [](Position position) {
    return [position](const BlockView& block) {
      EventRef event = block.event(0);
      event.position = position;
      BlockBuilder builder;
      builder.Add(event);
      return builder.Finish(ChainValue{1});
    };
  };
  log.Rewrite(Position(2), as_block_of(Position(2)));
  EXPECT_THAT(log.Problems(), Contains(HasSubstr("the chain value at the head, 2, is not the one "
                                                 "kept beside it")));
  log.Rewrite(Position(2), as_block_of(Position(1)));
  EXPECT_THAT(log.Problems(), Contains(HasSubstr("positions 2 to 2, the head, are missing")));
}

TEST(VerifyTest, I9_ARunThatPromisesMoreThanThereIsIsNamed) {
  WrittenLog log;
  log.Add();
  intentlog::Run run = *log.log().FindRun(kTill, Count(1)).value();
  run.set_length(2);
  log.PutRow(RunKey(kTill, Count(1)), run.SerializeAsString());
  EXPECT_THAT(log.Problems(), ElementsAre(HasSubstr("goes beyond count 1")));
}

TEST(VerifyTest, RowsAreCountedHoweverManyThereAre) {
  WrittenLog log;
  for (int i = 0; i < 1005; ++i) log.Add();  // more than are read at a time
  EXPECT_THAT(log.Problems(), IsEmpty());
  log.PutRow(RunKey(kTill, Count(9999)), "");
  log.PutRow(ScopeKey("south", Position(3)), "");
  EXPECT_THAT(log.Problems(), ElementsAre(HasSubstr("1 runs lie beyond position 1005"),
                                          HasSubstr("1 scope rows up to position 1005")));
}

TEST(VerifyTest, OneDamageThatCausesManyProblemsIsNotToldForEver) {
  WrittenLog log;
  log.Add([](Written& event) { event.header.set_server_time_us(1'000'000); });
  for (int i = 0; i < 300; ++i) log.Add([](Written& event) { event.header.set_count(1); });
  EXPECT_EQ(log.Problems().size(), 100u);
}

}  // namespace
}  // namespace intentlog
