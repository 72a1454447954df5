#include "client/outbox/outbox.h"

#include <set>

#include "client/outbox/group.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"

namespace intentlog {

Outbox::Turn::Turn(Outbox& outbox) : outbox_(outbox) {
  std::unique_lock<std::mutex> lock(outbox_.mutex_);
  outbox_.queue_.push_back(&writer_);
  writer_.ready.wait(lock, [&] { return outbox_.queue_.front() == &writer_; });
}

Outbox::Turn::~Turn() {
  const std::lock_guard<std::mutex> lock(outbox_.mutex_);
  outbox_.queue_.pop_front();
  if (!outbox_.queue_.empty()) outbox_.queue_.front()->ready.notify_one();
}

Outbox::Outbox(Store& store, const Clock& clock, const OutboxOptions& options)
    : store_(store), clock_(clock), options_(options), lanes_(store, options.lane_cache_entities) {}

absl::StatusOr<std::unique_ptr<Outbox>> Outbox::Open(Store& store, const Clock& clock,
                                                     const OutboxOptions& options) {
  std::unique_ptr<Outbox> outbox(new Outbox(store, clock, options));
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    RETURN_IF_ERROR(outbox->Load(priority));
  }
  RETURN_IF_ERROR(outbox->LoadIds());
  return outbox;
}

absl::Status Outbox::Load(PriorityClass priority) {
  OutboxView& view = logs_[priority].view;
  ReceiptCounts& receipts = logs_[priority].receipts;
  view.priority = priority;
  IntentReader reader(store_, priority);
  ASSIGN_OR_RETURN(const auto last, reader.Last());
  if (last) {
    ChainValue& hash = hashes_[priority];
    ASSIGN_OR_RETURN(hash, reader.HashBefore(*last));
    last->row.ForEach([&](uint32_t, std::string_view intent) { hash = NextLogHash(hash, intent); });
    view.last = last->last();
    // Opening a store makes what it holds durable, but on a full disk: there it is only read.
    if (store_.failed().ok()) view.synced = view.last;
  }
  ASSIGN_OR_RETURN(const auto begun, NewHashBefore(store_, priority, view.last.Next()));
  if (begun) hashes_[priority] = *begun;
  std::string value;
  ASSIGN_OR_RETURN(const bool found,
                   store_.Get(Space::kMeta, ClassKey("counts", priority), &value));
  if (found) {
    const auto stored = ParseReceiptCounts(value);
    if (!stored) return DataLoss(store_.dir(), ": the counts of the device log do not parse");
    receipts = *stored;
  }
  if (receipts.prefix > view.last.value() || receipts.receipts > view.last.value()) {
    return DataLoss(store_.dir(), ": the server knows count ", receipts.prefix,
                    " of this device log, which ends at ", view.last);
  }
  view.receipted = Count(receipts.prefix);
  view.synced = std::max(view.synced, view.receipted);
  RETURN_IF_ERROR(LoadBytes(logs_[priority]));
  return LoadIslands(view);
}

absl::Status Outbox::LoadBytes(Log& log) {
  log.bytes = log.receipts.log_bytes;
  const PriorityClass priority = log.view.priority;
  const std::string prefix = CountPrefix('i', priority);
  const auto row = store_.Scan(Space::kLog);
  row->Seek(CountKey('i', priority, Count(log.receipts.log_bytes_through + 1)));
  for (; row->Valid() && row->key().substr(0, prefix.size()) == prefix; row->Next()) {
    log.bytes += row->key().size() + row->value().size();
  }
  return row->status();
}

// The greatest id in a range.
absl::Status Outbox::LoadIds() {
  const auto cursor = store_.Scan(Space::kIndex);
  cursor->SeekBack(std::string("D").append(IntentId::kSize, '\xff'));
  if (cursor->Valid() && !cursor->key().empty() && cursor->key()[0] == 'D') {
    const auto ids = ParseMadeIds(cursor->value());
    if (!ids) return DataLoss(store_.dir(), ": a range of intent ids does not parse");
    made_max_ = ids->last;
  }
  return cursor->status();
}

// Receipts above the prefix: few, because they come from what the feed told before the receipts.
absl::Status Outbox::LoadIslands(OutboxView& view) {
  const std::string prefix = CountPrefix('p', view.priority);
  const auto cursor = store_.Scan(Space::kIndex);
  cursor->Seek(CountKey('p', view.priority, view.receipted.Next()));
  for (; cursor->Valid() && cursor->key().substr(0, prefix.size()) == prefix; cursor->Next()) {
    ReceiptRun run;
    const std::string_view value = cursor->value();
    if (!run.ParseFromArray(value.data(), static_cast<int>(value.size())) || run.length() == 0) {
      return DataLoss(store_.dir(), ": receipts at count ", CountOf(cursor->key()),
                      " do not parse");
    }
    Outcome outcome;
    outcome.priority = view.priority;
    outcome.first = Count(run.first_count());
    outcome.length = run.length();
    AddOutcomes({outcome}, view);
  }
  return cursor->status();
}

OutboxView Outbox::view(PriorityClass priority) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return logs_[priority].view;
}

OutboxCounts Outbox::counts(PriorityClass priority) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Log& log = logs_[priority];
  OutboxCounts counts;
  counts.recorded = log.view.last.value();
  counts.synced = log.receipts.synced;
  counts.failed = log.receipts.failed;
  counts.conflicted = log.receipts.conflicted;
  counts.parked = log.receipts.parked;
  counts.pending = counts.recorded - log.receipts.receipts + log.receipts.parked;
  return counts;
}

OutboxCounts Outbox::counts() const {
  OutboxCounts sum;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    const OutboxCounts counts = this->counts(priority);
    sum.recorded += counts.recorded;
    sum.synced += counts.synced;
    sum.failed += counts.failed;
    sum.conflicted += counts.conflicted;
    sum.parked += counts.parked;
    sum.pending += counts.pending;
  }
  return sum;
}

absl::Status Outbox::ForEachOpen(Position after,
                                 absl::FunctionRef<bool(const OpenAt& open)> each) const {
  const auto row = store_.Scan(Space::kIndex);
  for (row->Seek(PositionKey('o', after.Next())); row->Valid() && row->key().substr(0, 1) == "o";
       row->Next()) {
    const auto open = ParseOpenIntent(row->value());
    if (!open) return DataLoss(store_.dir(), ": an open intent does not parse");
    IntentReader reader(store_, open->place.priority);
    ASSIGN_OR_RETURN(const std::string_view bytes, reader.Get(open->place.count));
    IntentView intent;
    RETURN_IF_ERROR(ReadIntent(bytes, &intent));
    if (!each({PositionOf(row->key()), open->decision, intent.scope})) return absl::OkStatus();
  }
  return row->status();
}

absl::StatusOr<std::vector<std::string>> Outbox::OpenScopes() const {
  std::set<std::string> scopes;
  RETURN_IF_ERROR(ForEachOpen(Position(), [&](const OpenAt& open) {
    scopes.emplace(open.scope);
    return true;
  }));
  return std::vector<std::string>(scopes.begin(), scopes.end());
}

absl::Status Outbox::failed() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

absl::StatusOr<LogPlace> Outbox::Find(const IntentId& id) const {
  ASSIGN_OR_RETURN(const std::optional<LogPlace> found, Lookup(id));
  if (!found) return NotFound("this device never recorded intent ", ToText(id));
  return *found;
}

}  // namespace intentlog
