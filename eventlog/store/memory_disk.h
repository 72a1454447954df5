// A MemoryDisk keeps stores in memory, for tests: StoreOptions::memory. It holds a store to its
// word in both directions: what was not synced is lost at a power cut, and a prefix of the commits
// survives. It passes the same tests as RocksDB's form. Thread-safe.
//
//   MemoryDisk disk;
//   options.memory = &disk;
//   disk.OnWrite([&](const std::string& dir, Sync) { … return WriteFate::kDone; });
//   …                                // the process ends: every commit is there
//   disk.CutPower("server", random); // and the power: the last ones may not be
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "eventlog/runtime/random.h"
#include "eventlog/store/store.h"

namespace intentlog {

// What becomes of a commit or of a sync.
enum class WriteFate : uint8_t {
  kDone,
  kFails,         // nothing of it is ever there
  kFailsButDone,  // an error, as of a sync; it is there when the store is opened again
};

class MemoryDisk {
 public:
  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  // Asked for the fate of each commit, each sync and each new store, outside of any lock: so it may
  // count them, or let time pass.
  using Judge = std::function<WriteFate(const std::string& dir, Sync sync)>;
  void OnWrite(Judge judge);
  // No byte is free for the stores at or below `dir`.
  void SetFull(const std::string& dir, bool full);

  // Of the stores at or below `dir`. REQUIRES: none of them is open.
  // Takes back the newest of the commits that were not synced, as many as `random` says.
  void CutPower(const std::string& dir, Random& random);
  // Those at or below `to` become what those at or below `from` are, with what is not synced.
  void Copy(const std::string& from, const std::string& to);
  void Remove(const std::string& dir);

  // Commits of all stores at or below `dir` that a power cut may take.
  size_t unsynced(const std::string& dir) const;

 private:
  friend class Store;
  struct Rep;
  const std::unique_ptr<Rep> rep_;
};

}  // namespace intentlog
