#include "server/feed/feed_hub.h"

#include <algorithm>
#include <deque>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/sync.pb.h"

namespace intentlog {

// A snapshot on its way to one follower.
struct FeedHub::Beginning {
  SnapshotOffer offer;
  bool head_sent = false;
  uint32_t next = 0;                // chunk to be sent
  std::deque<SharedFrame> at_hand;  // head and chunks from `next` on
};

struct FeedHub::Subscription {
  Follower* follower = nullptr;
  Scope* scope = nullptr;
  Position cursor;
  int live_index = -1;                        // in scope->live; -1: behind
  std::shared_ptr<Beginning> beginning = {};  // null: at the cursor
};

struct FeedHub::Follower : std::enable_shared_from_this<FeedHub::Follower> {
  FeedReceiver* receiver = nullptr;  // null: it unfollowed
  bool all_scopes = false;
  FeedForm form = FeedForm::kPlain;
  bool reading = false;  // a job is on its way
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  std::vector<Subscription*> behind;  // the last one is served
};

struct FeedHub::Scope {
  std::string name;
  bool has_events = false;
  FeedPlace place;      // the live position
  Position last_event;  // end of the last group that brought one
  std::vector<Subscription*> live;
  size_t subscriptions = 0;
  absl::Duration quiet_moved = -absl::InfiniteDuration();
  std::vector<std::string> digests;  // as folded through digests_at
  Position digests_at;
  bool digests_due = false;  // not sent yet

  // They are those of the live position.
  bool DigestsHold() const { return !digests.empty() && last_event <= digests_at; }
  Position digest_frames_at;
  std::vector<SharedFrame> digest_frames;
};

FeedHub::FeedHub(const EventLog& log, const ServerOptions& options, const Clock& clock,
                 Executors executors)
    : log_(log),
      options_(options),
      clock_(clock),
      executors_(executors),
      cache_(options.feed_cache_bytes) {}

FeedHub::~FeedHub() = default;

absl::Status FeedHub::Load() {
  const LogEnd head = log_.head();
  head_ = {head.position, head.chain};
  epoch_id_ = log_.epochs().back().id();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, log_.Scopes());
  for (const std::string& name : names) {
    if (name.empty()) continue;  // events without a lane
    Scope& scope = ScopeOf(name);
    scope.has_events = true;
    scope.place = head_;
    scope.last_event = head_.position;
  }
  return absl::OkStatus();
}

// ---- following

FeedHub::Scope& FeedHub::ScopeOf(std::string_view name) {
  const auto found = scopes_.find(name);
  if (found != scopes_.end()) return *found->second;
  auto scope = std::make_unique<Scope>();
  scope->name = name;
  return *scopes_.emplace(name, std::move(scope)).first->second;
}

std::shared_ptr<FeedHub::Follower> FeedHub::Follow(FeedReceiver& receiver, const Wish& wish,
                                                   const Offer& offer) {
  auto follower = std::make_shared<Follower>();
  follower->receiver = &receiver;
  follower->all_scopes = wish.all_scopes;
  follower->form = wish.form;
  for (const Cursor& cursor : wish.cursors) {
    Subscribe(*follower, ScopeOf(cursor.scope), cursor.position, offer);
  }
  if (wish.all_scopes) {
    for (const auto& [name, scope] : scopes_) {
      const bool named =
          std::any_of(wish.cursors.begin(), wish.cursors.end(),
                      [&name = name](const Cursor& cursor) { return cursor.scope == name; });
      if (!named && scope->has_events) Subscribe(*follower, *scope, Position(), offer);
    }
    all_scopes_.push_back(follower.get());
  }
  Pump(*follower);
  return follower;
}

void FeedHub::Subscribe(Follower& follower, Scope& scope, Position cursor, const Offer& offer) {
  auto subscription = std::make_unique<Subscription>();
  subscription->follower = &follower;
  subscription->scope = &scope;
  subscription->cursor = cursor;
  std::optional<SnapshotOffer> snapshot = offer ? offer(scope.name, cursor) : std::nullopt;
  if (snapshot) {
    subscription->beginning = std::make_shared<Beginning>();
    subscription->beginning->next = snapshot->head.next();
    subscription->beginning->offer = *std::move(snapshot);
  }
  ++scope.subscriptions;
  follower.behind.push_back(subscription.get());
  follower.subscriptions.push_back(std::move(subscription));
}

