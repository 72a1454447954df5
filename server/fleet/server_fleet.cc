#include "server/fleet/server_fleet.h"

#include <string>
#include <utility>

#include "eventlog/log/coding.h"
#include "eventlog/log/engine.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr std::string_view kDevicePrefix = "x/device/";
constexpr std::string_view kOpenPrefix = "x/open/";
constexpr size_t kDevicesPage = 1000;

class ServerFleet final : public FleetBackend {
 public:
  ServerFleet(Server& server, const Clock& clock, std::shared_ptr<const Schema> schema)
      : server_(server), clock_(clock), schema_(std::move(schema)) {}

  absl::StatusOr<std::vector<KnownDevice>> Devices(std::string_view tenant) const override {
    ASSIGN_OR_RETURN(const auto log, server_.Log(tenant));
    std::vector<KnownDevice> devices;
    for (std::string from(kDevicePrefix);;) {
      ASSIGN_OR_RETURN(const std::vector<IndexRow> rows,
                       log->engine().ScanIndex(log->tenant(), kDevicePrefix, from, kDevicesPage));
      for (const IndexRow& row : rows) {
        KnownDevice& known = devices.emplace_back();
        if (!known.record.ParseFromString(row.value.value_or(""))) {
          return DataLoss("the row ", row.key, " is damaged");
        }
      }
      if (rows.size() < kDevicesPage) return devices;
      from = Cat(rows.back().key, '\0');
    }
  }

  absl::StatusOr<std::vector<OpenEvent>> OpenEvents(std::string_view tenant, Position after,
                                                    size_t limit) const override {
    ASSIGN_OR_RETURN(const auto log, server_.Log(tenant));
    std::string from(kOpenPrefix);
    AppendBig64(from, after.value() + 1);
    ASSIGN_OR_RETURN(const std::vector<IndexRow> rows,
                     log->engine().ScanIndex(log->tenant(), kOpenPrefix, from, limit));
    std::vector<OpenEvent> events(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (events[i].ParseFromString(rows[i].value.value_or(""))) continue;
      return DataLoss("the row of the open event after position ", after, " is damaged");
    }
    return events;
  }

  absl::StatusOr<std::shared_ptr<const EventLog>> Log(std::string_view tenant) const override {
    return server_.Log(tenant);
  }
  std::shared_ptr<const Schema> schema() const override { return schema_; }
  int64_t now_us() const override { return clock_.WallMicros(); }

  void Settle(const SettleRequest&, Settled done) override {
    done(StatusOf(absl::StatusCode::kUnimplemented, "this server settles nothing yet"));
  }

 private:
  Server& server_;
  const Clock& clock_;
  const std::shared_ptr<const Schema> schema_;
};

}  // namespace

std::unique_ptr<FleetBackend> FleetOf(Server& server, Executor& core, const Clock& clock,
                                      std::shared_ptr<const Schema> schema) {
  static_cast<void>(core);
  return std::make_unique<ServerFleet>(server, clock, std::move(schema));
}

}  // namespace intentlog
