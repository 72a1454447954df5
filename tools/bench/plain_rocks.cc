#include "tools/bench/plain_rocks.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog::bench {
namespace {

rocksdb::Slice Slice(std::string_view text) { return rocksdb::Slice(text.data(), text.size()); }

absl::Status From(const rocksdb::Status& status) {
  return status.ok() ? absl::OkStatus() : Unavailable("plain RocksDB: ", status.ToString());
}

rocksdb::WriteOptions Durable() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

}  // namespace

PlainRocks::PlainRocks(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}
PlainRocks::~PlainRocks() = default;

absl::StatusOr<std::unique_ptr<PlainRocks>> PlainRocks::Open(const std::string& dir) {
  rocksdb::Options options;
  options.create_if_missing = true;
  // A ceiling does not unpack what it reads.
  options.compression = rocksdb::kNoCompression;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, dir, &db);
  if (!status.ok()) return From(status);
  return std::unique_ptr<PlainRocks>(new PlainRocks(std::unique_ptr<rocksdb::DB>(db)));
}

absl::Status PlainRocks::Put(std::string_view key, std::string_view value) {
  return From(db_->Put(Durable(), Slice(key), Slice(value)));
}

absl::Status PlainRocks::PutAll(const std::vector<std::pair<std::string, std::string>>& rows) {
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : rows) batch.Put(Slice(key), Slice(value));
  return From(db_->Write(Durable(), &batch));
}

absl::Status PlainRocks::Get(std::string_view key, std::string* value) const {
  return From(db_->Get(rocksdb::ReadOptions(), Slice(key), value));
}

absl::StatusOr<uint64_t> PlainRocks::Scan(
    const std::function<void(std::string_view)>& visit) const {
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  uint64_t bytes = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    visit(std::string_view(it->value().data(), it->value().size()));
    bytes += it->value().size();
  }
  if (!it->status().ok()) return From(it->status());
  return bytes;
}

absl::Status PlainRocks::FlushAndCompact() {
  RETURN_IF_ERROR(From(db_->Flush(rocksdb::FlushOptions())));
  return From(db_->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
}

}  // namespace intentlog::bench
