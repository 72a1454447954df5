#include "client/device.h"

#include <unistd.h>

#include <algorithm>

#include "client/outbox/intent_reader.h"
#include "eventlog/log/coding.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"
#include "proto/event.pb.h"

namespace intentlog {
namespace {

constexpr std::string_view kIdentityKey = "device";
constexpr std::string_view kDurableKey = "durable";
constexpr std::string_view kHistoryKey = "history";
constexpr char kDefaultTenant[] = "default";
constexpr char kDefaultScope[] = "shared";

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "device";
  return name;
}

absl::Status Same(std::string_view dir, std::string_view what, std::string_view stored,
                  std::string_view wanted) {
  if (wanted.empty() || wanted == stored) return absl::OkStatus();
  return FailedPrecondition(dir, " belongs to ", what, " \"", stored, "\", not \"", wanted,
                            "\"; use another folder");
}

// The identity to go on with: what is stored, with the subscriptions that are wanted now.
absl::StatusOr<DeviceIdentity> Merge(std::string_view dir, const DeviceIdentity& stored,
                                     const DeviceIdentity& wanted) {
  RETURN_IF_ERROR(Same(dir, "tenant", stored.tenant(), wanted.tenant()));
  RETURN_IF_ERROR(Same(dir, "device", stored.device(), wanted.device()));
  DeviceIdentity merged = stored;
  if (wanted.scopes_size() > 0) *merged.mutable_scopes() = wanted.scopes();
  if (wanted.all_scopes()) merged.set_all_scopes(true);
  if (!wanted.write_scope().empty()) merged.set_write_scope(wanted.write_scope());
  return merged;
}

DeviceIdentity WithDefaults(DeviceIdentity identity) {
  if (identity.tenant().empty()) identity.set_tenant(kDefaultTenant);
  if (identity.device().empty()) identity.set_device(HostName());
  if (identity.scopes_size() == 0) identity.add_scopes(kDefaultScope);
  if (identity.write_scope().empty()) identity.set_write_scope(identity.scopes(0));
  return identity;
}

absl::Status Check(const DeviceIdentity& identity) {
  RETURN_IF_ERROR(ValidTenant(identity.tenant()));
  RETURN_IF_ERROR(ValidScope(identity.write_scope()));
  for (const std::string& scope : identity.scopes()) RETURN_IF_ERROR(ValidScope(scope));
  return absl::OkStatus();
}

// Reads the identity, or makes it; writes what is new.
absl::Status LoadIdentity(const DeviceOptions& options, Device& device) {
  const std::string& dir = options.dir;
  std::string stored;
  ASSIGN_OR_RETURN(const bool found, device.store->Get(Space::kMeta, kIdentityKey, &stored));
  DeviceIdentity identity = options.identity;
  if (found) {
    if (!identity.ParseFromString(stored)) return DataLoss(dir, ": its identity does not parse");
    ASSIGN_OR_RETURN(identity, Merge(dir, identity, options.identity));
  }
  device.identity = WithDefaults(std::move(identity));
  RETURN_IF_ERROR(Check(device.identity));

  StoreBatch batch;
  const std::string wanted = device.identity.SerializeAsString();
  if (wanted != stored) batch.Put(Space::kMeta, kIdentityKey, wanted);
  return batch.empty() ? absl::OkStatus() : device.store->Commit(batch, Sync::kDurable);
}

// What the wall clock said when the last intents were recorded.
absl::StatusOr<WallSeen> LastWallSeen(const Store& store) {
  WallSeen seen;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    IntentReader reader(store, priority);
    ASSIGN_OR_RETURN(const auto last, reader.Last());
    if (!last) continue;
    const std::string_view bytes = last->row.intent(last->row.size() - 1);
    Intent intent;
    if (!intent.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return DataLoss("device log: count ", last->last(), " does not parse");
    }
    const absl::Time wall = absl::FromUnixMicros(intent.device_time_us());
    seen = std::max(seen, {intent.clock_steps(), wall});
  }
  return seen;
}

absl::Status LoadDurable(Device& device) {
  std::string value;
  ASSIGN_OR_RETURN(const bool found, device.store->Get(Space::kMeta, kDurableKey, &value));
  if (found && value.size() == 8) device.durable_through = LoadBig64(value);
  return absl::OkStatus();
}

}  // namespace

namespace {

// A folder of an older version knows one epoch, from its cursors.
absl::Status LoadHistory(Device& device) {
  std::string value;
  ASSIGN_OR_RETURN(const bool found, device.store->Get(Space::kMeta, kHistoryKey, &value));
  if (found) {
    EpochList list;
    if (!list.ParseFromString(value) || !CheckEpochs(list.epochs()).ok()) {
      return DataLoss(device.store->dir(), ": the history of the server does not parse");
    }
    device.history = list.epochs();
    return absl::OkStatus();
  }
  for (const auto& [scope, cursor] : device.cursors->All()) {
    if (cursor.epoch.nil() || !device.history.empty()) continue;
    Epoch& epoch = *device.history.Add();
    epoch.set_number(1);
    epoch.set_id(std::string(cursor.epoch.bytes()));
    epoch.set_first_position(1);
  }
  return absl::OkStatus();
}

}  // namespace

void Device::PutHistory(const EpochsOnWire& history, StoreBatch& batch) {
  EpochList list;
  *list.mutable_epochs() = history;
  batch.Put(Space::kMeta, kHistoryKey, list.SerializeAsString());
}

