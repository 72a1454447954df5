// A MadeStore is a Store in a folder of its own below the temporary folder, removed at the end: for
// tests. Not copyable.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/store/store.h"

namespace intentlog {

class MadeStore {
 public:
  explicit MadeStore(const std::string& name, size_t write_buffer_bytes = 4 << 20)
      : write_buffer_bytes_(write_buffer_bytes) {
    const char* root = std::getenv("TEST_TMPDIR");
    dir_ =
        (root != nullptr ? std::filesystem::path(root) : std::filesystem::temp_directory_path()) /
        ("made_store_" + name);
    std::filesystem::remove_all(dir_);
    Reopen();
  }
  ~MadeStore() {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }
  MadeStore(const MadeStore&) = delete;
  MadeStore& operator=(const MadeStore&) = delete;

  Store& operator*() const { return *store_; }
  Store* operator->() const { return store_.get(); }

  // Closes the store and opens it again. Nothing may use it at that moment.
  void Reopen(bool read_only = false) {
    store_.reset();
    StoreOptions options;
    options.role = "device";
    options.read_only = read_only;
    options.write_buffer_bytes = write_buffer_bytes_;
    auto store = Store::Open(dir_.string(), options);
    INTENTLOG_CHECK(store.ok());
    store_ = std::move(store).value();
  }

 private:
  const size_t write_buffer_bytes_;
  std::filesystem::path dir_;
  std::unique_ptr<Store> store_;
};

}  // namespace intentlog
