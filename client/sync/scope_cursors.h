// ScopeCursors say how far this device has the feed of each scope that it subscribes to. A cursor
// moves only in the write that holds what it covers (I13): Put goes into that batch, Moved follows
// it.
//
// Thread-safe.
//
//   kMeta  "cursor" NUL scope → Cursor
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/chain.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"

namespace intentlog {

struct ScopeCursor {
  EpochId epoch;  // nil: fresh
  Position position;
  ChainValue chain = {};
  // Feed blocks are kept from here on, but for single ones below.
  Position held_after{};
  // The scope begins again, at a snapshot or at its first event: a view of it cannot be folded from
  // what is kept. Until then its rows stay as they are, and no feed is folded.
  bool anew = false;
  uint64_t held_bytes = 0;  // of the feed blocks

  // A server that was restored does not have what this device has of the scope: rows, feed and
  // position are those of the lost history, until the scope has begun anew.
  bool lost() const { return anew && held_after == kNothingHeld; }
  void Lose() {
    anew = true;
    held_after = kNothingHeld;
  }
  // Whether the rows contain the event at `at` of the server's history.
  bool Has(Position at) const { return !lost() && position >= at; }

 private:
  static constexpr Position kNothingHeld{UINT64_MAX};
};

class ScopeCursors {
 public:
  // `scopes` are subscribed to even where nothing of them has come; with `all_scopes` so is every
  // scope that the store has a cursor of, and every new one.
  ScopeCursors(std::vector<std::string> scopes, bool all_scopes);
  // Reads what the store has. DATA_LOSS if a row does not parse.
  absl::Status Load(const Store& store);

  bool all_scopes() const { return all_scopes_; }
  // Of which the store has a cursor, but that are not subscribed to any more.
  const std::vector<std::string>& lost() const { return lost_; }
  // Nothing if the device does not subscribe to `scope`.
  std::optional<ScopeCursor> Find(std::string_view scope) const;
  std::vector<std::pair<std::string, ScopeCursor>> All() const;

  uint64_t held_bytes() const;

  static void Put(std::string_view scope, const ScopeCursor& cursor, StoreBatch& batch);
  static void Remove(std::string_view scope, StoreBatch& batch);
  void Moved(std::string_view scope, const ScopeCursor& cursor);

 private:
  const bool all_scopes_;
  std::vector<std::string> lost_;  // constant after Load
  mutable std::mutex mutex_;
  std::map<std::string, ScopeCursor, std::less<>> cursors_;  // protected by mutex_
};

}  // namespace intentlog
