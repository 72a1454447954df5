// Keys (FORMAT.md):
//
//   kMeta   "t", tenant                                     LogHead {position, term}
//   kLog    tenant, NUL, last position (8 bytes, big-endian)   block
//   kIndex  tenant, NUL, key                                value
#include "eventlog/log/rocksdb_engine.h"

#include <algorithm>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "proto/store.pb.h"

namespace intentlog {
namespace {

constexpr size_t kPositionBytes = 8;

absl::Status CheckTenant(std::string_view tenant) {
  if (tenant.empty()) return Invalid("a tenant has no name");
  if (tenant.find('\0') != std::string_view::npos) {
    return Invalid("the name of tenant ", tenant, " contains a NUL");
  }
  return absl::OkStatus();
}

std::string Prefix(std::string_view tenant) { return Cat(tenant, '\0'); }
std::string HeadKey(std::string_view tenant) { return Cat('t', tenant); }

std::string BlockKey(std::string_view tenant, Position last) {
  std::string key = Prefix(tenant);
  AppendBig64(key, last.value());
  return key;
}

absl::StatusOr<EngineHead> ReadHead(const Store& store, std::string_view tenant) {
  std::string bytes;
  ASSIGN_OR_RETURN(const bool found, store.Get(Space::kMeta, HeadKey(tenant), &bytes));
  if (!found) return EngineHead();
  LogHead head;
  if (!head.ParseFromString(bytes)) {
    return DataLoss("the head row of tenant ", tenant, " in ", store.dir(), " does not parse");
  }
  return EngineHead{Position(head.position()), Term(head.term())};
}

void PutHead(StoreBatch& batch, std::string_view tenant, const EngineHead& head) {
  LogHead row;
  row.set_position(head.position.value());
  row.set_term(head.term.value());
  batch.Put(Space::kMeta, HeadKey(tenant), row.SerializeAsString());
}

void PutIndexRows(StoreBatch& batch, std::string_view tenant, const std::vector<IndexRow>& rows) {
  std::string key = Prefix(tenant);
  const size_t prefix = key.size();
  for (const IndexRow& row : rows) {
    key.resize(prefix);
    key.append(row.key);
    if (row.value.has_value()) {
      batch.Put(Space::kIndex, key, *row.value);
    } else {
      batch.Delete(Space::kIndex, key);
    }
  }
}

absl::Status CheckTerm(std::string_view tenant, const EngineHead& head, Term term) {
  if (term == head.term) return absl::OkStatus();
  return FailedPrecondition("term ", term, " of tenant ", tenant, " is fenced: the newest is ",
                            head.term);
}

bool IsBlockKey(std::string_view key, std::string_view prefix) {
  return key.size() == prefix.size() + kPositionBytes && key.starts_with(prefix);
}

class BlockCursor final : public EngineCursor {
 public:
  BlockCursor(const Store& store, std::string_view tenant, Position from)
      : store_(store), tenant_(tenant), prefix_(Prefix(tenant)), next_(from) {}

  absl::StatusOr<bool> Next() override {
    RETURN_IF_ERROR(CheckTenant(tenant_));
    if (cursor_ != nullptr) {
      cursor_->Next();
      if (AtBlock()) return true;
      RETURN_IF_ERROR(cursor_->status());
    }
    return SeekAfresh();
  }
  absl::StatusOr<bool> Seek(Position position) override {
    RETURN_IF_ERROR(CheckTenant(tenant_));
    next_ = position;
    if (cursor_ != nullptr) {
      cursor_->Seek(BlockKey(tenant_, next_));
      if (AtBlock()) return true;
      RETURN_IF_ERROR(cursor_->status());
    }
    return SeekAfresh();
  }
  std::string_view block() const override { return cursor_->value(); }

 private:
  // A cursor sees the store as it was when made: its end may not be the end any more.
  absl::StatusOr<bool> SeekAfresh() {
    cursor_ = store_.Scan(Space::kLog);
    cursor_->Seek(BlockKey(tenant_, next_));
    if (AtBlock()) return true;
    const absl::Status status = cursor_->status();
    cursor_ = nullptr;
    if (!status.ok()) return status;
    return false;
  }
  bool AtBlock() {
    if (!cursor_->Valid() || !IsBlockKey(cursor_->key(), prefix_)) return false;
    next_ = Position(LastBig64(cursor_->key())).Next();
    return true;
  }

