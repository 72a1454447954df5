// A FeedHub brings the durable events of one tenant to the devices that follow its scopes. Each
// frame is made once in each form and shared by all who may see it.
//
// A scope has a live position: all that follow it live have their cursor there, and get its next
// frame the moment a group is durable. Who is behind reads history from the log until it meets the
// live position. Who can take nothing just now falls behind, from its own cursor: nothing is queued
// for it. Who is far behind may begin at a snapshot: its chunks, then history.
//
// Everything on the core executor; history is read on the reader executor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/log/event_log.h"
#include "eventlog/log/packed_block.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/executor.h"
#include "proto/store.pb.h"
#include "server/feed/feed_frame.h"
#include "server/feed/frame_cache.h"
#include "server/feed/history.h"
#include "server/feed/live_group.h"
#include "server/feed/snapshot_offer.h"
#include "server/options.h"

namespace intentlog {

// Who takes feed: a session. Its methods must not call back into the hub.
class FeedReceiver {
 public:
  virtual ~FeedReceiver() = default;
  // False while it has no credit, or its transport has enough: Resume tells when to go on.
  virtual bool CanTakeFeed() const = 0;
  virtual void SendFeed(const SharedFrame& frame) = 0;
  virtual void SendDigest(const SharedFrame& frame) = 0;
  // Its feed cannot go on: the log could not be read.
  virtual void FeedFailed(const absl::Status& status) = 0;
};

// The digests of one scope's rows, in the order of the projections; empty of one that is not folded
// now.
struct ScopeDigests {
  std::string scope;
  std::vector<std::string> digests;
};

class FeedHub {
 public:
  struct Cursor {
    std::string scope;
    Position position;
  };
  struct Follower;
  struct Executors {
    Executor* core;
    Executor* reader;
  };

  // All must outlive the hub.
  FeedHub(const EventLog& log, const ServerOptions& options, const Clock& clock,
          Executors executors);
  ~FeedHub();

  // Told of snapshot files that turned out damaged: they must not be offered again.
  using Damaged = std::function<void(const SnapshotFile& file, const absl::Status& status)>;
  void OnDamagedSnapshot(Damaged damaged) { damaged_snapshot_ = std::move(damaged); }

  // Reads head and scopes from the log. Before anything else.
  absl::Status Load();

  // A scope may begin at a snapshot: asked once for each, with its cursor.
  using Offer =
      std::function<std::optional<SnapshotOffer>(std::string_view scope, Position cursor)>;
  // What a follower asks for: to begin at these cursors, which are of this log's history; with
  // `all_scopes` also every other scope from its beginning, and those to come.
  struct Wish {
    std::vector<Cursor> cursors;
    bool all_scopes = false;
    FeedForm form = FeedForm::kPlain;
  };
  // `receiver` must live until Unfollow.
  std::shared_ptr<Follower> Follow(FeedReceiver& receiver, const Wish& wish,
                                   const Offer& offer = nullptr);
  void Unfollow(const std::shared_ptr<Follower>& follower);
  // The receiver may take more now.
  void Resume(const std::shared_ptr<Follower>& follower);

  // Whether live devices watch the scope.
  bool Wanted(std::string_view scope) const;
  // A group is durable.
  void OnDurable(LiveGroup& live, const LogEnd& end);
  // `changed` are scopes whose read models are folded through `position` and have new digests.
  void OnFolded(Position position, std::vector<ScopeDigests> changed);

  // Ends timers; nothing more is sent.
  void Stop();
  // No task of this hub is on its way.
  bool idle() const { return tasks_ == 0; }
  Position head() const { return head_.position; }

 private:
  struct Scope;
  struct Subscription;
  struct Beginning;
  struct JobKey {
    std::string scope;
    FeedForm form;
    Position from;
    auto operator<=>(const JobKey&) const = default;
  };

  Scope& ScopeOf(std::string_view name);
  void Subscribe(Follower& follower, Scope& scope, Position cursor, const Offer& offer);
  void JoinLive(Subscription& subscription);
  void LeaveLive(Subscription& subscription);
  void FallBehind(Subscription& subscription);
  void Broadcast(Scope& scope, const FeedPart& part, std::string_view block);
  void AdvanceQuiet(Scope& scope);
  void SendPart(LiveGroup::Part& part, const FeedPlace& end);
  void AddToAllScopes(Scope& scope);

  void Pump(Follower& follower);
  bool SendNext(Follower& follower, Subscription& subscription);
  void StartJob(Follower& follower, Subscription& subscription);
  void OnHistory(const JobKey& key, absl::StatusOr<std::vector<FeedFrame>> frames);
  void TakeHistory(Follower& follower, const JobKey& key, const std::vector<FeedFrame>& frames);

  bool SendBeginning(Follower& follower, Subscription& subscription);
  void StartBeginning(Follower& follower, const Subscription& subscription);
  void OnBeginning(Follower& follower, const std::string& scope,
                   absl::StatusOr<std::vector<SharedFrame>> frames);

  void ArmTick();
  void Tick();
  const std::vector<SharedFrame>& DigestFrames(Scope& scope);

  const EventLog& log_;
  const ServerOptions& options_;
  const Clock& clock_;
  const Executors executors_;
  Damaged damaged_snapshot_;
  std::string epoch_id_;
  FeedPlace head_;
  std::map<std::string, std::unique_ptr<Scope>, std::less<>> scopes_;
  std::vector<Follower*> all_scopes_;  // followers of every scope
  FrameCache cache_;
  BlockPacker packer_;  // of live groups
  std::map<JobKey, std::vector<std::weak_ptr<Follower>>> jobs_;
  Executor::TimerId tick_ = 0;
  bool stopped_ = false;
  int tasks_ = 0;
};

}  // namespace intentlog
