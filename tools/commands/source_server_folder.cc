// The data folder of a server that is not running: the server's own core opens it, without a
// transport.
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <utility>

#include "eventlog/log/verify.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/snapshot/snapshot_bases.h"
#include "tools/commands/folder.h"
#include "tools/commands/open_server.h"
#include "tools/commands/source.h"
#include "tools/commands/stats_json.h"
#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

// Counts how often something happened, so that another thread can wait for more. Thread-safe.
class Ticks {
 public:
  void Add() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  uint64_t count() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return count_;
  }
  void WaitForMoreThan(uint64_t count) const {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return count_ > count; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  uint64_t count_ = 0;  // protected by mutex_
};

class ServerFolder final : public Source {
 public:
  ServerFolder(Domain domain, OpenServer server, std::string tenant)
      : Source(std::move(domain)), server_(std::move(server)), tenant_(std::move(tenant)) {
    server_.core().Post([server = &server_.server(), ticks = ticks_] {
      server->OnProgress([ticks] { ticks->Add(); });
      ticks->Add();  // for what happened before
    });
  }

  absl::Status ReadEvents(const EventsWanted& wanted, const TakeEvent& take) override {
    ASSIGN_OR_RETURN(const auto log, server_.server().Log(tenant_));
    const auto reader = log->Read(std::max(wanted.from, Position(1)));
    uint64_t left = wanted.limit == 0 ? UINT64_MAX : wanted.limit;
    while (left > 0) {
      ASSIGN_OR_RETURN(const bool more, reader->Next());
      if (!more) break;
      for (size_t i = reader->begin(); i < reader->block().size() && left > 0; ++i, --left) {
        if (!take(reader->block().event(i))) return absl::OkStatus();
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Reach> EventsThrough() override {
    ASSIGN_OR_RETURN(const auto log, server_.server().Log(tenant_));
    const Position head = log->head().position;
    return Reach{head, "", head};
  }

  absl::StatusOr<Json> Stats() override {
    RETURN_IF_ERROR(FoldAll());
    ASSIGN_OR_RETURN(const StatsReply stats, server_.server().Stats(tenant_));
    return StatsJson(stats);
  }

  absl::StatusOr<Verified> Verify() override {
    ASSIGN_OR_RETURN(const auto log, server_.server().Log(tenant_));
    ASSIGN_OR_RETURN(LogVerification found, VerifyLog(*log));
    Verified verified;
    verified.events = found.events;
    verified.blocks = found.blocks;
    verified.head = found.head;
    verified.problems = std::move(found.problems);
    ASSIGN_OR_RETURN(const auto models, server_.server().Models(tenant_));
    RETURN_IF_ERROR(AddRows(models->Freeze(), verified));
    return verified;
  }

  absl::StatusOr<std::vector<ViewSummary>> Views() override {
    ASSIGN_OR_RETURN(const auto models, Folded());
    std::vector<ViewSummary> views;
    for (const auto& projection : models->projections()) {
      const ProjectionInfo info = projection->info();
      ASSIGN_OR_RETURN(std::vector<ScopeState> scopes, models->Scopes(info.name));
      views.push_back({info.name, models->ShownVersion(info.name), std::move(scopes)});
      AddBefore(views.back());
    }
    return views;
  }

  absl::StatusOr<Position> Dump(const std::string& view, const TakeRow& take) override {
    ASSIGN_OR_RETURN(const Reach reach, EventsThrough());
    ASSIGN_OR_RETURN(const auto models, Folded());
    Position through = reach.last;
    if (!models->IsFolded(view)) {
      ASSIGN_OR_RETURN(through, models->Latest(view));
    }
    ASSIGN_OR_RETURN(const auto cursor, models->Scan(view));
    while (true) {
      ASSIGN_OR_RETURN(const MergedRow* row, cursor->Next());
      if (row == nullptr) return through;
      RETURN_IF_ERROR(take(row->key, row->row));
    }
  }

  absl::StatusOr<AsOfBases*> Bases() override {
    if (bases_ == nullptr) {
      ASSIGN_OR_RETURN(snapshots_, server_.server().Snapshots(tenant_));
      bases_ = std::make_unique<SnapshotBases>(*snapshots_);
    }
    return bases_.get();
  }

  absl::StatusOr<std::optional<Row>> Get(const std::string& view, const std::string& key) override {
    ASSIGN_OR_RETURN(const auto models, Folded());
    return models->Get(view, key);
  }

  absl::StatusOr<RowPage> Page(const std::string& view, const PageWanted& wanted) override {
    ASSIGN_OR_RETURN(const auto models, Folded());
    return models->Page(view, wanted);
  }

 private:
  void AddBefore(ViewSummary& view) {
    const auto asked = std::make_shared<std::promise<absl::StatusOr<ViewState>>>();
    server_.core().Post([this, asked, name = view.name] {
      asked->set_value(server_.server().StateOfView(tenant_, name));
    });
    const absl::StatusOr<ViewState> state = asked->get_future().get();
    if (!state.ok()) return;  // nothing is folded yet
    view.before_version = state->record.previous().version();
    view.before_until_us = state->roll_back_until_us;
    view.before_ended_us = state->record.previous_ended_us();
  }
  absl::StatusOr<std::shared_ptr<const ReadModels>> Folded() {
    RETURN_IF_ERROR(FoldAll());
    return server_.server().Models(tenant_);
  }
  // The server may have ended before its views had all of the log.
  absl::Status FoldAll() {
    ASSIGN_OR_RETURN(const auto log, server_.server().Log(tenant_));
    const Position head = log->head().position;
    ProgressBar bar("folding", head.value());
    while (true) {
      const uint64_t ticks = ticks_->count();
      const Position now = server_.server().ViewPosition(tenant_);
      if (now >= head && !server_.server().IsMakingViews(tenant_)) return absl::OkStatus();
      RETURN_IF_ERROR(server_.server().health());
      bar.Update(now.value());
      ticks_->WaitForMoreThan(ticks);
    }
  }

  const std::shared_ptr<Ticks> ticks_ = std::make_shared<Ticks>();
  OpenServer server_;
  const std::string tenant_;
  std::shared_ptr<const SnapshotFolder> snapshots_;
  std::unique_ptr<SnapshotBases> bases_;  // of snapshots_; null until asked for
};

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> OpenServerFolder(const SourceOptions& options) {
  ASSIGN_OR_RETURN(Domain domain, LoadDomain(options.schema_file));
  ServerOptions server_options;
  server_options.dir = options.dir;
  absl::StatusOr<OpenServer> server = OpenServer::Open(server_options, options.schema_file);
  if (!server.ok()) return ExplainInUse(server.status());
  return std::unique_ptr<Source>(std::make_unique<ServerFolder>(
      std::move(domain), std::move(*server), options.tenant.empty() ? "default" : options.tenant));
}

}  // namespace intentlog
