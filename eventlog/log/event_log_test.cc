#include "eventlog/log/event_log.h"

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/log/event_log_keys.h"
#include "eventlog/log/made_batches.h"
#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/log/verify.h"
#include "eventlog/runtime/executor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const EpochId kEpochId = EpochId::FromBytes("epoch-0123456789");

class EventLogTest : public ::testing::Test {
 protected:
  EventLogTest() : dir_(::testing::TempDir() + "/event_log_test") {
    std::filesystem::remove_all(dir_);
    options_.block_bytes = 1000;
    Reopen();
    EXPECT_TRUE(log().Fence().ok());
  }
  ~EventLogTest() override {
    log_ = nullptr;
    engine_ = nullptr;
    std::filesystem::remove_all(dir_);
  }

  void Reopen() {
    log_ = nullptr;
    engine_ = nullptr;
    auto engine = RocksdbEngine::Open(dir_, StoreOptions());
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = std::move(engine).value();
    auto log = EventLog::Open(*engine_, "shop", kEpochId, options_);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = std::move(log).value();
  }
  EventLog& log() { return *log_; }

  void Append(char device, const std::string& scope, uint32_t events) {
    EventGroup group(log().head(), options_);
    batches_.Add(group, device, scope, events);
    const absl::Status status = log().Append(std::move(group));
    ASSERT_TRUE(status.ok()) << status;
  }

  // All positions that the reader gives; each exactly once, in order.
  static std::vector<uint64_t> Positions(BlockReader& reader, const std::string& scope = "") {
    std::vector<uint64_t> positions;
    while (true) {
      const auto more = reader.Next();
      EXPECT_TRUE(more.ok()) << more.status();
      if (!more.value_or(false)) return positions;
      for (size_t i = reader.begin(); i < reader.block().size(); ++i) {
        const EventRef event = reader.block().event(i);
        if (scope.empty() || event.scope == scope) positions.push_back(event.position.value());
      }
    }
  }
  static std::vector<uint64_t> Range(uint64_t first, uint64_t last) {
    std::vector<uint64_t> range;
    for (uint64_t i = first; i <= last; ++i) range.push_back(i);
    return range;
  }
  size_t BlockCount() {
    size_t count = 0;
    const auto cursor = engine_->Read("shop", Position(1));
    while (cursor->Next().value()) ++count;
    return count;
  }
  std::vector<std::string> Problems() {
    const auto verification = VerifyLog(log());
    EXPECT_TRUE(verification.ok()) << verification.status();
    return verification->problems;
  }
  // Changes the stored bytes behind the log's back.
  void Rewrite(Position last, const std::function<std::string(const BlockView&)>& change) {
    std::string bytes;
    ASSERT_TRUE(engine_->ReadBlock("shop", last, &bytes).ok());
    const BlockView block = BlockView::Parse(bytes).value();
    const EngineBlock changed{block.first(), block.last(), change(block)};
    ASSERT_TRUE(engine_->Replace("shop", log().Fence().value(), changed, {block.last()}, {}).ok());
  }
  void PutRow(const std::string& key, std::optional<std::string> value) {
    EngineAppend append;
    append.index.push_back({key, std::move(value)});
    ASSERT_TRUE(engine_->Append("shop", engine_->Fence("shop").value(), append).ok());
  }

  const std::string dir_;
  EventLogOptions options_;
  std::unique_ptr<RocksdbEngine> engine_;
  std::unique_ptr<EventLog> log_;
  MadeBatches batches_;
};

TEST_F(EventLogTest, ANewLogIsEmptyAndHasItsFirstEpoch) {
  EXPECT_EQ(log().head().position, Position());
  ASSERT_EQ(log().epochs().size(), 1u);
  EXPECT_EQ(log().epochs()[0].id(), kEpochId.bytes());
  EXPECT_TRUE(Positions(*log().Read(Position(1))).empty());
  Reopen();
  EXPECT_EQ(log().epochs().size(), 1u);
  EXPECT_TRUE(Problems().empty());
}

