#include "server/fleet/server_fleet.h"

#include <algorithm>
#include <string>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/fleet/parked_desk.h"
#include "server/fleet/snapshot_desk.h"

namespace intentlog {
namespace {

// Parked rows in one answer: a screen of a patient operator.
constexpr int kParkedMax = 1000;

using SchemaNow = std::function<std::shared_ptr<const Schema>()>;

void SetType(const google::protobuf::Message& payload, Intent& intent) {
  intent.set_type(payload.GetTypeName());
  payload.SerializeToString(intent.mutable_payload());
}

// Sets entity and scope to those of the event at `of`, open or not: so that the server can say what
// is so.
absl::Status SetLane(const EventLog& log, Position of, Intent& intent) {
  if (of > log.head().position) {
    return NotFound("there is no position ", of, "; the log ends at ", log.head().position);
  }
  const auto reader = log.Read(of);
  ASSIGN_OR_RETURN(const bool found, reader->Next());
  if (!found) return DataLoss("position ", of, " cannot be read");
  Intent event;
  const std::string_view bytes = reader->block().event(reader->begin()).intent;
  if (event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    intent.set_entity_type(event.entity_type());
    intent.set_entity_id(event.entity_id());
    intent.set_scope(event.scope());
  }
  return absl::OkStatus();
}

absl::StatusOr<Intent> ControlOf(const SettleRequest& request, const EventLog& log) {
  Intent intent;
  uint64_t of = request.dismiss().of();
  switch (request.how_case()) {
    case SettleRequest::kResolve:
      of = request.resolve().of();
      SetType(request.resolve(), intent);
      break;
    case SettleRequest::kAmend:
      of = request.amend().of();
      SetType(request.amend(), intent);
      break;
    default:
      SetType(request.dismiss(), intent);
  }
  RETURN_IF_ERROR(SetLane(log, Position(of), intent));
  if (request.seen() != 0) {
    intent.mutable_based_on()->set_epoch_id(log.epochs().back().id());
    intent.mutable_based_on()->set_position(request.seen());
  }
  return intent;
}

// A record of an older version has no counts: then it is as the device said.
absl::StatusOr<uint64_t> UndecidedOf(const DeviceRecord& record, const EventLog& log) {
  const QueueHealth& health = record.health();
  if (record.highest().empty()) {
    return health.pending() - std::min(health.parked(), health.pending());
  }
  uint64_t undecided = 0;
  for (const HighestCount& one : record.highest()) {
    if (one.log_id().size() != LogId::kSize) continue;
    ASSIGN_OR_RETURN(const LogHighest here, log.Highest(LogId::FromBytes(one.log_id())));
    if (one.count() > here.count.value()) undecided += one.count() - here.count.value();
  }
  return undecided;
}

SettleReply ReplyOf(const OwnReceipt& receipt) {
  SettleReply reply;
  reply.set_position(receipt.position.value());
  reply.set_decision(receipt.decision);
  *reply.mutable_reason() = receipt.reason;
  return reply;
}

class ServerFleet final : public FleetBackend {
 public:
  ServerFleet(Server& server, Executor& core, const Clock& clock, SchemaNow schema)
      : server_(server), core_(core), clock_(clock), schema_(std::move(schema)) {}

  absl::StatusOr<std::vector<KnownDevice>> Devices(std::string_view tenant) const override {
    ASSIGN_OR_RETURN(std::vector<DeviceRecord> records, server_.Devices(tenant));
    ASSIGN_OR_RETURN(const std::vector<std::string> live, server_.LiveDevices(tenant));
    ASSIGN_OR_RETURN(const auto log, server_.Log(tenant));
    std::vector<KnownDevice> devices(records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      ASSIGN_OR_RETURN(devices[i].undecided, UndecidedOf(records[i], *log));
      devices[i].live = std::binary_search(live.begin(), live.end(), records[i].device());
      devices[i].record = std::move(records[i]);
    }
    return devices;
  }
  absl::StatusOr<std::vector<OpenEvent>> OpenEvents(std::string_view tenant, Position after,
                                                    size_t limit) const override {
    return server_.OpenEvents(tenant, after, limit);
  }
  absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const override {
    return server_.Log(tenant);
  }
  std::shared_ptr<const Schema> schema() const override { return schema_(); }
  int64_t now_us() const override { return clock_.WallMicros(); }

