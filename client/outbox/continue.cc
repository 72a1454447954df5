// What has no receipt goes on in another device log: the places of intents stay, and the rolling
// hash begins anew with the first that moves.
#include <optional>

#include "client/outbox/group.h"
#include "client/outbox/intent_reader.h"
#include "client/outbox/intent_view.h"
#include "client/outbox/outbox.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

void PutHash(PriorityClass priority, Count count, const ChainValue& hash, StoreBatch& batch) {
  batch.Put(Space::kIndex, CountKey('h', priority, count), Bytes(hash));
}

// Where nothing moved there is a hash behind the last intent, for the next one that is recorded.
void ForgetHashBehind(PriorityClass priority, Count last, StoreBatch& batch) {
  batch.Delete(Space::kIndex, CountKey('h', priority, last.Next()));
}

// The first that moves is in the middle of an append: a copy recorded the same beginning of it. Two
// rows take its place, and the ids of the second part, which no range leads to any more, get rows
// of their own.
absl::Status SplitRow(PriorityClass priority, const IntentReader::RowAt& at, Count first,
                      StoreBatch& batch) {
  const auto stay = static_cast<uint32_t>(first.Since(at.first));
  AppendRowBuilder builder;
  AppendRow::Place place;
  builder.Start(stay, at.row.attempts(), at.row.hash_before());
  for (uint32_t i = 0; i < stay; ++i) builder.Add(at.row.Walk(i, &place));
  batch.Put(Space::kLog, CountKey('i', priority, at.first), builder.bytes());
  builder.Start(at.row.size() - stay, at.row.attempts(), {});
  for (uint32_t i = stay; i < at.row.size(); ++i) {
    const std::string_view bytes = at.row.Walk(i, &place);
    IntentView intent;
    RETURN_IF_ERROR(ReadIntent(bytes, &intent));
    builder.Add(bytes);
    batch.Put(Space::kIndex, GivenIdKey(IntentId::FromBytes(intent.intent_id)),
              PlaceBytes({priority, at.first.Plus(i)}));
  }
  batch.Put(Space::kLog, CountKey('i', priority, first), builder.bytes());
  return absl::OkStatus();
}

// Adds the new hashes of all rows from `first` to `last`, of which `hash` is the one before
// `first`; returns the hash at `last`.
absl::StatusOr<ChainValue> RehashRows(const Store& store, PriorityClass priority, Count first,
                                      Count last, ChainValue hash, Outbox::Moving* moving,
                                      StoreBatch& batch) {
  IntentReader reader(store, priority);
  ASSIGN_OR_RETURN(IntentReader::RowAt at, reader.Find(first));
  ASSIGN_OR_RETURN(moving->mark, reader.HashBefore(at));
  if (at.first < first) RETURN_IF_ERROR(SplitRow(priority, at, first, batch));
  while (true) {
    at.row.ForEach([&](uint32_t index, std::string_view intent) {
      const Count count = at.first.Plus(index);
      if (count <= first) moving->mark = NextLogHash(moving->mark, intent);
      if (count >= first) hash = NextLogHash(hash, intent);
    });
    if (at.last() >= last) return hash;
    ASSIGN_OR_RETURN(const auto following, reader.Next());
    if (!following || following->first != at.last().Next()) {
      return DataLoss("device log: count ", at.last().Next(), " is missing");
    }
    at = *following;
    PutHash(priority, at.first, hash, batch);
  }
}

}  // namespace

absl::Status Outbox::Continue(PriorityClass priority, Count first, CommitMove commit) {
  const Turn turn(*this);
  RETURN_IF_ERROR(failed());
  const OutboxView view = this->view(priority);
  if (first != view.receipted.Next() || !view.islands.empty()) {
    return FailedPrecondition("the log of class ", int{priority},
                              " cannot go on in another from count ", first,
                              ": the server has all through ", view.receipted, " and ",
                              view.islands.size(), " runs above");
  }
  StoreBatch batch;
  Moving moving;
  moving.intents = view.last.Next().Since(first);
  ChainValue hash = {};
  PutHash(priority, first, hash, batch);
  if (moving.intents == 0) {
    moving.mark = hashes_[priority];
  } else {
    ASSIGN_OR_RETURN(hash, RehashRows(store_, priority, first, view.last, hash, &moving, batch));
    ForgetHashBehind(priority, view.last, batch);
  }
  return CommitMoved(priority, hash, moving, batch, commit);
}

absl::Status Outbox::GoBack(PriorityClass priority, Count first, CommitMove commit) {
  const Turn turn(*this);
  RETURN_IF_ERROR(failed());
  const Count last = view(priority).last;
  IntentReader reader(store_, priority);
  const Count before(first.value() - 1);
  ChainValue hash = {};
  if (before > Count()) {
    ASSIGN_OR_RETURN(const IntentReader::RowAt at, reader.Find(before));
    ASSIGN_OR_RETURN(hash, reader.HashBefore(at));
    at.row.ForEach([&](uint32_t index, std::string_view intent) {
      if (at.first.Plus(index) <= before) hash = NextLogHash(hash, intent);
    });
  }
  StoreBatch batch;
  Moving moving;
  moving.intents = last.Next().Since(first);
  PutHash(priority, first, hash, batch);
  if (moving.intents > 0) {
    ASSIGN_OR_RETURN(hash, RehashRows(store_, priority, first, last, hash, &moving, batch));
    ForgetHashBehind(priority, last, batch);
  }
  return CommitMoved(priority, hash, moving, batch, commit);
}

absl::Status Outbox::CommitMoved(PriorityClass priority, const ChainValue& hash,
                                 const Moving& moving, StoreBatch& batch, CommitMove commit) {
  const absl::Status status = commit(moving, batch);
  if (!status.ok()) {
    NotWritten(status);
    return status;
  }
  hashes_[priority] = hash;
  const std::lock_guard<std::mutex> lock(mutex_);
  logs_[priority].view.synced = logs_[priority].view.last;
  return absl::OkStatus();
}

}  // namespace intentlog
