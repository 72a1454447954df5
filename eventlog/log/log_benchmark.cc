// What adding, scanning and decoding cost:
//
//   bazel run -c opt //eventlog/log:log_benchmark
//
// Figures of this machine are in README.md.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/log/chain.h"
#include "eventlog/log/event.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/rocksdb_engine.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/random.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

const LogId kLog = LogId::FromBytes("0123456789abcdef");

struct Made {
  Header header;
  std::string header_bytes;
  std::string intent_bytes;
};

// An order line as a shop writes it, about 300 bytes with its header.
Made MakeLine(Random& random, uint64_t position) {
  commerce::OrderLineAdded line;
  line.set_order_id(std::to_string(536'365 + position / 20));
  line.set_product_id(std::to_string(20'000 + random.Below(4'000)));
  line.set_description("WHITE HANGING HEART T-LIGHT HOLDER");
  line.set_quantity(static_cast<int64_t>(1 + random.Below(24)));
  line.set_unit_price_micros(2'550'000);
  line.set_sold_at_us(1'291'190'760'000'000);
  line.set_customer_id("17850");
  line.set_country("United Kingdom");
  Intent intent;
  intent.set_intent_id(random.Bytes(16));
  intent.set_type("intentlog.commerce.OrderLineAdded");
  intent.set_entity_type("order");
  intent.set_entity_id(line.order_id());
  intent.set_scope("shop-1");
  intent.set_schema_version(1);
  intent.mutable_based_on()->set_epoch_id(std::string(16, 'e'));
  intent.mutable_based_on()->set_position(position / 2);
  intent.set_device_time_us(1'700'000'000'000'000);
  intent.set_hlc(uint64_t{1'700'000'000'000} << 16);
  intent.set_payload(line.SerializeAsString());
  Made made;
  made.header.set_position(position);
  made.header.set_server_time_us(1'700'000'000'000'000);
  made.header.set_version(position % 20 + 1);
  made.header.set_log_id(std::string(kLog.bytes()));
  made.header.set_count(position);
  made.header.set_decision(ACCEPTED);
  made.header_bytes = made.header.SerializeAsString();
  made.intent_bytes = intent.SerializeAsString();
  return made;
}

std::vector<Made> MakeLines(uint64_t first, size_t count) {
  SeededRandom random(first);
  std::vector<Made> lines;
  for (size_t i = 0; i < count; ++i) lines.push_back(MakeLine(random, first + i));
  return lines;
}

void Chain(benchmark::State& state) {
  const std::string header(60, 'h');
  const std::string intent(240, 'i');
  ChainValue chain = {};
  for (auto _ : state) chain = NextChain(chain, header, intent);
  benchmark::DoNotOptimize(chain);
}
BENCHMARK(Chain);

void AddToGroup(benchmark::State& state) {
  constexpr size_t kEvents = 1000;
  const std::vector<Made> lines = MakeLines(1, kEvents);
  size_t bytes = 0;
  for (auto _ : state) {
    EventGroup group(LogEnd(), EventLogOptions{});
    for (const Made& line : lines) {
      group.Add(line.header, line.header_bytes, line.intent_bytes, "shop-1");
    }
    bytes = group.bytes();
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
  state.counters["bytes_per_event"] = static_cast<double>(bytes) / kEvents;
}
BENCHMARK(AddToGroup);

void ParseBlock(benchmark::State& state) {
  const std::vector<Made> lines = MakeLines(1, 220);
  BlockBuilder builder;
  for (const Made& line : lines) {
    builder.Add(
        {Position(line.header.position()), "shop-1", true, line.header_bytes, line.intent_bytes});
  }
  const std::string block = builder.Finish({});
  for (auto _ : state) benchmark::DoNotOptimize(BlockView::Parse(block));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * lines.size()));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * block.size()));
}
BENCHMARK(ParseBlock);

void Decode(benchmark::State& state) {
  const std::vector<Made> lines = MakeLines(1, 1000);
  EventDecoder decoder(Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()}));
  for (auto _ : state) {
    for (const Made& line : lines) {
      const auto event = decoder.Decode(
          {Position(line.header.position()), "shop-1", true, line.header_bytes, line.intent_bytes});
      INTENTLOG_CHECK(event.ok() && (*event)->As<commerce::OrderLineAdded>() != nullptr);
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * lines.size()));
}
BENCHMARK(Decode);

