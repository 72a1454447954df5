// A RocksdbEngine is the embedded Engine: all tenants of a server in one store of role
// "server-log". Keys are drawn in FORMAT.md. Thread-safe.
//
//   ASSIGN_OR_RETURN(auto engine, RocksdbEngine::Open(dir, StoreOptions()));
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/log/engine.h"
#include "eventlog/store/store.h"

namespace intentlog {

class RocksdbEngine final : public Engine {
 public:
  // The role in `options` is ignored. Errors as Store::Open.
  static absl::StatusOr<std::unique_ptr<RocksdbEngine>> Open(const std::string& dir,
                                                             StoreOptions options);

  absl::StatusOr<Term> Fence(std::string_view tenant) override;
  absl::StatusOr<EngineHead> Head(std::string_view tenant) const override;
  absl::Status Append(std::string_view tenant, Term term, const EngineAppend& append) override;
  absl::Status CheckRoom(uint64_t bytes) const override { return store_->CheckRoom(bytes); }
  absl::Status Replace(std::string_view tenant, Term term, const EngineBlock& merged,
                       const std::vector<Position>& replaced_last,
                       const std::vector<IndexRow>& index) override;

  std::unique_ptr<EngineCursor> Read(std::string_view tenant, Position from) const override;
  absl::Status ReadBlock(std::string_view tenant, Position position,
                         std::string* block) const override;
  absl::StatusOr<bool> GetIndex(std::string_view tenant, std::string_view key,
                                std::string* value) const override;
  absl::StatusOr<std::optional<IndexRow>> LastIndex(std::string_view tenant,
                                                    std::string_view prefix,
                                                    std::string_view at) const override;
  absl::StatusOr<std::vector<IndexRow>> ScanIndex(std::string_view tenant, std::string_view prefix,
                                                  std::string_view from,
                                                  size_t limit) const override;
  absl::StatusOr<std::vector<std::string>> Tenants() const override;

  const Store& store() const { return *store_; }

 private:
  explicit RocksdbEngine(std::unique_ptr<Store> store) : store_(std::move(store)) {}
  std::mutex& WritingOf(std::string_view tenant);

  const std::unique_ptr<Store> store_;
  std::mutex mutex_;
  // Held from reading a tenant's head until what follows from it is written. Protected by mutex_.
  std::map<std::string, std::mutex, std::less<>> writing_;
};

}  // namespace intentlog
