#include "projections/engine/row_fold.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "proto/store.pb.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace intentlog {
namespace {

// Unused rows kept for reuse, of each projection: about the distinct rows of a common batch.
constexpr size_t kFreeRowsMax = 4096;
// A larger row gives its memory back instead.
constexpr size_t kReusedRowBytesMax = 2048;
// Rows above this share an eighth of the kept memory.
constexpr size_t kLargeRowCharge = 1024;

// A guess at the memory of a row: message fields take a few times the bytes of their serialized
// form.
size_t Charge(const HotRow& row) {
  return sizeof(HotRow) + 64 + row.key.capacity() + 4 * row.stored_bytes;
}

}  // namespace

RowCache::RowCache(size_t kept_bytes_max, size_t projections) : free_(projections) {
  large_.bytes_max = kept_bytes_max / 8;
  small_.bytes_max = kept_bytes_max - large_.bytes_max;
}

RowCache::Order& RowCache::OrderOf(const HotRow& row) {
  return row.charge > kLargeRowCharge ? large_ : small_;
}

HotRow* RowCache::Take(RowFold* fold, size_t projection, std::string_view key) {
  std::vector<std::unique_ptr<HotRow>>& free = free_[projection];
  HotRow* row;
  if (free.empty()) {
    row = new HotRow;
  } else {
    row = free.back().release();
    free.pop_back();
  }
  row->key.assign(key);
  row->fold = fold;
  row->touched = true;
  return row;
}

void RowCache::Hold(HotRow* row) {
  Unlink(row);
  row->touched = true;
}

void RowCache::Keep(HotRow* row) {
  row->touched = false;
  row->charge = Charge(*row);
  Order& order = OrderOf(*row);
  order.bytes += row->charge;
  row->older = order.newest;
  row->newer = nullptr;
  (order.newest == nullptr ? order.oldest : order.newest->newer) = row;
  order.newest = row;
}

void RowCache::Unlink(HotRow* row) {
  Order& order = OrderOf(*row);
  (row->older == nullptr ? order.oldest : row->older->newer) = row->newer;
  (row->newer == nullptr ? order.newest : row->newer->older) = row->older;
  row->older = row->newer = nullptr;
  order.bytes -= row->charge;
}

void RowCache::Trim() {
  Trim(small_);
  Trim(large_);
}

void RowCache::Trim(Order& order) {
  while (order.bytes > order.bytes_max && order.oldest != nullptr) {
    HotRow* row = order.oldest;
    RowFold* fold = row->fold;
    fold->Forget(row);
    Unlink(row);
    Free(row, fold->number_);
  }
}

void RowCache::Free(HotRow* row, size_t projection) {
  std::unique_ptr<HotRow> owned(row);
  std::vector<std::unique_ptr<HotRow>>& free = free_[projection];
  if (free.size() >= kFreeRowsMax || row->stored_bytes > kReusedRowBytesMax) return;
  RowAccess::Clear(row->row);
  row->indexed.reset();
  row->stored_bytes = 0;
  row->is_stored = false;
  row->fold = nullptr;
  free.push_back(std::move(owned));
}

std::string CheckpointBytes(const FoldState& state) {
  Checkpoint checkpoint;
  checkpoint.set_position(state.position.value());
  checkpoint.set_digest(state.digest.Bytes());
  checkpoint.set_rows(state.rows);
  checkpoint.set_parked(state.parked);
  return checkpoint.SerializeAsString();
}

absl::StatusOr<FoldState> ParseCheckpoint(std::string_view bytes) {
  Checkpoint checkpoint;
  FoldState state;
  if (!checkpoint.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !Digest128::FromBytes(checkpoint.digest(), &state.digest)) {
    return DataLoss("a projection's checkpoint does not parse: rebuild the read models");
  }
  state.position = Position(checkpoint.position());
  state.rows = checkpoint.rows();
  state.parked = checkpoint.parked();
  return state;
}

size_t RowFold::Hash::operator()(std::string_view key) const {
  return XXH3_64bits(key.data(), key.size());
}

RowFold::RowFold(const OpenProjection& projection, size_t number, std::string_view scope,
                 const FoldState& state, bool may_have_parked, const Store& store, RowCache& cache)
    : projection_(projection),
      number_(number),
      checkpoint_key_(CheckpointKey(projection.build, scope)),
      scope_(scope),
      store_(store),
      cache_(cache),
      state_(state),
      parked_(projection.build, scope, may_have_parked),
      indexes_(projection, scope),
      row_key_(RowPrefix(projection.build, scope)),
      prefix_size_(row_key_.size()) {}

RowFold::~RowFold() {
  for (HotRow* row : rows_) {
    if (!row->touched) cache_.Unlink(row);
    cache_.Free(row, number_);
  }
}

