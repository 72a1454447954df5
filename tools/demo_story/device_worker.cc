#include "tools/demo_story/device_worker.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/wire/grpc_connector.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "tools/demo_story/market_day.h"
#include "tools/demo_story/view_dump.h"
#include "tools/import/importer.h"
#include "tools/import/shop_device.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

// How often a syncing device looks whether its status changed.
constexpr absl::Duration kTick = absl::Milliseconds(10);
constexpr int kFlushDeeds = 32;

void Say(const Json& json) {
  const std::string line = json.dump() + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

double SecondsSince(absl::Duration begin) {
  return absl::ToDoubleSeconds(SystemClock().Passed() - begin);
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Under which its log went to the server.
Json NamesJson(const LogStatus& log) {
  Json names = Json::array();
  for (const LogName& name : log.names) {
    names.push_back(
        {{"log_id", Hex(name.log_id.bytes())}, {"after", name.after.value()}, {"why", name.why}});
  }
  return names;
}

Json StatusJson(const ClientStatus& status) {
  Json scopes = Json::object();
  for (const ScopeStatus& scope : status.scopes) scopes[scope.scope] = scope.cursor.value();
  const StateCounts& counts = status.counts;
  return {{"say", "status"},
          {"recorded", counts.recorded},
          {"synced", counts.synced},
          {"pending", counts.pending},
          {"failed", counts.failed},
          {"conflicted", counts.conflicted},
          {"parked", counts.parked},
          {"connected", status.connected},
          {"head", status.server_head.value()},
          {"digests_equal", status.digests_equal},
          {"digests_unequal", status.digests_unequal},
          {"attempts", status.blocked_by.attempts},
          {"blocked_by", status.blocked_by.text},
          {"last_error", status.last_error},
          {"names", NamesJson(status.logs.front())},
          {"scopes", scopes}};
}

// Standard input as lines. Thread-compatible.
class Input {
 public:
  // The next line; nothing if none came within `patience`. Sets `ended` when there is no more
  // input.
  std::optional<std::string> Next(absl::Duration patience, bool* ended) {
    for (;;) {
      const size_t end = buffer_.find('\n');
      if (end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      pollfd fd = {0, POLLIN, 0};
      const int timeout = patience == absl::InfiniteDuration()
                              ? -1
                              : static_cast<int>(absl::ToInt64Milliseconds(patience));
      if (poll(&fd, 1, timeout) <= 0) return std::nullopt;
      char bytes[4096];
      const ssize_t n = read(0, bytes, sizeof(bytes));
      if (n <= 0) {
        *ended = true;
        return std::nullopt;
      }
      buffer_.append(bytes, static_cast<size_t>(n));
    }
  }

 private:
  std::string buffer_;
};

class Worker {
 public:
  Worker(DeviceWorkerOptions options, ShopDevice device)
      : options_(std::move(options)), device_(std::move(device)) {}

  absl::Status Run() {
    const ClientStatus status = client().Status();
    Say({{"say", "open"},
         {"log_id", Hex(status.log_id.bytes())},
         {"recorded", status.counts.recorded}});
    Input input;
    for (bool ended = false; !ended;) {
      const auto line = input.Next(connector_ ? kTick : absl::InfiniteDuration(), &ended);
      if (line) {
        const Json command = Json::parse(*line, nullptr, false);
        if (!command.is_object()) return Invalid("a command that is no JSON object: ", *line);
        if (command.value("do", "") == "quit") break;
        RETURN_IF_ERROR(Do(command));
      }
      if (connector_) SayStatus();
    }
    client().StopSync();
    return absl::OkStatus();
  }

 private:
  Client& client() { return device_.client(); }

  absl::Status Do(const Json& command) {
    const std::string what = command.value("do", "");
    if (what == "record-file") return RecordFile(command);
    if (what == "record-day") return RecordDay(command);
    if (what == "sell") return Sell(command);
    if (what == "figures") return SayFigures();
    if (what == "sync") return Sync(command.value("server", ""));
    if (what == "views") return SayViews(command.value("dump", false));
    return Invalid("no command \"", what, "\"");
  }

  static void SayDurable(Count through) { Say({{"say", "durable"}, {"count", through.value()}}); }

  absl::Status RecordFile(const Json& command) {
    const absl::Duration begin = SystemClock().Passed();
    OrderFile file;
    file.path = command.value("file", "");
    file.content_sha256 = FromHex(command.value("sha256", ""));
    ImportOptions import;
    import.currency = command.value("currency", "");
    std::vector<Client*> clients(command.value("devices", size_t{1}), nullptr);
    INTENTLOG_CHECK(options_.index >= 1 && static_cast<size_t>(options_.index) <= clients.size());
    clients[static_cast<size_t>(options_.index) - 1] = &client();
    ImportEvents events;
    events.durable = [](size_t, Count through) { SayDurable(through); };
    RETURN_IF_ERROR(ImportOrderLines(file, clients, import, events).status());
    Say({{"say", "recorded"}, {"seconds", SecondsSince(begin)}});
    return absl::OkStatus();
  }

  absl::Status RecordDay(const Json& command) {
    const absl::Duration begin = SystemClock().Passed();
    MarketDayOptions day;
    day.seed = command.value("seed", day.seed);
    day.devices = command.value("devices", day.devices);
    day.orders = command.value("orders", day.orders);
    const MarketDay market = MarketDay::Make(day);
    RETURN_IF_ERROR(RecordDeeds(client(), market.DeedsOf(options_.index), kFlushDeeds, SayDurable));
    Say({{"say", "recorded"}, {"seconds", SecondsSince(begin)}});
    return absl::OkStatus();
  }

  // Orders of one line each, also while it syncs.
  absl::Status Sell(const Json& command) {
    const absl::Duration begin = SystemClock().Passed();
    for (int i = 1; i <= command.value("orders", 0); ++i) {
      commerce::OrderLineAdded line;
      line.set_order_id(Cat(command.value("name", ""), "-", i));
      line.set_product_id("milk");
      line.set_quantity(1);
      line.set_unit_price_micros(1'000'000);
      line.set_sold_at_us(SystemClock().WallMicros());
      line.set_country("United Kingdom");
      ASSIGN_OR_RETURN(const Appended done, client().Append(line));
      SayDurable(done.count);
    }
    Say({{"say", "recorded"}, {"seconds", SecondsSince(begin)}});
    return absl::OkStatus();
  }

  absl::Status SayFigures() {
    const absl::Duration begin = SystemClock().Passed();
    ASSIGN_OR_RETURN(const SalesFigures figures,
                     AddUpSales(client(), "sales_by_invoice", Client::Reading::kOptimistic));
    Say({{"say", "figures"},
         {"orders", figures.keys},
         {"lines", figures.total.lines},
         {"units", figures.total.units},
         {"mills", figures.total.mills},
         {"seconds", SecondsSince(begin)}});
    return absl::OkStatus();
  }

  absl::Status Sync(const std::string& server) {
    connector_ =
        std::make_unique<GrpcConnector>(WireOptions{.address = server}, device_.executor());
    return client().StartSync(*connector_);
  }

  void SayStatus() {
    Json status = StatusJson(client().Status());
    if (status == said_) return;
    Say(status);
    said_ = std::move(status);
  }

  absl::Status SayViews(bool dump) {
    Json views = Json::object();
    for (const auto& projection : client().models().projections()) {
      const std::string name = projection->info().name;
      Json& view = views[name];
      view["scopes"] = Json::object();
      ASSIGN_OR_RETURN(const std::vector<ScopeState> scopes, client().Digests(name));
      for (const ScopeState& scope : scopes) {
        view["scopes"][scope.scope] = {{"position", scope.position.value()},
                                       {"digest", Hex(scope.digest.Bytes())},
                                       {"rows", scope.rows}};
      }
      if (!dump) continue;
      ASSIGN_OR_RETURN(const ViewDump whole,
                       DumpDeviceView(client(), *projection, Client::Reading::kConfirmed));
      view["keys"] = whole.keys;
      view["sha256"] = whole.sha256;
    }
    Say({{"say", "views"}, {"views", views}});
    return absl::OkStatus();
  }

  const DeviceWorkerOptions options_;
  ShopDevice device_;
  std::unique_ptr<GrpcConnector> connector_;  // syncing if there is one
  Json said_;                                 // the last status
};

}  // namespace

absl::Status RunDeviceWorker(const DeviceWorkerOptions& options) {
  auto device = options.index > 0
                    ? ShopDevice::Open(options.dir, options.index, options.push_frame_bytes)
                    : ShopDevice::OpenObserver(options.dir, options.name);
  const absl::Status status =
      device.ok() ? Worker(options, std::move(*device)).Run() : device.status();
  if (!status.ok()) Say({{"say", "error"}, {"text", MessageOf(status)}});
  return status;
}
}  // namespace intentlog
