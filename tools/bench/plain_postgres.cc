#include "tools/bench/plain_postgres.h"

#include <postgresql/libpq-fe.h>

#include <charconv>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog::bench {
namespace {

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

}  // namespace

absl::StatusOr<std::unique_ptr<PlainPostgres>> PlainPostgres::Open(const std::string& dir) {
  const char* const names[] = {"host", "port", "user", "dbname", "options", nullptr};
  const char* const values[] = {
      dir.c_str(), "5432", "postgres", "postgres", "-c client_min_messages=warning", nullptr};
  std::unique_ptr<PlainPostgres> postgres(
      new PlainPostgres(PQconnectdbParams(names, values, /*expand_dbname=*/0)));
  if (PQstatus(postgres->connection_) != CONNECTION_OK) return postgres->Failed("connect");
  return postgres;
}

PlainPostgres::~PlainPostgres() { PQfinish(connection_); }

std::string PlainPostgres::name() const {
  const int version = PQserverVersion(connection_);
  return Cat("PostgreSQL ", version / 10000, ".", version % 10000);
}

absl::Status PlainPostgres::Failed(std::string_view what) const {
  std::string why = PQerrorMessage(connection_);
  while (!why.empty() && why.back() == '\n') why.pop_back();
  return Unavailable("PostgreSQL, ", what, ": ", why);
}

absl::Status PlainPostgres::Run(const std::string& sql) {
  const Result result(PQexec(connection_, sql.c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? absl::OkStatus() : Failed(sql);
}

absl::StatusOr<std::vector<int64_t>> PlainPostgres::Integers(const std::string& sql) {
  const Result result(PQexec(connection_, sql.c_str()));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return Failed(sql);
  if (PQntuples(result.get()) != 1) return Unavailable("PostgreSQL gives not one row: ", sql);
  std::vector<int64_t> integers;
  for (int i = 0; i < PQnfields(result.get()); ++i) {
    const std::string_view text = PQgetvalue(result.get(), 0, i);
    int64_t& integer = integers.emplace_back();
    const auto [end, error] = std::from_chars(text.begin(), text.end(), integer);
    if (error != std::errc() || end != text.end()) {
      return Unavailable("PostgreSQL gives no integer but \"", text, "\": ", sql);
    }
  }
  return integers;
}

absl::Status PlainPostgres::BeginCopy(const std::string& table) {
  const Result result(PQexec(connection_, Cat("COPY ", table, " FROM STDIN").c_str()));
  return PQresultStatus(result.get()) == PGRES_COPY_IN ? absl::OkStatus() : Failed("copy");
}

absl::Status PlainPostgres::CopyRow(std::string_view row) {
  const int taken = PQputCopyData(connection_, row.data(), static_cast<int>(row.size()));
  return taken == 1 ? absl::OkStatus() : Failed("copy");
}

absl::Status PlainPostgres::EndCopy() {
  if (PQputCopyEnd(connection_, nullptr) != 1) return Failed("copy");
  absl::Status status;
  while (const Result result{PQgetResult(connection_)}) {
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) status = Failed("copy");
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
