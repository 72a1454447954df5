#include "eventlog/store/log_files.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/rep.h"
#include "rocksdb/env.h"

namespace intentlog {
namespace {

constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
constexpr size_t kBatchHeaderBytes = 12;

enum Kind : uint8_t { kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

template <class Number>
Number LoadLittle(const char* bytes) {
  Number number = 0;
  for (size_t i = sizeof(Number); i > 0; --i) {
    number = static_cast<Number>(number << 8 | static_cast<uint8_t>(bytes[i - 1]));
  }
  return number;
}

// Follows the numbers of changes over all logs.
class Walk {
 public:
  explicit Walk(std::string_view dir) : dir_(dir) {}

  void Begin(std::string name) {
    name_ = std::move(name);
    head_.clear();
  }
  // False: the log ends here, torn.
  absl::StatusOr<bool> Block(std::string_view block) {
    while (block.size() >= kHeaderBytes) {
      const size_t length = LoadLittle<uint16_t>(block.data() + 4);
      const auto kind = static_cast<uint8_t>(block[6]);
      if (kind < kWhole || kind > kLast || kHeaderBytes + length > block.size()) return false;
      const std::string_view part = block.substr(kHeaderBytes, length);
      if (kind == kWhole || kind == kFirst) head_.clear();
      head_.append(part.substr(0, kBatchHeaderBytes - std::min(head_.size(), kBatchHeaderBytes)));
      if (kind == kWhole || kind == kLast) RETURN_IF_ERROR(Batch());
      block.remove_prefix(kHeaderBytes + length);
    }
    return true;
  }

 private:
  absl::Status Batch() {
    if (head_.size() < kBatchHeaderBytes) return absl::OkStatus();  // RocksDB refuses it
    const auto first = LoadLittle<uint64_t>(head_.data());
    if (next_ != 0 && first != next_) {
      return Damaged(dir_, Cat("its write-ahead log goes on with change ", first, " in ", name_,
                               " after change ", next_ - 1, " in ", last_name_,
                               ", so what is between was cut or is missing"));
    }
    next_ = first + LoadLittle<uint32_t>(head_.data() + 8);
    last_name_ = name_;
    return absl::OkStatus();
  }

  const std::string_view dir_;
  std::string name_, last_name_;
  std::string head_;   // the beginning of the batch at hand
  uint64_t next_ = 0;  // the number of the next change; 0: none was seen
};

absl::Status WalkLog(rocksdb::Env* env, const std::string& path, Walk& walk) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  rocksdb::Status status = env->NewSequentialFile(path, &file, rocksdb::EnvOptions());
  std::string room(kBlockBytes, '\0');
  rocksdb::Slice block;
  do {
    if (status.ok()) status = file->Read(kBlockBytes, &block, room.data());
    if (!status.ok()) return absl::OkStatus();  // the database meets it, too, and says what it is
    ASSIGN_OR_RETURN(const bool on, walk.Block({block.data(), block.size()}));
    if (!on) break;
  } while (block.size() == kBlockBytes);
  return absl::OkStatus();
}

}  // namespace

std::vector<LogFile> LogFilesOf(rocksdb::Env* env, const std::string& dir) {
  std::vector<rocksdb::Env::FileAttributes> files;
  std::vector<LogFile> logs;
  if (!env->GetChildrenFileAttributes(dir, &files).ok()) return logs;
  for (const rocksdb::Env::FileAttributes& file : files) {
    if (file.name.ends_with(".log")) logs.push_back({file.name, file.size_bytes});
  }
  std::sort(logs.begin(), logs.end(), [](const LogFile& one, const LogFile& other) {
    return std::pair(one.name.size(), one.name) < std::pair(other.name.size(), other.name);
  });
  return logs;
}

absl::Status CheckLogFiles(rocksdb::Env* env, const std::string& dir) {
  Walk walk(dir);
  for (const LogFile& log : LogFilesOf(env, dir)) {
    walk.Begin(log.name);
    RETURN_IF_ERROR(WalkLog(env, Cat(dir, "/", log.name), walk));
  }
  return absl::OkStatus();
}

}  // namespace intentlog
