// What a Client holds. Private to this folder.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "client/client.h"
#include "client/device.h"
#include "client/notifier.h"
#include "client/sync/syncer.h"
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
  void SyncChanged() { notifier->Note(); }
  // Why pending intents of this device wait.
  BlockedBy Blocked(const SyncState& state) const;
  absl::StatusOr<BlockedBy> WhyPlace(LogPlace place) const;
  absl::Status ListLog(LogPlace from, size_t limit, std::vector<RecordedIntent>& intents) const;

  const ClientOptions options;
  const std::unique_ptr<Device> device;
  HybridClock hlc;
  std::mutex random_mutex;
  IntentIdMaker ids;  // protected by random_mutex, as options.runtime.random
  const std::shared_ptr<Watchers> watchers;
  const std::shared_ptr<Notifier> notifier;
  std::once_flag watching;
  Syncer syncer;  // last: its tasks use all of the above
};

}  // namespace intentlog