absl::Status Device::Lose(const LostReceipts& lost, const std::vector<std::string>& lost_scopes,
                          const EpochsOnWire& theirs) {
  StoreBatch batch;
  std::vector<std::pair<std::string, ScopeCursor>> moved;
  for (const std::string& scope : lost_scopes) {
    auto cursor = cursors->Find(scope);
    if (!cursor) continue;
    cursor->Lose();
    ScopeCursors::Put(scope, *cursor, batch);
    moved.emplace_back(scope, *cursor);
  }
  PutHistory(theirs, batch);
  // Positions above mean something else from now on.
  const uint64_t durable = std::min<uint64_t>(durable_through, lost.shared.value());
  std::string value;
  AppendBig64(value, durable);
  batch.Put(Space::kMeta, kDurableKey, value);
  RETURN_IF_ERROR(outbox->Lose(lost, batch, [this](StoreBatch& whole) {
    return store->Commit(whole, ::intentlog::Sync::kDurable);
  }));
  durable_through = durable;
  history = theirs;
  overlay->Change([&](OverlayEdit& edit) {
    for (const auto& [scope, cursor] : moved) cursors->Moved(scope, cursor);
    edit.Rewound();
  });
  return absl::OkStatus();
}

void Device::NoteDurable(Position position, StoreBatch& batch) {
  if (position.value() <= durable_through) return;
  std::string value;
  AppendBig64(value, position.value());
  batch.Put(Space::kMeta, kDurableKey, value);
  durable_through = position.value();
}

absl::StatusOr<std::unique_ptr<Device>> Device::Open(const DeviceOptions& options) {
  auto device = std::make_unique<Device>();
  device->schema = options.schema;
  device->quota = options.quota;
  device->table_rows_min = options.table_rows_min;
  StoreOptions store_options;
  store_options.role = "device";
  store_options.create_if_missing = options.create_if_missing;
  store_options.env = options.env;
  store_options.memory = options.memory;
  store_options.write_buffer_bytes = options.write_buffer_bytes;
  store_options.block_cache_bytes = options.block_cache_bytes;
  ASSIGN_OR_RETURN(device->store, Store::Open(options.dir, store_options));
  RETURN_IF_ERROR(LoadIdentity(options, *device));
  RETURN_IF_ERROR(LoadDurable(*device));
  ASSIGN_OR_RETURN(device->logs, DeviceLogs::Open(*device->store, options.classes, [&] {
                     return options.random->Bytes(LogId::kSize);
                   }));
  device->feed_events = std::make_unique<FeedEventFinder>(*device->store, options.schema);
  ASSIGN_OR_RETURN(device->models, ReadModels::Open(*device->store, options.projections));
  device->models->FindEventsIn(device->feed_events.get());
  ASSIGN_OR_RETURN(device->outbox, Outbox::Open(*device->store, *options.clock, OutboxOptions()));
  ASSIGN_OR_RETURN(const WallSeen seen, LastWallSeen(*device->store));
  ASSIGN_OR_RETURN(device->clock,
                   ClockWatch::Open(*device->store, *options.clock, seen, options.clock_watch));
  const auto& scopes = device->identity.scopes();
  device->cursors = std::make_unique<ScopeCursors>(
      std::vector<std::string>(scopes.begin(), scopes.end()), device->identity.all_scopes());
  RETURN_IF_ERROR(device->cursors->Load(*device->store));
  RETURN_IF_ERROR(LoadHistory(*device));
  device->overlay =
      std::make_unique<Overlay>(*device->outbox, *device->models, *device->cursors, device->schema);
  device->outbox->OnAppend(
      [overlay = device->overlay.get()](LogPlace first, absl::Span<const EncodedIntent> intents) {
        overlay->OnAppend(first, intents);
      });
  return device;
}

namespace {

void PublishRows(Device& device) {
  device.models->Committed();
  if (!device.watched) return;
  for (const ReadModels::Change& row : device.models->changes()) {
    device.on_row_change(*row.projection, row.key);
  }
}

}  // namespace

absl::Status Device::Apply(DeviceChange change, StoreBatch& batch) {
  for (const auto& [scope, cursor] : change.cursors) ScopeCursors::Put(scope, cursor, batch);
  PutConflicts(change.conflicts, batch);
  if (Planted(Bug::kCursorFirst)) {
    StoreBatch first;
    for (const auto& [scope, cursor] : change.cursors) ScopeCursors::Put(scope, cursor, first);
    RETURN_IF_ERROR(store->Commit(first, Sync::kBuffered));
  }
  Settled settled;
  const auto commit = [this](StoreBatch& whole) { return store->Commit(whole, Sync::kBuffered); };
  const bool settles = !change.settling.outcomes.empty() || !change.settling.settlements.empty();
  absl::Status status =
      settles ? outbox->Settle(change.settling, batch, commit, &settled) : commit(batch);
  if (!status.ok()) {
    if (change.folded) models->Abandon();
    return status;
  }
  overlay->Change([&](OverlayEdit& edit) {
    if (change.folded) PublishRows(*this);
    for (const auto& [scope, cursor] : change.cursors) cursors->Moved(scope, cursor);
    for (const Outcome& outcome : change.settling.outcomes) edit.Decided(outcome);
    for (const LogPlace place : settled.closed) edit.Closed(place);
    if (change.rewound) edit.Rewound();
    if (watched) {
      for (const auto& [projection, key] : change.replaced_rows) on_row_change(*projection, key);
    }
    for (const auto& [scope, cursor] : change.cursors) edit.Moved(scope, cursor.position);
  });
  return absl::OkStatus();
}

}  // namespace intentlog
