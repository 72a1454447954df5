#include "server/wire/grpc_server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

struct HostPort {
  std::string host;  // without brackets
  std::string port;
};

absl::StatusOr<HostPort> SplitAddress(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return Invalid("\"", listen, "\" is no address: HOST:PORT is wanted, such as 127.0.0.1:7420");
  }
  HostPort parts{listen.substr(0, colon), listen.substr(colon + 1)};
  unsigned port = 0;
  const char* end = parts.port.data() + parts.port.size();
  const auto parsed = std::from_chars(parts.port.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port > 65535) {
    return Invalid("\"", listen, "\" has no port from 0 to 65535 after the colon");
  }
  if (parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  }
  return parts;
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

int Millis(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// A device that is one too many is told so, which takes a connection for a moment: an eighth of
// them is left for that, for readers and for operators.
SyncServiceOptions SyncOf(const GrpcServerOptions& options) {
  SyncServiceOptions sync = options.sync;
  const size_t possible = ConnectionsPossible(options.listener);
  if (possible < options.listener.connections_max) {
    sync.streams_max = std::min(sync.streams_max, possible - possible / 8);
  }
  return sync;
}

void Configure(const GrpcServerOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.frame_bytes_max));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection_max);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.metadata_bytes_max);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             Millis(options.handshake_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(options.keepalive_interval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Millis(options.min_ping_interval));
  grpc::ResourceQuota quota("intentlog");
  quota.Resize(options.memory_bytes_max);
  builder.SetResourceQuota(quota);
}

}  // namespace

struct GrpcServer::Rep {
  Rep(Backend& backend, const GrpcServerOptions& options)
      : reader_executor(MakeThreadExecutor("reader-rpc")),
        sync(backend, SyncOf(options)),
        reader(backend, *reader_executor, options.reader),
        snapshots(backend, *reader_executor, SnapshotServiceOptions()) {
    if (FleetBackend* const fleet = backend.fleet()) {
      admin = std::make_unique<AdminService>(*fleet, *reader_executor, options.admin);
    }
  }

  const std::unique_ptr<Executor> reader_executor;
  SyncService sync;
  ReaderService reader;
  SnapshotService snapshots;
  std::unique_ptr<AdminService> admin;  // null: the backend has no fleet
  std::string address;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  std::unique_ptr<grpc::Server> server;
};

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(Backend& backend,
                                                              const GrpcServerOptions& options) {
  ASSIGN_OR_RETURN(const HostPort address, SplitAddress(options.listen));
  if (!IsLoopback(address.host) && !options.insecure) {
    return Invalid(options.listen,
                   " can be reached from other machines, and connections are not encrypted yet: "
                   "listen on 127.0.0.1, or say --insecure");
  }
  auto rep = std::make_unique<Rep>(backend, options);
  ListenerOptions listener = options.listener;
  listener.unacknowledged_max = options.keepalive_timeout;
  ASSIGN_OR_RETURN(rep->listener, Listener::Open(address.host, address.port, listener));
  grpc::ServerBuilder builder;
  Configure(options, builder);
  using External = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  rep->acceptor = builder.experimental().AddExternalConnectionAcceptor(
      External::FROM_FD, grpc::InsecureServerCredentials());
  builder.RegisterService(&rep->sync);
  builder.RegisterService(&rep->reader);
  builder.RegisterService(&rep->snapshots);
  if (rep->admin != nullptr) builder.RegisterService(rep->admin.get());
  rep->server = builder.BuildAndStart();
  if (rep->server == nullptr) return Unavailable("gRPC does not serve on ", options.listen);
  rep->address =
      Cat(options.listen.substr(0, options.listen.rfind(':')), ":", rep->listener->port());
  rep->listener->Start([acceptor = rep->acceptor.get()](int listener_fd, int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = listener_fd;
    connection.fd = fd;
    acceptor->HandleNewConnection(&connection);
  });
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(rep)));
}

GrpcServer::GrpcServer(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

GrpcServer::~GrpcServer() { Stop(); }

const std::string& GrpcServer::address() const { return rep_->address; }

size_t GrpcServer::streams() const { return rep_->sync.streams(); }

absl::Status GrpcServer::room() const {
  if (!rep_->listener->full()) return absl::OkStatus();
  return Exhausted("new connections wait: ", rep_->listener->connections(),
                   " are open, and there are no descriptors for more, or more are not allowed; "
                   "raise the limit of open files (ulimit -n)");
}

void GrpcServer::Stop(absl::Duration limit) {
  if (rep_->server == nullptr) return;
  rep_->listener->Stop();
  rep_->sync.StopAccepting();
  rep_->reader.Stop();
  rep_->snapshots.Stop();
  if (rep_->admin != nullptr) rep_->admin->Stop();
  rep_->server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(limit));
  // What follows takes only as long as tasks that are posted already.
  INTENTLOG_CHECK(rep_->sync.WaitUntilIdle(absl::Seconds(60)));
  INTENTLOG_CHECK(rep_->reader.WaitUntilIdle(absl::Seconds(60)));
  INTENTLOG_CHECK(rep_->snapshots.WaitUntilIdle(absl::Seconds(60)));
  if (rep_->admin != nullptr) INTENTLOG_CHECK(rep_->admin->WaitUntilIdle(absl::Seconds(60)));
  rep_->server.reset();
}

}  // namespace intentlog
