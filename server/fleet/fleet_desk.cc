#include "server/fleet/fleet_desk.h"

#include <algorithm>
#include <map>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/fleet/conflict_reader.h"

namespace intentlog {
namespace {

constexpr size_t kOpenPage = 4096;

bool WaitsForSchema(const OpenEvent& open) {
  return open.reason().code() == Reason::NEWER_SCHEMA ||
         open.reason().code() == Reason::UNKNOWN_TYPE;
}

void AddTo(const OpenEvent& open, OpenCounts& counts) {
  switch (open.decision()) {
    case CONFLICTED:
      counts.set_conflicted(counts.conflicted() + 1);
      break;
    case REJECTED:
      counts.set_rejected(counts.rejected() + 1);
      break;
    default:
      counts.set_parked(counts.parked() + 1);
      if (WaitsForSchema(open)) counts.set_for_schema(counts.for_schema() + 1);
      if (counts.oldest_parked_us() == 0 || open.opened_at_us() < counts.oldest_parked_us()) {
        counts.set_oldest_parked_us(open.opened_at_us());
      }
      return;
  }
  if (counts.oldest_review_us() == 0 || open.opened_at_us() < counts.oldest_review_us()) {
    counts.set_oldest_review_us(open.opened_at_us());
  }
}

// Calls take(open) for at most `limit` open events, until it gives false. True: there may be more.
template <class Take>
absl::StatusOr<bool> ForEachOpen(const FleetBackend& backend, std::string_view tenant,
                                 Position after, size_t limit, Take take) {
  while (limit > 0) {
    const size_t wanted = std::min(kOpenPage, limit);
    ASSIGN_OR_RETURN(const auto page, backend.OpenEvents(tenant, after, wanted));
    for (const OpenEvent& open : page) {
      if (!take(open)) return true;
    }
    if (page.size() < wanted) return false;
    limit -= page.size();
    after = Position(page.back().position());
  }
  return true;
}

using OpenByDevice = std::map<std::string, OpenCounts, std::less<>>;

absl::StatusOr<bool> CountOpen(const FleetBackend& backend, std::string_view tenant, size_t limit,
                               OpenByDevice& counts) {
  return ForEachOpen(backend, tenant, Position(), limit, [&](const OpenEvent& open) {
    AddTo(open, counts[open.device()]);
    return true;
  });
}

SchemaAge AgeOfSchema(const DeviceRecord& record, const Schema& schema, const OpenCounts& open) {
  if (record.schema_digest().empty()) return SCHEMA_AGE_UNSPECIFIED;
  if (record.schema_digest() == schema.digest()) return SAME_SCHEMA;
  return open.for_schema() > 0 ? NEWER_SCHEMA_THAN_SERVER : OTHER_SCHEMA;
}

// The record with a health that is true now: a device that synced and went has not told of it.
DeviceRecord Corrected(const KnownDevice& known, const OpenCounts& open) {
  DeviceRecord record = known.record;
  QueueHealth& health = *record.mutable_health();
  health.set_pending(known.undecided + open.parked());
  health.set_parked(open.parked());
  health.set_conflicted(open.conflicted());
  health.set_failed(open.rejected());
  if (known.undecided > 0) return record;
  // Nothing but what is parked here waits: since when, the server knows by its own clock.
  health.set_oldest_pending_time_us(
      open.parked() == 0 ? 0 : open.oldest_parked_us() + record.skew_us());
  health.set_attempts(0);
  health.clear_last_error();
  health.clear_blocked_by();
  health.clear_blocked_kind();
  health.clear_blocked_since_us();
  if (open.parked() == 0) return record;
  health.set_blocked_by(Cat(open.parked(), open.parked() == 1 ? " waits" : " wait",
                            " at the server behind what is open there"));
  health.set_blocked_kind("parked");
  health.set_blocked_since_us(health.oldest_pending_time_us());
  return record;
}

FleetDevice Describe(const KnownDevice& known, const OpenCounts& open, const Schema& schema,
                     int64_t now_us, const HealthLimits& limits) {
  const DeviceRecord record = Corrected(known, open);
  const DeviceHealth health =
      Classify({record, known.live, open.oldest_review_us()}, now_us, limits);
  FleetDevice device;
  device.set_device(record.device());
  device.set_health_class(health.health_class);
  device.set_why(health.why);
  device.set_live(known.live);
  device.set_last_seen_us(record.last_seen_us());
  device.set_skew_us(record.skew_us());
  device.set_app_version(record.app_version());
  device.set_schema(AgeOfSchema(record, schema, open));
  device.set_session(record.session());
  device.set_clock_steps(record.clock_steps());
  *device.mutable_health() = record.health();
  device.set_oldest_pending_age_us(absl::ToInt64Microseconds(health.oldest_pending_age));
  device.set_blocked_age_us(absl::ToInt64Microseconds(health.blocked_age));
  *device.mutable_open() = open;
  return device;
}

// Letters that must be changed, added or taken away to make one from the other.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t before = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, before + (a[i - 1] == b[j - 1] ? 0 : 1)});
      before = above;
    }
  }
  return row[b.size()];
}

