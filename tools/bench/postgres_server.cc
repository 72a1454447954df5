#include "tools/bench/postgres_server.h"

#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

extern char** environ;

namespace intentlog::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kReadyPatienceMs = 60000;
constexpr int kLookMs = 20;

// Where Debian has the server programs of the newest version; empty if it has none.
std::string ServerPrograms() {
  std::string newest;
  int newest_version = 0;
  std::error_code error;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const int number = std::atoi(version.path().filename().c_str());
    if (number > newest_version && fs::exists(version.path() / "bin/initdb", error) &&
        fs::exists(version.path() / "bin/postgres", error)) {
      newest_version = number;
      newest = (version.path() / "bin").string();
    }
  }
  return newest;
}

// PostgreSQL refuses to run as root.
absl::Status LeaveRoot() {
  if (geteuid() != 0) return absl::OkStatus();
  const passwd* const user = getpwnam("postgres");
  if (user == nullptr) return NotFound("there is no user postgres, and root may not run it");
  if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
      setuid(user->pw_uid) != 0) {
    return Unavailable("cannot become the user postgres: ", std::strerror(errno));
  }
  return absl::OkStatus();
}

// A temporary folder that goes away with all that is in it. In /tmp, because TMPDIR may be closed
// to the user postgres, and because the path of a socket has 107 bytes at most.
class OwnFolder {
 public:
  OwnFolder() : path_("/tmp/intentlog-postgres-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~OwnFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// With the signals that end the keeper let through again; stdout goes where stderr goes.
absl::StatusOr<pid_t> Spawn(std::vector<std::string> args) {
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Unavailable("cannot start ", args[0], ": ", std::strerror(error));
  return pid;
}

// It is not reaped, so that its id remains its own.
bool HasEnded(pid_t pid) {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

// Waits for its end.
absl::Status Reap(pid_t pid, const std::string& name) {
  int code = 0;
  while (waitpid(pid, &code, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(code) && WEXITSTATUS(code) == 0 ? absl::OkStatus()
                                                   : Unavailable(name, " failed");
}

// True: a signal asked the keeper to end.
bool Asked(int signals, int wait_ms) {
  pollfd wanted = {signals, POLLIN, 0};
  return poll(&wanted, 1, wait_ms) > 0;
}

std::vector<std::string> ServerCommand(const std::string& programs, const std::string& dir) {
  // Without its keeper it ends.
  std::vector<std::string> command = {
      "/usr/bin/setpriv", "--pdeathsig", "QUIT", "--", programs + "/postgres", "-D",
      dir + "/data",      "-k",          dir};
  for (const char* setting :
       {"listen_addresses=", "port=5432", "unix_socket_permissions=0700", "max_connections=5",
        // Memory as a server's rebuild has it; a table's pages all fit.
        "shared_buffers=256MB", "work_mem=64MB",
        // One worker is beside one process.
        "max_parallel_workers_per_gather=0",
        // A table made in a transaction is synced at its end and not written twice.
        "wal_level=minimal", "max_wal_senders=0", "max_wal_size=4GB", "checkpoint_timeout=1h",
        // Nothing in the background.
        "autovacuum=off", "logging_collector=off"}) {
    command.insert(command.end(), {"-c", setting});
  }
  return command;
}

// Until a line of the server's own file says that it takes connections.
absl::Status WaitUntilReady(const std::string& dir, pid_t server, int signals) {
  for (int waited = 0; waited < kReadyPatienceMs; waited += kLookMs) {
    std::string text(4096, 0);
    if (FILE* const file = std::fopen((dir + "/data/postmaster.pid").c_str(), "r")) {
      text.resize(std::fread(text.data(), 1, text.size(), file));
      std::fclose(file);
      if (text.find("\nready") != std::string::npos) return absl::OkStatus();
    }
    if (HasEnded(server)) return Unavailable("PostgreSQL ended at once");
    if (Asked(signals, kLookMs)) return absl::CancelledError("asked to end");
  }
  return Unavailable("PostgreSQL is not ready after a minute");
}

// Until the keeper is asked to end.
absl::Status KeepServer(const std::string& programs, const std::string& dir, int signals) {
  // Only who may enter the folder reaches the socket in it, so whoever does is trusted.
  ASSIGN_OR_RETURN(const pid_t initdb,
                   Spawn({programs + "/initdb", "-D", dir + "/data", "-U", "postgres", "-A",
                          "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"}));
  RETURN_IF_ERROR(Reap(initdb, "initdb"));
  if (Asked(signals, 0)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const pid_t server, Spawn(ServerCommand(programs, dir)));
  absl::Status status = WaitUntilReady(dir, server, signals);
  if (status.ok()) {
    std::printf("%s\n", dir.c_str());
    std::fflush(stdout);
    while (!Asked(signals, /*wait_ms=*/-1)) {
    }
  }
  kill(server, SIGQUIT);  // at once: the data go away
  Reap(server, "postgres").IgnoreError();
  return status;
}

}  // namespace

absl::Status KeepPostgresServer() {
  const std::string programs = ServerPrograms();
  if (programs.empty()) return NotFound("no /usr/lib/postgresql/*/bin/initdb");
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ends, signal);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = signalfd(-1, &ends, SFD_CLOEXEC);
  INTENTLOG_CHECK(signals >= 0);
  const pid_t parent = getppid();
  RETURN_IF_ERROR(LeaveRoot());
  // After the change of user, which forgets it.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent || parent == 1) return absl::CancelledError("nobody waits for it");
  if (chdir("/") != 0) return Unavailable("cannot go to /: ", std::strerror(errno));
  const OwnFolder folder;
  if (folder.path().empty()) return Unavailable("no temporary folder: ", std::strerror(errno));
  return KeepServer(programs, folder.path(), signals);
}

PostgresServer::PostgresServer(std::unique_ptr<ChildProcess> keeper, std::string dir)
    : keeper_(std::move(keeper)), dir_(std::move(dir)) {}

PostgresServer::~PostgresServer() { Stop().IgnoreError(); }

absl::Status PostgresServer::Stop() { return keeper_->Stop(); }

absl::StatusOr<std::unique_ptr<PostgresServer>> PostgresServer::Start(const std::string& log_file) {
  if (ServerPrograms().empty()) {
    return NotFound("PostgreSQL is not installed: apt-get install postgresql-15, or tools/setup");
  }
  ASSIGN_OR_RETURN(auto keeper, ChildProcess::Start({"bench-part", "postgres"}, log_file));
  ASSIGN_OR_RETURN(std::string dir, keeper->ReadLine());
  return std::unique_ptr<PostgresServer>(new PostgresServer(std::move(keeper), std::move(dir)));
}

}  // namespace intentlog::bench
