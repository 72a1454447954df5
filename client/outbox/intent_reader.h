// An IntentReader reads a device log by count, as the store was when the reader was made.
// Thread-compatible; the store must outlive it.
//
//   IntentReader reader(store, kPlainClass);
//   RETURN_IF_ERROR(reader.ForEach(Count(5), Count(9), [&](Count count, std::string_view intent)
//   {…}));
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/outbox/rows.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"
#include "proto/sync.pb.h"

namespace intentlog {

class IntentReader {
 public:
  IntentReader(const Store& store, PriorityClass priority);

  // What one Append wrote. Valid until the reader moves.
  struct RowAt {
    Count first;
    AppendRow row;

    Count last() const { return Count(first.value() + row.size() - 1); }
  };
  // The row that holds `count`. NOT_FOUND if there is none; DATA_LOSS if it is damaged.
  absl::StatusOr<RowAt> Find(Count count);
  // The row after the last one returned; nothing at the end of the log.
  absl::StatusOr<std::optional<RowAt>> Next();
  // The first count that is kept; 0 if the log is empty.
  absl::StatusOr<Count> First();
  // The last row of the log; nothing if it is empty.
  absl::StatusOr<std::optional<RowAt>> Last();

  // The intent at `count`. Cheap where counts ascend. Valid until the reader moves. NOT_FOUND,
  // DATA_LOSS.
  absl::StatusOr<std::string_view> Get(Count count);

  // All intents in [first, last], in order. DATA_LOSS if one is missing; an error of `use` ends it.
  using Use = absl::FunctionRef<absl::Status(Count count, std::string_view intent)>;
  absl::Status ForEach(Count first, Count last, Use use);

  // Whole rows from the one that holds `from`, up to `last`, until `bytes_max` is reached; one row
  // at least. Returns the last count put into `push`. Batches are rows, so none is cut. The log
  // that is pushed has what comes after `before`.
  absl::StatusOr<Count> FillPush(Count from, Count last, size_t bytes_max, Count before,
                                 Push* push);
  // The rolling hash before a row.
  absl::StatusOr<ChainValue> HashBefore(const RowAt& at) const;

 private:
  absl::StatusOr<RowAt> Current();  // forgets where Get was
  bool AtRow() const;

  const Store& store_;
  const std::string prefix_;
  const PriorityClass priority_;
  std::unique_ptr<StoreCursor> cursor_;

  // Where Get was: `next_` is the place in `row_` behind the intent that it returned.
  std::optional<RowAt> row_;
  AppendRow::Place next_;
};

// The hash that a row 'h' gives for this count; nothing if there is none.
absl::StatusOr<std::optional<ChainValue>> NewHashBefore(const Store& store, PriorityClass priority,
                                                        Count count);

// The first decision on a count, and what closed or turned it if it was open.
struct IntentOutcome {
  Position position;
  Decision decision = DECISION_UNSPECIFIED;  // as it stands
  Decision first_decision = DECISION_UNSPECIFIED;
  Reason reason;  // of `decision`
  uint64_t pointer = 0;
  Position settled_at;    // of the last settlement; 0: none
  bool resolved = false;  // closed, and what was rejected needs nobody's attention any more

  bool open() const { return IsOpen(decision, resolved); }
};
// Looks many counts up, as the store was when it was made. Thread-compatible.
class OutcomeReader {
 public:
  OutcomeReader(const Store& store, PriorityClass priority)
      : priority_(priority), cursor_(store.Scan(Space::kIndex)) {}
  // Nothing while the count has no receipt.
  absl::StatusOr<std::optional<IntentOutcome>> Find(Count count);

 private:
  absl::StatusOr<std::optional<ReceiptRun>> FindRun(Count count);

  const PriorityClass priority_;
  const std::unique_ptr<StoreCursor> cursor_;
};
// The same, for one.
absl::StatusOr<std::optional<IntentOutcome>> OutcomeOf(const Store& store, PriorityClass priority,
                                                       Count count);

}  // namespace intentlog
