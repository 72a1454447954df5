// A TemporaryStore is a Store in a folder of its own below the machine's temporary folder, removed
// with it. What is in it is of no value: nothing is synced.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "eventlog/store/store.h"

namespace intentlog {

class TemporaryStore {
 public:
  // `write_buffer_bytes` as in StoreOptions. UNAVAILABLE: no folder can be made there.
  static absl::StatusOr<std::unique_ptr<TemporaryStore>> Make(size_t write_buffer_bytes);
  ~TemporaryStore();
  TemporaryStore(const TemporaryStore&) = delete;
  TemporaryStore& operator=(const TemporaryStore&) = delete;

  Store& operator*() const { return *store_; }
  Store* operator->() const { return store_.get(); }

 private:
  explicit TemporaryStore(std::string dir) : dir_(std::move(dir)) {}

  const std::string dir_;
  std::unique_ptr<Store> store_;
};

}  // namespace intentlog
