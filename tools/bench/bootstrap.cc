// bootstrap_20, bootstrap_lines: a fresh device that begins at the server's snapshots, beside one
// that folds the whole feed; with the bytes that come to each, and its memory.
#include <filesystem>
#include <system_error>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/begin_device.h"
#include "tools/bench/benches.h"
#include "tools/bench/child_process.h"
#include "tools/bench/load_fleet.h"
#include "tools/bench/server_data.h"
#include "tools/bench/stock_stream.h"

namespace intentlog::bench {
namespace {

constexpr double kMebibyte = 1 << 20;

// 250,000 products in ten shops; the four tills of a shop move each of them five times.
constexpr uint32_t kShops = 10;
constexpr uint32_t kTillsOfShop = 4;
constexpr uint32_t kProductsOfShop = 25000;
constexpr uint32_t kMovesOfTill = 5 * kProductsOfShop;
constexpr uint32_t kMovesOfFrame = 500;
constexpr uint64_t kMovedRows = uint64_t{kShops} * kProductsOfShop;
constexpr uint64_t kMoves = uint64_t{kShops} * kTillsOfShop * kMovesOfTill;  // 5,000,000

struct Measured {
  std::vector<Pair> rates, bytes, peaks;
};

absl::Status RecordMoves(const std::string& dir, const std::string& child_log) {
  ASSIGN_OR_RETURN(Served served, Serve(dir, child_log));
  LoadFleetOptions options;
  options.address = served.address;
  options.tills = kShops * kTillsOfShop;
  options.shops = kShops;
  options.intents_per_frame = kMovesOfFrame;
  options.frames_in_flight = 4;
  options.events = [](int till) {
    StockStreamOptions moves;
    moves.till = till;
    moves.products = kProductsOfShop;
    moves.first_product = static_cast<uint32_t>(till) % kShops * kProductsOfShop;
    return std::make_unique<StockStream>(moves);
  };
  {
    ASSIGN_OR_RETURN(const auto fleet, LoadFleet::Connect(options));
    constexpr int kFramesAtOnce = 5;
    for (uint32_t frame = 0; frame < kMovesOfTill / kMovesOfFrame; frame += kFramesAtOnce) {
      fleet->Prepare(kFramesAtOnce);
      RETURN_IF_ERROR(fleet->Push());
    }
  }
  RETURN_IF_ERROR(WaitUntilFolded(served.address));
  return served.process->Stop();
}

absl::StatusOr<Measured> Measure(BenchContext& context, const std::string& address,
                                 const std::string& views, int pairs, const ServerRows& server) {
  Measured measured;
  for (int i = 0; i < pairs; ++i) {
    ASSIGN_OR_RETURN(const Began ours, BeginDevice(context, address, server, views, true));
    ASSIGN_OR_RETURN(const Began beside, BeginDevice(context, address, server, views, false));
    const auto events = static_cast<double>(server.head);
    measured.rates.push_back({events / ours.seconds, events / beside.seconds});
    measured.bytes.push_back(
        {static_cast<double>(ours.received_bytes), static_cast<double>(beside.received_bytes)});
    measured.peaks.push_back({static_cast<double>(ours.peak_bytes) / kMebibyte,
                              static_cast<double>(beside.peak_bytes) / kMebibyte});
  }
  return measured;
}

std::vector<BenchRow> Rows(const std::string& name, const Measured& measured, double target) {
  BenchRow rate;
  rate.name = name;
  rate.unit = "events/s";
  rate.durability = "all scopes at the server's head, rows equal to its rows, synced";
  rate.beside_name = "the whole feed, folded";
  rate.target = target;
  FillFromPairs(measured.rates, rate);

  BenchRow wire = rate;
  wire.name = name + "_wire";
  wire.unit = "bytes";
  wire.durability = "frames that the device received";
  wire.target = 1;
  wire.aim = Aim::kAtMost;
  FillFromPairs(measured.bytes, wire);

  BenchRow memory = wire;
  memory.name = name + "_rss";
  memory.unit = "MiB";
  memory.durability = "greatest resident memory of the device's process";
  FillFromPairs(measured.peaks, memory);
  return {rate, wire, memory};
}

absl::Status Expect(const ServerRows& server, uint64_t events, uint64_t rows) {
  if (server.head == events && server.rows == rows) return absl::OkStatus();
  return DataLoss("the server has ", server.rows, " rows of ", server.head, " events, not ", rows,
                  " of ", events);
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> BootstrapTwenty(BenchContext& context) {
  constexpr int kPairs = 2;
  ASSIGN_OR_RETURN(const std::string dir, context.Once("moves", [&](const std::string& path) {
    context.Say("  recording 5,000,000 movements of stock on a server");
    return RecordMoves(path, context.child_log());
  }));
  ASSIGN_OR_RETURN(Served served, ServeViews(dir, "shop", context.child_log()));
  ASSIGN_OR_RETURN(const ServerRows server, RowsOfServer(served.address));
  RETURN_IF_ERROR(Expect(server, kMoves, kMovedRows));
  ASSIGN_OR_RETURN(const Measured measured,
                   Measure(context, served.address, "shop", kPairs, server));
  RETURN_IF_ERROR(served.process->Stop());
  return Rows("bootstrap_20", measured, 20);
}

absl::StatusOr<std::vector<BenchRow>> BootstrapLines(BenchContext& context) {
  constexpr int kPairs = 3;
  ASSIGN_OR_RETURN(const std::string year, YearFolder(context));
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh("lines"));
  // The log alone: the views are others.
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  std::filesystem::copy(year + "/log", dir + "/log", std::filesystem::copy_options::recursive,
                        error);
  if (error) return Unavailable("cannot copy ", year, ": ", error.message());
  ASSIGN_OR_RETURN(Served served, ServeViews(dir, "lines", context.child_log()));
  ASSIGN_OR_RETURN(const ServerRows server, RowsOfServer(served.address));
  RETURN_IF_ERROR(Expect(server, kYearLines, kYearLines));
  ASSIGN_OR_RETURN(const Measured measured,
                   Measure(context, served.address, "lines", kPairs, server));
  RETURN_IF_ERROR(served.process->Stop());
  return Rows("bootstrap_lines", measured, 4);
}

}  // namespace intentlog::bench