void FeedHub::Unfollow(const std::shared_ptr<Follower>& follower) {
  if (follower->receiver == nullptr) return;
  follower->receiver = nullptr;
  for (const auto& subscription : follower->subscriptions) {
    if (subscription->live_index >= 0) LeaveLive(*subscription);
    Scope& scope = *subscription->scope;
    if (--scope.subscriptions == 0 && !scope.has_events) scopes_.erase(scope.name);
  }
  follower->behind.clear();
  follower->subscriptions.clear();
  std::erase(all_scopes_, follower.get());
}

void FeedHub::Resume(const std::shared_ptr<Follower>& follower) { Pump(*follower); }

bool FeedHub::Wanted(std::string_view name) const {
  const auto found = scopes_.find(name);
  return found == scopes_.end() ? !all_scopes_.empty() : !found->second->live.empty();
}

// ---- live

void FeedHub::JoinLive(Subscription& subscription) {
  Scope& scope = *subscription.scope;
  subscription.live_index = static_cast<int>(scope.live.size());
  scope.live.push_back(&subscription);
  if (scope.DigestsHold() && !scope.digests_due) {
    for (const SharedFrame& frame : DigestFrames(scope)) {
      subscription.follower->receiver->SendDigest(frame);
    }
  }
  ArmTick();
}

void FeedHub::LeaveLive(Subscription& subscription) {
  std::vector<Subscription*>& live = subscription.scope->live;
  live[subscription.live_index] = live.back();
  live[subscription.live_index]->live_index = subscription.live_index;
  live.pop_back();
  subscription.live_index = -1;
}

void FeedHub::FallBehind(Subscription& subscription) {
  LeaveLive(subscription);
  subscription.follower->behind.push_back(&subscription);
}

// To all that follow the scope live; who cannot take it falls behind.
void FeedHub::Broadcast(Scope& scope, const FeedPart& part, std::string_view block) {
  std::map<FeedForm, FeedFrame> frames;  // that somebody takes
  for (const Subscription* const subscription : scope.live) {
    const FeedForm form = subscription->follower->form;
    if (frames.count(form) > 0) continue;
    const bool packed = form == FeedForm::kPacked;
    const FeedFrame& frame = frames[form] =
        MakeFeedFrame(part, packed ? packer_.Pack(block) : block);
    cache_.Put(scope.name, form, frame);
  }
  for (size_t i = 0; i < scope.live.size();) {
    Subscription& subscription = *scope.live[i];
    FeedReceiver& receiver = *subscription.follower->receiver;
    if (!receiver.CanTakeFeed()) {
      FallBehind(subscription);  // another one takes this index
      continue;
    }
    receiver.SendFeed(frames.at(subscription.follower->form).bytes);
    subscription.cursor = part.through.position;
    ++i;
  }
  scope.place = part.through;
}

// REQUIRES: nothing of the scope lies between its live position and the head.
void FeedHub::AdvanceQuiet(Scope& scope) {
  if (scope.place.position == head_.position) return;
  Broadcast(scope, {scope.name, scope.place.position, head_, epoch_id_}, std::string_view());
  scope.quiet_moved = clock_.Passed();
}

void FeedHub::AddToAllScopes(Scope& scope) {
  for (Follower* const follower : all_scopes_) {
    const bool has = std::any_of(follower->subscriptions.begin(), follower->subscriptions.end(),
                                 [&](const auto& one) { return one->scope == &scope; });
    if (has) continue;
    Subscribe(*follower, scope, Position(), nullptr);
    Pump(*follower);
  }
}

void FeedHub::SendPart(LiveGroup::Part& part, const FeedPlace& end) {
  Scope& scope = ScopeOf(part.scope);
  if (!scope.has_events) {
    scope.has_events = true;
    AddToAllScopes(scope);
  }
  scope.last_event = end.position;
  if (part.complete && !scope.live.empty()) {
    return Broadcast(scope, {scope.name, scope.place.position, end, epoch_id_},
                     part.block.Finish(end.chain));
  }
  scope.place = end;
  const std::vector<Subscription*> behind = scope.live;  // from the log, then
  for (Subscription* const subscription : behind) FallBehind(*subscription);
  for (Subscription* const subscription : behind) Pump(*subscription->follower);
}

void FeedHub::OnDurable(LiveGroup& live, const LogEnd& end) {
  if (stopped_) return;
  head_ = {end.position, end.chain};
  for (LiveGroup::Part& part : live.parts()) SendPart(part, head_);
  ArmTick();
}

// ---- history

