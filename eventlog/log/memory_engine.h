// A MemoryEngine is an Engine without a disk, for simulations: fast, deterministic, with faults on
// order. It passes the same conformance suite as the others. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/log/engine.h"

namespace intentlog {

class MemoryEngine final : public Engine {
 public:
  // The next append fails with `error`; as after a failed sync, so do all later ones until Reopen.
  // `takes_effect`: the failed one is there all the same, which is seen after Reopen only.
  void FailNextAppend(absl::Status error, bool takes_effect);
  // As after a restart of the process on the same disk.
  void Reopen();

  absl::StatusOr<Term> Fence(std::string_view tenant) override;
  absl::StatusOr<EngineHead> Head(std::string_view tenant) const override;
  absl::Status Append(std::string_view tenant, Term term, const EngineAppend& append) override;
  absl::Status CheckRoom(uint64_t) const override { return absl::OkStatus(); }
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

 private:
  class Cursor;
  struct Tenant {
    EngineHead head;
    std::map<Position, std::string> blocks;  // by last position
    std::map<std::string, std::string, std::less<>> index;
  };
  using TenantMap = std::map<std::string, Tenant, std::less<>>;

  // The tenant, or an empty one if it has nothing yet. REQUIRES: mutex_ is held.
  const Tenant& Of(std::string_view tenant) const;
  static void Apply(const std::vector<IndexRow>& rows, Tenant& tenant);

  mutable std::mutex mutex_;
  // All below protected by mutex_.
  TenantMap tenants_;
  absl::Status failure_;     // of every append until Reopen
  absl::Status next_error_;  // not OK: the next append fails
  bool takes_effect_ = false;
  std::unique_ptr<TenantMap> in_doubt_;  // what Reopen finds, if the failed append took effect
};

}  // namespace intentlog
