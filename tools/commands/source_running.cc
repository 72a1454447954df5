// A running server, asked through its Reader service.
#include <utility>

#include "client/wire/admin_client.h"
#include "client/wire/reader_client.h"
#include "client/wire/snapshot_client.h"
#include "eventlog/log/chain.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "tools/commands/source.h"
#include "tools/commands/stats_json.h"

namespace intentlog {
namespace {

class RunningServer final : public Source {
 public:
  RunningServer(Domain domain, const SourceOptions& options)
      : Source(std::move(domain)),
        tenant_(options.tenant.empty() ? "default" : options.tenant),
        reader_({.address = options.server}, tenant_),
        admin_({.address = options.server}),
        snapshots_({.address = options.server}, tenant_) {}

  absl::Status ReadEvents(const EventsWanted& wanted, const TakeEvent& take) override {
    return reader_.ReadEvents({.from = wanted.from, .limit = wanted.limit, .follow = wanted.follow},
                              [&take](const EventRef& event, Position) { return take(event); });
  }

  absl::StatusOr<Reach> EventsThrough() override {
    ASSIGN_OR_RETURN(const Position head, Head());
    return Reach{head, "", head};
  }

  absl::StatusOr<Json> Stats() override {
    ASSIGN_OR_RETURN(const StatsReply stats, reader_.Stats());
    return StatsJson(stats);
  }

  // The chain from the first event on, against that of each block and of the head.
  absl::StatusOr<Verified> Verify() override {
    ASSIGN_OR_RETURN(const StatsReply stats, reader_.Stats());
    Verified verified;
    ChainValue chain = {};
    const auto check = [&](const BlockView& block, Position) {
      ++verified.blocks;
      for (size_t i = 0; i < block.size(); ++i) {
        const EventRef event = block.event(i);
        if (event.position <= verified.head) continue;
        if (event.position != verified.head.Next()) {
          verified.problems.push_back(Cat("position ", verified.head.Next(), " is missing"));
          return false;
        }
        chain = NextChain(chain, event.header, event.intent);
        verified.head = event.position;
        ++verified.events;
      }
      if (chain == block.chain()) return true;
      verified.problems.push_back(
          Cat("the chain does not hold at position ", verified.head,
              ": an event at or before it is not as it was written; restore from a backup"));
      return false;
    };
    RETURN_IF_ERROR(reader_.ReadBlocks({.from = Position(1)}, check));
    if (verified.problems.empty() && verified.head.value() < stats.head()) {
      verified.problems.push_back(
          Cat("the log ends at position ", verified.head, ", and its head is ", stats.head()));
    }
    return verified;
  }

  absl::StatusOr<std::vector<ViewSummary>> Views() override {
    ASSIGN_OR_RETURN(const ListViewsReply reply, reader_.ListViews());
    std::vector<ViewSummary> views;
    for (const ViewInfo& info : reply.views()) {
      ViewSummary view{info.name(), info.version(), {}};
      RETURN_IF_ERROR(AddBefore(view));
      for (const ScopeDigest& scope : info.scopes()) {
        ScopeState state{
            scope.scope(), Position(scope.position()), {}, scope.rows(), scope.parked()};
        if (!Digest128::FromBytes(scope.digest(), &state.digest)) {
          return DataLoss("the server sent a digest of ", scope.digest().size(), " bytes");
        }
        view.scopes.push_back(std::move(state));
      }
      views.push_back(std::move(view));
    }
    return views;
  }

  absl::StatusOr<Position> Dump(const std::string& view, const TakeRow& take) override {
    ASSIGN_OR_RETURN(const Projection* projection, FindView(view));
    bool began = false;
    const auto print = [&](std::string_view key, std::string_view bytes) -> absl::Status {
      began = true;
      ASSIGN_OR_RETURN(const Row row, RowFromBytes(*projection, bytes));
      return take(key, row);
    };
    return AtHead([&](const ReadAt& at) { return reader_.DumpView(view, at, print); }, &began);
  }

