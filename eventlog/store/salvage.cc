#include "eventlog/store/salvage.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"
#include "rocksdb/table_properties.h"
#include "rocksdb/write_batch.h"

namespace intentlog {
namespace {

std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// ---- tables

class Reading {
 public:
  Reading(rocksdb::Env* env, std::string dir, UseSalvaged use, Salvaged* salvaged)
      : env_(env), dir_(std::move(dir)), use_(use), salvaged_(salvaged) {}

  void Table(const std::string& name);
  void Log(const std::string& name);
  void Give(uint32_t family, std::string_view key, std::string_view value) {
    if (family >= kSpaces) return;
    ++salvaged_->rows;
    use_(static_cast<Space>(family), key, value);
  }
  void Damaged(const std::string& name, std::string_view why) {
    salvaged_->damaged.push_back(Cat(name, ": ", why));
  }

 private:
  void Batch(const std::string& name, std::string bytes);

  rocksdb::Env* const env_;
  const std::string dir_;
  const UseSalvaged use_;
  Salvaged* const salvaged_;
};

// From both ends, up to what cannot be read.
void Reading::Table(const std::string& name) {
  rocksdb::Options options;
  options.env = env_;
  rocksdb::SstFileReader reader(options);
  rocksdb::Status status = reader.Open(Cat(dir_, "/", name));
  if (!status.ok()) return Damaged(name, status.ToString());
  const auto properties = reader.GetTableProperties();
  const auto family = static_cast<uint32_t>(properties->column_family_id);
  rocksdb::ReadOptions read;
  read.ignore_range_deletions = true;
  const std::unique_ptr<rocksdb::Iterator> row(reader.NewIterator(read));
  std::optional<std::string> last;
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    Give(family, ToView(row->key()), ToView(row->value()));
    last = row->key().ToString();
  }
  if (row->status().ok()) return;
  Damaged(name, row->status().ToString());
  for (row->SeekToLast(); row->Valid() && (!last || row->key().compare(*last) > 0); row->Prev()) {
    Give(family, ToView(row->key()), ToView(row->value()));
  }
}

// ---- write-ahead logs; their form: log_files.h

constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
enum Kind : uint8_t { kZero = 0, kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// CRC-32C, a byte at a time: logs are small.
uint32_t Crc(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> made = {};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
      made[i] = crc;
    }
    return made;
  }();
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint8_t>(byte)) & 0xFF];
  return ~crc;
}

uint32_t LoadLittle32(std::string_view bytes) {
  uint32_t number = 0;
  for (size_t i = 4; i > 0; --i) number = number << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return number;
}

// What a log has as the checksum of `bytes`.
uint32_t Masked(std::string_view bytes) {
  const uint32_t crc = Crc(bytes);
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

class GiveRows final : public rocksdb::WriteBatch::Handler {
 public:
  explicit GiveRows(Reading& reading) : reading_(reading) {}
  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    reading_.Give(family, ToView(key), ToView(value));
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(uint32_t, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }

 private:
  Reading& reading_;
};

void Reading::Batch(const std::string& name, std::string bytes) {
  GiveRows rows(*this);
  const rocksdb::Status status = rocksdb::WriteBatch(std::move(bytes)).Iterate(&rows);
  if (!status.ok()) Damaged(name, status.ToString());
}

// The record at the beginning of `bytes`, which are the rest of a block; nothing if there is none.
struct Record {
  Kind kind;
  std::string_view part;
};
std::optional<Record> RecordAt(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const size_t length = static_cast<uint8_t>(bytes[4]) | static_cast<uint8_t>(bytes[5]) << 8;
  const auto kind = static_cast<uint8_t>(bytes[6]);
  if (kHeaderBytes + length > bytes.size() || kind > kLast || kind == kZero ||
      Masked(bytes.substr(6, 1 + length)) != LoadLittle32(bytes)) {
    return std::nullopt;
  }
  return Record{static_cast<Kind>(kind), bytes.substr(kHeaderBytes, length)};
}

// What is behind a damaged part is looked for byte by byte. Only where nothing follows the log
// ended within a record.
void Reading::Log(const std::string& name) {
  std::string bytes;
  const rocksdb::Status status = rocksdb::ReadFileToString(env_, Cat(dir_, "/", name), &bytes);
  if (!status.ok()) return Damaged(name, status.ToString());
  const std::string_view log = bytes;
  std::optional<std::string> batch;  // its parts so far
  std::optional<size_t> bad;         // where records ended, and whether they go on is not known yet
  for (size_t at = 0; at < log.size();) {
    const size_t left = kBlockBytes - at % kBlockBytes;
    if (left < kHeaderBytes) {
      at += left;
      continue;
    }
    const std::optional<Record> record = RecordAt(log.substr(at, left));
    if (!record) {
      if (!bad) bad = at;
      batch.reset();
      ++at;
      continue;
    }
    if (bad) Damaged(name, Cat("no record begins at byte ", *std::exchange(bad, std::nullopt)));
    at += kHeaderBytes + record->part.size();
    if (record->kind == kWhole || record->kind == kFirst) batch = "";
    if (batch) batch->append(record->part);
    if ((record->kind == kWhole || record->kind == kLast) && batch) {
      Batch(name, std::move(*batch));
      batch.reset();
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreLock>> StoreLock::Take(rocksdb::Env* env,
                                                           const std::string& dir) {
  if (env == nullptr) env = rocksdb::Env::Default();
  const rocksdb::Status there = env->FileExists(dir);
  if (!there.ok()) return NotFound(dir, " cannot be read: ", there.ToString());
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::Status locked = env->LockFile(Cat(dir, "/LOCK"), &lock);
  if (!locked.ok()) return FailedPrecondition(dir, " is in use by another process; stop it");
  return std::unique_ptr<StoreLock>(new StoreLock(env, lock));
}

StoreLock::~StoreLock() { env_->UnlockFile(lock_).PermitUncheckedError(); }

absl::Status ReadSalvage(rocksdb::Env* env, const std::string& dir, UseSalvaged use,
                         Salvaged* salvaged) {
  if (env == nullptr) env = rocksdb::Env::Default();
  std::vector<std::string> names;
  const rocksdb::Status status = env->GetChildren(dir, &names);
  if (!status.ok()) return NotFound(dir, " cannot be read: ", status.ToString());
  std::sort(names.begin(), names.end(), [](const std::string& one, const std::string& other) {
    return std::pair(one.size(), one) < std::pair(other.size(), other);
  });
  Reading reading(env, dir, use, salvaged);
  bool any = false;
  for (const std::string_view end : {".sst", ".log"}) {
    for (const std::string& name : names) {
      if (!name.ends_with(end)) continue;
      any = true;
      end == ".sst" ? reading.Table(name) : reading.Log(name);
    }
  }
  return any ? absl::OkStatus() : NotFound(dir, " holds neither tables nor logs of a store");
}

}  // namespace intentlog