  const Store& store_;
  const std::string tenant_;
  const std::string prefix_;
  std::unique_ptr<StoreCursor> cursor_;
  Position next_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RocksdbEngine>> RocksdbEngine::Open(const std::string& dir,
                                                                   StoreOptions options) {
  options.role = "server-log";
  ASSIGN_OR_RETURN(auto store, Store::Open(dir, options));
  return std::unique_ptr<RocksdbEngine>(new RocksdbEngine(std::move(store)));
}

std::mutex& RocksdbEngine::WritingOf(std::string_view tenant) {
  std::lock_guard<std::mutex> hold(mutex_);
  const auto found = writing_.find(tenant);
  return found != writing_.end() ? found->second : writing_[std::string(tenant)];
}

absl::StatusOr<Term> RocksdbEngine::Fence(std::string_view tenant) {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(WritingOf(tenant));
  ASSIGN_OR_RETURN(EngineHead head, ReadHead(*store_, tenant));
  head.term = head.term.Next();
  StoreBatch batch;
  PutHead(batch, tenant, head);
  RETURN_IF_ERROR(store_->Commit(batch, Sync::kDurable));
  return head.term;
}

absl::StatusOr<EngineHead> RocksdbEngine::Head(std::string_view tenant) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  return ReadHead(*store_, tenant);
}

absl::Status RocksdbEngine::Append(std::string_view tenant, Term term, const EngineAppend& append) {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::lock_guard<std::mutex> hold(WritingOf(tenant));
  ASSIGN_OR_RETURN(EngineHead head, ReadHead(*store_, tenant));
  RETURN_IF_ERROR(CheckTerm(tenant, head, term));
  StoreBatch batch;
  for (const EngineBlock& block : append.blocks) {
    if (block.first != head.position.Next() || block.last < block.first) {
      return FailedPrecondition("an append to tenant ", tenant, " begins at position ", block.first,
                                ", but the log ends at ", head.position);
    }
    batch.Put(Space::kLog, BlockKey(tenant, block.last), block.bytes);
    head.position = block.last;
  }
  PutIndexRows(batch, tenant, append.index);
  if (!append.blocks.empty()) PutHead(batch, tenant, head);
  return store_->Commit(batch, Planted(Bug::kReceiptBeforeSync) ? Sync::kBuffered : Sync::kDurable);
}

absl::Status RocksdbEngine::Replace(std::string_view tenant, Term term, const EngineBlock& merged,
                                    const std::vector<Position>& replaced_last,
                                    const std::vector<IndexRow>& index) {
  RETURN_IF_ERROR(CheckTenant(tenant));
  if (replaced_last.empty() || replaced_last.back() != merged.last) {
    return Invalid("the blocks to replace do not end at position ", merged.last);
  }
  std::lock_guard<std::mutex> hold(WritingOf(tenant));
  ASSIGN_OR_RETURN(const EngineHead head, ReadHead(*store_, tenant));
  RETURN_IF_ERROR(CheckTerm(tenant, head, term));
  StoreBatch batch;
  for (const Position last : replaced_last) {
    if (last < merged.first || last > merged.last || last > head.position) {
      return Invalid("the block at position ", last, " is not one of those to replace");
    }
    batch.Delete(Space::kLog, BlockKey(tenant, last));
  }
  batch.Put(Space::kLog, BlockKey(tenant, merged.last), merged.bytes);
  PutIndexRows(batch, tenant, index);
  return store_->Commit(batch, Sync::kBuffered);
}

std::unique_ptr<EngineCursor> RocksdbEngine::Read(std::string_view tenant, Position from) const {
  return std::make_unique<BlockCursor>(*store_, tenant, from);
}

absl::Status RocksdbEngine::ReadBlock(std::string_view tenant, Position position,
                                      std::string* block) const {
  BlockCursor cursor(*store_, tenant, position);
  ASSIGN_OR_RETURN(const bool found, cursor.Next());
  if (!found) return NotFound("tenant ", tenant, " has no event at position ", position);
  block->assign(cursor.block());
  return absl::OkStatus();
}

absl::StatusOr<bool> RocksdbEngine::GetIndex(std::string_view tenant, std::string_view key,
                                             std::string* value) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  return store_->Get(Space::kIndex, Cat(tenant, '\0', key), value);
}

absl::StatusOr<std::optional<IndexRow>> RocksdbEngine::LastIndex(std::string_view tenant,
                                                                 std::string_view prefix,
                                                                 std::string_view at) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  const auto cursor = store_->Scan(Space::kIndex);
  cursor->SeekBack(Cat(tenant, '\0', at));
  RETURN_IF_ERROR(cursor->status());
  if (!cursor->Valid() || !cursor->key().starts_with(Cat(tenant, '\0', prefix))) {
    return std::optional<IndexRow>();
  }
  return std::optional<IndexRow>(
      IndexRow{std::string(cursor->key().substr(tenant.size() + 1)), std::string(cursor->value())});
}

absl::StatusOr<std::vector<IndexRow>> RocksdbEngine::ScanIndex(std::string_view tenant,
                                                               std::string_view prefix,
                                                               std::string_view from,
                                                               size_t limit) const {
  RETURN_IF_ERROR(CheckTenant(tenant));
  std::vector<IndexRow> rows;
  const std::string full_prefix = Cat(tenant, '\0', prefix);
  const auto cursor = store_->Scan(Space::kIndex);
  for (cursor->Seek(Cat(tenant, '\0', std::max(prefix, from)));
       rows.size() < limit && cursor->Valid() && cursor->key().starts_with(full_prefix);
       cursor->Next()) {
    rows.push_back(IndexRow{std::string(cursor->key().substr(tenant.size() + 1)),
                            std::string(cursor->value())});
  }
  RETURN_IF_ERROR(cursor->status());
  return rows;
}

absl::StatusOr<std::vector<std::string>> RocksdbEngine::Tenants() const {
  std::vector<std::string> tenants;
  const auto cursor = store_->Scan(Space::kMeta);
  for (cursor->Seek("t"); cursor->Valid() && cursor->key().starts_with("t"); cursor->Next()) {
    tenants.emplace_back(cursor->key().substr(1));
  }
  RETURN_IF_ERROR(cursor->status());
  return tenants;
}

}  // namespace intentlog