  void OperateView(const OperateViewRequest& request, Operated done) override {
    core_.Post([this, request, done = std::move(done)] {
      const auto answer = [this, request, done](const absl::Status& status) {
        done(status.ok() ? ViewReply(request) : status);
      };
      RebuildWanted wanted;
      wanted.workers = std::max<uint32_t>(1, request.workers());
      wanted.events_per_second_max = request.events_per_second_max();
      if (request.from_snapshot()) wanted.from = RebuildFrom::kSnapshot;
      const auto change = [&](ViewSwitch how) {
        server_.SwitchView(request.tenant(), request.view(), how, answer);
      };
      switch (request.action()) {
        case REBUILD_VIEW:
          return server_.RebuildView(request.tenant(), request.view(), wanted, answer);
        case ACTIVATE_VIEW:
          return change(ViewSwitch::kActivate);
        case ROLL_BACK_VIEW:
          return change(ViewSwitch::kRollBack);
        case CANCEL_VIEW_REBUILD:
          return change(ViewSwitch::kCancel);
        case RETRY_PARKED:
        case SKIP_PARKED:
          return DecideParked(request, done);
        case COMPARE_VIEW:
          return server_.WhenViewComparable(request.tenant(), request.view(), answer);
        case LIST_PARKED:
        case VIEW_ACTION_UNSPECIFIED:
          return answer(absl::OkStatus());
        default:
          return answer(
              Invalid("this server does not know the action ", static_cast<int>(request.action())));
      }
    });
  }

  void OperateSnapshots(const OperateSnapshotsRequest& request, SnapshotsOperated done) override {
    const std::string& tenant = request.tenant();
    if (request.action() == LIST_SNAPSHOTS) {  // here, because a list reads files
      const auto folder = server_.Snapshots(tenant);
      return done(folder.ok() ? SnapshotsReply(tenant, (*folder)->List()) : folder.status());
    }
    core_.Post([this, tenant, action = request.action(), done = std::move(done)] {
      const auto tell = [this, tenant, done](const auto& found) {
        done(found.ok() ? SnapshotsReply(tenant, *found) : found.status());
      };
      switch (action) {
        case TAKE_SNAPSHOT:
          return server_.TakeSnapshot(tenant, [this, tenant, done, tell](const auto& taken) {
            if (!taken.ok()) return done(taken.status());
            server_.LookAtSnapshots(tenant, /*whole=*/false, tell);
          });
        case VERIFY_SNAPSHOTS:
          return server_.LookAtSnapshots(tenant, /*whole=*/true, tell);
        default:
          return done(Invalid("this server does not know the action ", static_cast<int>(action)));
      }
    });
  }

  void TakeBackup(const TakeBackupRequest& request, BackedUp done) override {
    core_.Post([this, dir = request.dir(), done = std::move(done)] {
      server_.TakeBackup(dir, [done](absl::StatusOr<FoundBackup> backup) {
        if (!backup.ok()) return done(backup.status());
        TakeBackupReply reply;
        reply.set_dir(backup->dir);
        *reply.mutable_manifest() = backup->manifest;
        done(std::move(reply));
      });
    });
  }

  void GoOnHealing(const GoOnHealingRequest& request, WentOn done) override {
    core_.Post([this, tenant = request.tenant(), done = std::move(done)] {
      const auto before = server_.GoOnHealing(tenant);
      if (!before.ok()) return done(before.status());
      GoOnHealingReply reply;
      *reply.mutable_healing() = *before;
      done(std::move(reply));
    });
  }

  void Settle(const SettleRequest& request, Settled done) override {
    const auto log = server_.Log(request.tenant());
    if (!log.ok()) return done(log.status());
    absl::StatusOr<Intent> asked = ControlOf(request, **log);
    if (!asked.ok()) return done(asked.status());
    core_.Post([this, tenant = request.tenant(), control = *std::move(asked),
                done = std::move(done)]() mutable {
      const absl::Status status =
          server_.Settle(tenant, std::move(control), "operator",
                         [done](const OwnReceipt& receipt) { done(ReplyOf(receipt)); });
      if (!status.ok()) done(status);
    });
  }