absl::Status UnknownDevice(std::string_view wanted, const std::vector<KnownDevice>& devices,
                           size_t limit) {
  if (devices.empty()) return NotFound("no device has connected to this server yet");
  std::vector<std::string> names;
  for (const KnownDevice& known : devices) names.push_back(known.record.device());
  std::string similar;
  for (const std::string& name : SimilarNames(wanted, names, limit)) {
    similar += Cat(similar.empty() ? "" : ", ", name);
  }
  return NotFound("no device is named \"", wanted, "\"",
                  similar.empty() ? Cat("; there are ", names.size(), ": fleet list shows them")
                                  : Cat("; similar ones: ", similar));
}

}  // namespace

std::vector<std::string> SimilarNames(std::string_view wanted,
                                      const std::vector<std::string>& names, size_t limit) {
  constexpr size_t kNameMax = 100;  // of a device
  constexpr size_t kSlipsMax = 2;
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const std::string& name : names) {
    if (wanted.empty() || wanted.size() > kNameMax || name.size() > kNameMax) continue;
    if (name.starts_with(wanted)) {
      ranked.emplace_back(0, name);
    } else if (name.find(wanted) != std::string::npos) {
      ranked.emplace_back(1, name);
    } else if (const size_t slips = Distance(wanted, name);
               slips <= kSlipsMax && slips < wanted.size()) {
      ranked.emplace_back(slips, name);
    }
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> similar;
  for (auto& [rank, name] : ranked) {
    if (similar.size() < limit) similar.push_back(std::move(name));
  }
  return similar;
}

FleetDesk::FleetDesk(FleetBackend& backend, const FleetOptions& options)
    : backend_(backend), options_(options) {}

absl::StatusOr<ListDevicesReply> FleetDesk::ListDevices(const ListDevicesRequest& request) const {
  ASSIGN_OR_RETURN(const auto devices, backend_.Devices(request.tenant()));
  OpenByDevice open;
  ASSIGN_OR_RETURN(const bool more_open,
                   CountOpen(backend_, request.tenant(), options_.open_scan_max, open));
  size_t limit = options_.devices_max;
  if (request.limit() != 0) limit = std::min<size_t>(limit, request.limit());
  const auto schema = backend_.schema();
  ListDevicesReply reply;
  reply.set_now_us(backend_.now_us());
  reply.set_open_incomplete(more_open);
  for (const KnownDevice& known : devices) {
    if (known.record.device() <= request.after()) continue;
    if (static_cast<size_t>(reply.devices_size()) == limit) {
      reply.set_more(true);
      break;
    }
    *reply.add_devices() =
        Describe(known, open[known.record.device()], *schema, reply.now_us(), options_.health);
  }
  return reply;
}

