#include <algorithm>
#include <unordered_set>

#include "client/outbox/group.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/outbox.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// What a few intents take besides their own bytes: ids, lanes. Of many it is less than those bytes.
constexpr uint64_t kOtherRowsBytes = 4 << 10;

// False if one of the ids that the application gave is in `given` already.
bool AddGiven(absl::Span<const EncodedIntent> intents, std::unordered_set<IntentId>& given) {
  bool fresh = true;
  for (const EncodedIntent& intent : intents) {
    if (intent.id_given) fresh = given.insert(intent.id).second && fresh;
  }
  return fresh;
}

absl::Status CheckIds(absl::Span<const EncodedIntent> intents) {
  if (intents.size() == 1) return absl::OkStatus();
  std::unordered_set<IntentId> given;
  if (AddGiven(intents, given)) return absl::OkStatus();
  return Invalid("two intents of one batch have the same intent_id");
}

}  // namespace

absl::StatusOr<AppendResult> Outbox::Append(absl::Span<const EncodedIntent> intents, bool durable,
                                            PriorityClass priority) {
  INTENTLOG_CHECK(!intents.empty() && priority < kClasses);
  RETURN_IF_ERROR(CheckIds(intents));
  Writer writer;
  writer.intents = intents;
  writer.priority = priority;
  writer.durable = durable;
  for (const EncodedIntent& intent : intents) writer.bytes += intent.bytes.size();

  std::unique_lock<std::mutex> lock(mutex_);
  queue_.push_back(&writer);
  writer.ready.wait(lock, [&] { return writer.done || queue_.front() == &writer; });
  if (!writer.done) {
    const std::vector<Writer*> group = TakeGroup();
    lock.unlock();
    WriteGroup(group);
    lock.lock();
    for (Writer* member : group) {
      queue_.pop_front();
      member->done = true;
      if (member != &writer) member->ready.notify_one();
    }
    if (!queue_.empty()) queue_.front()->ready.notify_one();
  }
  if (!writer.status.ok()) return writer.status;
  return writer.result;
}

// The appends at the front of the queue, as far as one write may reach. They stay in the queue, so
// that nobody else writes. Two that give one id do not share a write: the second one must find the
// first on record.
std::vector<Outbox::Writer*> Outbox::TakeGroup() {
  std::vector<Writer*> group;
  std::unordered_set<IntentId> given;
  size_t bytes = 0;
  for (Writer* writer : queue_) {
    if (writer->intents.empty()) break;
    if (!group.empty() && bytes + writer->bytes > options_.group_bytes_max) break;
    if (queue_.size() > 1 && !AddGiven(writer->intents, given)) break;
    bytes += writer->bytes;
    group.push_back(writer);
  }
  return group;
}

void Outbox::WriteGroup(absl::Span<Writer* const> writers) {
  Group group;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < kClasses; ++i) group.last[i] = logs_[i].view.last;
    group.made_max = made_max_;
    if (!failure_.ok()) {
      for (Writer* writer : writers) writer->status = failure_;
      return;
    }
  }
  group.hashes = hashes_;
  uint64_t bytes = 0;
  for (const Writer* writer : writers) bytes += writer->bytes;
  group.room_bytes = 2 * bytes + kOtherRowsBytes;
  group.room = store_.CheckRoom(group.room_bytes);
  for (Writer* writer : writers) {
    group.durable |= writer->durable;
    writer->status = Place(group, *writer);
  }
  const absl::Status status = CommitGroup(group);
  if (!status.ok()) {
    for (Writer* writer : writers) {
      if (writer->status.ok()) writer->status = status;
    }
    return;
  }
  if (!listener_) return;
  for (Writer* writer : group.fresh)
    listener_({writer->priority, writer->result.first}, writer->intents);
}

// Gives the writer its counts, or finds those it has already.
absl::Status Outbox::Place(Group& group, Writer& writer) {
  ASSIGN_OR_RETURN(const bool repeated, FindRepeated(writer));
  if (repeated) return absl::OkStatus();
  RETURN_IF_ERROR(group.room);
  const absl::Status status = AddRows(group, writer);
  // Rows may lie in the batch already: nothing of it may be written.
  if (!status.ok()) Fail(status);
  return status;
}

