#include "eventlog/store/info_log.h"

#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <utility>

#include "rocksdb/env.h"

namespace intentlog {
namespace {

constexpr size_t kLineBytesMax = 2048;

class SilentLog final : public rocksdb::Logger {
 public:
  SilentLog() : Logger(rocksdb::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
  void LogHeader(const char*, va_list) override {}
};

class InfoLog final : public rocksdb::Logger {
 public:
  InfoLog(rocksdb::Env* env, std::string dir, size_t bytes_max)
      : Logger(rocksdb::WARN_LEVEL),
        env_(env),
        path_(std::move(dir) + "/LOG"),
        bytes_max_(bytes_max) {}

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char text[kLineBytesMax];
    int64_t now_s = 0;
    env_->GetCurrentTime(&now_s).PermitUncheckedError();
    const std::time_t now = now_s;
    std::tm utc;
    gmtime_r(&now, &utc);
    size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    const int more = std::vsnprintf(text + size, sizeof text - size, format, arguments);
    if (more < 0) return;
    size += static_cast<size_t>(more);
    if (size > sizeof text - 1) size = sizeof text - 1;
    text[size] = '\n';  // in the place of the NUL
    Write(rocksdb::Slice(text, size + 1));
  }
  // All options, at each opening: 45 KiB that nobody asked for.
  void LogHeader(const char*, va_list) override {}

 private:
  void Write(const rocksdb::Slice& line) {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (broken_) return;
    if (file_ == nullptr || bytes_ + line.size() > bytes_max_) broken_ = !Begin();
    if (broken_) return;
    bytes_ += line.size();
    broken_ = !file_->Append(line).ok() || !file_->Flush().ok();
  }

  // REQUIRES: mutex_ is held.
  bool Begin() {
    file_.reset();
    bytes_ = 0;
    if (env_->FileExists(path_).ok())
      env_->RenameFile(path_, path_ + ".old").PermitUncheckedError();
    return env_->NewWritableFile(path_, &file_, rocksdb::EnvOptions()).ok();
  }

  rocksdb::Env* const env_;
  const std::string path_;
  const size_t bytes_max_;
  std::mutex mutex_;
  // Protected by mutex_.
  std::unique_ptr<rocksdb::WritableFile> file_;
  size_t bytes_ = 0;
  bool broken_ = false;  // for good: what can not be told is left out
};

}  // namespace

std::shared_ptr<rocksdb::Logger> MakeInfoLog(rocksdb::Env* env, std::string dir, size_t bytes_max) {
  return std::make_shared<InfoLog>(env, std::move(dir), bytes_max);
}

std::shared_ptr<rocksdb::Logger> MakeSilentLog() { return std::make_shared<SilentLog>(); }

}  // namespace intentlog
