#include "tools/bench/bench_device.h"

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "client/wire/grpc_connector.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/one_heap.h"
#include "eventlog/runtime/text.h"
#include "projections/views/commerce_views.h"
#include "proto/views.pb.h"
#include "tools/bench/child_process.h"
#include "tools/bench/order_stream.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

// How often the device looks whether it is there: the figure is that much too large at most.
constexpr std::chrono::milliseconds kLook(10);
constexpr double kPatienceSeconds = 120;

// Of the smallest view: all views are written together.
absl::StatusOr<int64_t> LinesFolded(const Client& client) {
  ASSIGN_OR_RETURN(const auto rows, client.Scan("sales_by_country"));
  int64_t lines = 0;
  while (true) {
    ASSIGN_OR_RETURN(const MergedRow* row, rows->Next());
    if (row == nullptr) return lines;
    lines += row->row.Read<views::SalesRow>().lines();
  }
}

}  // namespace

absl::StatusOr<BenchDevice> OpenDevice(const BenchDeviceOptions& wanted) {
  BenchDevice device;
  device.random = MakeSystemRandom();
  device.executor = MakeThreadExecutor("device");
  ClientOptions options;
  options.dir = wanted.dir;
  options.tenant = "default";
  options.device = wanted.all_scopes ? "head-office" : wanted.name;
  options.scopes = {"shop-1"};
  options.all_scopes = wanted.all_scopes;
  options.schema = ShopSchema();
  options.projections = wanted.projections.empty() ? CommerceViews() : wanted.projections;
  options.take_snapshots = wanted.take_snapshots;
  options.runtime = {&SystemClock(), device.executor.get(), device.random.get()};
  ASSIGN_OR_RETURN(device.client, Client::Open(options));
  return device;
}

absl::Status RunCatchUpDevice(const std::string& dir, const std::string& server, int64_t lines) {
  UseOneHeap();  // as the command does that is a device
  ASSIGN_OR_RETURN(BenchDevice device, OpenDevice({.dir = dir, .all_scopes = true}));
  GrpcConnector connector({.address = server}, *device.executor);
  const Stopwatch watch;
  RETURN_IF_ERROR(device.client->StartSync(connector));
  while (true) {
    ASSIGN_OR_RETURN(const int64_t folded, LinesFolded(*device.client));
    if (folded == lines) break;
    if (watch.Seconds() > kPatienceSeconds) {
      return Unavailable("caught up with ", folded, " of ", lines, " lines only; ",
                         device.client->Status().last_error);
    }
    std::this_thread::sleep_for(kLook);
  }
  RETURN_IF_ERROR(device.client->Flush());
  const double seconds = watch.Seconds();
  device.client->StopSync();
  ASSIGN_OR_RETURN(const uint64_t peak, ProcessMemory("self", "VmHWM"));
  std::printf("%.6f %llu\n", seconds, static_cast<unsigned long long>(peak));
  return absl::OkStatus();
}

}  // namespace intentlog::bench
