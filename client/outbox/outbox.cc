#include "client/outbox/outbox.h"

#include "client/outbox/group.h"
#include "client/outbox/intent_reader.h"
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
  RETURN_IF_ERROR(outbox->Load());
  return outbox;
}

absl::Status Outbox::Load() {
  IntentReader reader(store_, options_.priority);
  ASSIGN_OR_RETURN(const auto last, reader.Last());
  if (last) {
    hash_ = last->row.hash_before();
    last->row.ForEach(
        [&](uint32_t, std::string_view intent) { hash_ = NextLogHash(hash_, intent); });
    view_.last = last->last();
    view_.synced = view_.last;  // opening a store makes what it holds durable
  }
  std::string value;
  ASSIGN_OR_RETURN(const bool found,
                   store_.Get(Space::kMeta, ClassKey("counts", options_.priority), &value));
  if (found) {
    const auto receipts = ParseReceiptCounts(value);
    if (!receipts) return DataLoss(store_.dir(), ": the counts of the device log do not parse");
    receipts_ = *receipts;
  }
  if (receipts_.prefix > view_.last.value() || receipts_.receipts > view_.last.value()) {
    return DataLoss(store_.dir(), ": the server knows count ", receipts_.prefix,
                    " of this device log, which ends at ", view_.last);
  }
  view_.receipted = Count(receipts_.prefix);
  RETURN_IF_ERROR(LoadIslands());
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
absl::Status Outbox::LoadIslands() {
  const std::string prefix = CountPrefix('p', options_.priority);
  const auto cursor = store_.Scan(Space::kIndex);
  cursor->Seek(CountKey('p', options_.priority, view_.receipted.Next()));
  for (; cursor->Valid() && cursor->key().substr(0, prefix.size()) == prefix; cursor->Next()) {
    ReceiptRun run;
    const std::string_view value = cursor->value();
    if (!run.ParseFromArray(value.data(), static_cast<int>(value.size())) || run.length() == 0) {
      return DataLoss(store_.dir(), ": receipts at count ", CountOf(cursor->key()),
                      " do not parse");
    }
    Outcome outcome;
    outcome.first = Count(run.first_count());
    outcome.length = run.length();
    AddOutcomes({outcome}, view_);
  }
  return cursor->status();
}

OutboxView Outbox::view() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return view_;
}

OutboxCounts Outbox::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  OutboxCounts counts;
  counts.recorded = view_.last.value();
  counts.synced = receipts_.synced;
  counts.failed = receipts_.failed;
  counts.conflicted = receipts_.conflicted;
  counts.parked = receipts_.parked;
  counts.pending = counts.recorded - receipts_.receipts + receipts_.parked;
  return counts;
}

absl::Status Outbox::failed() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

absl::StatusOr<Count> Outbox::Find(const IntentId& id) const {
  ASSIGN_OR_RETURN(const std::optional<Count> found, Lookup(id));
  if (!found) return NotFound("this device never recorded intent ", ToText(id));
  return *found;
}

}  // namespace intentlog