absl::Status RowFold::Apply(const Event& event, std::string_view key) {
  if (parked_.maybe()) [[unlikely]] {
    ASSIGN_OR_RETURN(const bool waits, WaitIfParked(event, key));
    if (waits) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(HotRow* const row, Touch(key));
  const absl::Status status = projection_.projection->Apply(event, key, row->row);
  if (!status.ok() && Planted(Bug::kPoisonBlocks)) return status;
  if (!status.ok()) [[unlikely]]
    Park(event, key, status);
  return absl::OkStatus();
}

absl::StatusOr<bool> RowFold::WaitIfParked(const Event& event, std::string_view key) {
  RETURN_IF_ERROR(parked_.Load(store_));
  if (!parked_.Has(key)) return false;
  parked_.Wait(key, event.position);
  return true;
}

void RowFold::Park(const Event& event, std::string_view key, const absl::Status& why) {
  parked_.Park(key, event.position, why);
  ++state_.parked;
}

absl::Status RowFold::Release(const Unpark& decided, EventFinder* events) {
  RETURN_IF_ERROR(parked_.Load(store_));
  const size_t before = parked_.size();
  const std::vector<std::string> keys =
      decided.all_keys() ? parked_.Keys() : std::vector<std::string>{decided.key()};
  for (const std::string& key : keys) {
    const auto fold = [&](Position position, absl::Status& failed) -> absl::Status {
      if (events == nullptr) return FailedPrecondition("parked events cannot be read again here");
      ASSIGN_OR_RETURN(const Event* const event, events->At(scope_, position));
      ASSIGN_OR_RETURN(HotRow* const row, Touch(key));
      failed = projection_.projection->Apply(*event, key, row->row);
      return absl::OkStatus();
    };
    RETURN_IF_ERROR(parked_.Release(store_, key, Position(decided.skip()), fold));
  }
  state_.parked -= before - parked_.size();
  return absl::OkStatus();
}

absl::StatusOr<HotRow*> RowFold::Touch(std::string_view key) {
  HotRow* row = last_;
  if (row == nullptr || row->key != key) {
    ASSIGN_OR_RETURN(row, Find(key));
    last_ = row;
  }
  if (!row->touched) {
    cache_.Hold(row);
    cache_.AddHeldBytes(row->charge);
    touched_.push_back(row);
  }
  return row;
}

absl::StatusOr<HotRow*> RowFold::Find(std::string_view key) {
  const auto found = rows_.find(key);
  if (found != rows_.end()) return *found;
  HotRow* row = cache_.Take(this, number_, key);
  if (absl::Status status = Load(row); !status.ok()) {
    cache_.Free(row, number_);
    return status;
  }
  rows_.insert(row);
  touched_.push_back(row);
  cache_.AddHeldBytes(Charge(*row));
  return row;
}

void RowFold::Forget(HotRow* row) {
  rows_.erase(row);
  if (rows_.empty()) rows_ = {};  // a table keeps the size it once had: too much for a quiet scope
  if (last_ == row) last_ = nullptr;
}

absl::Status RowFold::Load(HotRow* row) {
  row_key_.resize(prefix_size_);
  row_key_.append(row->key);
  ASSIGN_OR_RETURN(row->is_stored, store_.Get(Space::kRows, row_key_, &bytes_));
  if (!row->is_stored) return absl::OkStatus();
  if (!RowAccess::Parse(*projection_.prototype, bytes_, row->row)) {
    return DataLoss("the stored row does not parse: rebuild the read models");
  }
  row->stored = Digest128::Of(row->key, bytes_);
  row->stored_bytes = bytes_.size();
  if (!indexes_.empty()) {
    row->indexed = std::make_unique<IndexedAs>(IndexedAsOf(projection_, row->key, row->row));
  }
  return absl::OkStatus();
}

void RowFold::SortTouched() {
  std::sort(touched_.begin(), touched_.end(),
            [](const HotRow* a, const HotRow* b) { return a->key < b->key; });
}

bool RowFold::Write(HotRow* row, StoreBatch& batch) {
  if (!RowAccess::changed(row->row)) return false;
  RowAccess::ClearChanged(row->row);
  row_key_.resize(prefix_size_);
  row_key_.append(row->key);
  if (!row->row.exists()) {
    if (!row->is_stored) return false;
    state_.digest.Remove(row->stored);
    --state_.rows;
    batch.Delete(Space::kRows, row_key_);
    if (!indexes_.empty()) WriteIndexes(row, batch);
    row->stored_bytes = 0;
    row->is_stored = false;
    return true;
  }
  bytes_.clear();
  RowAccess::AppendTo(row->row, &bytes_);
  const Digest128 digest = Digest128::Of(row->key, bytes_);
  if (row->is_stored && digest == row->stored) return false;
  if (row->is_stored) {
    state_.digest.Remove(row->stored);
  } else {
    ++state_.rows;
  }
  state_.digest.Add(digest);
  batch.Put(Space::kRows, row_key_, bytes_);
  if (!indexes_.empty()) WriteIndexes(row, batch);
  row->stored = digest;
  row->stored_bytes = bytes_.size();
  row->is_stored = true;
  return true;
}

void RowFold::WriteIndexes(HotRow* row, StoreBatch& batch) {
  if (row->indexed == nullptr) row->indexed = std::make_unique<IndexedAs>();
  IndexedAs after = IndexedAsOf(projection_, row->key, row->row);
  indexes_.Write(row->key, *row->indexed, after, batch);
  *row->indexed = std::move(after);
}

void RowFold::WriteCheckpoint(Position through, StoreBatch& batch) {
  if (state_.position < through) state_.position = through;
  batch.Put(Space::kMeta, checkpoint_key_, CheckpointBytes(state_));
}

}  // namespace intentlog