// A log of 300,000 order lines in appends of 2,000, flushed by itself; made once.
class StoredLog {
 public:
  static constexpr uint64_t kEvents = 300'000;

  static StoredLog& Get() {
    static StoredLog stored;
    return stored;
  }
  EventLog& log() { return *log_; }
  const Store& store() const { return engine_->store(); }
  ~StoredLog() {
    log_ = nullptr;
    engine_ = nullptr;
    std::filesystem::remove_all(dir_);
  }

 private:
  StoredLog() : dir_(std::filesystem::temp_directory_path() / "intentlog_log_benchmark") {
    std::filesystem::remove_all(dir_);
    engine_ = std::move(RocksdbEngine::Open(dir_, StoreOptions()).value());
    log_ = std::move(
        EventLog::Open(*engine_, "shop", EpochId::FromBytes("0123456789abcdef"), {}).value());
    INTENTLOG_CHECK(log_->Fence().ok());
    constexpr size_t kAtOnce = 2000;
    for (uint64_t first = 1; first <= kEvents; first += kAtOnce) {
      EventGroup group(log_->head(), EventLogOptions{});
      for (const Made& line : MakeLines(first, kAtOnce)) {
        group.Add(line.header, line.header_bytes, line.intent_bytes, "shop-1");
      }
      INTENTLOG_CHECK(log_->Append(std::move(group)).ok());
    }
  }

  const std::string dir_;
  std::unique_ptr<RocksdbEngine> engine_;
  std::unique_ptr<EventLog> log_;
};

void ScanLog(benchmark::State& state) {
  EventLog& log = StoredLog::Get().log();
  size_t bytes = 0;
  for (auto _ : state) {
    const auto reader = log.Read(Position(1));
    uint64_t events = 0;
    while (reader->Next().value()) {
      events += reader->block().size();
      bytes += reader->block().bytes().size();
    }
    INTENTLOG_CHECK(events == StoredLog::kEvents);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * StoredLog::kEvents));
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(ScanLog)->Unit(benchmark::kMillisecond);

// The same bytes through the store alone: what the log adds is the difference.
void ScanStore(benchmark::State& state) {
  StoredLog::Get();
  size_t bytes = 0;
  for (auto _ : state) {
    const auto cursor = StoredLog::Get().store().Scan(Space::kLog);
    for (cursor->Seek(""); cursor->Valid(); cursor->Next()) bytes += cursor->value().size();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * StoredLog::kEvents));
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(ScanStore)->Unit(benchmark::kMillisecond);

void ScanScope(benchmark::State& state) {
  EventLog& log = StoredLog::Get().log();
  for (auto _ : state) {
    const auto reader = log.ReadScope("shop-1", Position());
    while (reader->Next().value()) benchmark::DoNotOptimize(reader->block().size());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * StoredLog::kEvents));
}
BENCHMARK(ScanScope)->Unit(benchmark::kMillisecond);

void ScanAndDecode(benchmark::State& state) {
  EventLog& log = StoredLog::Get().log();
  EventDecoder decoder(Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()}));
  for (auto _ : state) {
    const auto reader = log.Read(Position(1));
    while (reader->Next().value()) {
      for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
        INTENTLOG_CHECK(decoder.Decode(reader->block().event(i)).ok());
      }
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * StoredLog::kEvents));
}
BENCHMARK(ScanAndDecode)->Unit(benchmark::kMillisecond);

void AppendDurably(benchmark::State& state) {
  const auto events = static_cast<size_t>(state.range(0));
  EventLog& log = StoredLog::Get().log();
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<Made> lines = MakeLines(log.head().position.value() + 1, events);
    state.ResumeTiming();
    EventGroup group(log.head(), EventLogOptions{});
    for (const Made& line : lines) {
      group.Add(line.header, line.header_bytes, line.intent_bytes, "shop-1");
    }
    INTENTLOG_CHECK(log.Append(std::move(group)).ok());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * events));
}
BENCHMARK(AppendDurably)->Arg(1)->Arg(1000)->Iterations(100)->UseRealTime();

}  // namespace
}  // namespace intentlog

BENCHMARK_MAIN();
