// A Bootstrap takes the snapshots that begin a scope: chunks are staged on disk as they come, so a
// cut costs what was on its way, and loaded when all are there. A wrong one is dropped whole, and
// its scope begins by its feed then.
//
//   Hello ◄── AddTo     SnapshotHead ─► AddHead, SnapshotChunk ─► AddChunk …   ─► Step, Step … done
//
// Thread-compatible: belongs to the session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/device.h"
#include "client/scope_load.h"
#include "client/snapshot_stage.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/store/store.h"
#include "proto/sync.pb.h"

namespace intentlog {

struct BootstrapOptions {
  bool take_snapshots = true;
  // Chunks that wait to be written, whatever the peer thinks its credit is.
  size_t waiting_bytes_max = 16 << 20;
};

class Bootstrap {
 public:
  Bootstrap(Device& device, const BootstrapOptions& options) : device_(device), options_(options) {}

  // Says what this device takes, and has of it already. REQUIRES: FinishLoads.
  absl::Status AddTo(Hello& hello);

  // Frames of `frame_bytes`, checked whole. INVALID_ARGUMENT or DATA_LOSS says what is wrong;
  // nothing changed then.
  absl::Status AddHead(SnapshotHead head, size_t frame_bytes, const EpochId& epoch);
  absl::Status AddChunk(const SnapshotChunk& chunk, size_t frame_bytes);
  // The scope begins at its first event: what the device has of it goes.
  void Empty(const std::string& scope);

  // The scope that has become whole since the last call, and where its feed goes on.
  struct Ready {
    std::string scope;
    ScopeCursor cursor;
  };
  std::optional<Ready> TakeReady();

  // Something is to be written or loaded; until it is, no feed may be folded.
  bool waiting() const { return !batch_.empty() || !whole_.empty() || load_ != nullptr; }
  struct Stepped {
    size_t frame_bytes = 0;             // given back as credit
    std::optional<std::string> loaded;  // a scope that is loaded now
  };
  // One commit. REQUIRES: waiting().
  absl::StatusOr<Stepped> Step();

 private:
  bool IsToBeLoaded(const std::string& scope) const;
  void BecomeWhole(StagedSnapshot staged);
  absl::StatusOr<Stepped> Load();

  Device& device_;
  const BootstrapOptions options_;
  StoreBatch batch_;  // of what came
  size_t waiting_bytes_ = 0;
  std::optional<StagedSnapshot> coming_;
  std::deque<StagedSnapshot> whole_;
  std::deque<Ready> ready_;
  std::unique_ptr<ScopeLoad> load_;
};

}  // namespace intentlog
