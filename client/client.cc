#include "client/client.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "client/client_rep.h"
#include "client/outbox/intent_reader.h"
#include "client/refold.h"
#include "client/scope_load.h"
#include "client/trim.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/intent.h"

namespace intentlog {
namespace {

absl::Status CheckOptions(const ClientOptions& options) {
  if (options.dir.empty()) return Invalid("no folder was named for the device");
  if (options.schema == nullptr) return Invalid(options.dir, ": no schema was given");
  const Runtime& runtime = options.runtime;
  if (runtime.clock == nullptr || runtime.executor == nullptr || runtime.random == nullptr) {
    return Invalid(options.dir, ": the runtime lacks a clock, an executor or random numbers");
  }
  for (const auto& [entity_type, priority] : options.policy.class_of) {
    if (priority < kClasses) continue;
    return Invalid("entity type \"", entity_type, "\" can not be of priority class ", int{priority},
                   ": there are ", int{kClasses}, ", from 0");
  }
  return absl::OkStatus();
}

DeviceOptions DeviceOptionsOf(const ClientOptions& options) {
  DeviceOptions device;
  device.dir = options.dir;
  device.identity.set_tenant(options.tenant);
  device.identity.set_device(options.device);
  for (const std::string& scope : options.scopes) device.identity.add_scopes(scope);
  device.identity.set_all_scopes(options.all_scopes);
  device.identity.set_write_scope(options.write_scope);
  device.schema = options.schema;
  device.projections = options.projections;
  device.clock_watch.step_min = options.clock_step_min;
  device.classes = options.policy.class_of;
  device.clock = options.runtime.clock;
  device.random = options.runtime.random;
  device.env = options.env;
  device.memory = options.memory;
  device.create_if_missing = options.create_if_missing;
  device.write_buffer_bytes = options.write_buffer_bytes;
  device.block_cache_bytes = options.block_cache_bytes;
  device.quota = options.quota;
  device.table_rows_min = options.table_rows_min;
  return device;
}

SyncerOptions SyncerOptionsOf(const ClientOptions& options) {
  SyncerOptions syncer;
  syncer.backoff.base = options.retry_base;
  syncer.backoff.cap = options.retry_cap;
  syncer.session.upload.push_frame_bytes = options.push_frame_bytes;
  syncer.session.feed_credit_bytes = options.feed_credit_bytes;
  syncer.session.bootstrap.take_snapshots = options.take_snapshots;
  syncer.session.silence_max = options.silence_max;
  syncer.session.ask_interval = options.ask_interval;
  syncer.session.report_interval = options.report_interval;
  syncer.policy = options.policy;
  syncer.session.app_version = options.app_version;
  return syncer;
}

// The timestamp of the last intent in a log, so that the clock goes on above it.
absl::StatusOr<uint64_t> LastTimestamp(const Device& device, PriorityClass priority) {
  IntentReader reader(*device.store, priority);
  ASSIGN_OR_RETURN(const auto last, reader.Last());
  if (!last) return 0;
  Intent intent;
  const std::string_view bytes = last->row.intent(last->row.size() - 1);
  if (!intent.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DataLoss("device log: count ", last->last(), " does not parse");
  }
  return intent.hlc();
}

// An id for member `index` of the batch that `base` names; the same for the same two.
IntentId MemberId(const IntentId& base, uint64_t index) {
  if (index == 0) return base;
  const ChainValue hash = NextLogHash({}, Cat(base.bytes(), index));
  std::string bytes(base.bytes().substr(0, 8));  // time and version
  bytes.append(Bytes(hash).substr(0, 8));
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);  // the variant of RFC 9562
  return IntentId::FromBytes(bytes);
}

}  // namespace

Client::Rep::Rep(ClientOptions given, std::unique_ptr<Device> opened, const InstanceId& instance,
                 uint64_t last_hlc)
    : options(std::move(given)),
      device(std::move(opened)),
      hlc(*options.runtime.clock, {}, last_hlc),
      ids(*options.runtime.clock, *options.runtime.random),
      watchers(std::make_shared<Watchers>(*options.runtime.executor)),
      notifier(std::make_shared<Notifier>(*options.runtime.executor)),
      state_watchers(std::make_shared<StateWatchers>(*options.runtime.executor)),
      waiters(std::make_shared<Waiters>(*options.runtime.executor)),
      syncer(*device, SyncerOptionsOf(options), options.runtime, instance, [this] {
        const std::lock_guard<std::mutex> lock(random_mutex);
        return options.runtime.random->Unit();
      }) {}

