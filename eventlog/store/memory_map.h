// An ordered map of bytes with readers that see it as it was when they began, and with undo.
// Private to this folder. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace intentlog {

class MemoryMap {
 public:
  // What a key had; nothing: it was absent.
  using Value = std::optional<std::string>;
  struct Slot {
    Value value;
    uint64_t since = 0;           // the version that made it
    std::unique_ptr<Slot> older;  // kept while somebody may read it
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

  // Sets `key`, or erases it, and returns what it had.
  Value Change(std::string_view key, Value value);

  // A reader sees versions up to the one that Enter returned, until as many have left.
  uint64_t Enter();
  void Leave();
  const Slots& slots() const { return slots_; }
  // As of `version`; null: absent.
  static const std::string* At(const Slot& slot, uint64_t version);
  // As it is now.
  const std::string* Find(std::string_view key) const;
  // A map of the same values.
  MemoryMap Copy() const;

 private:
  Slots slots_;
  uint64_t version_ = 0;  // of the last change
  uint64_t read_ = 0;     // the newest that a reader may see
  uint64_t readers_ = 0;
  std::vector<std::string> dirty_;  // keys with something to clear away after the last reader
};

}  // namespace intentlog