TEST_F(EventLogTest, I12_PositionsAreDenseFromAnywhereAndAfterReopening) {
  for (int i = 0; i < 20; ++i) Append('a', "north", static_cast<uint32_t>(1 + i % 5 * 7));
  const uint64_t head = log().head().position.value();
  const LogEnd end = log().head();
  for (const uint64_t from : {uint64_t{1}, uint64_t{2}, uint64_t{100}, head}) {
    EXPECT_EQ(Positions(*log().Read(Position(from))), Range(from, head));
  }
  EXPECT_TRUE(Positions(*log().Read(Position(head + 1))).empty());
  Reopen();
  EXPECT_EQ(log().head().chain, end.chain);
  EXPECT_EQ(log().head().server_time_us, end.server_time_us);
  EXPECT_EQ(Positions(*log().Read(Position(0))), Range(1, head));
}

TEST_F(EventLogTest, AReaderAtTheEndGoesOnWithWhatComesLater) {
  const auto reader = log().Read(Position(1));
  EXPECT_TRUE(Positions(*reader).empty());
  Append('a', "north", 3);
  EXPECT_EQ(Positions(*reader), Range(1, 3));
  Append('a', "north", 2);
  EXPECT_EQ(Positions(*reader), Range(4, 5));
  EXPECT_TRUE(Positions(*reader).empty());
}

TEST_F(EventLogTest, AReaderFromAboveTheHeadWaitsForThatPosition) {
  Append('a', "north", 3);
  const auto reader = log().Read(Position(6));
  EXPECT_TRUE(Positions(*reader).empty());
  Append('a', "north", 5);
  EXPECT_EQ(Positions(*reader), Range(6, 8));
}

TEST_F(EventLogTest, AScopeIsReadWithoutTheBlocksOfOthers) {
  for (int i = 0; i < 10; ++i) {
    Append('a', "north", 12);
    Append('b', "south", 12);
  }
  EXPECT_THAT(log().Scopes().value(), ElementsAre("north", "south"));
  const auto reader = log().ReadScope("south", Position(40));
  const std::vector<uint64_t> south = Positions(*reader, "south");
  ASSERT_EQ(south.size(), 8u * 12u + 8u);
  EXPECT_EQ(south.front(), 41u);
  EXPECT_EQ(Positions(*log().ReadScope("south", Position(40))), south);  // no block of the north
  EXPECT_TRUE(Positions(*log().ReadScope("east", Position())).empty());
  EXPECT_TRUE(Positions(*log().ReadScope("sout", Position())).empty());
  Append('b', "south", 1);
  EXPECT_EQ(Positions(*reader, "south"), Range(241, 241));
}

TEST_F(EventLogTest, ABlockWhoseEventsOfAScopeWereAllSeenIsNotGiven) {
  EventGroup group(log().head(), options_);
  batches_.Add(group, 'a', "north", 2);
  batches_.Add(group, 'b', "south", 2);
  ASSERT_TRUE(log().Append(std::move(group)).ok());
  EXPECT_TRUE(Positions(*log().ReadScope("north", Position(2))).empty());
}

TEST_F(EventLogTest, ABlockEndsWhereMuchOfOneScopeEnds) {
  EventGroup group(log().head(), options_);
  batches_.Add(group, 'a', "north", 3);  // half a block
  batches_.Add(group, 'b', "south", 1);
  batches_.Add(group, 'a', "north", 1);  // scopes take turns: no cut
  batches_.Add(group, 'b', "south", 1);
  ASSERT_TRUE(log().Append(std::move(group)).ok());
  const auto reader = log().Read(Position(1));
  ASSERT_TRUE(reader->Next().value());
  EXPECT_EQ(reader->block().last(), Position(3));
  EXPECT_THAT(reader->block().scopes(), ElementsAre("north"));
  ASSERT_TRUE(reader->Next().value());
  EXPECT_EQ(reader->block().last(), Position(6));
  EXPECT_TRUE(Problems().empty());
}

TEST_F(EventLogTest, I4_ABlockIsNotCutWithinABatchWhereItsScopeEnds) {
  EventGroup group(log().head(), options_);
  for (uint64_t i = 1; i <= 6; ++i) {
    Header header;
    header.set_position(i);
    header.set_decision(ACCEPTED);
    group.Add(header, header.SerializeAsString(), std::string(200, 'i'), i < 6 ? "north" : "south",
              /*ends_batch=*/i == 6);
  }
  ASSERT_TRUE(log().Append(std::move(group)).ok());
  EXPECT_EQ(BlockCount(), 1u);
}

