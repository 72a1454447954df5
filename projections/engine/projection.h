// A Projection is a named, versioned, pure fold of events into rows: what an application writes to
// have a read model. Devices and the server run the same Projection, and prove that it gave the
// same rows.
//
// Its functions are pure: no clock, no I/O, no random number, no state of the object, no iteration
// over hash maps, no floating point. So one object is safe to share between threads.
//
//   class UnitsByProduct final : public Projection {
//    public:
//     ProjectionInfo info() const override { return {"units_by_product", 1,
//     UnitsRow::descriptor()}; } void Keys(const Event& event, KeySink& keys) const override {
//       if (auto* line = event.As<OrderLineAdded>()) keys.Add(line->product_id());
//     }
//     absl::Status Apply(const Event& event, std::string_view, Row& row) const override {
//       auto* line = event.As<OrderLineAdded>();
//       ASSIGN_OR_RETURN(int64_t units,
//                        CheckedAdd("units", row.Read<UnitsRow>().units(), line->quantity()));
//       row.Edit<UnitsRow>().set_units(units);
//       return absl::OkStatus();
//     }
//   };
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/log/event.h"
#include "google/protobuf/message.h"

namespace intentlog {

struct ProjectionInfo {
  std::string name;
  uint32_t version = 1;  // grows when equal events may give other rows
  // The rows' message, compiled in: without maps and floating point, whose bytes are not certain.
  const google::protobuf::Descriptor* row = nullptr;
  // Folds decisions too: Keys is also called for events that are not effective but that devices
  // see, which are conflicted ones and settlements of every outcome.
  bool decisions = false;
};

// Collects the keys of one event, each once, in the order given. Any bytes; also the empty key.
// Meant for a handful of keys an event. Thread-compatible.
class KeySink {
 public:
  void Add(std::string_view key);
  void Clear() { size_ = 0; }
  size_t size() const { return size_; }
  const std::string& operator[](size_t index) const { return keys_[index]; }

 private:
  std::vector<std::string> keys_;  // the first size_ are in use; strings keep their memory
  size_t size_ = 0;
};

// A row under a key: a protobuf message that may be absent. Thread-compatible.
class Row {
 public:
  // False before the first Edit of a row that is not stored, and after Remove.
  bool exists() const { return exists_; }
  // The row to change; empty if it did not exist. REQUIRES: T is the projection's row message.
  template <class T>
  T& Edit() {
    return static_cast<T&>(Mutable(T::default_instance()));
  }
  // The row to read; empty if it does not exist. REQUIRES: as Edit.
  template <class T>
  const T& Read() const {
    return static_cast<const T&>(Constant(T::default_instance()));
  }
  void Remove();
  // The row whatever its type, null if it does not exist.
  const google::protobuf::Message* message() const { return exists_ ? message_.get() : nullptr; }

 private:
  friend class RowAccess;  // the engine
  google::protobuf::Message& Mutable(const google::protobuf::Message& prototype);
  const google::protobuf::Message& Constant(const google::protobuf::Message& prototype) const;

  bool exists_ = false;
  bool changed_ = false;
  std::unique_ptr<google::protobuf::Message> message_;  // kept, empty, while the row does not exist
};

class Projection {
 public:
  virtual ~Projection() = default;

  virtual ProjectionInfo info() const = 0;
  // Equal for equal code on every machine (fingerprint.h); empty: not known. Digests are compared
  // only where versions and fingerprints are equal. Asked often: work it out once.
  virtual std::string fingerprint() const { return {}; }
  // Which rows an event touches. Called for effective events only, unless info().decisions.
  virtual void Keys(const Event& event, KeySink& keys) const = 0;
  // Folds the event into one of them; sees nothing else. An error means that this event can not be
  // folded into this row; the row must then be as it was.
  virtual absl::Status Apply(const Event& event, std::string_view key, Row& row) const = 0;

  // True if keys of different scopes can be equal and Merge joins their rows (a sum). Without it,
  // equal keys of two scopes show as the row of the scope that comes first in byte order.
  virtual bool merges() const { return false; }
  // Folds `other`, the same key's row of another scope, into `row`. Any order gives equal bytes.
  virtual absl::Status Merge(const Row& other, Row& row) const;

  // Names of secondary indexes, in any number: rows are also found in the order of other keys.
  // When equal rows may get other index keys than before, or an index is added, raise the version.
  // A projection that merges can have none: the keys of a sum are not those of its parts.
  virtual std::vector<std::string> Indexes() const { return {}; }
  // Keys under which Indexes()[index] has the row: any number, any bytes. REQUIRES: row.exists().
  virtual void IndexKeys(size_t index, std::string_view key, const Row& row, KeySink& keys) const;

  // What `view dump --tsv` prints after the key: column names, and the row's columns.
  virtual std::vector<std::string> Columns() const = 0;
  virtual absl::Status Print(const Row& row, std::vector<std::string>& columns) const = 0;
};

}  // namespace intentlog
