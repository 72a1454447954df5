#include "tools/commands/open_server.h"

#include <future>
#include <mutex>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "tools/commands/domain.h"
#include "tools/commands/folder.h"

namespace intentlog {

struct OpenServer::Rep {
  std::unique_ptr<Random> random = MakeSystemRandom();
  std::unique_ptr<Executor> core = MakeThreadExecutor("core");
  std::unique_ptr<Executor> commit = MakeThreadExecutor("commit");
  std::unique_ptr<Executor> reader = MakeThreadExecutor("reader");
  std::unique_ptr<Executor> projector = MakeThreadExecutor("projector");
  // Idle until a view is rebuilt.
  std::unique_ptr<Executor> rebuild_0 = MakeThreadExecutor("rebuild-0");
  std::unique_ptr<Executor> rebuild_1 = MakeThreadExecutor("rebuild-1");
  std::unique_ptr<Executor> snapshots = MakeThreadExecutor("snapshots");
  mutable std::mutex mutex;
  std::shared_ptr<const Schema> schema;  // protected by mutex
  std::unique_ptr<Server> server;        // goes before what it runs on
  bool stopped = false;
};

OpenServer::OpenServer(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
OpenServer::OpenServer(OpenServer&&) noexcept = default;
OpenServer::~OpenServer() {
  if (rep_ == nullptr) return;
  Stop();
}

absl::StatusOr<OpenServer> OpenServer::Open(ServerOptions options, const std::string& schema_file) {
  ASSIGN_OR_RETURN(Domain domain, LoadDomain(schema_file));
  options.schema = std::move(domain.schema);
  if (options.projections.empty()) options.projections = std::move(domain.projections);
  auto rep = std::make_unique<Rep>();
  rep->schema = options.schema;
  const std::string dir = options.dir;
  absl::StatusOr<std::unique_ptr<Server>> opened =
      Server::Open(std::move(options), SystemClock(), *rep->random,
                   {rep->core.get(),
                    rep->commit.get(),
                    rep->reader.get(),
                    rep->projector.get(),
                    {rep->rebuild_0.get(), rep->rebuild_1.get()},
                    rep->snapshots.get()});
  if (!opened.ok()) return ExplainDamage(opened.status(), FolderKind::kServer, dir);
  rep->server = *std::move(opened);
  return OpenServer(std::move(rep));
}

Server& OpenServer::server() const { return *rep_->server; }
Executor& OpenServer::core() const { return *rep_->core; }
std::shared_ptr<const Schema> OpenServer::schema() const {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  return rep_->schema;
}

absl::Status OpenServer::AdoptSchema(std::shared_ptr<const Schema> schema) {
  const auto done = std::make_shared<std::promise<absl::Status>>();
  rep_->core->Post([rep = rep_.get(), done, schema = std::move(schema)] {
    const absl::Status status = rep->server->AdoptSchema(schema);
    if (status.ok()) {
      const std::lock_guard<std::mutex> lock(rep->mutex);
      rep->schema = schema;
    }
    done->set_value(status);
  });
  return done->get_future().get();
}

void OpenServer::Stop() {
  if (rep_->stopped) return;
  rep_->stopped = true;
  const auto done = std::make_shared<std::promise<void>>();
  rep_->core->Post([rep = rep_.get(), done] {
    // A task of its own, so that the server's has ended when it may be destroyed.
    rep->server->Stop([rep, done] { rep->core->Post([done] { done->set_value(); }); });
  });
  done->get_future().wait();
}

}  // namespace intentlog