TEST_F(EventLogTest, TheChainIsKnownAtEveryPositionHoweverBlocksAreCut) {
  EventGroup group(log().head(), options_);
  batches_.Add(group, 'a', "north", 40);
  ASSERT_TRUE(log().Append(std::move(group)).ok());
  ChainValue chain = {};
  EXPECT_EQ(log().ChainAt(Position()).value(), chain);
  const auto reader = log().Read(Position(1));
  while (reader->Next().value()) {
    for (size_t i = 0; i < reader->block().size(); ++i) {
      const EventRef event = reader->block().event(i);
      chain = NextChain(chain, event.header, event.intent);
      EXPECT_EQ(log().ChainAt(event.position).value(), chain);
    }
  }
  EXPECT_EQ(log().ChainAt(Position(41)).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(EventLogTest, I9_RunsOfADeviceLogAreFoundForGood) {
  EXPECT_EQ(log().Highest(MadeLog('a'))->count, Count());
  Append('a', "north", 5);
  Append('b', "north", 7);
  Append('a', "north", 3);
  Reopen();
  EXPECT_EQ(log().Highest(MadeLog('a'))->count, Count(8));
  EXPECT_EQ(log().Highest(MadeLog('a'))->hash, batches_.hash('a'));
  EXPECT_EQ(log().FindRun(MadeLog('a'), Count(5)).value()->first_position(), 1u);
  EXPECT_EQ(log().FindRun(MadeLog('a'), Count(6)).value()->first_position(), 13u);
  EXPECT_FALSE(log().FindRun(MadeLog('a'), Count(9)).value().has_value());
  EXPECT_FALSE(log().FindRun(MadeLog('c'), Count(1)).value().has_value());
  EXPECT_EQ(log().Runs(MadeLog('a'), Count(2), 10)->size(), 2u);
  EXPECT_EQ(log().Runs(MadeLog('a'), Count(6), 10)->size(), 1u);
  EXPECT_EQ(log().Runs(MadeLog('a'), Count(1), 1)->size(), 1u);
  EXPECT_THAT(log().DeviceLogs().value(), ElementsAre(MadeLog('a'), MadeLog('b')));
}

TEST_F(EventLogTest, SummariesAndRowsComeWithTheirAppend) {
  EventGroup group(log().head(), options_);
  batches_.Add(group, 'a', "north", 1);
  EntitySummary summary;
  summary.set_version(1);
  group.PutSummary(EntityKey("order", "7"), summary);
  summary.set_version(2);
  group.PutSummary(EntityKey("order", "7"), summary);
  group.PutIndex("device/till-1", "seen");
  ASSERT_TRUE(log().Append(std::move(group)).ok());
  ASSERT_TRUE(log().PutIndex("device/till-2", "seen too").ok());
  EXPECT_EQ(log().Summary(EntityKey("order", "7")).value()->version(), 2u);
  EXPECT_FALSE(log().Summary(EntityKey("order", "8")).value().has_value());
  EXPECT_EQ(log().GetIndex("device/till-1").value(), "seen");
  EXPECT_EQ(log().GetIndex("device/till-2").value(), "seen too");
}

TEST_F(EventLogTest, I24_AFormerWriterIsRefusedAndTheLogUnchanged) {
  Append('a', "north", 1);
  auto other = EventLog::Open(*engine_, "shop", kEpochId, options_).value();
  ASSERT_TRUE(other->Fence().ok());
  EventGroup group(log().head(), options_);
  batches_.Add(group, 'a', "north", 1);
  EXPECT_EQ(log().Append(std::move(group)).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(log().head().position, Position(1));
  EXPECT_EQ(other->head().position, Position(1));
}

TEST_F(EventLogTest, SmallBlocksAreMergedAndNothingElseChanges) {
  for (int i = 0; i < 60; ++i) Append(i % 2 == 0 ? 'a' : 'b', i % 2 == 0 ? "north" : "south", 1);
  Append('a', "north", 30);
  for (int i = 0; i < 2; ++i) Append('b', "south", 1);
  const size_t before = BlockCount();
  const LogEnd end = log().head();
  const std::vector<uint64_t> south = Positions(*log().ReadScope("south", Position()), "south");

  const auto following = log().Read(Position(1));
  const auto in_scope = log().ReadScope("south", Position());
  ASSERT_TRUE(following->Next().value());  // is in the middle when blocks are merged
  ASSERT_TRUE(in_scope->Next().value());
  const int went_away = log().MergeSmallBlocks().value();
  EXPECT_GT(went_away, 40);
  EXPECT_EQ(BlockCount(), before - static_cast<size_t>(went_away));
  EXPECT_EQ(Positions(*following), Range(2, end.position.value()));
  EXPECT_EQ(Positions(*in_scope, "south").size(), south.size() - 1);
  EXPECT_EQ(Positions(*log().ReadScope("south", Position()), "south"), south);
  EXPECT_EQ(Positions(*log().Read(Position(1))), Range(1, end.position.value()));
  EXPECT_TRUE(Problems().empty());
  EXPECT_EQ(log().MergeSmallBlocks().value(), 0);

  Reopen();
  ASSERT_TRUE(log().Fence().ok());
  EXPECT_EQ(log().head().chain, end.chain);
  EXPECT_EQ(log().MergeSmallBlocks().value(), 0);
  for (int i = 0; i < 20; ++i) Append('b', "south", 1);
  EXPECT_GT(log().MergeSmallBlocks().value(), 0);
  EXPECT_TRUE(Problems().empty());
}

TEST_F(EventLogTest, AScopeThatIsReadWhileItsBlocksAreMergedMissesNothing) {
  constexpr uint32_t kEvents = 300;  // more rows than are read at a time
  for (uint32_t i = 0; i < kEvents; ++i) Append('a', "north", 1);
  const auto reader = log().ReadScope("north", Position());
  ASSERT_TRUE(reader->Next().value());
  ASSERT_GT(log().MergeSmallBlocks().value(), 0);
  EXPECT_EQ(Positions(*reader), Range(2, kEvents));
}

TEST_F(EventLogTest, AReaderThatWaitsAtTheEndIsNotGivenMergedEventsAgain) {
  for (int i = 0; i < 5; ++i) Append('a', "north", 1);
  const auto reader = log().Read(Position(1));
  EXPECT_EQ(Positions(*reader), Range(1, 5));
  for (int i = 0; i < 5; ++i) Append('a', "north", 1);
  ASSERT_GT(log().MergeSmallBlocks().value(), 0);
  EXPECT_EQ(Positions(*reader), Range(6, 10));
}

// ---- what verification finds

TEST_F(EventLogTest, ALogInOrderHasNoProblems) {
  for (int i = 0; i < 10; ++i) Append(static_cast<char>('a' + i % 3), "north", 9);
  const auto verification = VerifyLog(log());
  ASSERT_TRUE(verification.ok());
  EXPECT_EQ(verification->head, Position(90));
  EXPECT_EQ(verification->events, 90u);
  EXPECT_EQ(verification->device_logs, 3u);
  EXPECT_THAT(verification->problems, ElementsAre());
}

TEST_F(EventLogTest, I5_AChangedEventIsFoundByTheChain) {
  for (int i = 0; i < 6; ++i) Append('a', "north", 2);
  Rewrite(Position(6), [](const BlockView& block) {
    BlockBuilder builder;
    for (size_t i = 0; i < block.size(); ++i) {
      EventRef event = block.event(i);
      Intent intent;
      intent.ParseFromArray(event.intent.data(), static_cast<int>(event.intent.size()));
      intent.set_payload("another");
      const std::string bytes = intent.SerializeAsString();
      event.intent = bytes;
      builder.Add(event);
    }
    return builder.Finish(block.chain());
  });
  const auto problems = Problems();
  ASSERT_FALSE(problems.empty());
  EXPECT_THAT(problems,
              ::testing::Contains(HasSubstr("the chain breaks between positions 5 and 6")));
}

TEST_F(EventLogTest, I5_ADamagedBlockIsNamedAndNeverServed) {
  for (int i = 0; i < 6; ++i) Append('a', "north", 2);
  Rewrite(Position(6), [](const BlockView& block) {
    std::string bytes(block.bytes());
    bytes[90] ^= 1;
    return bytes;
  });
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("the block at position 5 is damaged")));
  const auto reader = log().Read(Position(3));
  EXPECT_TRUE(reader->Next().ok());
  EXPECT_EQ(reader->Next().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(log().ChainAt(Position(5)).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EventLogTest, I5_AMissingBlockIsAHoleThatStopsReaders) {
  for (int i = 0; i < 6; ++i) Append('a', "north", 2);
  const EngineBlock unchanged = [&] {
    std::string bytes;
    EXPECT_TRUE(engine_->ReadBlock("shop", Position(8), &bytes).ok());
    return EngineBlock{Position(5), Position(8), bytes};
  }();
  ASSERT_TRUE(
      engine_->Replace("shop", log().Fence().value(), unchanged, {Position(6), Position(8)}, {})
          .ok());
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("positions 5 to 6 are missing")));
  const auto reader = log().Read(Position(1));
  absl::StatusOr<bool> more = true;
  while (more.value_or(false)) more = reader->Next();
  EXPECT_EQ(more.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(more.status().ToString(), HasSubstr("positions 5 to 6"));
}

TEST_F(EventLogTest, I5_AWrongAMissingAndAForeignRunAreFound) {
  for (int i = 0; i < 3; ++i) Append('a', "north", 2);
  std::string key = "r" + std::string(16, 'a') + std::string(7, '\0') + '\x03';
  intentlog::Run run = log().FindRun(MadeLog('a'), Count(3)).value().value();
  run.set_first_position(4);
  PutRow(key, run.SerializeAsString());
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("elsewhere than position 3")));
  PutRow(key, std::nullopt);
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("no run of device log")));
  run.set_first_position(3);
  run.set_hash_after(std::string(32, 'x'));
  PutRow(key, run.SerializeAsString());
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("the hash of device log")));
  PutRow("r" + std::string(24, 'z'), run.SerializeAsString());
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("1 runs lie beyond position 6")));
}

