#include "server/tenant/tenant.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "eventlog/log/epochs.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/planted.h"
#include "eventlog/runtime/text.h"
#include "server/admit/clock.h"
#include "server/backup/backup_folder.h"
#include "server/sequencer/server_rows.h"
#include "server/tenant/installations.h"

namespace intentlog {
namespace {

// Installations that share a name, of which a new one is told apart: the others are old.
constexpr size_t kNamedMax = 1000;
// Of what was refused, for an operator to look at: enough to say what it was, and when.
constexpr int kForksKept = 10;
constexpr size_t kForkBytesMax = 4096;

}  // namespace

absl::Status CheckCursor(const EventLog& log, const Cursor& cursor) {
  if (cursor.position() == 0) return absl::OkStatus();
  const auto other = [&](const auto&... why) {
    return FailedPrecondition("the cursor of scope ", cursor.scope(), " at position ",
                              cursor.position(), " is of another history: ", why...);
  };
  const std::vector<Epoch> epochs = log.epochs();
  const auto epoch = std::find_if(epochs.begin(), epochs.end(),
                                  [&](const Epoch& one) { return one.id() == cursor.epoch_id(); });
  if (epoch == epochs.end()) return other("its epoch is unknown here");
  const LogEnd head = log.head();
  const uint64_t end = std::next(epoch) == epochs.end() ? head.position.value()
                                                        : std::next(epoch)->first_position() - 1;
  if (cursor.position() > end) return other("its epoch ends at ", end);
  ChainValue chain = head.chain;
  if (cursor.position() != head.position.value()) {
    ASSIGN_OR_RETURN(chain, log.ChainAt(Position(cursor.position())));
  }
  if (Bytes(chain) != cursor.chain()) return other("the chain there differs");
  return absl::OkStatus();
}

namespace {

// Says when a restored log begins to wait for what devices bring back, and when it is over.
std::function<void(const Healing& healing)> TellHealing(
    std::function<void(std::string line)> notice) {
  return [notice = std::move(notice), waits = false](const Healing& healing) mutable {
    const bool now = healing.ends_us() != 0 && healing.through() != 0;
    if (now == waits) return;
    waits = now;
    notice(now ? Cat("a restore lost events through position ", healing.through(),
                     ", which devices bring back; new work waits behind them until ",
                     absl::FormatTime("%H:%M:%S UTC", absl::FromUnixMicros(healing.ends_us()),
                                      absl::UTCTimeZone()),
                     " at most; fleet heal ends that, events stats tells how far it is")
               : Cat(healing.returned(),
                     " lost events have come back; nothing waits for others any more"));
  };
}

}  // namespace

Tenant::Tenant(std::string name, std::shared_ptr<TenantStores> stores, const ServerOptions& options,
               const Clock& clock, Executors executors, Hooks hooks)
    : name_(std::move(name)),
      stores_(std::move(stores)),
      options_(options),
      clock_(clock),
      executors_(executors),
      hub_(*stores_->log, options, clock, {executors.core, executors.reader}),
      projector_(*stores_->log, *stores_->views, stores_->models(), options,
                 {executors.core, executors.projector},
                 {[this, hooks](Position position, std::vector<ScopeDigests> changed) {
                    stores_->folded.store(position.value(), std::memory_order_release);
                    hub_.OnFolded(position, std::move(changed));
                    views_.OnFolded();
                    snapshots_.OnFolded();
                    hooks.folded();
                  },
                  hooks.parked,
                  [this, hooks](const absl::Status& status) {
                    // A store that can not be written is opened again; an event that can not be
                    // folded stops the folding alone.
                    const bool by_store =
                        !stores_->views->failed().ok() || absl::IsResourceExhausted(status);
                    (by_store ? hooks.store_failed : hooks.projector_failed)(status);
                  }}),
      views_(
          *stores_->log, *stores_->views, stores_->term, *stores_->snapshots, projector_, options,
          clock, {executors.core, executors.projector, executors.rebuild},
          {[this](std::shared_ptr<ReadModels> models) { stores_->ShowModels(std::move(models)); },
           hooks.folded,
           [this](bool making) { stores_->making_views.store(making, std::memory_order_release); },
           hooks.notice}),
      snapshots_(*stores_->log, projector_, *stores_->snapshots, stores_->snapshot_alarms, options,
                 clock, {executors.core, executors.projector, executors.snapshots},
                 [this] { return stores_->models()->Freeze(); }),
      sequencer_(*stores_->log, options, clock, {executors.core, executors.commit},
                 {[this](std::string_view scope) { return hub_.Wanted(scope); },
                  [this](LiveGroup& live, const LogEnd& end) {
                    hub_.OnDurable(live, end);
                    projector_.Wake();
                  },
                  [this, tell = TellHealing(hooks.notice)](const Healing& healing) {
                    stores_->ShowHealing(healing);
                    tell(healing);
                  },
                  hooks.store_failed}),
      went_back_(hooks.went_back),
      notice_(hooks.notice) {}

absl::Status Tenant::Load() {
  hub_.OnDamagedSnapshot([this](const SnapshotFile& file, const absl::Status& status) {
    snapshots_.Forget(file, status);
  });
  ASSIGN_OR_RETURN(const std::optional<std::string> backups, log().GetIndex(BackupsKey()));
  if (backups && !backups_.ParseFromString(*backups)) {
    return DataLoss("the row of the backups is damaged");
  }
  RETURN_IF_ERROR(sequencer_.Load());
  RETURN_IF_ERROR(hub_.Load());
  RETURN_IF_ERROR(projector_.Load());
  stores_->folded.store(projector_.position().value(), std::memory_order_release);
  return absl::OkStatus();
}

// ---- devices

void Tenant::Introduce(const Hello& hello, OnIntroduced done) {
  auto introduction = std::make_shared<Introduction>();
  introduction->hello = hello;
  introduction->done = std::move(done);
  ++tasks_;
  executors_.reader->Post([this, introduction] {
    introduction->status = ReadIntroduction(*introduction);
    executors_.core->Post([this, introduction] {
      --tasks_;
      if (!stopped_) FinishIntroduction(*introduction);
    });
  });
}

// On the reader.
absl::Status Tenant::ReadIntroduction(Introduction& introduction) const {
  const Hello& hello = introduction.hello;
  for (const DeviceLog& one : hello.logs()) {
    const bool own = one.log_id() == stores_->own_log.bytes() ||
                     one.continues_log_id() == stores_->own_log.bytes();
    if (own) return Invalid("a Hello names the server's own device log");
  }
  RETURN_IF_ERROR(CompareHistories(introduction));
  ASSIGN_OR_RETURN(const std::optional<std::string> schema, log().GetIndex(SchemaKey()));
  if (schema && !introduction.schema.ParseFromString(*schema)) {
    return DataLoss("the row of the adopted schema is damaged");
  }
  return ReadInstallations(introduction);
}

// A device that has met no server, or is of an older version, has cursors alone.
absl::Status Tenant::CompareHistories(Introduction& introduction) const {
  const Hello& hello = introduction.hello;
  const EpochsOnWire ours = ToWire(log().epochs());
  const std::optional<Position> shared = SharedThrough(hello.history(), ours);
  if (!hello.history().empty() && !shared) {
    return FailedPrecondition("the device has a part of another log: none of its ",
                              hello.history_size(), " epochs is one of this log's ", ours.size());
  }
  LostHistory lost;
  for (const Cursor& cursor : hello.cursors()) {
    const absl::Status status = CheckCursor(log(), cursor);
    lost.through = std::max(lost.through, Position(cursor.position()));
    if (status.ok()) continue;
    if (hello.history().empty() || !absl::IsFailedPrecondition(status)) return status;
    introduction.lost_scopes.push_back(cursor.scope());
  }
  if (hello.history().empty()) return absl::OkStatus();
  uint64_t missing = 0;
  for (const DeviceLog& one : hello.logs()) {
    ASSIGN_OR_RETURN(const LogHighest highest, log().Highest(LogId::FromBytes(one.log_id())));
    const uint64_t receipted = std::max(one.receipted(), one.receipted_last());
    missing += receipted - std::min(receipted, highest.count.value());
  }
  const Epoch& newest = hello.history(hello.history_size() - 1);
  const bool met = std::any_of(hello.history().begin(), hello.history().end(),
                               [&](const Epoch& one) { return one.id() == ours.rbegin()->id(); });
  const bool has_lost = missing > 0 || !introduction.lost_scopes.empty();
  introduction.went_back =
      met && (has_lost || newest.id() != ours.rbegin()->id()) && !Planted(Bug::kWentBackUnseen);
  if (!has_lost) return absl::OkStatus();
  lost.epoch_id = newest.id();
  lost.epoch_number = newest.number();
  lost.shared = std::min(*shared, log().head().position);
  if (missing > 0) lost.through = std::max(lost.through, lost.shared.Next());
  introduction.lost = std::move(lost);
  return absl::OkStatus();
}

absl::Status Tenant::ReadInstallations(Introduction& introduction) const {
  const Hello& hello = introduction.hello;
  for (const DeviceLog* one : PushedLogs(hello)) {
    if (one->continues_log_id().empty()) continue;
    ASSIGN_OR_RETURN(const LogHighest there,
                     log().Highest(LogId::FromBytes(one->continues_log_id())));
    if (there.count.value() <= one->continues_count()) {
      introduction.left.push_back(one->continues_log_id());
    }
  }
  const std::string key = DeviceKey(hello.device());
  const std::string others = DeviceKey(OthersPrefix(hello.device()));
  ASSIGN_OR_RETURN(std::vector<IndexRow> rows, log().ScanIndex(others, others, kNamedMax));
  ASSIGN_OR_RETURN(std::optional<std::string> first, log().GetIndex(key));
  if (first) rows.push_back({key, std::move(first)});
  for (const IndexRow& row : rows) {
    if (!introduction.stored.emplace_back().ParseFromString(row.value.value_or(""))) {
      return DataLoss("the row of device ", hello.device(), " is damaged");
    }
  }
  return absl::OkStatus();
}

// What is in memory is newer than the rows, if this process has met the installation.
std::string Tenant::NameOf(const Introduction& introduction) const {
  std::map<std::string, KnownInstallation> known;
  const auto add = [&known](const std::string& name, const DeviceRecord& record, bool live) {
    KnownInstallation& one = known[name];
    one.name = name;
    one.live = live;
    one.log_ids.clear();
    for (const HighestCount& log : record.highest()) one.log_ids.push_back(log.log_id());
  };
  for (const DeviceRecord& record : introduction.stored) add(record.device(), record, false);
  const auto met = devices_.find(introduction.hello.device());
  if (met != devices_.end()) add(met->first, met->second.record, met->second.live != nullptr);
  const std::string others = OthersPrefix(introduction.hello.device());
  for (auto at = devices_.lower_bound(others);
       at != devices_.end() && at->first.compare(0, others.size(), others) == 0; ++at) {
    add(at->first, at->second.record, at->second.live != nullptr);
  }
  std::vector<KnownInstallation> all;
  for (auto& [name, one] : known) all.push_back(std::move(one));
  return NameInstallation(introduction.hello, all, introduction.left);
}

// Installations of one name have one series of numbers: which of them a device log belongs to may
// change when copies of a device part.
uint64_t Tenant::NewestSession(const Introduction& introduction) const {
  uint64_t newest = 0;
  for (const DeviceRecord& record : introduction.stored) {
    newest = std::max(newest, record.session());
  }
  const std::string& device = introduction.hello.device();
  const auto met = devices_.find(device);
  if (met != devices_.end()) newest = std::max(newest, met->second.record.session());
  const std::string others = OthersPrefix(device);
  for (auto at = devices_.lower_bound(others);
       at != devices_.end() && at->first.compare(0, others.size(), others) == 0; ++at) {
    newest = std::max(newest, at->second.record.session());
  }
  return newest;
}

void Tenant::EndLive(const std::string& name, Device& device) {
  for (const HighestCount& log : device.record.highest()) {
    const auto found = live_logs_.find(log.log_id());
    if (found != live_logs_.end() && found->second == name) live_logs_.erase(found);
  }
  device.live = nullptr;
  ShowLive(name, false);
}

// Each device log has one session. Two installations that have a name in common, and no log, go on
// side by side.
void Tenant::TakeOver(const std::string& name, const DeviceRecord& record) {
  std::set<std::string> others = {name};
  for (const HighestCount& log : record.highest()) {
    const auto found = live_logs_.find(log.log_id());
    if (found != live_logs_.end()) others.insert(found->second);
  }
  for (const std::string& other : others) {
    const auto found = devices_.find(other);
    if (found == devices_.end() || found->second.live == nullptr) continue;
    INTENTLOG_MARK("tenant: a newer session takes over");
    DeviceSession* const older = found->second.live;
    EndLive(other, found->second);
    older->Supersede();
  }
}

namespace {

DeviceRecord RecordOf(const Hello& hello, int64_t now_us) {
  DeviceRecord record;
  record.set_instance(hello.instance());
  record.set_last_seen_us(now_us);
  record.set_skew_us(SkewOf(hello.wall_time_us(), now_us));
  record.set_app_version(hello.app_version());
  record.set_clock_steps(hello.clock_steps());
  record.set_schema_digest(hello.schema_digest());
  *record.mutable_health() = hello.health();
  *record.mutable_logs() = hello.logs();
  for (const DeviceLog* log : PushedLogs(hello)) {
    HighestCount& highest = *record.add_highest();
    highest.set_log_id(log->log_id());
    highest.set_count(log->highest_count());
  }
  return record;
}

}  // namespace

void Tenant::FinishIntroduction(Introduction& introduction) {
  if (!introduction.status.ok()) return introduction.done(introduction.status);
  if (introduction.went_back) {
    const absl::Status status =
        Unavailable("the log went back: device ", introduction.hello.device(),
                    " has more of its newest epoch than is here, "
                    "so a new epoch begins, and devices bring back what they have");
    went_back_(status);
    return introduction.done(status);
  }
  if (introduction.lost) sequencer_.NoteLost(*introduction.lost);
  Introduced introduced;
  introduced.name = NameOf(introduction);
  const uint64_t newest = NewestSession(introduction);
  Device& device = devices_[introduced.name];
  for (DeviceRecord& record : introduction.stored) {
    if (record.device() == introduced.name) introduced.before = std::move(record);
  }
  if (device.record.session() > 0) introduced.before = device.record;
  introduced.session = newest + 1;
  if (Planted(Bug::kSessionNotCounted)) introduced.session = 1;
  introduced.schema = std::move(introduction.schema);
  introduced.lost_scopes = std::move(introduction.lost_scopes);
  introduced.has_lost = introduction.lost.has_value();
  DeviceRecord record = RecordOf(introduction.hello, clock_.WallMicros());
  record.set_device(introduced.name);
  record.set_session(introduced.session);
  if (introduced.before) *record.mutable_forks() = introduced.before->forks();
  TakeOver(introduced.name, record);
  device.record = std::move(record);
  Write(device, [done = std::move(introduction.done), introduced = std::move(introduced)] {
    done(introduced);
  });
}

void Tenant::Write(Device& device, std::function<void()> done) {
  device.changed = false;
  device.written_at = clock_.Passed();
  sequencer_.PutIndex(DeviceKey(device.record.device()), device.record.SerializeAsString(),
                      std::move(done));
}

bool Tenant::Enter(const std::string& name, uint64_t number, DeviceSession& session) {
  Device& device = devices_[name];
  if (device.record.session() != number) return false;
  device.live = &session;
  for (const HighestCount& log : device.record.highest()) live_logs_[log.log_id()] = name;
  ShowLive(name, true);
  stores_->sessions.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Tenant::ShowLive(const std::string& name, bool live) {
  const std::lock_guard<std::mutex> lock(stores_->live_mutex);
  if (live) {
    stores_->live.insert(name);
  } else {
    stores_->live.erase(name);
  }
}

void Tenant::Leave(const std::string& name, const DeviceSession& session) {
  stores_->sessions.fetch_sub(1, std::memory_order_relaxed);
  const auto found = devices_.find(name);
  if (found == devices_.end() || found->second.live != &session) return;
  Device& device = found->second;
  EndLive(name, device);
  if (device.changed) Write(device, [] {});
}

void Tenant::Note(const std::string& name, const Report& report) {
  const auto found = devices_.find(name);
  if (found == devices_.end()) return;
  Device& device = found->second;
  device.record.set_last_seen_us(
      std::max<int64_t>(device.record.last_seen_us(), clock_.WallMicros()));
  *device.record.mutable_health() = report.health();
  for (HighestCount& known : *device.record.mutable_highest()) {
    for (const HighestCount& told : report.highest()) {
      if (told.log_id() == known.log_id()) known.set_count(told.count());
    }
  }
  device.changed = true;
  if (clock_.Passed() - device.written_at >= options_.device_record_interval) {
    Write(device, [] {});
  }
}

void Tenant::NoteFork(const std::string& name, ForkSeen fork) {
  const auto found = devices_.find(name);
  if (found == devices_.end()) return;
  if (fork.intent().size() > kForkBytesMax) fork.mutable_intent()->resize(kForkBytesMax);
  notice_(Cat("device ", name, " pushed another intent at count ", fork.count(), " of log ",
              Hex(fork.log_id()),
              " than this server has: a copy of its folder is in use; nothing "
              "was overwritten, and the copy goes on in a log of its own"));
  auto& forks = *found->second.record.mutable_forks();
  *forks.Add() = std::move(fork);
  if (forks.size() > kForksKept) forks.DeleteSubrange(0, forks.size() - kForksKept);
  Write(found->second, [] {});
}

// ---- backups

Position Tenant::durable_through() const {
  if (backups_.taken().empty() && options_.backups_off) return log().head().position;
  return Position(CoveredThrough(backups_, options_.backups_accepted));
}

void Tenant::NoteBackup(const Backups::Backup& backup, std::function<void()> done) {
  AddBackup(backup, options_.backups_accepted, backups_);
  sequencer_.PutIndex(BackupsKey(), backups_.SerializeAsString(), std::move(done));
}

// ---- the schema

// Read models learn of it first: what was decided by it comes later.
absl::Status Tenant::Adopt(const std::shared_ptr<const Schema>& schema) {
  RETURN_IF_ERROR(sequencer_.MayAdopt(*schema));
  projector_.Adopt(schema);
  return sequencer_.Adopt(schema);
}

// ---- ending

void Tenant::Stop() {
  stopped_ = true;
  sequencer_.Stop();
  hub_.Stop();
  projector_.Stop();
  views_.Stop();
  snapshots_.Stop();
}

bool Tenant::idle() const {
  return tasks_ == 0 && sequencer_.idle() && hub_.idle() && projector_.idle() && views_.idle() &&
         snapshots_.idle();
}

}  // namespace intentlog
