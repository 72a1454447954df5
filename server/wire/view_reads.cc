#include "server/wire/view_reads.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"

namespace intentlog {
namespace {

// About what a row of a message takes besides its bytes.
constexpr size_t kRowBytes = 8;

// A view as it is now, with the position that its rows are exactly of: also while more is folded,
// and of a view that is shown but not folded any more. Events above the reader's position that have
// no row to change count too.
struct Moment {
  std::shared_ptr<const ReadModels> models;  // keeps the store
  ViewReader reader;
  Position position;
};

absl::StatusOr<Moment> MomentOf(const Backend& backend, const std::string& tenant,
                                const std::string& view) {
  // Before the rows: then they are not behind it, also if the view is switched in between.
  const Position folded = backend.ViewPosition(tenant);
  ASSIGN_OR_RETURN(auto models, backend.Models(tenant));
  ASSIGN_OR_RETURN(ViewReader reader, models->Read(view));
  const Position position =
      models->IsFolded(view) ? std::max(folded, reader.position()) : reader.position();
  return Moment{std::move(models), std::move(reader), position};
}

class Dump {
 public:
  Dump(const Backend& backend, const DumpViewRequest& request, const ReaderServiceOptions& options)
      : backend_(backend),
        tenant_(request.tenant()),
        view_(request.view()),
        chunk_bytes_(options.chunk_bytes),
        wait_(backend, tenant_, view_, request.at_least_position(), request.wait_ms(), options) {}

  absl::StatusOr<Step> Fill(RowChunk& chunk) {
    if (ended_) return Step::kEnd;
    if (cursor_ == nullptr) {
      ASSIGN_OR_RETURN(const bool ready, wait_.Ready());
      if (!ready) return Step::kWait;
      ASSIGN_OR_RETURN(moment_, MomentOf(backend_, tenant_, view_));
      ASSIGN_OR_RETURN(cursor_, moment_->reader.Scan(RowRange()));
    }
    chunk.set_position(moment_->position.value());
    for (size_t bytes = 0; bytes < chunk_bytes_;) {
      ASSIGN_OR_RETURN(const MergedRow* row, cursor_->Next());
      ended_ = row == nullptr;
      if (ended_) break;
      KeyedRow* out = chunk.add_rows();
      out->set_key(row->key);
      out->set_row(RowBytes(row->row));
      bytes += out->key().size() + out->row().size() + kRowBytes;
    }
    return Step::kWrite;  // also when empty: it tells the position
  }

 private:
  const Backend& backend_;
  const std::string tenant_;
  const std::string view_;
  const size_t chunk_bytes_;
  PositionWait wait_;
  bool ended_ = false;
  std::optional<Moment> moment_;
  std::unique_ptr<RowCursor> cursor_;
};

RowWatchLimits LimitsOf(const WatchRowsRequest& request, const ReaderServiceOptions& options) {
  RowWatchLimits limits = options.watch;
  if (request.keys_max() != 0)
    limits.keys_max = std::min<size_t>(limits.keys_max, request.keys_max());
  return limits;
}

// Rounds: what changed since the round before, sent as of one moment. Between rounds nothing of the
// tenant is held.
class Watching {
 public:
  Watching(const Backend& backend, const WatchRowsRequest& request,
           const ReaderServiceOptions& options)
      : backend_(backend),
        tenant_(request.tenant()),
        view_(request.view()),
        prefix_(request.prefix()),
        only_changes_(request.only_changes()),
        limits_(LimitsOf(request, options)),
        chunk_bytes_(options.chunk_bytes),
        wait_(backend, tenant_, view_, request.at_least_position(), request.wait_ms(), options) {}

  absl::StatusOr<Step> Fill(WatchChunk& chunk) {
    if (!ready_) {
      ASSIGN_OR_RETURN(ready_, wait_.Ready());
      if (!ready_) return Step::kWait;
    }
    if (!round_) {
      ASSIGN_OR_RETURN(const bool begun, BeginRound());
      if (!begun) return Step::kWait;
      chunk.set_begins(round_->changes.begins);
    }
    chunk.set_position(round_->position.value());
    ASSIGN_OR_RETURN(const bool whole,
                     round_->changes.begins ? AddScanned(chunk) : AddChanged(chunk));
    chunk.set_whole(whole);
    if (whole) round_.reset();
    return Step::kWrite;
  }