 private:
  // On the core.
  absl::StatusOr<OperateViewReply> ViewReply(const OperateViewRequest& request) const {
    ASSIGN_OR_RETURN(const ViewState state, server_.StateOfView(request.tenant(), request.view()));
    OperateViewReply reply;
    *reply.mutable_record() = state.record;
    reply.set_folded(state.folded.value());
    reply.set_head(state.head.value());
    reply.set_rebuilding(state.rebuilding);
    reply.set_through(state.through.value());
    reply.set_events_per_second(state.events_per_second);
    reply.set_roll_back_until_us(state.roll_back_until_us);
    if (!state.last.ok()) reply.set_failure(Cat(state.last));
    if (request.action() == LIST_PARKED) RETURN_IF_ERROR(ListParked(request, state.record, reply));
    if (request.action() != COMPARE_VIEW) return reply;
    if (!state.record.shadow_follows()) {
      return FailedPrecondition("view ", request.view(), " has no rebuilt one that is ready");
    }
    RETURN_IF_ERROR(Compare(request, state.record.shadow().build(), reply));
    return reply;
  }
  absl::StatusOr<OperateSnapshotsReply> SnapshotsReply(
      const std::string& tenant, const std::vector<FoundSnapshot>& found) const {
    ASSIGN_OR_RETURN(const auto folder, server_.Snapshots(tenant));
    ASSIGN_OR_RETURN(const auto models, server_.Models(tenant));
    OperateSnapshotsReply reply;
    for (const FoundSnapshot& one : found) {
      *reply.add_snapshots() = StatusOfSnapshot(one, *folder, models->projections());
    }
    reply.set_folded(server_.ViewPosition(tenant).value());
    reply.set_now_us(clock_.WallMicros());
    ASSIGN_OR_RETURN(const auto log, server_.Log(tenant));
    reply.set_head(log->head().position.value());
    return reply;
  }
  absl::Status ListParked(const OperateViewRequest& request, const ViewRecord& record,
                          OperateViewReply& reply) const {
    ASSIGN_OR_RETURN(const auto models, server_.Models(request.tenant()));
    ASSIGN_OR_RETURN(
        const std::vector<ParkedRowInfo> rows,
        ParkedOf(*models, record, request.scope().empty() ? kParkedMax + 1 : SIZE_MAX));
    for (const ParkedRowInfo& row : rows) {
      const bool wanted =
          request.scope().empty() || (row.scope() == request.scope() && row.key() == request.key());
      if (!wanted) continue;
      if (reply.parked_size() == kParkedMax) {
        reply.set_more_parked(true);
        break;
      }
      *reply.add_parked() = row;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Intent>> DecisionsOf(const OperateViewRequest& request) const {
    ASSIGN_OR_RETURN(const ViewState state, server_.StateOfView(request.tenant(), request.view()));
    ASSIGN_OR_RETURN(const auto models, server_.Models(request.tenant()));
    ASSIGN_OR_RETURN(const std::vector<ParkedRowInfo> parked,
                     ParkedOf(*models, state.record, SIZE_MAX));
    return UnparkIntents(request, parked);
  }
  // Answers when the last decision is durable.
  void DecideParked(const OperateViewRequest& request, const Operated& done) {
    const absl::StatusOr<std::vector<Intent>> intents = DecisionsOf(request);
    if (!intents.ok()) return done(intents.status());
    for (size_t i = 0; i < intents->size(); ++i) {
      const bool last = i + 1 == intents->size();
      const absl::Status status =
          server_.Settle(request.tenant(), (*intents)[i], "operator",
                         [this, request, done, last](const OwnReceipt& receipt) {
                           if (!last) return;
                           absl::StatusOr<OperateViewReply> reply = ViewReply(request);
                           if (reply.ok()) reply->set_decided(receipt.position.value());
                           done(std::move(reply));
                         });
      if (!status.ok()) return done(status);
    }
  }
  absl::Status Compare(const OperateViewRequest& request, BuildId shadow,
                       OperateViewReply& reply) const {
    constexpr uint32_t kDifferencesMax = 100;
    const uint32_t wanted = request.differences_max();
    const uint32_t limit = wanted == 0 ? kDifferencesMax : std::min(wanted, kDifferencesMax);
    ASSIGN_OR_RETURN(const auto models, server_.Models(request.tenant()));
    ASSIGN_OR_RETURN(const BuildComparison found, models->Compare(request.view(), shadow, limit));
    reply.set_equal(found.equal);
    reply.set_live_rows(found.rows_a);
    reply.set_shadow_rows(found.rows_b);
    for (const RowDifference& one : found.differences) {
      ViewDifference& difference = *reply.add_differences();
      difference.set_scope(one.scope);
      difference.set_key(one.key);
      if (one.a) difference.set_live(*one.a);
      if (one.b) difference.set_shadow(*one.b);
    }
    return absl::OkStatus();
  }

  Server& server_;
  Executor& core_;
  const Clock& clock_;
  const SchemaNow schema_;
};

}  // namespace

std::unique_ptr<FleetBackend> FleetOf(Server& server, Executor& core, const Clock& clock,
                                      SchemaNow schema) {
  return std::make_unique<ServerFleet>(server, core, clock, std::move(schema));
}

}  // namespace intentlog
