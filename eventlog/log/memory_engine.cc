#include "eventlog/log/memory_engine.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

absl::Status CheckTenant(std::string_view tenant) {
  if (!tenant.empty() && tenant.find('\0') == std::string_view::npos) return absl::OkStatus();
  return Invalid("a tenant's name is empty or contains a NUL");
}

absl::Status CheckTerm(const EngineHead& head, Term term) {
  if (term == head.term) return absl::OkStatus();
  return FailedPrecondition("term ", term, " is fenced: the newest is ", head.term);
}

}  // namespace

class MemoryEngine::Cursor final : public EngineCursor {
 public:
  Cursor(const MemoryEngine& engine, std::string_view tenant, Position from)
      : engine_(engine), tenant_(tenant), next_(from) {}

  absl::StatusOr<bool> Next() override {
    RETURN_IF_ERROR(CheckTenant(tenant_));
    std::lock_guard<std::mutex> hold(engine_.mutex_);
    const auto& blocks = engine_.Of(tenant_).blocks;
    const auto found = blocks.lower_bound(next_);
    if (found == blocks.end()) return false;
    next_ = found->first.Next();
    block_ = found->second;
    return true;
  }
  absl::StatusOr<bool> Seek(Position position) override {
    next_ = position;
    return Next();
  }
  std::string_view block() const override { return block_; }

 private:
  const MemoryEngine& engine_;
  const std::string tenant_;
  Position next_;
  std::string block_;
};

const MemoryEngine::Tenant& MemoryEngine::Of(std::string_view tenant) const {
  static const Tenant* const kEmpty = new Tenant;
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? *kEmpty : found->second;
}

void MemoryEngine::Apply(const std::vector<IndexRow>& rows, Tenant& tenant) {
  for (const IndexRow& row : rows) {
    if (row.value.has_value()) {
      tenant.index[row.key] = *row.value;
    } else {
      tenant.index.erase(row.key);
    }
  }
}

void MemoryEngine::FailNextAppend(absl::Status error, bool takes_effect) {
  INTENTLOG_CHECK(!error.ok());
  std::lock_guard<std::mutex> hold(mutex_);
  next_error_ = std::move(error);
  takes_effect_ = takes_effect;
}

void MemoryEngine::Reopen() {
  std::lock_guard<std::mutex> hold(mutex_);
  if (in_doubt_ != nullptr) tenants_ = std::move(*in_doubt_);
  in_doubt_ = nullptr;
  failure_ = absl::OkStatus();
  next_error_ = absl::OkStatus();
}

absl::StatusOr<Term> MemoryEngine::Fence(std::string_view tenant) {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(mutex_);
  RETURN_IF_ERROR(failure_);
  EngineHead& head = tenants_[std::string(tenant)].head;
  head.term = head.term.Next();
  return head.term;
}

absl::StatusOr<EngineHead> MemoryEngine::Head(std::string_view tenant) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(mutex_);
  return Of(tenant).head;
}

absl::Status MemoryEngine::Append(std::string_view tenant, Term term, const EngineAppend& append) {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(mutex_);
  RETURN_IF_ERROR(failure_);
  EngineHead head = Of(tenant).head;
  RETURN_IF_ERROR(CheckTerm(head, term));
  for (const EngineBlock& block : append.blocks) {
    if (block.first != head.position.Next() || block.last < block.first) {
      return FailedPrecondition("an append begins at position ", block.first,
                                ", but the log ends at ", head.position);
    }
    head.position = block.last;
  }
  TenantMap* into = &tenants_;
  if (!next_error_.ok()) {
    failure_ = std::exchange(next_error_, absl::OkStatus());
    if (!takes_effect_) return failure_;
    in_doubt_ = std::make_unique<TenantMap>(tenants_);
    into = in_doubt_.get();
  }
  Tenant& state = (*into)[std::string(tenant)];
  state.head = head;
  for (const EngineBlock& block : append.blocks) state.blocks[block.last] = block.bytes;
  Apply(append.index, state);
  return failure_;
}

absl::Status MemoryEngine::Replace(std::string_view tenant, Term term, const EngineBlock& merged,
                                   const std::vector<Position>& replaced_last,
                                   const std::vector<IndexRow>& index) {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(mutex_);
  RETURN_IF_ERROR(failure_);
  RETURN_IF_ERROR(CheckTerm(Of(tenant).head, term));
  const auto inside = [&](Position last) {
    return merged.first <= last && last <= merged.last && last <= Of(tenant).head.position;
  };
  if (replaced_last.empty() || replaced_last.back() != merged.last ||
      !std::all_of(replaced_last.begin(), replaced_last.end(), inside)) {
    return Invalid("the blocks to replace do not end at position ", merged.last);
  }
  Tenant& state = tenants_[std::string(tenant)];
  for (const Position last : replaced_last) state.blocks.erase(last);
  state.blocks[merged.last] = merged.bytes;
  Apply(index, state);
  return absl::OkStatus();
}

std::unique_ptr<EngineCursor> MemoryEngine::Read(std::string_view tenant, Position from) const {
  return std::make_unique<Cursor>(*this, tenant, from);
}

absl::Status MemoryEngine::ReadBlock(std::string_view tenant, Position position,
                                     std::string* block) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(mutex_);
  const auto& blocks = Of(tenant).blocks;
  const auto found = blocks.lower_bound(position);
  if (found == blocks.end()) return NotFound("there is no event at position ", position);
  *block = found->second;
  return absl::OkStatus();
}

absl::StatusOr<bool> MemoryEngine::GetIndex(std::string_view tenant, std::string_view key,
                                            std::string* value) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(mutex_);
  const auto& index = Of(tenant).index;
  const auto found = index.find(key);
  if (found == index.end()) return false;
  *value = found->second;
  return true;
}

absl::StatusOr<std::optional<IndexRow>> MemoryEngine::LastIndex(std::string_view tenant,
                                                                std::string_view prefix,
                                                                std::string_view at) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(mutex_);
  const auto& index = Of(tenant).index;
  auto found = index.upper_bound(at);
  if (found == index.begin() || !(--found)->first.starts_with(prefix)) {
    return std::optional<IndexRow>();
  }
  return std::optional<IndexRow>(IndexRow{found->first, found->second});
}

absl::StatusOr<std::vector<IndexRow>> MemoryEngine::ScanIndex(std::string_view tenant,
                                                              std::string_view prefix,
                                                              std::string_view from,
                                                              size_t limit) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(mutex_);
  const auto& index = Of(tenant).index;
  std::vector<IndexRow> rows;
  for (auto row = index.lower_bound(std::max(prefix, from));
       row != index.end() && rows.size() < limit && row->first.starts_with(prefix); ++row) {
    rows.push_back(IndexRow{row->first, row->second});
  }
  return rows;
}

absl::StatusOr<std::vector<std::string>> MemoryEngine::Tenants() const {
  std::lock_guard<std::mutex> hold(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, tenant] : tenants_) names.push_back(name);
  return names;
}

}  // namespace intentlog