 private:
  struct Round {
    std::shared_ptr<const ReadModels> models;  // keeps the store
    ReadModels::Changes changes;
    Position position;
    std::unique_ptr<RowCursor> cursor;  // if it begins
  };

  // False if nothing has changed. The first round is one in any case: it says where it stands.
  absl::StatusOr<bool> BeginRound() {
    const Position before = backend_.ViewPosition(tenant_);  // as in MomentOf
    ASSIGN_OR_RETURN(auto models, backend_.Models(tenant_));
    const Position folded = models->IsFolded(view_) ? before : Position();
    const bool first = watch_ == nullptr;
    if (first || !models->Serves(*watch_)) {
      // Not those of the same store: it was opened anew.
      ASSIGN_OR_RETURN(watch_, models->Watch(view_, prefix_, limits_, !first || !only_changes_));
    }
    ASSIGN_OR_RETURN(auto changes, models->TakeChanges(*watch_));
    if (!changes) {
      // Others were opened a moment ago.
      if (first) watch_.reset();
      return false;
    }
    if (!first && !changes->begins && changes->keys.empty()) return false;
    const Position position = std::max(folded, changes->reader.position());
    round_.emplace(Round{std::move(models), *std::move(changes), position, nullptr});
    if (!round_->changes.begins) return true;
    RowRange range;
    range.prefix = prefix_;
    ASSIGN_OR_RETURN(round_->cursor, round_->changes.reader.Scan(range));
    return true;
  }

  // True at the end of the round.
  absl::StatusOr<bool> AddScanned(WatchChunk& chunk) {
    for (size_t bytes = 0; bytes < chunk_bytes_;) {
      ASSIGN_OR_RETURN(const MergedRow* row, round_->cursor->Next());
      if (row == nullptr) return true;
      bytes += AddRow(chunk, row->key, &row->row);
    }
    return false;
  }

  absl::StatusOr<bool> AddChanged(WatchChunk& chunk) {
    auto& keys = round_->changes.keys;
    for (size_t bytes = 0; bytes < chunk_bytes_ && !keys.empty();) {
      ASSIGN_OR_RETURN(const std::optional<Row> row, round_->changes.reader.Get(*keys.begin()));
      bytes += AddRow(chunk, *keys.begin(), row ? &*row : nullptr);
      keys.erase(keys.begin());
    }
    return keys.empty();
  }

  // Of a row that is there, or, if it is null, not any more.
  static size_t AddRow(WatchChunk& chunk, const std::string& key, const Row* row) {
    WatchedRow* out = chunk.add_rows();
    out->set_key(key);
    out->set_removed(row == nullptr);
    if (row != nullptr) out->set_row(RowBytes(*row));
    return out->key().size() + out->row().size() + kRowBytes;
  }

