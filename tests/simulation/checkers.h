// Checkers judge a run, each by one invariant of INVARIANTS.md that gives it its name. What must
// hold at every instant is looked at when something happens, the rest at the end of the run.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventlog/log/feed_view.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"
#include "tests/simulation/history.h"
#include "tests/simulation/lanes.h"
#include "tests/simulation/world.h"

namespace intentlog::simulation {

class Checker {
 public:
  explicit Checker(std::string name) : name_(std::move(name)) {}
  virtual ~Checker() = default;

  // An event of the log that nobody had seen.
  virtual void OnEvent(const History& /*history*/, const SeenEvent& /*event*/) {}
  // Frames that the server took, and frames that a device took.
  virtual void OnPush(const std::string& /*device*/, const Push& /*push*/) {}
  virtual void OnWelcome(World& /*world*/, const History& /*history*/,
                         const std::string& /*device*/, const Welcome& /*welcome*/) {}
  virtual void OnReceipts(const History& /*history*/, const std::string& /*device*/,
                          const Receipts& /*receipts*/) {}
  virtual void OnFeed(const History& /*history*/, const std::string& /*device*/,
                      const FeedView& /*feed*/) {}
  virtual void OnSnapshot(const History& /*history*/, const std::string& /*device*/,
                          const SnapshotHead& /*head*/) {}
  // What a device acknowledged, before the history has it.
  virtual void OnAppended(const DeviceHistory& /*device*/, const std::string& /*name*/,
                          const Appended& /*appended*/) {}
  // An append of a device failed.
  virtual void OnAppendFailed(const std::string& /*name*/, const absl::Status& /*status*/) {}
  // A node did not start: its stores did not open.
  virtual void OnNotStarted(const std::string& /*node*/, const absl::Status& /*status*/) {}
  // A device that runs again, before the history knows what it has.
  virtual void OnStarted(World& /*world*/, const History& /*history*/,
                         const std::string& /*device*/) {}
  // The server runs again; what it has was read.
  virtual void OnServerStarted(const History& /*history*/, uint64_t /*head*/) {}
  // The server was stopped as it should be.
  virtual void OnStopped(const History& /*history*/) {}
  // The server has become what it was before; the history has been shortened accordingly.
  virtual void OnServerRestored(const History& /*history*/) {}
  // The device's disk is what another one's was (or its own, earlier), or is empty: `of` is ""
  // then.
  virtual void OnDiskReplaced(const std::string& /*device*/, const std::string& /*of*/) {}
  virtual void OnEnded(const std::string& /*device*/, Ending /*how*/) {}
  // Between two steps of a run.
  virtual void OnStep(World& /*world*/, const History& /*history*/) {}
  // All is healed, and after this long it is not quiet.
  virtual void OnUnsettled(World& /*world*/, absl::Duration /*within*/) {}
  // All is healed and quiet.
  virtual void AtEnd(World& /*world*/, const History& /*history*/, const Lanes& /*lanes*/) {}
  // After that the server made its read models again, and is quiet.
  virtual void OnRebuilt(World& /*world*/) {}

  const std::string& name() const { return name_; }
  // A line each; empty: all is well.
  const std::string& problems() const { return problems_; }

 protected:
  template <class... Parts>
  void Fail(const Parts&... parts) {
    if (problems_.size() < 2000) problems_ += Cat(name_, ": ", parts..., "\n");
  }

 private:
  const std::string name_;
  std::string problems_;
};

// Of what the server's log holds and what devices are told of it.
std::vector<std::unique_ptr<Checker>> LogCheckers();
// Of what devices record, hold and show. Where folds may fail, rows are no sum of what was
// recorded.
std::vector<std::unique_ptr<Checker>> DeviceCheckers(bool folds_fail);
// Of what becomes of both after a server was restored, or a device's disk was copied.
std::vector<std::unique_ptr<Checker>> CopyCheckers();
// Of read models.
std::vector<std::unique_ptr<Checker>> ViewCheckers();
// Of how a run goes as a whole.
std::vector<std::unique_ptr<Checker>> RunCheckers();

// All of them, upon one run.
class Checkers final : public WorldWatcher {
 public:
  Checkers(World& world, bool folds_fail);
  ~Checkers() override;

  History& history() { return history_; }
  // Between two steps.
  void Step();
  // REQUIRES: healed and quiet, and the server runs.
  void End();
  // Of this run: what every checker is told as it happens.
  void OnAppendFailed(const std::string& device, const absl::Status& status);
  void OnNotStarted(const std::string& node, const absl::Status& status);
  void OnUnsettled(absl::Duration within);
  void OnRebuilt();
  // A line each, that begins with a checker's name; empty: all is well.
  std::string Problems() const;

  void OnFrame(std::string_view from, std::string_view to, std::string_view bytes) override;
  void OnAppended(const std::string& device, const Appended& appended,
                  Durability durability) override;
  void OnBatch(const std::string& device, const std::vector<Appended>& batch);
  // All that the device has is durable, it says.
  void OnFlushed(const std::string& device);
  // The server said that it has stopped.
  void OnServerStopped();
  // The server's disk is copied, or replaced by the last copy. REQUIRES: its log can be read.
  void OnServerCopied();
  void OnServerRestored();
  // A copy of the device's disk is made, under this name; a device's disk is replaced by it, or by
  // nothing.
  void OnDiskCopied(const std::string& device, const std::string& copy);
  void OnDiskReplaced(const std::string& device, const std::string& copy);
  void OnStarted(const std::string& node) override;
  void OnEnded(const std::string& node, Ending how) override;

 private:
  void OnFrameTo(const std::string& device, std::string_view bytes);
  void OnFrameOf(const std::string& device, std::string_view bytes);
  // False: the log cannot be read at the moment.
  bool Read(bool all);
  void ReadStarted();
  void Learn(const std::string& device);

  World& world_;
  History history_;
  std::vector<std::unique_ptr<Checker>> checkers_;
  std::string other_;
  std::vector<std::pair<std::string, std::string>> held_;  // frames to devices, until it can
  uint64_t copied_head_ = 0;
  struct DiskCopy {
    std::string of;
    DeviceHistory device;
  };
  std::map<std::string, DiskCopy> copies_;
  std::map<std::string, std::string> continued_;  // device log → the one that it goes on from
};

}  // namespace intentlog::simulation