absl::StatusOr<bool> Outbox::FindRepeated(Writer& writer) {
  if (Planted(Bug::kRepeatNotFound)) return false;
  std::optional<LogPlace> first;
  for (size_t i = 0; i < writer.intents.size(); ++i) {
    const EncodedIntent& intent = writer.intents[i];
    if (!intent.id_given) continue;
    ASSIGN_OR_RETURN(const std::optional<LogPlace> found, Lookup(intent.id));
    if (i == 0) first = found;
    std::optional<LogPlace> wanted = first;
    if (wanted) wanted->count = first->count.Plus(i);
    if (found == wanted) continue;
    return absl::AlreadyExistsError(Cat("intent_id ", ToText(intent.id),
                                        " was recorded before, at count ",
                                        found.value_or(LogPlace()).count, ", in another batch"));
  }
  if (!first) return false;
  RETURN_IF_ERROR(CheckRepeat(writer, *first));
  INTENTLOG_MARK("outbox: recorded before");
  writer.result = {first->count, true};
  return true;
}

// ALREADY_EXISTS unless the intents from `first` on record what `writer` wants to record.
absl::Status Outbox::CheckRepeat(const Writer& writer, LogPlace first) const {
  size_t index = 0;
  const auto compare = [&](Count count, std::string_view stored) -> absl::Status {
    IntentView a;
    IntentView b;
    RETURN_IF_ERROR(ReadIntent(stored, &a));
    RETURN_IF_ERROR(ReadIntent(writer.intents[index++].bytes, &b));
    if (SameDeed(a, b) && (writer.intents.size() == 1 || a.batch_size == b.batch_size)) {
      return absl::OkStatus();
    }
    return absl::AlreadyExistsError(Cat("intent_id ", UuidText(b.intent_id),
                                        " was recorded before, at count ", count,
                                        ", with other content; use a new id"));
  };
  const Count last = first.count.Plus(writer.intents.size() - 1);
  if (last > view(first.priority).last) {
    return absl::AlreadyExistsError("the batch was recorded before, and was shorter");
  }
  // What is trimmed cannot be compared any more; the id says enough then.
  IntentReader reader(store_, first.priority);
  ASSIGN_OR_RETURN(const Count held, reader.First());
  if (first.count < held) return absl::OkStatus();
  return reader.ForEach(first.count, last, compare);
}

absl::StatusOr<std::optional<LogPlace>> Outbox::Lookup(const IntentId& id) const {
  std::string value;
  ASSIGN_OR_RETURN(const bool found, store_.Get(Space::kIndex, GivenIdKey(id), &value));
  if (found) {
    const auto place = ParsePlace(value);
    if (!place) return DataLoss("the place of intent ", ToText(id), " does not parse");
    return place;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (id.bytes() > made_max_.bytes()) return std::nullopt;
  }
  return LookupMade(id);
}

absl::StatusOr<std::optional<LogPlace>> Outbox::LookupMade(const IntentId& id) const {
  const auto cursor = store_.Scan(Space::kIndex);
  cursor->SeekBack(MadeIdKey(id));
  if (!cursor->Valid() || cursor->key().empty() || cursor->key()[0] != 'D') {
    RETURN_IF_ERROR(cursor->status());
    return std::nullopt;
  }
  const auto ids = ParseMadeIds(cursor->value());
  if (!ids) return DataLoss("a range of intent ids does not parse");
  if (id.bytes() > ids->last.bytes()) return std::nullopt;
  const PriorityClass priority = ids->first.priority;
  if (id.bytes() == cursor->key().substr(1)) return ids->first;
  IntentReader reader(store_, priority);
  ASSIGN_OR_RETURN(const Count held, reader.First());
  if (ids->first.count < held) return std::nullopt;  // trimmed: its ids have rows of their own
  ASSIGN_OR_RETURN(const IntentReader::RowAt at, reader.Find(ids->first.count));
  std::optional<LogPlace> found;
  absl::Status status;
  at.row.ForEach([&](uint32_t index, std::string_view intent) {
    IntentView view;
    status.Update(ReadIntent(intent, &view));
    if (view.intent_id == id.bytes()) found = LogPlace{priority, at.first.Plus(index)};
  });
  RETURN_IF_ERROR(status);
  return found;
}

