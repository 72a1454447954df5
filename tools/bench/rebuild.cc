// rebuild: all views from the server's log with one worker, beside SQLite grouping the same lines.
#include <set>

#include "eventlog/log/event.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/store.h"
#include "projections/engine/read_models.h"
#include "projections/views/commerce_views.h"
#include "tools/bench/benches.h"
#include "tools/bench/lines_table.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/plain_sqlite.h"
#include "tools/bench/server_data.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 3;
// A rebuild has a server's memory: rows in hand before they are written, and rows kept for what
// comes next, which hold the products of eight shops.
constexpr size_t kCommitBytes = 32 << 20;
constexpr size_t kKeptRowsBytes = 64 << 20;

// Writes what was folded: rows, digests and checkpoints of the scopes that were touched.
absl::Status CommitFold(ReadModels& models, Store& store, std::set<std::string>& scopes,
                        Position through, Sync sync) {
  StoreBatch batch;
  for (const std::string& scope : scopes) RETURN_IF_ERROR(models.Finish(scope, through, batch));
  scopes.clear();
  RETURN_IF_ERROR(store.Commit(batch, sync));
  models.Committed();
  return absl::OkStatus();
}

absl::StatusOr<double> FoldAll(const EventLog& log, const std::string& dir) {
  StoreOptions options;
  options.role = "server-views";
  ASSIGN_OR_RETURN(const auto store, Store::Open(dir, options));
  const Stopwatch watch;
  ReadModelsOptions reading;
  reading.kept_rows_bytes_max = kKeptRowsBytes;
  ASSIGN_OR_RETURN(const auto models, ReadModels::Open(*store, CommerceViews(), reading));
  EventDecoder decoder(ShopSchema());
  std::set<std::string> scopes;
  uint64_t events = 0;
  Position through;
  const auto reader = log.Read(Position(1));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    const BlockView& block = reader->block();
    for (size_t i = 0; i < block.size(); ++i) {
      const EventRef ref = block.event(i);
      if (!ref.in_feed) continue;
      ASSIGN_OR_RETURN(const Event* event, decoder.Decode(ref));
      RETURN_IF_ERROR(models->Add(*event));
    }
    for (const std::string_view scope : block.scopes()) scopes.emplace(scope);
    events += block.size();
    through = block.last();
    if (models->pending_bytes() < kCommitBytes) continue;
    RETURN_IF_ERROR(CommitFold(*models, *store, scopes, through, Sync::kBuffered));
  }
  RETURN_IF_ERROR(CommitFold(*models, *store, scopes, through, Sync::kDurable));
  const double seconds = watch.Seconds();
  ASSIGN_OR_RETURN(const auto countries, models->Scopes("sales_by_country"));
  if (countries.size() != kYearShops || events != kYearLines) {
    return DataLoss("rebuilt ", countries.size(), " scopes from ", events, " events");
  }
  return static_cast<double>(events) / seconds;
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> Rebuild(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string dir, YearCopy(context));
  ASSIGN_OR_RETURN(const ServerLog opened, OpenServerLog(dir));
  ASSIGN_OR_RETURN(const std::string file, context.Fresh("lines.sqlite"));
  ASSIGN_OR_RETURN(const auto sqlite, PlainSqlite::Open(file));
  RETURN_IF_ERROR(FillLines(*opened.log, *sqlite));
  std::vector<Pair> pairs;
  for (int i = 0; i < kPairs; ++i) {
    Pair pair;
    ASSIGN_OR_RETURN(const std::string views, context.Fresh("rebuilt-views"));
    ASSIGN_OR_RETURN(pair.ours, FoldAll(*opened.log, views));
    ASSIGN_OR_RETURN(pair.beside, GroupLines(ViewQueries(), *sqlite));
    pairs.push_back(pair);
  }
  BenchRow row;
  row.name = "rebuild";
  row.unit = "events/s";
  row.durability = "all rows, digests and checkpoints synced at the end";
  row.beside_name = "SQLite, eight GROUP BYs from an event table";
  row.target = 1;
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

}  // namespace intentlog::bench