absl::StatusOr<GetDeviceReply> FleetDesk::GetDevice(const GetDeviceRequest& request) const {
  ASSIGN_OR_RETURN(const auto devices, backend_.Devices(request.tenant()));
  const auto known = std::find_if(devices.begin(), devices.end(), [&](const KnownDevice& one) {
    return one.record.device() == request.device();
  });
  if (known == devices.end()) {
    return UnknownDevice(request.device(), devices, options_.similar_max);
  }
  GetDeviceReply reply;
  reply.set_now_us(backend_.now_us());
  OpenCounts counts;
  ASSIGN_OR_RETURN(
      const bool more_open,
      ForEachOpen(backend_, request.tenant(), Position(), options_.open_scan_max,
                  [&](const OpenEvent& open) {
                    if (open.device() != request.device()) return true;
                    AddTo(open, counts);
                    if (static_cast<size_t>(reply.open_size()) < options_.device_open_max) {
                      *reply.add_open() = open;
                      reply.mutable_open()->rbegin()->clear_intent();
                    }
                    return true;
                  }));
  reply.set_open_incomplete(more_open);
  *reply.mutable_forks() = known->record.forks();
  *reply.mutable_logs() = known->record.logs();
  *reply.mutable_device() =
      Describe(*known, counts, *backend_.schema(), reply.now_us(), options_.health);
  return reply;
}

absl::StatusOr<ListConflictsReply> FleetDesk::ListConflicts(
    const ListConflictsRequest& request) const {
  ASSIGN_OR_RETURN(const auto log, backend_.Log(request.tenant()));
  size_t limit = options_.conflicts_max;
  if (request.limit() != 0) limit = std::min<size_t>(limit, request.limit());
  ListConflictsReply reply;
  reply.set_now_us(backend_.now_us());
  reply.set_as_of(log->head().position.value());
  std::vector<OpenEvent> wanted;
  size_t bytes = 0;
  const Position after(request.position() == 0 ? request.after() : request.position() - 1);
  ASSIGN_OR_RETURN(
      const bool more,
      ForEachOpen(backend_, request.tenant(), after,
                  request.position() == 0 ? options_.open_scan_max : 1, [&](const OpenEvent& open) {
                    const bool asked =
                        request.position() == 0
                            ? request.device().empty() || request.device() == open.device()
                            : request.position() == open.position();
                    if (asked) {
                      // Theirs and base are about as large.
                      bytes += 3 * open.intent().size();
                      if (wanted.size() == limit ||
                          (!wanted.empty() && bytes > options_.conflict_bytes_max)) {
                        return false;
                      }
                      wanted.push_back(open);
                    }
                    reply.set_next_after(open.position());
                    return true;
                  }));
  if (request.position() != 0 && wanted.empty()) {
    return NotFound("position ", request.position(),
                    " is not open: it took effect, was settled, or is not there; fleet conflicts "
                    "lists what is open");
  }
  reply.set_more(request.position() == 0 && more);
  RETURN_IF_ERROR(
      ReadConflicts(*log, backend_.schema(), options_.base_events_max, std::move(wanted), reply));
  return reply;
}

absl::StatusOr<GetSchemaReply> FleetDesk::GetSchema(const GetSchemaRequest& request) const {
  RETURN_IF_ERROR(backend_.Log(request.tenant()).status());  // NOT_FOUND for an unknown tenant
  const auto schema = backend_.schema();
  GetSchemaReply reply;
  reply.set_descriptor_set(schema->DescriptorSet());
  reply.set_digest(schema->digest());
  return reply;
}

absl::Status FleetDesk::CheckSettle(const SettleRequest& request) const {
  switch (request.how_case()) {
    case SettleRequest::kResolve:
      if (request.resolve().of() == 0) return Invalid("resolve: no position was given");
      if (request.resolve().verdict() == Resolve::VERDICT_UNSPECIFIED) {
        return Invalid("resolve: say apply, drop or replace");
      }
      if (request.resolve().verdict() == Resolve::REPLACE &&
          request.resolve().replacement_type().empty()) {
        return Invalid("resolve: a replacement needs its type");
      }
      return absl::OkStatus();
    case SettleRequest::kAmend:
      if (request.amend().of() == 0) return Invalid("amend: no position was given");
      if (request.amend().replacement_type().empty()) {
        return Invalid("amend: a replacement needs its type");
      }
      return absl::OkStatus();
    case SettleRequest::kDismiss:
      if (request.dismiss().of() == 0) return Invalid("dismiss: no position was given");
      return absl::OkStatus();
    default:
      return Invalid("say whether to resolve, amend or dismiss");
  }
}

}  // namespace intentlog