absl::StatusOr<std::unique_ptr<Client>> Client::Open(ClientOptions options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(std::unique_ptr<Device> device, Device::Open(DeviceOptionsOf(options)));
  RETURN_IF_ERROR(FinishLoads(*device));
  RETURN_IF_ERROR(EmptyLostScopes(*device));
  RETURN_IF_ERROR(Refold(*device));
  {
    const std::lock_guard<std::mutex> lock(device->folding);
    RETURN_IF_ERROR(TrimLog(*device).status());
  }
  uint64_t last_hlc = 0;
  for (PriorityClass priority = 0; priority < kClasses; ++priority) {
    ASSIGN_OR_RETURN(const uint64_t last, LastTimestamp(*device, priority));
    last_hlc = std::max(last_hlc, last);
  }
  const auto instance = InstanceId::FromBytes(options.runtime.random->Bytes(InstanceId::kSize));
  auto rep = std::make_unique<Rep>(std::move(options), std::move(device), instance, last_hlc);
  Rep* const raw = rep.get();
  rep->syncer.OnChange([raw] { raw->SyncChanged(); });
  rep->device->outbox->OnStateChange(
      [raw](std::string_view type, std::string_view id, const LaneState& lane) {
        raw->state_watchers->Note({std::string(type), std::string(id)}, WordOf(lane));
      });
  return std::unique_ptr<Client>(new Client(std::move(rep)));
}