  const Backend& backend_;
  const std::string tenant_;
  const std::string view_;
  const std::string prefix_;
  const bool only_changes_;
  const RowWatchLimits limits_;
  const size_t chunk_bytes_;
  PositionWait wait_;
  bool ready_ = false;
  std::unique_ptr<RowWatch> watch_;
  std::optional<Round> round_;
};

}  // namespace

PositionWait::PositionWait(const Backend& backend, const std::string& tenant,
                           const std::string& view, uint64_t at_least, uint32_t wait_ms,
                           const ReaderServiceOptions& options)
    : backend_(backend),
      tenant_(tenant),
      view_(view),
      position_(at_least),
      limit_(wait_ms == 0 ? options.position_wait_max
                          : std::min(options.position_wait_max, absl::Milliseconds(wait_ms))),
      step_(options.poll_interval) {}

absl::StatusOr<Position> PositionWait::Reached() const {
  ASSIGN_OR_RETURN(const auto models, backend_.Models(tenant_));
  const Position folded = backend_.ViewPosition(tenant_);
  if (view_.empty()) return folded;
  ASSIGN_OR_RETURN(const Position latest, models->Latest(view_));
  if (models->IsFolded(view_)) return std::max(folded, latest);
  // It stays where it is until the view's own version is made, which can take long.
  RETURN_IF_ERROR(models->Read(view_).status());
  if (latest.value() >= position_) return latest;
  return Unavailable("view ", view_, " is shown as version ", models->ShownVersion(view_),
                     " left it at position ", latest, ", not at ", position_,
                     ", until this version is made: ask without a position, or try again later");
}

absl::StatusOr<bool> PositionWait::Ready() {
  if (position_ == 0) return true;
  ASSIGN_OR_RETURN(const Position reached, Reached());
  if (reached.value() >= position_) return true;
  if (waited_ >= limit_) {
    return StatusOf(absl::StatusCode::kDeadlineExceeded,
                    view_.empty() ? "the views are" : Cat("view ", view_, " is"), " at position ",
                    reached, ", not yet at ", position_, ", after ",
                    absl::ToInt64Milliseconds(limit_), " ms");
  }
  waited_ += step_;
  return false;
}

absl::Status FillViews(const Backend& backend, const std::string& tenant, ListViewsReply* reply) {
  ASSIGN_OR_RETURN(const auto models, backend.Models(tenant));
  reply->set_position(backend.ViewPosition(tenant).value());
  for (const auto& projection : models->projections()) {
    const ProjectionInfo info = projection->info();
    ViewInfo* view = reply->add_views();
    view->set_name(info.name);
    view->set_version(models->ShownVersion(info.name));
    ASSIGN_OR_RETURN(const std::vector<ScopeState> scopes, models->Scopes(info.name));
    for (const ScopeState& state : scopes) {
      ScopeDigest* out = view->add_scopes();
      out->set_scope(state.scope);
      out->set_position(state.position.value());
      out->set_digest(state.digest.Bytes());
      out->set_rows(state.rows);
      out->set_parked(state.parked);
    }
  }
  return absl::OkStatus();
}

absl::Status FillRow(const Backend& backend, const GetRowRequest& request, GetRowReply* reply) {
  ASSIGN_OR_RETURN(const Moment moment, MomentOf(backend, request.tenant(), request.view()));
  reply->set_position(moment.position.value());
  ASSIGN_OR_RETURN(const std::optional<Row> row, moment.reader.Get(request.key()));
  if (!row.has_value() || !row->exists()) return absl::OkStatus();
  reply->set_found(true);
  reply->set_row(RowBytes(*row));
  return absl::OkStatus();
}

absl::Status FillPage(const Backend& backend, const ScanRowsRequest& request,
                      const ReaderServiceOptions& options, ScanRowsReply* reply) {
  PageWanted wanted;
  wanted.range = {request.index(), request.from(), request.to(), request.prefix()};
  wanted.after = request.after();
  wanted.rows_max = options.page_rows_max;
  if (request.limit() != 0) wanted.rows_max = std::min<size_t>(wanted.rows_max, request.limit());
  wanted.bytes_max = options.page_bytes;
  ASSIGN_OR_RETURN(const Moment moment, MomentOf(backend, request.tenant(), request.view()));
  ASSIGN_OR_RETURN(RowPage page, moment.reader.Page(wanted));
  for (MergedRow& row : page.rows) {
    KeyedRow* out = reply->add_rows();
    out->set_row(RowBytes(row.row));
    out->set_key(std::move(row.key));
    out->set_index_key(std::move(row.index_key));
  }
  reply->set_position(moment.position.value());
  reply->set_version(page.version);
  reply->set_more(std::move(page.more));
  return absl::OkStatus();
}

std::function<absl::StatusOr<Step>(RowChunk&)> DumpSource(const Backend& backend,
                                                          const DumpViewRequest& request,
                                                          const ReaderServiceOptions& options) {
  auto dump = std::make_shared<Dump>(backend, request, options);
  return [dump](RowChunk& chunk) { return dump->Fill(chunk); };
}

std::function<absl::StatusOr<Step>(WatchChunk&)> WatchSource(const Backend& backend,
                                                             const WatchRowsRequest& request,
                                                             const ReaderServiceOptions& options) {
  auto watching = std::make_shared<Watching>(backend, request, options);
  return [watching](WatchChunk& chunk) { return watching->Fill(chunk); };
}

}  // namespace intentlog
