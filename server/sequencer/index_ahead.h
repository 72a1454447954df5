// An IndexAhead is the log's index as the groups in flight will have made it: the rows on disk, and
// above them those that are decided and not durable yet. Rows change one group at a time; what is
// durable is forgotten here.
//
// Reads the log, and blocks while it does. Thread-compatible.
//
//   index.Begin(7);
//   index.Put(OpenKey(position), row);        // seen by Get and Scan at once
//   index.AddTo(group);                       // ends group 7
//   index.Durable(7);
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

class IndexAhead {
 public:
  struct Row {
    std::string key;
    std::string value;
  };

  // `log` must outlive this.
  explicit IndexAhead(const EventLog& log) : log_(log) {}

  // ---- the group in hand
  // Groups are numbered ascending.
  void Begin(uint64_t group) { group_ = group; }
  void Put(std::string key, std::string value) { Set(std::move(key), std::move(value)); }
  void Delete(std::string key) { Set(std::move(key), std::nullopt); }
  // Adds the last value of each row that the group in hand changed.
  void AddTo(EventGroup& group);
  bool group_has_rows() const { return !changed_.empty() && changed_.back().group == group_; }

  // Everything up to this group is durable.
  void Durable(uint64_t group);
  // Whatever is not durable is dropped.
  void Clear();

  // ---- reading
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const;
  // As a Message. DATA_LOSS if the row does not parse.
  template <class Message>
  absl::StatusOr<std::optional<Message>> GetRow(std::string_view key) const;
  // Up to `limit` rows with `prefix`, the first at or after `from`, in order.
  absl::StatusOr<std::vector<Row>> Scan(std::string_view prefix, std::string_view from,
                                        size_t limit) const;

  // The last row with `prefix` <= key <= `at`; nothing if there is none.
  // REQUIRES: rows with this prefix are never deleted.
  absl::StatusOr<std::optional<Row>> Last(std::string_view prefix, std::string_view at) const;

  size_t rows_ahead() const { return ahead_.size(); }

 private:
  struct Ahead {
    std::optional<std::string> value;  // nothing: the row is deleted
    uint64_t group = 0;                // that changed it last
  };
  struct Changed {
    uint64_t group;
    std::vector<std::string> keys;
  };

  void Set(std::string key, std::optional<std::string> value);

  const EventLog& log_;
  uint64_t group_ = 0;
  std::map<std::string, Ahead, std::less<>> ahead_;
  std::deque<Changed> changed_;  // oldest group first
};

template <class Message>
absl::StatusOr<std::optional<Message>> IndexAhead::GetRow(std::string_view key) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, Get(key));
  if (!value) return std::optional<Message>();
  std::optional<Message> row(std::in_place);
  if (row->ParseFromString(*value)) return row;
  return DataLoss("the row ", Hex(key), " of tenant ", log_.tenant(),
                  " does not parse; restore the store from a backup");
}

}  // namespace intentlog
