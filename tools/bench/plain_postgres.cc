#include "tools/bench/plain_postgres.h"

#include <dlfcn.h>
#include <postgresql/libpq-fe.h>

#include <charconv>
#include <type_traits>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog::bench {
namespace {

// libpq's functions. The library is loaded when it is wanted, because it brings twenty others with
// it, which would be in the memory of every server and device that runs this program.
struct Libpq {
  decltype(&PQclear) clear;
  decltype(&PQconnectdbParams) connect;
  decltype(&PQerrorMessage) error_message;
  decltype(&PQexec) exec;
  decltype(&PQfinish) finish;
  decltype(&PQgetResult) get_result;
  decltype(&PQgetvalue) get_value;
  decltype(&PQnfields) fields;
  decltype(&PQntuples) tuples;
  decltype(&PQputCopyData) put_copy_data;
  decltype(&PQputCopyEnd) put_copy_end;
  decltype(&PQresultStatus) result_status;
  decltype(&PQserverVersion) server_version;
  decltype(&PQstatus) status;
  bool complete;  // all were found
};

Libpq LoadLibpq() {
  Libpq pq = {};
  pq.complete = true;
  void* const library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  const auto load = [&](auto& function, const char* name) {
    void* const found = library == nullptr ? nullptr : dlsym(library, name);
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(found);
    pq.complete = pq.complete && found != nullptr;
  };
  load(pq.clear, "PQclear");
  load(pq.connect, "PQconnectdbParams");
  load(pq.error_message, "PQerrorMessage");
  load(pq.exec, "PQexec");
  load(pq.finish, "PQfinish");
  load(pq.get_result, "PQgetResult");
  load(pq.get_value, "PQgetvalue");
  load(pq.fields, "PQnfields");
  load(pq.tuples, "PQntuples");
  load(pq.put_copy_data, "PQputCopyData");
  load(pq.put_copy_end, "PQputCopyEnd");
  load(pq.result_status, "PQresultStatus");
  load(pq.server_version, "PQserverVersion");
  load(pq.status, "PQstatus");
  return pq;
}

// Never unloaded.
const Libpq& Pq() {
  static const Libpq pq = LoadLibpq();
  return pq;
}

struct FreeResult {
  void operator()(PGresult* result) const { Pq().clear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

}  // namespace

absl::StatusOr<std::unique_ptr<PlainPostgres>> PlainPostgres::Open(const std::string& dir) {
  if (!Pq().complete) return NotFound("libpq is not installed: apt-get install libpq5");
  const char* const names[] = {"host", "port", "user", "dbname", "options", nullptr};
  const char* const values[] = {
      dir.c_str(), "5432", "postgres", "postgres", "-c client_min_messages=warning", nullptr};
  std::unique_ptr<PlainPostgres> postgres(
      new PlainPostgres(Pq().connect(names, values, /*expand_dbname=*/0)));
  if (Pq().status(postgres->connection_) != CONNECTION_OK) return postgres->Failed("connect");
  return postgres;
}

PlainPostgres::~PlainPostgres() { Pq().finish(connection_); }

std::string PlainPostgres::name() const {
  const int version = Pq().server_version(connection_);
  return Cat("PostgreSQL ", version / 10000, ".", version % 10000);
}

absl::Status PlainPostgres::Failed(std::string_view what) const {
  std::string why = Pq().error_message(connection_);
  while (!why.empty() && why.back() == '\n') why.pop_back();
  return Unavailable("PostgreSQL, ", what, ": ", why);
}

absl::Status PlainPostgres::Run(const std::string& sql) {
  const Result result(Pq().exec(connection_, sql.c_str()));
  const ExecStatusType status = Pq().result_status(result.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? absl::OkStatus() : Failed(sql);
}

absl::StatusOr<std::vector<int64_t>> PlainPostgres::Integers(const std::string& sql) {
  const Result result(Pq().exec(connection_, sql.c_str()));
  if (Pq().result_status(result.get()) != PGRES_TUPLES_OK) return Failed(sql);
  if (Pq().tuples(result.get()) != 1) return Unavailable("PostgreSQL gives not one row: ", sql);
  std::vector<int64_t> integers;
  for (int i = 0; i < Pq().fields(result.get()); ++i) {
    const std::string_view text = Pq().get_value(result.get(), 0, i);
    int64_t& integer = integers.emplace_back();
    const auto [end, error] = std::from_chars(text.begin(), text.end(), integer);
    if (error != std::errc() || end != text.end()) {
      return Unavailable("PostgreSQL gives no integer but \"", text, "\": ", sql);
    }
  }
  return integers;
}

absl::Status PlainPostgres::BeginCopy(const std::string& table) {
  const Result result(Pq().exec(connection_, Cat("COPY ", table, " FROM STDIN").c_str()));
  return Pq().result_status(result.get()) == PGRES_COPY_IN ? absl::OkStatus() : Failed("copy");
}

absl::Status PlainPostgres::CopyRow(std::string_view row) {
  const int taken = Pq().put_copy_data(connection_, row.data(), static_cast<int>(row.size()));
  return taken == 1 ? absl::OkStatus() : Failed("copy");
}

absl::Status PlainPostgres::EndCopy() {
  if (Pq().put_copy_end(connection_, nullptr) != 1) return Failed("copy");
  absl::Status status;
  while (const Result result{Pq().get_result(connection_)}) {
    if (Pq().result_status(result.get()) != PGRES_COMMAND_OK) status = Failed("copy");
  }
  return status;
}

void PlainPostgres::CopyText(std::string_view text, std::string* row) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        *row += "\\\\";
        break;
      case '\t':
        *row += "\\t";
        break;
      case '\n':
        *row += "\\n";
        break;
      case '\r':
        *row += "\\r";
        break;
      default:
        *row += c;
    }
  }
}

}  // namespace intentlog::bench
