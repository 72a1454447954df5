// log_scan: the server's log, hot, beside plain RocksDB with the same blocks.
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/benches.h"
#include "tools/bench/plain_rocks.h"
#include "tools/bench/server_data.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 7;

std::string BigEndian(uint64_t number) {
  std::string key;
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

// The log's own blocks as values.
absl::Status CopyBlocks(const EventLog& log, PlainRocks& rocks) {
  const auto reader = log.Read(Position(1));
  std::vector<std::pair<std::string, std::string>> rows;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    rows.emplace_back(BigEndian(reader->block().last().value()), reader->block().bytes());
    if (rows.size() < 100) continue;
    RETURN_IF_ERROR(rocks.PutAll(rows));
    rows.clear();
  }
  if (!rows.empty()) RETURN_IF_ERROR(rocks.PutAll(rows));
  return rocks.FlushAndCompact();
}

absl::StatusOr<double> PlainRate(const PlainRocks& rocks, uint64_t events) {
  const Stopwatch watch;
  uint64_t touched = 0;
  ASSIGN_OR_RETURN(const uint64_t bytes, rocks.Scan([&touched](std::string_view value) {
    touched += static_cast<uint8_t>(value[0]) + static_cast<uint8_t>(value.back());
  }));
  if (bytes == 0 || touched == 0) return Unavailable("plain RocksDB holds nothing");
  return static_cast<double>(events) / watch.Seconds();
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> LogScan(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string dir, YearCopy(context));
  ASSIGN_OR_RETURN(const ServerLog opened, OpenServerLog(dir));
  ASSIGN_OR_RETURN(const std::string plain_dir, context.Fresh("scan-plain"));
  ASSIGN_OR_RETURN(const auto rocks, PlainRocks::Open(plain_dir));
  RETURN_IF_ERROR(CopyBlocks(*opened.log, *rocks));
  const uint64_t events = opened.log->head().position.value();
  RETURN_IF_ERROR(ScanRate(*opened.log).status());  // both hot from here on
  RETURN_IF_ERROR(PlainRate(*rocks, events).status());
  std::vector<Pair> pairs;
  for (int i = 0; i < kPairs; ++i) {
    Pair pair;
    ASSIGN_OR_RETURN(pair.ours, ScanRate(*opened.log));
    ASSIGN_OR_RETURN(pair.beside, PlainRate(*rocks, events));
    pairs.push_back(pair);
  }
  BenchRow row;
  row.name = "log_scan";
  row.unit = "events/s";
  row.durability = "reads what is durable; every block's checksum checked";
  row.beside_name = "plain RocksDB, the same 64 KiB blocks";
  row.target = 0.5;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

}  // namespace intentlog::bench
