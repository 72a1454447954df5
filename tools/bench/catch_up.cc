// catch_up, its ratio to log_scan, and its memory: a fresh device learns a year of every shop.
#include <sstream>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/benches.h"
#include "tools/bench/child_process.h"
#include "tools/bench/server_data.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 3;
constexpr double kMebibyte = 1 << 20;

struct CaughtUp {
  double seconds = 0;
  double peak_mib = 0;
};

absl::StatusOr<CaughtUp> RunDevice(BenchContext& context, const std::string& address) {
  ASSIGN_OR_RETURN(const std::string dir, context.Fresh("catch-up-device"));
  ASSIGN_OR_RETURN(const auto device,
                   ChildProcess::Start({"bench-part", "catch-up", "--dir", dir, "--server", address,
                                        "--lines", std::to_string(kYearLines)},
                                       context.child_log()));
  ASSIGN_OR_RETURN(const std::string line, device->ReadLine());
  RETURN_IF_ERROR(device->Wait());
  CaughtUp done;
  double peak = 0;
  std::istringstream figures(line);
  if (!(figures >> done.seconds >> peak)) return Unavailable("the device said: ", line);
  done.peak_mib = peak / kMebibyte;
  return done;
}

std::vector<BenchRow> Rows(const std::vector<Pair>& pairs, const std::vector<double>& peaks) {
  BenchRow rate;
  rate.name = "catch_up";
  rate.unit = "events/s";
  rate.durability = "fdatasync of rows, blocks and cursors on the device, every MiB of feed";
  rate.beside_name = "log_scan";
  rate.target = 150000;
  rate.of_value = true;
  FillFromPairs(pairs, rate);

  BenchRow ratio = rate;
  ratio.name = "catch_up_ratio";
  ratio.target = 0;
  ratio.of_value = false;

  BenchRow memory;
  memory.name = "catch_up_rss";
  memory.unit = "MiB";
  memory.durability = "greatest resident memory of the device's process";
  memory.beside_name = "its limit";
  memory.beside_value = 64;
  memory.value = Median(peaks);
  memory.ratio = memory.value / memory.beside_value;
  memory.target = 64;
  memory.aim = Aim::kAtMost;
  memory.of_value = true;
  return {rate, ratio, memory};
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> CatchUp(BenchContext& context) {
  ASSIGN_OR_RETURN(const std::string dir, YearFolder(context));
  ASSIGN_OR_RETURN(const std::string copy, YearCopy(context));
  ASSIGN_OR_RETURN(const ServerLog opened, OpenServerLog(copy));
  ASSIGN_OR_RETURN(Served served, Serve(dir, context.child_log()));
  RETURN_IF_ERROR(ScanRate(*opened.log).status());  // hot from here on
  std::vector<Pair> pairs;
  std::vector<double> peaks;
  for (int i = 0; i < kPairs; ++i) {
    Pair pair;
    ASSIGN_OR_RETURN(const CaughtUp done, RunDevice(context, served.address));
    pair.ours = kYearLines / done.seconds;
    ASSIGN_OR_RETURN(pair.beside, ScanRate(*opened.log));
    pairs.push_back(pair);
    peaks.push_back(done.peak_mib);
  }
  RETURN_IF_ERROR(served.process->Stop());
  return Rows(pairs, peaks);
}

}  // namespace intentlog::bench