void FeedHub::Pump(Follower& follower) {
  if (stopped_ || follower.receiver == nullptr || follower.reading) return;
  while (!follower.behind.empty()) {
    Subscription& subscription = *follower.behind.back();
    Scope& scope = *subscription.scope;
    if (subscription.beginning != nullptr) {
      if (!follower.receiver->CanTakeFeed()) return;
      if (!SendBeginning(follower, subscription)) return StartBeginning(follower, subscription);
      continue;
    }
    if (subscription.cursor > scope.place.position) AdvanceQuiet(scope);
    if (subscription.cursor > scope.place.position) {  // no frame of this server ended there
      return follower.receiver->FeedFailed(
          FailedPrecondition("the cursor of scope ", scope.name, " is above the head"));
    }
    if (subscription.cursor == scope.place.position) {
      follower.behind.pop_back();
      JoinLive(subscription);
      continue;
    }
    if (!follower.receiver->CanTakeFeed()) return;
    if (!SendNext(follower, subscription)) return StartJob(follower, subscription);
  }
}

// False if the next frame is not at hand.
bool FeedHub::SendNext(Follower& follower, Subscription& subscription) {
  const auto frame = cache_.Find(subscription.scope->name, follower.form, subscription.cursor);
  if (!frame) return false;
  follower.receiver->SendFeed(frame->bytes);
  subscription.cursor = frame->through.position;
  return true;
}

void FeedHub::StartJob(Follower& follower, Subscription& subscription) {
  follower.reading = true;
  JobKey key{subscription.scope->name, follower.form, subscription.cursor};
  std::vector<std::weak_ptr<Follower>>& waiting = jobs_[key];
  waiting.push_back(follower.weak_from_this());
  if (waiting.size() > 1) return;  // one reads for all
  HistoryRequest request{
      key.scope, key.from, subscription.scope->place, epoch_id_, options_.feed_frame_bytes,
      key.form};
  ++tasks_;
  executors_.reader->Post([this, key = std::move(key), request = std::move(request)] {
    auto frames =
        std::make_shared<absl::StatusOr<std::vector<FeedFrame>>>(ReadHistory(log_, request));
    executors_.core->Post([this, key, frames] {
      --tasks_;
      OnHistory(key, std::move(*frames));
    });
  });
}

void FeedHub::OnHistory(const JobKey& key, absl::StatusOr<std::vector<FeedFrame>> frames) {
  const std::vector<std::weak_ptr<Follower>> waiting = std::move(jobs_[key]);
  jobs_.erase(key);
  if (frames.ok()) {
    for (const FeedFrame& frame : *frames) cache_.Put(key.scope, key.form, frame);
  }
  for (const std::weak_ptr<Follower>& weak : waiting) {
    const std::shared_ptr<Follower> follower = weak.lock();
    if (follower == nullptr || follower->receiver == nullptr) continue;
    follower->reading = false;
    if (!frames.ok()) {
      follower->receiver->FeedFailed(frames.status());
      continue;
    }
    TakeHistory(*follower, key, *frames);
    Pump(*follower);
  }
}

// Sends what the follower can take now; the rest it finds in the cache, or reads again.
void FeedHub::TakeHistory(Follower& follower, const JobKey& key,
                          const std::vector<FeedFrame>& frames) {
  const auto found =
      std::find_if(follower.behind.begin(), follower.behind.end(), [&](const Subscription* one) {
        return one->scope->name == key.scope && one->cursor == key.from;
      });
  if (found == follower.behind.end()) return;
  for (const FeedFrame& frame : frames) {
    if (!follower.receiver->CanTakeFeed()) return;
    follower.receiver->SendFeed(frame.bytes);
    (*found)->cursor = frame.through.position;
  }
}

// ---- snapshots

// False if the next frame is not at hand.
bool FeedHub::SendBeginning(Follower& follower, Subscription& subscription) {
  Beginning& beginning = *subscription.beginning;
  const uint32_t chunks = beginning.offer.head.chunks();
  if (!beginning.head_sent || beginning.next < chunks) {
    if (beginning.at_hand.empty()) return false;
    follower.receiver->SendFeed(beginning.at_hand.front());
    beginning.at_hand.pop_front();
    if (beginning.head_sent) ++beginning.next;
    beginning.head_sent = true;
  }
  if (beginning.next < chunks) return true;
  subscription.cursor = Position(beginning.offer.head.position());
  subscription.beginning.reset();
  return true;
}