  absl::StatusOr<AsOfBases*> Bases() override { return &snapshots_; }

  absl::StatusOr<std::optional<Row>> Get(const std::string& view, const std::string& key) override {
    ASSIGN_OR_RETURN(const Projection* projection, FindView(view));
    ASSIGN_OR_RETURN(const GetRowReply reply,
                     AtHead([&](const ReadAt& at) { return reader_.GetRow(view, key, at); }));
    if (!reply.found()) return std::optional<Row>();
    ASSIGN_OR_RETURN(Row row, RowFromBytes(*projection, reply.row()));
    return std::optional<Row>(std::move(row));
  }

  absl::StatusOr<RowPage> Page(const std::string& view, const PageWanted& wanted) override {
    ASSIGN_OR_RETURN(const Projection* projection, FindView(view));
    ScanRowsOptions options;
    options.index = wanted.range.index;
    options.from = wanted.range.from;
    options.to = wanted.range.to;
    options.prefix = wanted.range.prefix;
    options.after = wanted.after;
    options.limit = static_cast<uint32_t>(wanted.rows_max);
    ASSIGN_OR_RETURN(ScanRowsReply reply, AtHead([&](const ReadAt& at) {
                       options.at = at;
                       return reader_.ScanRows(view, options);
                     }));
    RowPage page;
    for (KeyedRow& row : *reply.mutable_rows()) {
      ASSIGN_OR_RETURN(Row parsed, RowFromBytes(*projection, row.row()));
      page.rows.push_back({row.key(), std::move(parsed), row.index_key()});
    }
    page.more = reply.more();
    page.position = Position(reply.position());
    page.version = reply.version();
    return page;
  }

  absl::Status Watch(const std::string& view, const RowsWatched& wanted,
                     const TakeChunk& take) override {
    WatchRowsOptions options;
    options.prefix = wanted.prefix;
    options.only_changes = wanted.only_changes;
    options.duration = wanted.duration;
    return reader_.WatchRows(view, options, take);
  }

 private:
  // Reads what has everything that was in the log when it was asked for; of a view that is shown as
  // an older version left it, that, unless something of it was `began`.
  template <class Read>
  auto AtHead(Read read, const bool* began = nullptr) const -> decltype(read(ReadAt())) {
    ASSIGN_OR_RETURN(const Position head, Head());
    auto result = read(ReadAt{head, absl::ZeroDuration()});
    const bool again = absl::IsUnavailable(result.status()) && (began == nullptr || !*began);
    if (again) result = read(ReadAt());
    return result;
  }
  absl::StatusOr<Position> Head() const {
    ASSIGN_OR_RETURN(const StatsReply stats, reader_.Stats());
    return Position(stats.head());
  }

  absl::Status AddBefore(ViewSummary& view) const {
    if (view.version == 0) return absl::OkStatus();  // it is being made
    OperateViewRequest request;
    request.set_tenant(tenant_);
    request.set_view(view.name);
    const absl::StatusOr<OperateViewReply> reply = admin_.OperateView(request);
    // Nothing is folded yet, or the server is of a time before there was anything to tell.
    if (absl::IsFailedPrecondition(reply.status()) || absl::IsUnimplemented(reply.status())) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(reply.status());
    view.before_version = reply->record().previous().version();
    view.before_until_us = reply->roll_back_until_us();
    view.before_ended_us = reply->record().previous_ended_us();
    return absl::OkStatus();
  }

  const std::string tenant_;
  const ReaderClient reader_;
  const AdminClient admin_;
  SnapshotClient snapshots_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> OpenRunningServer(const SourceOptions& options) {
  RETURN_IF_ERROR(CheckAddress(options.server));
  ASSIGN_OR_RETURN(Domain domain, LoadDomain(options.schema_file));
  return std::unique_ptr<Source>(std::make_unique<RunningServer>(std::move(domain), options));
}

}  // namespace intentlog