TEST_F(EventLogTest, I5_AMissingScopeRowIsFound) {
  Append('a', "north", 2);
  PutRow(std::string("snorth\0\0\0\0\0\0\0\0\x02", 15), std::nullopt);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("scope north does not know the block")));
}

TEST_F(EventLogTest, I5_ALogThatHasEventsAndNoEpochIsRefused) {
  Append('a', "north", 2);
  PutRow(EpochKey(1), std::nullopt);
  const auto log = EventLog::Open(*engine_, "shop", kEpochId, options_);
  EXPECT_EQ(log.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(log.status().message(), HasSubstr("tenant shop has events but no epoch"));
  PutRow(EpochKey(1), "\xff");
  EXPECT_THAT(EventLog::Open(*engine_, "shop", kEpochId, options_).status().message(),
              HasSubstr("an epoch row does not parse; restore"));
}

TEST_F(EventLogTest, I5_AHeadThatDoesNotAgreeWithTheLastBlockIsRefused) {
  Append('a', "north", 2);
  const std::string row = log().GetIndex(kHeadKey).value().value();
  const auto refused = [&](const std::string& changed) {
    PutRow(std::string(kHeadKey), changed);
    const auto log = EventLog::Open(*engine_, "shop", kEpochId, options_);
    EXPECT_EQ(log.status().code(), absl::StatusCode::kDataLoss);
    PutRow(std::string(kHeadKey), row);
    return std::string(log.status().message());
  };
  LogHead head;
  EXPECT_THAT(refused(head.SerializeAsString()), HasSubstr("but its head row says 0"));
  EXPECT_THAT(refused("\xff"), HasSubstr("the head row does not parse"));
  ASSERT_TRUE(head.ParseFromString(row));
  head.set_chain("short");
  EXPECT_THAT(refused(head.SerializeAsString()), HasSubstr("the head row has no chain value"));
  head.set_chain(std::string(32, 'x'));
  EXPECT_THAT(refused(head.SerializeAsString()),
              HasSubstr("the last block of tenant shop does not agree with the head at 2"));
}

TEST_F(EventLogTest, I5_ARunThatDoesNotParseIsNamed) {
  Append('a', "north", 2);
  const auto why = [&](const std::string& row) {
    PutRow(RunKey(MadeLog('a'), Count(1)), row);
    return std::string(log().Highest(MadeLog('a')).status().message());
  };
  intentlog::Run run = log().FindRun(MadeLog('a'), Count(1)).value().value();
  run.set_hash_after("short");
  EXPECT_THAT(why(run.SerializeAsString()), HasSubstr("at count 1 has no hash; restore"));
  run.set_length(0);
  EXPECT_THAT(why(run.SerializeAsString()), HasSubstr("is empty"));
  EXPECT_THAT(why("\xff"), HasSubstr("a run row does not parse; restore"));
  EXPECT_FALSE(log().Runs(MadeLog('a'), Count(1), 9).ok());
}

TEST_F(EventLogTest, I5_ARowUnderAKeyThatIsNoneIsNamedAndNotWalkedForEver) {
  Append('a', "north", 2);
  Append('b', "", 1);  // what has no scope is under a key, too
  EXPECT_THAT(log().Scopes().value(), ElementsAre("", "north"));
  PutRow("rz", "");
  EXPECT_EQ(log().DeviceLogs().status().code(), absl::StatusCode::kDataLoss);
  PutRow("sz", "");
  EXPECT_EQ(log().Scopes().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EventLogTest, I5_AnEventWhoseBlockIsAnotherIsMissing) {
  for (int i = 0; i < 3; ++i) Append('a', "north", 2);
  Rewrite(Position(4), [](const BlockView& block) {
    BlockBuilder builder;
    builder.Add(block, 1, 2);
    return builder.Finish(block.chain());
  });
  EXPECT_THAT(log().ChainAt(Position(3)).status().message(),
              HasSubstr("the event at position 3 of tenant shop is missing; restore"));
}

TEST_F(EventLogTest, I5_BlocksAreNotMergedOverAHole) {
  for (int i = 0; i < 12; ++i) Append('a', "north", 1);
  std::string bytes;
  ASSERT_TRUE(engine_->ReadBlock("shop", Position(4), &bytes).ok());
  ASSERT_TRUE(engine_
                  ->Replace("shop", log().Fence().value(), {Position(3), Position(4), bytes},
                            {Position(3), Position(4)}, {})
                  .ok());
  EXPECT_THAT(log().MergeSmallBlocks().status().message(),
              HasSubstr("positions 3 to 3 of tenant shop are missing"));
}

// ---- concurrency

TEST_F(EventLogTest, I12_ReadersSeeOneOrderWhileOthersAppendAndMerge) {
  constexpr uint64_t kEvents = 400;
  std::promise<void> written;
  std::promise<void> merged;
  const auto writer = MakeThreadExecutor("writer");
  const auto merger = MakeThreadExecutor("merger");
  writer->Post([&] {
    for (uint64_t i = 0; i < kEvents; ++i) Append('a', "north", 1);
    written.set_value();
  });
  merger->Post([&] {
    while (log().head().position < Position(kEvents)) {
      EXPECT_TRUE(log().MergeSmallBlocks().ok());
    }
    merged.set_value();
  });
  const auto all = log().Read(Position(1));
  const auto north = log().ReadScope("north", Position());
  std::vector<uint64_t> seen;
  std::vector<uint64_t> seen_in_scope;
  while (seen.size() < kEvents || seen_in_scope.size() < kEvents) {
    for (const uint64_t position : Positions(*all)) seen.push_back(position);
    for (const uint64_t position : Positions(*north, "north")) seen_in_scope.push_back(position);
  }
  written.get_future().wait();
  merged.get_future().wait();
  EXPECT_EQ(seen, Range(1, kEvents));
  EXPECT_EQ(seen_in_scope, Range(1, kEvents));
  EXPECT_TRUE(Problems().empty());
}

}  // namespace
}  // namespace intentlog