Client::Client(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

Client::~Client() {
  rep_->syncer.Stop();
  rep_->watchers->Close();
  rep_->state_watchers->Close();
  rep_->waiters->Close();
  rep_->notifier->Close();
}

// ---- recording

// The type that `event` is of, and the base for `scope`: looked up once for a whole batch.
absl::Status Client::Rep::Prepare(const google::protobuf::Message& event, const std::string& scope,
                                  const AppendOptions& append, Encoding& encoding) {
  if (encoding.type == nullptr || encoding.type->descriptor() != event.GetDescriptor()) {
    const std::string& name = event.GetDescriptor()->full_name();
    encoding.type = options.schema->Find(name);
    if (encoding.type == nullptr) return Invalid(name, " is no event type of this schema");
    if (encoding.type->descriptor() != event.GetDescriptor()) {
      return Invalid("this ", name, " is of another schema: make it with EventType::NewPayload");
    }
  }
  if (encoding.scope == scope && !scope.empty()) return absl::OkStatus();
  encoding.scope = scope;
  encoding.envelope = Envelope();
  if (append.based_on) {
    encoding.envelope.based_on_epoch = EpochId::FromBytes(append.based_on->epoch_id());
    encoding.envelope.based_on_position = Position(append.based_on->position());
  } else if (const auto cursor = device->cursors->Find(scope)) {
    encoding.envelope.based_on_epoch = cursor->epoch;
    encoding.envelope.based_on_position = cursor->position;
  }
  return absl::OkStatus();
}

absl::StatusOr<EncodedIntent> Client::Rep::Encode(const google::protobuf::Message& event,
                                                  const NewIntent& which, uint32_t batch_size,
                                                  const AppendOptions& append, Encoding& encoding) {
  const std::string& scope = !which.scope.empty()    ? which.scope
                             : !append.scope.empty() ? append.scope
                                                     : device->identity.write_scope();
  RETURN_IF_ERROR(Prepare(event, scope, append, encoding));
  if (const auto violation = encoding.type->Validate(event)) return ToStatus(*violation);
  EncodedIntent encoded;
  encoded.id_given = !which.intent_id.nil();
  encoded.id = which.intent_id;
  if (!encoded.id_given) {
    const std::lock_guard<std::mutex> lock(random_mutex);
    encoded.id = ids.Make();
  }
  Envelope& envelope = encoding.envelope;
  envelope.intent_id = encoded.id;
  envelope.scope = scope;
  envelope.batch_size = batch_size;
  envelope.device_time_us = options.runtime.clock->WallMicros();
  envelope.hlc = hlc.Now();
  ASSIGN_OR_RETURN(envelope.clock_steps, device->clock->Look());
  FillIntent(*encoding.type, event, envelope, encoding.intent);
  if (const auto violation = CheckEnvelope(encoding.intent)) return ToStatus(*violation);
  encoded.entity = {encoding.intent.entity_type(), encoding.intent.entity_id()};
  encoding.intent.SerializeToString(&encoded.bytes);
  return encoded;
}

absl::Status Client::Rep::CheckBatch(absl::Span<const EncodedIntent> intents) const {
  size_t bytes = 0;
  for (const EncodedIntent& intent : intents) bytes += intent.bytes.size();
  if (bytes <= options.batch_bytes_max) return absl::OkStatus();
  return Exhausted("a batch takes at most ", options.batch_bytes_max, " bytes; this one has ",
                   bytes);
}

// The class that all of them are of.
absl::StatusOr<PriorityClass> Client::Rep::ClassFor(absl::Span<const EncodedIntent> intents) {
  const auto new_id = [this] {
    const std::lock_guard<std::mutex> lock(random_mutex);
    return options.runtime.random->Bytes(LogId::kSize);
  };
  const std::string& first = intents.front().entity.type;
  for (const EncodedIntent& intent : intents) {
    if (intent.entity.type == first ||
        device->logs->ClassOf(intent.entity.type) == device->logs->ClassOf(first)) {
      continue;
    }
    return Invalid("a batch is of one priority class, and ", first, " is of class ",
                   int{device->logs->ClassOf(first)}, ", ", intent.entity.type, " of ",
                   int{device->logs->ClassOf(intent.entity.type)});
  }
  PriorityClass priority = kPlainClass;
  std::string_view used;
  for (const EncodedIntent& intent : intents) {
    if (intent.entity.type == used) continue;
    used = intent.entity.type;
    ASSIGN_OR_RETURN(priority, device->logs->Use(used, new_id));
  }
  return priority;
}

absl::StatusOr<AppendResult> Client::Rep::Write(absl::Span<const EncodedIntent> intents,
                                                PriorityClass priority, Durability durability) {
  uint64_t bytes = 0;
  for (const EncodedIntent& intent : intents) bytes += intent.bytes.size();
  // What is recorded already needs no room.
  const absl::Status room = MakeRoom(*device, AppendBytes(intents.size(), bytes));
  if (!room.ok() && !device->outbox->Find(intents.front().id).ok()) return room;
  ASSIGN_OR_RETURN(const AppendResult done,
                   device->outbox->Append(intents, durability == Durability::kDurable, priority));
  if (!done.repeated) syncer.Wake();
  return done;
}

absl::StatusOr<Appended> Client::Append(const google::protobuf::Message& event,
                                        const AppendOptions& options) {
  const NewIntent which{&event, options.intent_id, options.scope};
  Rep::Encoding encoding;
  ASSIGN_OR_RETURN(const EncodedIntent intent, rep_->Encode(event, which, 0, options, encoding));
  RETURN_IF_ERROR(rep_->CheckBatch({&intent, 1}));
  ASSIGN_OR_RETURN(const PriorityClass priority, rep_->ClassFor({&intent, 1}));
  ASSIGN_OR_RETURN(const AppendResult done,
                   rep_->Write({&intent, 1}, priority, options.durability));
  return Appended{intent.id, done.first, priority, done.repeated};
}

absl::StatusOr<std::vector<Appended>> Client::AppendAll(absl::Span<const NewIntent> intents,
                                                        const AppendOptions& options) {
  if (intents.empty()) return std::vector<Appended>();
  if (intents.size() > rep_->options.batch_intents_max) {
    return Exhausted("a batch has at most ", rep_->options.batch_intents_max,
                     " intents; this one has ", intents.size());
  }
  Rep::Encoding encoding;
  std::vector<EncodedIntent> encoded;
  encoded.reserve(intents.size());
  for (const NewIntent& intent : intents) {
    const size_t index = encoded.size();
    if (intent.event == nullptr) return Invalid("intent ", index, " of the batch has no event");
    NewIntent which{nullptr, intent.intent_id, intent.scope};
    if (which.intent_id.nil() && !options.intent_id.nil()) {
      which.intent_id = MemberId(options.intent_id, index);
    }
    const bool names_size = index == 0 && intents.size() > 1;
    auto made =
        rep_->Encode(*intent.event, which, names_size ? static_cast<uint32_t>(intents.size()) : 0,
                     options, encoding);
    if (!made.ok()) {
      return StatusOf(made.status().code(), "intent ", index, " of the batch: ", made.status());
    }
    encoded.push_back(*std::move(made));
  }
  RETURN_IF_ERROR(rep_->CheckBatch(encoded));
  ASSIGN_OR_RETURN(const PriorityClass priority, rep_->ClassFor(encoded));
  ASSIGN_OR_RETURN(const AppendResult done, rep_->Write(encoded, priority, options.durability));
  std::vector<Appended> appended;
  appended.reserve(encoded.size());
  for (const EncodedIntent& intent : encoded) {
    appended.push_back({intent.id, done.first.Plus(appended.size()), priority, done.repeated});
  }
  return appended;
}

absl::Status Client::Flush() { return rep_->device->outbox->Sync(); }

// ---- reading

absl::StatusOr<std::optional<Row>> Client::Get(std::string_view view, std::string_view key,
                                               Reading reading) const {
  if (reading == Reading::kConfirmed) return rep_->device->models->Get(view, key);
  return rep_->device->overlay->Get(view, key);
}

absl::StatusOr<std::unique_ptr<RowCursor>> Client::Scan(std::string_view view,
                                                        std::string_view from_key,
                                                        Reading reading) const {
  RowRange range;
  range.from = from_key;
  return Scan(view, range, reading);
}

absl::StatusOr<std::unique_ptr<RowCursor>> Client::Scan(std::string_view view,
                                                        const RowRange& range,
                                                        Reading reading) const {
  return rep_->Scan(view, range, nullptr, reading);
}

absl::StatusOr<std::unique_ptr<RowCursor>> Client::Rep::Scan(std::string_view view,
                                                             const RowRange& range,
                                                             const RowPlace* after,
                                                             Reading reading) const {
  if (reading == Reading::kOptimistic) return device->overlay->Scan(view, range, after);
  ASSIGN_OR_RETURN(const ViewReader reader, device->models->Read(view));
  return reader.Scan(range, after);
}

absl::StatusOr<RowPage> Client::Page(std::string_view view, const PageWanted& wanted,
                                     Reading reading) const {
  ASSIGN_OR_RETURN(const ViewReader reader, rep_->device->models->Read(view));
  if (reading == Reading::kConfirmed) return reader.Page(wanted);
  const auto scan = [&](const RowRange& range, const RowPlace* after) {
    return rep_->Scan(view, range, after, reading);
  };
  return ReadPage({view, reader.version(), reader.build(), reader.position(), scan}, wanted);
}

absl::StatusOr<std::vector<ScopeState>> Client::Digests(std::string_view view) const {
  return rep_->device->models->Scopes(view);
}

// Changes of rows are told from now on.
void Client::Rep::WatchChanges() {
  std::call_once(watching, [this] {
    device->on_row_change = [told = watchers](const Projection& projection, std::string_view key) {
      told->Note(projection.info().name, key);
    };
    device->watched = true;
    // Fails only where an intent can not be read; then optimistic reads say so.
    device->overlay->ListenToKeys(device->on_row_change).IgnoreError();
  });
}

Client::WatchId Client::Watch(std::string view, std::string prefix, RowWatcher watcher) {
  const WatchId watch = rep_->watchers->Add(std::move(view), std::move(prefix), std::move(watcher));
  rep_->WatchChanges();
  return watch;
}

absl::StatusOr<std::unique_ptr<RowStream>> Client::WatchRows(const std::string& view,
                                                             std::string prefix,
                                                             std::function<void()> ready,
                                                             const RowWatchLimits& limits,
                                                             Reading reading) {
  RETURN_IF_ERROR(rep_->device->models->Read(view).status());
  RowStream::Rows rows;
  rows.get = [this, view, reading](const std::string& key) { return Get(view, key, reading); };
  rows.scan = [this, view, reading](const RowRange& range, const RowPlace* after) {
    return rep_->Scan(view, range, after, reading);
  };
  rep_->WatchChanges();
  return std::make_unique<RowStream>(rep_->watchers, *rep_->options.runtime.executor, view,
                                     std::move(prefix), limits, std::move(rows), std::move(ready));
}

void Client::Unwatch(WatchId watch) { rep_->watchers->Remove(watch); }

// ---- syncing

absl::Status Client::StartSync(Connector& connector) { return rep_->syncer.Start(connector); }
void Client::StopSync() { rep_->syncer.Stop(); }
void Client::SetConditions(const Conditions& conditions) { rep_->syncer.SetConditions(conditions); }
absl::Status Client::SyncNow(Ask ask) { return rep_->syncer.Now(ask); }
absl::Status Client::SyncSlice(Connector& connector, const SliceBudget& budget, SliceDone done) {
  return rep_->syncer.StartSlice(connector, budget, std::move(done));
}

void Client::OnStatusChange(std::function<void()> callback) {
  rep_->notifier->Set(std::move(callback));
}

Store& Client::store() const { return *rep_->device->store; }
const ReadModels& Client::models() const { return *rep_->device->models; }
std::shared_ptr<const Schema> Client::schema() const { return rep_->options.schema; }

}  // namespace intentlog
