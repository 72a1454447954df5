// A PendingFold reads rows with pending intents folded on top: for each key, the confirmed row of
// each scope, then the intents that touch it in count order, then the scopes merged.
//
// It remembers which intents touch which key, not what they say: that is read from the device log
// when a row is wanted, and the folded row is kept until an intent leaves or confirmed rows change.
// So memory is a few dozen bytes per intent and key, and appending costs one look at the keys.
//
// Thread-compatible, reading too; models and store must outlive it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/outbox/rows.h"
#include "eventlog/log/event.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/schema.h"
#include "eventlog/store/store.h"
#include "projections/engine/read_models.h"

namespace intentlog {

class PendingFold {
 public:
  PendingFold(const Store& store, PriorityClass priority, const ReadModels& models,
              std::shared_ptr<const Schema> schema);
  ~PendingFold();

  // Tells of each (projection, key) that Add and Remove come to.
  using KeyListener = absl::FunctionRef<void(const Projection& projection, std::string_view key)>;
  // DATA_LOSS if the intent does not parse. One whose type is unknown here touches nothing.
  absl::Status Add(Count count, std::string_view intent, KeyListener listener);
  absl::Status Remove(Count count, std::string_view intent, KeyListener listener);
  // Confirmed rows are not what they were.
  void ConfirmedChanged() { ++confirmed_; }

  // As ReadModels', with pending intents. An intent that can not be folded into a row leaves it as
  // it is.
  absl::StatusOr<std::optional<Row>> Get(std::string_view view, std::string_view key);
  // The pending part is folded at once: the cursor sees one moment.
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(std::string_view view, std::string_view from_key);

 private:
  // The intents of one scope that touch one key.
  struct Lane {
    std::deque<Count> counts;  // ascending
    Row row;                   // confirmed, and the first `folded` counts
    size_t folded = 0;
    uint64_t confirmed = 0;  // of the row; another: it must be read again
    bool valid = false;
  };
  using Lanes = std::map<std::string, Lane, std::less<>>;  // by scope
  struct View {
    const Projection* projection = nullptr;
    std::string name;
    std::map<std::string, Lanes, std::less<>> keys;
  };

  absl::StatusOr<View*> Find(std::string_view view);
  absl::Status ForEachKey(
      std::string_view intent,
      absl::FunctionRef<void(View&, const std::string&, const std::string&)> use);
  // Brings the lanes of `keys` up to date, reading each intent once.
  using Key = std::pair<const std::string, Lanes>;
  absl::Status Refresh(View& view, absl::Span<Key* const> keys);
  absl::Status Prepare(View& view, Key& key, std::vector<Count>& counts);
  absl::Status Fold(View& view, Count count, std::string_view intent);
  absl::Status ForEachIntent(const std::vector<Count>& counts,
                             absl::FunctionRef<absl::Status(Count, std::string_view)> use);
  // The key's rows of all scopes, merged. REQUIRES: refreshed.
  absl::StatusOr<std::optional<Row>> Merged(View& view, const Key& key);

  const Store& store_;
  const PriorityClass priority_;
  const ReadModels& models_;
  EventDecoder decoder_;
  KeySink sink_;
  std::vector<View> views_;
  uint64_t confirmed_ = 1;
};

}  // namespace intentlog
