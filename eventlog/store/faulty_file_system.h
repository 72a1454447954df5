// A FaultyFileSystem is the machine's file system with faults on order: it fails an operation, or
// cuts the power at one, and then forgets what was not synced: bytes of files, and names in
// folders. For tests. Thread-safe.
//
//   FaultyFileSystem disk(scratch);  // an empty folder, for what is deleted but not yet synced
//   options.env = disk.env();
//   disk.CutPowerAt(disk.operations() + 7);
//   … use a Store until it fails, destroy it …
//   disk.LosePower(FaultyFileSystem::Unsynced::kLost);
//   … open it again …
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace intentlog {

class FaultyFileSystem {
 public:
  // What a fault falls on. kAny counts every change of a file or folder; the others count those of
  // write-ahead logs alone, which follow the caller's commits and not RocksDB's own threads.
  enum class Operation : uint8_t { kAny, kLogWrite, kLogSync };
  enum class Error : uint8_t { kIo, kNoSpace };
  // What becomes of unsynced changes at a power cut: none is kept; names are, and half of the
  // bytes; all are.
  enum class Unsynced : uint8_t { kLost, kTorn, kKept };

  explicit FaultyFileSystem(const std::string& scratch_dir);
  ~FaultyFileSystem();
  FaultyFileSystem(const FaultyFileSystem&) = delete;
  FaultyFileSystem& operator=(const FaultyFileSystem&) = delete;

  // For StoreOptions; must not outlive this.
  rocksdb::Env* env();

  // How many operations of the kind there were.
  uint64_t operations(Operation operation = Operation::kAny) const;
  // The `nth` operation of the kind (from 1, since the beginning) fails without effect; with
  // `for_good` all later ones do too, until Heal.
  void FailAt(Operation operation, uint64_t nth, Error error, bool for_good);
  // The `nth` operation and all later ones fail without effect, until LosePower.
  void CutPowerAt(uint64_t nth);
  void Heal();
  // What GetFreeSpace tells from now on, until Heal.
  void SetFreeBytes(uint64_t bytes);
  // Whether an ordered fault has happened.
  bool happened() const;

  // What is on disk when the power is back. Drops ordered faults.
  // REQUIRES: every store is closed.
  void LosePower(Unsynced unsynced);

 private:
  class Wrapper;
  std::shared_ptr<Wrapper> wrapper_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace intentlog
