// What a Client holds. Private to this folder.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "client/client.h"
#include "client/device.h"
#include "client/notifier.h"
#include "client/state_watchers.h"
#include "client/sync/syncer.h"
#include "client/waiters.h"
#include "client/watchers.h"
#include "eventlog/runtime/hybrid_clock.h"
#include "eventlog/schema/intent.h"

namespace intentlog {

struct Client::Rep {
  Rep(ClientOptions given, std::unique_ptr<Device> opened, const InstanceId& instance,
      uint64_t last_hlc);

  // What the members of a batch have in common, and memory that they reuse.
  struct Encoding {
    const EventType* type = nullptr;
    std::string scope;
    Envelope envelope;
    Intent intent;
  };
  absl::Status Prepare(const google::protobuf::Message& event, const std::string& scope,
                       const AppendOptions& append, Encoding& encoding);
  absl::StatusOr<EncodedIntent> Encode(const google::protobuf::Message& event,
                                       const NewIntent& which, uint32_t batch_size,
                                       const AppendOptions& append, Encoding& encoding);
  absl::Status CheckBatch(absl::Span<const EncodedIntent> intents) const;
  absl::StatusOr<PriorityClass> ClassFor(absl::Span<const EncodedIntent> intents);
  absl::StatusOr<AppendResult> Write(absl::Span<const EncodedIntent> intents,
                                     PriorityClass priority, Durability durability);
  void SyncChanged() {
    notifier->Note();
    waiters->Note();
  }

  // ---- reading
  absl::StatusOr<std::unique_ptr<RowCursor>> Scan(std::string_view view, const RowRange& range,
                                                  const RowPlace* after, Reading reading) const;
  void WatchChanges();

  // ---- deciding; `decide.cc`
  // What a Resolve, Amend or Dismiss closes.
  struct Stopper {
    Position position;
    Entity entity;
    std::string scope;
  };
  absl::StatusOr<Stopper> FindConflicted(Position position) const;
  absl::StatusOr<Stopper> FindRejected(const IntentId& intent, std::string_view verb) const;
  absl::Status NoConflict(Position position) const;
  absl::Status CheckUnsaid(const Stopper& stopper) const;
  absl::Status CheckReplacement(const Stopper& stopper,
                                const google::protobuf::Message& replacement) const;
  // The schema version of the event's type; 0: it is of no type here.
  uint32_t VersionOf(const google::protobuf::Message& event) const;
  Intent MakeControl(const Stopper& stopper, const google::protobuf::Message& control,
                     const IntentId& id);
  absl::StatusOr<Appended> Record(const Stopper& stopper, const google::protobuf::Message& control,
                                  const DecideOptions& decide);
  absl::StatusOr<std::optional<Appended>> FindRepeated(const google::protobuf::Message& control,
                                                       const DecideOptions& decide) const;
  absl::Status ListLog(LogPlace from, size_t limit, std::vector<RecordedIntent>& intents) const;

  const ClientOptions options;
  const std::unique_ptr<Device> device;
  HybridClock hlc;
  std::mutex random_mutex;
  IntentIdMaker ids;  // protected by random_mutex, as options.runtime.random
  const std::shared_ptr<Watchers> watchers;
  const std::shared_ptr<Notifier> notifier;
  const std::shared_ptr<StateWatchers> state_watchers;
  const std::shared_ptr<Waiters> waiters;
  std::once_flag watching;
  Syncer syncer;  // last: its tasks use all of the above
};

}  // namespace intentlog
