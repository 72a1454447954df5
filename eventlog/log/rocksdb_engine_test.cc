#include "eventlog/log/rocksdb_engine.h"

#include <filesystem>
#include <memory>
#include <string>

#include "eventlog/log/engine_conformance.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

class RocksdbHarness {
 public:
  RocksdbHarness() : dir_(::testing::TempDir() + "/rocksdb_engine_test") {
    std::filesystem::remove_all(dir_);
    Reopen();
  }
  ~RocksdbHarness() {
    engine_ = nullptr;
    std::filesystem::remove_all(dir_);
  }
  Engine& engine() { return *engine_; }
  void Reopen() {
    engine_ = nullptr;
    auto engine = RocksdbEngine::Open(dir_, StoreOptions());
    EXPECT_TRUE(engine.ok()) << engine.status();
    engine_ = std::move(engine).value();
  }

 private:
  const std::string dir_;
  std::unique_ptr<RocksdbEngine> engine_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Rocksdb, EngineConformanceTest, RocksdbHarness);

}  // namespace
}  // namespace intentlog
