// Reading from any thread; what operators do; schemas.
#include <optional>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/admit/settle.h"
#include "server/sequencer/server_rows.h"
#include "server/server.h"
#include "server/server_rep.h"

namespace intentlog {
namespace {

// Rows of one kind from `from` on. DATA_LOSS names one that does not parse.
template <class Message>
absl::StatusOr<std::vector<Message>> RowsFrom(const EventLog& log, std::string_view prefix,
                                              const std::string& from, size_t limit) {
  ASSIGN_OR_RETURN(const std::vector<IndexRow> rows, log.ScanIndex(prefix, from, limit));
  std::vector<Message> messages(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (messages[i].ParseFromString(*rows[i].value)) continue;
    return DataLoss("the row ", Hex(rows[i].key), " does not parse; restore it from a backup");
  }
  return messages;
}

}  // namespace

// ---- reading

absl::StatusOr<std::shared_ptr<TenantStores>> Server::Rep::Find(std::string_view tenant) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = stores_.find(tenant);
  if (found != stores_.end()) return found->second;
  if (engine_ == nullptr) return Unavailable("the server is opening its stores again");
  std::string known;
  for (const auto& [name, stores] : stores_) known += Cat(known.empty() ? "" : ", ", name);
  return NotFound("there is no tenant \"", tenant, "\"; there ",
                  known.empty() ? "are none yet: no device has connected" : Cat("are: ", known));
}

absl::StatusOr<std::shared_ptr<const EventLog>> Server::Log(std::string_view tenant) const {
  ASSIGN_OR_RETURN(std::shared_ptr<TenantStores> stores, rep_->Find(tenant));
  const EventLog* const log = stores->log.get();
  return std::shared_ptr<const EventLog>(std::move(stores), log);
}

absl::StatusOr<std::shared_ptr<const ReadModels>> Server::Models(std::string_view tenant) const {
  ASSIGN_OR_RETURN(std::shared_ptr<TenantStores> stores, rep_->Find(tenant));
  // Models need their store, and a switch of a view puts others in their place.
  struct Held {
    std::shared_ptr<TenantStores> stores;
    std::shared_ptr<const ReadModels> models;
  };
  auto held = std::make_shared<Held>();
  held->models = stores->models();
  held->stores = std::move(stores);
  const ReadModels* const models = held->models.get();
  return std::shared_ptr<const ReadModels>(std::move(held), models);
}

Position Server::ViewPosition(std::string_view tenant) const {
  const auto stores = rep_->Find(tenant);
  return stores.ok() ? Position((*stores)->folded.load(std::memory_order_acquire)) : Position();
}

absl::StatusOr<StatsReply> Server::Stats(std::string_view tenant) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<TenantStores> stores, rep_->Find(tenant));
  StatsReply stats;
  const LogEnd head = stores->log->head();
  ASSIGN_OR_RETURN(const std::optional<std::string> row, stores->log->GetIndex(StatsKey()));
  if (row && !stats.ParseFromString(*row)) return DataLoss("the row ", StatsKey(), " is damaged");
  const Epoch epoch = stores->log->epochs().back();
  stats.set_head(head.position.value());
  stats.set_chain(Bytes(head.chain).data(), head.chain.size());
  stats.set_view_position(stores->folded.load(std::memory_order_acquire));
  stats.set_sessions(stores->sessions.load(std::memory_order_relaxed));
  stats.set_epoch_id(epoch.id());
  stats.set_epoch_number(epoch.number());
  const Healing healing = stores->healing();
  if (healing.ByteSizeLong() > 0) *stats.mutable_healing() = healing;
  return stats;
}

size_t Server::sessions() const { return rep_->sessions_->count.load(std::memory_order_relaxed); }

bool Server::IsMakingViews(std::string_view tenant) const {
  const auto stores = rep_->Find(tenant);
  return stores.ok() && (*stores)->making_views.load(std::memory_order_acquire);
}

absl::Status Server::degraded() const {
  const std::lock_guard<std::mutex> lock(rep_->mutex_);
  if (!rep_->parked_.empty()) return rep_->parked_.begin()->second;
  for (const auto& [name, stores] : rep_->stores_) {
    const absl::Status status = stores->snapshot_alarms.status();
    if (!status.ok()) return StatusOf(status.code(), "tenant ", name, ": ", status);
  }
  return absl::OkStatus();
}

absl::Status Server::health() const {
  const std::lock_guard<std::mutex> lock(rep_->mutex_);
  for (const auto& [part, status] : rep_->health_) {
    if (part != kStorePart) return status;
    return StatusOf(status.code(), "the store can not be written: ", status);
  }
  const absl::Status room =
      rep_->engine_ == nullptr ? absl::OkStatus() : rep_->engine_->CheckRoom(/*bytes=*/0);
  if (!absl::IsResourceExhausted(room)) return absl::OkStatus();
  return Exhausted("devices are asked to push later: ", room);
}

absl::StatusOr<std::vector<OpenEvent>> Server::OpenEvents(std::string_view tenant, Position after,
                                                          size_t limit) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<TenantStores> stores, rep_->Find(tenant));
  return RowsFrom<OpenEvent>(*stores->log, kOpenPrefix, OpenKey(after.Next().value()), limit);
}

absl::StatusOr<std::vector<DeviceRecord>> Server::Devices(std::string_view tenant) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<TenantStores> stores, rep_->Find(tenant));
  return RowsFrom<DeviceRecord>(*stores->log, kDevicePrefix, std::string(kDevicePrefix), SIZE_MAX);
}

absl::StatusOr<std::vector<std::string>> Server::LiveDevices(std::string_view tenant) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<TenantStores> stores, rep_->Find(tenant));
  const std::lock_guard<std::mutex> lock(stores->live_mutex);
  return std::vector<std::string>(stores->live.begin(), stores->live.end());
}

// ---- what operators do

absl::Status Server::Settle(const std::string& tenant, Intent control, std::string resolver,
                            std::function<void(const OwnReceipt&)> done) {
  if (!IsControlType(control.type()) && control.type() != kUnparkType) {
    return Invalid(control.type(), " is none of Resolve, Amend and Dismiss");
  }
  if (rep_->state_ != Rep::State::kRunning) return Unavailable("the server's stores are closed");
  const auto found = rep_->tenants_.find(tenant);
  if (found == rep_->tenants_.end()) return rep_->Find(tenant).status();
  if (resolver.empty()) resolver = "operator";
  const bool taken = found->second->sequencer().SubmitOwn(std::move(control), std::move(resolver),
                                                          std::move(done));
  return taken ? absl::OkStatus() : Exhausted("too many operators' intents wait to be decided");
}

absl::Status Server::AdoptSchema(const std::shared_ptr<const Schema>& schema) {
  return rep_->AdoptSchema(schema);
}

// All tenants, or none.
absl::Status Server::Rep::AdoptSchema(const std::shared_ptr<const Schema>& schema) {
  if (state_ != State::kRunning) return Unavailable("the server's stores are closed");
  for (const auto& [name, tenant] : tenants_) {
    const absl::Status status = tenant->MayAdopt(*schema);
    if (!status.ok()) return FailedPrecondition("tenant ", name, ": ", status);
  }
  for (const auto& [name, tenant] : tenants_) RETURN_IF_ERROR(tenant->Adopt(schema));
  options_.schema = schema;
  return absl::OkStatus();
}

}  // namespace intentlog