void FeedHub::StartBeginning(Follower& follower, const Subscription& subscription) {
  follower.reading = true;
  ++tasks_;
  const std::shared_ptr<const Beginning> beginning = subscription.beginning;
  const uint32_t next = beginning->next;
  const bool head = !beginning->head_sent;
  executors_.reader->Post([this, beginning, head, next, weak = follower.weak_from_this(),
                           scope = subscription.scope->name] {
    auto frames = std::make_shared<absl::StatusOr<std::vector<SharedFrame>>>();
    if (head) {
      auto frame = MakeHeadFrame(log_, beginning->offer);
      *frames = frame.ok() ? absl::StatusOr<std::vector<SharedFrame>>({{*frame}}) : frame.status();
    } else {
      *frames = MakeChunkFrames(beginning->offer, next, options_.feed_frame_bytes);
    }
    executors_.core->Post([this, weak, scope, frames] {
      --tasks_;
      const std::shared_ptr<Follower> reader = weak.lock();
      if (reader != nullptr && reader->receiver != nullptr) {
        OnBeginning(*reader, scope, std::move(*frames));
      }
    });
  });
}

void FeedHub::OnBeginning(Follower& follower, const std::string& scope,
                          absl::StatusOr<std::vector<SharedFrame>> frames) {
  follower.reading = false;
  const auto found =
      std::find_if(follower.behind.begin(), follower.behind.end(), [&](const Subscription* one) {
        return one->beginning != nullptr && one->scope->name == scope;
      });
  INTENTLOG_CHECK(found != follower.behind.end());
  Beginning& beginning = *(*found)->beginning;
  if (frames.ok()) {
    beginning.at_hand.assign(frames->begin(), frames->end());
  } else if (!beginning.head_sent) {
    (*found)->beginning.reset();  // with the feed, then
  } else {
    if (damaged_snapshot_) damaged_snapshot_(*beginning.offer.file, frames.status());
    return follower.receiver->FeedFailed(frames.status());
  }
  Pump(follower);
}

// ---- quiet cursors and digests

void FeedHub::OnFolded(Position position, std::vector<ScopeDigests> changed) {
  if (stopped_) return;
  for (ScopeDigests& one : changed) {
    const auto found = scopes_.find(one.scope);
    if (found == scopes_.end()) continue;
    found->second->digests = std::move(one.digests);
    found->second->digests_at = position;
    found->second->digests_due = true;
    found->second->digest_frames.clear();
  }
  ArmTick();
}

void FeedHub::ArmTick() {
  if (tick_ != 0 || stopped_) return;
  const bool due = std::any_of(scopes_.begin(), scopes_.end(), [&](const auto& entry) {
    const Scope& scope = *entry.second;
    return !scope.live.empty() &&
           (scope.place.position < head_.position || (scope.digests_due && scope.DigestsHold()));
  });
  if (!due) return;
  tick_ = executors_.core->PostAfter(options_.digest_interval, [this] { Tick(); });
}

void FeedHub::Tick() {
  tick_ = 0;
  for (const auto& [name, scope] : scopes_) {
    if (scope->live.empty()) continue;
    if (clock_.Passed() - scope->quiet_moved >= options_.quiet_cursor_interval) {
      AdvanceQuiet(*scope);
    }
    if (scope->digests_due && scope->DigestsHold()) {
      scope->digests_due = false;
      for (Subscription* const subscription : scope->live) {
        for (const SharedFrame& frame : DigestFrames(*scope)) {
          subscription->follower->receiver->SendDigest(frame);
        }
      }
    }
  }
  ArmTick();
}

const std::vector<SharedFrame>& FeedHub::DigestFrames(Scope& scope) {
  if (scope.digest_frames_at == scope.place.position && !scope.digest_frames.empty()) {
    return scope.digest_frames;
  }
  scope.digest_frames.clear();
  scope.digest_frames_at = scope.place.position;
  for (size_t i = 0; i < scope.digests.size(); ++i) {
    if (scope.digests[i].empty()) continue;  // the view is not folded now
    const ProjectionInfo info = options_.projections[i]->info();
    ServerFrame frame;
    Digest& digest = *frame.mutable_digest();
    digest.set_projection(info.name);
    digest.set_version(info.version);
    digest.set_fingerprint(options_.projections[i]->fingerprint());
    digest.set_scope(scope.name);
    digest.set_position(scope.place.position.value());
    digest.set_digest(scope.digests[i]);
    scope.digest_frames.push_back(std::make_shared<std::string>(frame.SerializeAsString()));
  }
  return scope.digest_frames;
}

void FeedHub::Stop() {
  stopped_ = true;
  if (tick_ != 0) executors_.core->Cancel(tick_);
  tick_ = 0;
}

}  // namespace intentlog
