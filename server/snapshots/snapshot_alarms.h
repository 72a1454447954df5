// What is wrong with a tenant's snapshots. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "absl/status/status.h"

namespace intentlog {

class SnapshotAlarms {
 public:
  // Of a file that was skipped, or of writing (no file).
  void Tell(const std::string& path, const absl::Status& why) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (why.ok()) {
      alarms_.erase(path);
    } else {
      alarms_[path] = why;
    }
  }
  // Forgets the files: who looks again tells again.
  void ForgetFiles() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto at = alarms_.begin(); at != alarms_.end();) {
      at = at->first.empty() ? std::next(at) : alarms_.erase(at);
    }
  }
  // OK, or one of them.
  absl::Status status() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return alarms_.empty() ? absl::OkStatus() : alarms_.begin()->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, absl::Status> alarms_;  // by path; protected by mutex_
};

}  // namespace intentlog