absl::Status Outbox::AddRows(Group& group, Writer& writer) {
  const PriorityClass priority = writer.priority;
  ChainValue& hash = group.hashes[priority];
  const Count first = group.last[priority].Next();
  const int64_t now_us = clock_.WallMicros();
  row_.Start(static_cast<uint32_t>(writer.intents.size()), attempts_ever_[priority], hash);
  Count count = group.last[priority];
  for (const EncodedIntent& intent : writer.intents) {
    count = count.Next();
    row_.Add(intent.bytes);
    hash = NextLogHash(hash, intent.bytes);
    ASSIGN_OR_RETURN(LaneState * lane, lanes_.Edit(intent.entity.type, intent.entity.id));
    lane->set_pending(lane->pending() + 1);
    lane->set_last_count(count.value());
    lane->set_last_change_us(now_us);
    if (intent.closes > Position()) {
      group.batch.Put(Space::kIndex, PositionKey('v', intent.closes),
                      PlaceBytes({priority, count}));
    }
  }
  const std::string key = CountKey('i', priority, first);
  const std::string_view row = row_.bytes();
  group.batch.Put(Space::kLog, key, row);
  group.bytes[priority] += key.size() + row.size();
  AddIds(group, writer);
  group.last[priority] = count;
  writer.result = {first, false};
  group.fresh.push_back(&writer);
  return absl::OkStatus();
}

void Outbox::AddIds(Group& group, const Writer& writer) {
  const PriorityClass priority = writer.priority;
  const Count first = group.last[priority].Next();
  bool range = true;  // all made here, ascending, above every other range
  IntentId before = group.made_max;
  for (const EncodedIntent& intent : writer.intents) {
    range = range && !intent.id_given && intent.id.bytes() > before.bytes();
    before = intent.id;
  }
  if (range) {
    const LogPlace place{priority, first};
    group.batch.Put(Space::kIndex, MadeIdKey(writer.intents.front().id),
                    MadeIdsBytes({writer.intents.back().id, place}));
    group.made_max = writer.intents.back().id;
    return;
  }
  Count count = first;
  for (const EncodedIntent& intent : writer.intents) {
    group.batch.Put(Space::kIndex, GivenIdKey(intent.id), PlaceBytes({priority, count}));
    count = count.Next();
  }
}

absl::Status Outbox::CommitGroup(Group& group) {
  RETURN_IF_ERROR(failed());
  if (group.fresh.empty()) return group.durable ? Sync() : absl::OkStatus();
  lanes_.Put(group.batch);
  const bool durable = group.durable && !Planted(Bug::kAcknowledgedBeforeSync);
  const absl::Status status = store_.Commit(
      group.batch, durable ? ::intentlog::Sync::kDurable : ::intentlog::Sync::kBuffered,
      group.batch.bytes() < group.room_bytes ? Room::kAsked : Room::kAsk);
  if (!status.ok()) {
    NotWritten(status);
    return status;
  }
  lanes_.Written();
  hashes_ = group.hashes;
  const std::lock_guard<std::mutex> lock(mutex_);
  made_max_ = group.made_max;
  for (size_t i = 0; i < kClasses; ++i) {
    OutboxView& view = logs_[i].view;
    view.last = group.last[i];
    logs_[i].bytes += group.bytes[i];
    if (group.durable) view.synced = view.last;  // with all that was written before
  }
  return absl::OkStatus();
}

absl::Status Outbox::Sync() {
  std::array<Count, kClasses> through;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!failure_.ok()) return failure_;
    bool synced = true;
    for (size_t i = 0; i < kClasses; ++i) {
      through[i] = logs_[i].view.last;
      synced = synced && logs_[i].view.synced == through[i];
    }
    if (synced) return absl::OkStatus();
  }
  const absl::Status status = store_.SyncLog();
  if (!status.ok() && !Planted(Bug::kSyncErrorIgnored)) {
    Fail(status);
    return status;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = 0; i < kClasses; ++i) {
    Count& synced = logs_[i].view.synced;
    synced = std::max(synced, through[i]);
  }
  return absl::OkStatus();
}

// A full disk refuses before anything is written: then all is as it was. After another failure the
// store must be opened again.
void Outbox::NotWritten(const absl::Status& status) {
  const bool whole = absl::IsResourceExhausted(status) && store_.failed().ok();
  if (!whole && !Planted(Bug::kGoesOnAfterFailedWrite)) return Fail(status);
  lanes_.Abandon();
}

void Outbox::Fail(const absl::Status& status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (failure_.ok()) failure_ = status;
}

}  // namespace intentlog
