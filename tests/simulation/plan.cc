#include "tests/simulation/plan.h"

#include <algorithm>
#include <cmath>

#include "eventlog/runtime/text.h"

namespace intentlog::simulation {
namespace {

bool OneIn(Random& random, uint64_t of) { return random.Below(of) == 0; }

// Between both, small ones as likely as large ones: as many draws below 10 as between 1,000 and
// 10,000.
uint64_t Between(Random& random, uint64_t least, uint64_t most) {
  const double from = std::log2(static_cast<double>(least));
  const double to = std::log2(static_cast<double>(most) + 1);
  const auto drawn = static_cast<uint64_t>(std::exp2(from + random.Unit() * (to - from)));
  return std::clamp(drawn, least, most);
}
absl::Duration Millis(Random& random, uint64_t least, uint64_t most) {
  return absl::Milliseconds(static_cast<int64_t>(Between(random, least, most)));
}

}  // namespace

Plan::Plan(uint64_t seed) {
  SeededRandom random(seed * 0x9e3779b97f4a7c15 + 1);
  DrawSizes(random);
  DrawFaults(random);
  DrawDiskFaults(random);
  DrawServer(random);
  DrawSnapshots(random);
  DrawClient(random);
  DrawCopies(random);
  DrawTheme(random);
  quiet_within = absl::Seconds(30) + 2 * client.retry_cap + server.silence_max +
                 client.silence_max + rates.pause_max + 20 * rates.slow_max;
  if (one_order) quiet_within += static_cast<int>(steps) * 2 * server_delay_max;
  if (rates.restore_server > 0) {
    quiet_within += server.heal_wait + server.heal_grace + 4 * server.epochs_apart_min;
  }
}

std::string Plan::Text() const {
  std::string text = Cat(devices, " devices, ", steps, " steps");
  const auto with = [&](bool has, const char* what) {
    if (has) text += Cat(", ", what);
  };
  with(poison, "poison");
  with(snapshots, "snapshots");
  with(rules > 0, "other rules");
  with(skew == Skew::kOldDevices, "old devices");
  with(skew == Skew::kOldServer, "old server");
  with(skew == Skew::kOldOffline, "old offline devices");
  with(people_decide, "people decide");
  with(narrow, "narrow server");
  with(rates.kill + rates.die_in_task + rates.write_kills > 0, "ends");
  with(rates.pause > 0, "pauses");
  with(rates.clock > 0, "clocks");
  with(rates.write_fails > 0, "failing disks");
  with(rates.disk_full > 0, "full disks");
  with(rates.write_is_slow > 0, "slow disks");
  with(rates.change_scopes > 0, "scopes change");
  with(rates.restore_server > 0, "restored servers");
  with(rates.restore_device > 0, "restored devices");
  with(rates.copy_device > 0, "copied devices");
  with(rates.reinstall > 0, "reinstalled devices");
  with(link.linger_max > absl::ZeroDuration(), "late frames");
  with(link.half_open > 0, "half-open lines");
  return text;
}

void Plan::DrawSizes(Random& random) {
  devices = 1 + random.Below(4);
  steps = Between(random, 4, 24);
  if (OneIn(random, 20)) steps = Between(random, 24, 80);
  if (OneIn(random, 400)) devices = 20;
  step_max = Millis(random, 1, 4000);
  entities = Between(random, 1, 6);
  batch_max = Between(random, 1, 12);
  poison = OneIn(random, 10);
  stock_apart = OneIn(random, 4);
  rules = OneIn(random, 6) ? 1 + random.Below(5) : 0;
  if (OneIn(random, 12)) skew = static_cast<Skew>(1 + random.Below(3));
  people_decide = OneIn(random, 2);
  if (people_decide && OneIn(random, 2)) entities = 1;
  narrow = OneIn(random, 12);
  if (narrow) steps = Between(random, 12, 48);
  rebuild = OneIn(random, 6);
}

void Plan::DrawFaults(Random& random) {
  const auto maybe = [&](double most) { return OneIn(random, 3) ? random.Unit() * most : 0; };
  rates.cut = maybe(0.2);
  rates.partition = maybe(0.2);
  rates.lose_replies = maybe(0.2);
  rates.kill = maybe(0.2);
  rates.die_in_task = maybe(0.2);
  rates.power_share = random.Unit();
  rates.pause = maybe(0.1);
  if (rates.pause > 0) rates.pause_max = Millis(random, 10, 150'000);
  rates.clock = maybe(0.3);
  rates.herd = maybe(0.1);
  rates.stop_server = OneIn(random, 8) ? 0.1 : 0;
  rates.change_scopes = OneIn(random, 8) ? 0.1 : 0;
  rates.new_device = OneIn(random, 8) ? 0.1 : 0;
  if (OneIn(random, 2)) {
    link.cut_per_frame = random.Unit() * 0.1;
    link.refuse_connection = random.Unit() * 0.3;
  }
  if (OneIn(random, 6)) link.half_open = random.Unit() * 0.05;
  if (OneIn(random, 3)) link.linger_max = Millis(random, 10, 5000);
  link.latency_max = Millis(random, 1, OneIn(random, 8) ? 8000 : 200);
  server_delay_max = OneIn(random, 2) ? Millis(random, 1, 300) : absl::ZeroDuration();
  if (narrow) server_delay_max = Millis(random, 50, 2000);
}

void Plan::DrawDiskFaults(Random& random) {
  if (OneIn(random, 4)) rates.write_fails = random.Unit() * 0.08;
  if (OneIn(random, 3)) rates.write_kills = random.Unit() * 0.05;
  if (OneIn(random, 6)) {
    rates.write_is_slow = random.Unit() * 0.3;
    rates.slow_max = Millis(random, 1, 3000);
  }
  if (OneIn(random, 8)) rates.disk_full = random.Unit() * 0.1;
}

void Plan::DrawServer(Random& random) {
  // RocksDB takes so much for a log whenever it opens; few runs write more.
  server.write_buffer_bytes = client.write_buffer_bytes = 512 << 10;
  server.frame_bytes_max = 64 << 10;
  server.batch_bytes_max = 32 << 10;
  server.push_window_bytes = static_cast<uint32_t>(Between(random, 512, 2 << 20));
  server.group_bytes_max = Between(random, 128, 4 << 20);
  server.groups_in_flight_max = 1 + static_cast<int>(random.Below(3));
  server.group_bytes_early = Between(random, 1, 256 << 10);
  server.waiting_bytes_max = OneIn(random, 3) ? Between(random, 5 << 10, 20 << 10) : 256 << 20;
  if (narrow) server.waiting_bytes_max = Between(random, 3 << 10, 5 << 10);
  server.summary_cache_entities = Between(random, 1, 200);
  server.log_cache_entries = Between(random, 1, 50);
  server.readmissions_max = OneIn(random, 3) ? 1 : Between(random, 1, 100);
  server.small_blocks_merge_after = static_cast<int>(Between(random, 1, 64));
  server.feed_frame_bytes = Between(random, 256, 16 << 10);
  server.feed_cache_bytes = Between(random, 1 << 10, 1 << 20);
  server.unsent_bytes_max = Between(random, 512, 512 << 10);
  server.quiet_cursor_interval = Millis(random, 50, 10'000);
  server.digest_interval = Millis(random, 10, 2000);
  server.fold_events_max = Between(random, 1, 1000);
  server.fold_interval = Millis(random, 1, 500);
  server.silence_max = absl::Seconds(35 + random.Below(30));
  server.device_record_interval = Millis(random, 100, 10'000);
  server.reopen_interval = Millis(random, 100, 2000);
}

// Snapshots lie in files, so few seeds take them.
void Plan::DrawSnapshots(Random& random) {
  snapshots = OneIn(random, 60);
  server.snapshots.on = snapshots;
  server.snapshots.events = Between(random, 3, 40);
  server.snapshots.interval_min = absl::ZeroDuration();
  server.snapshots.rest = 0;
  server.snapshots.free_bytes_min = 0;
  server.snapshot_events_min = 1;
  server.snapshot_rows_per_event_max = 1000;
  if (server.snapshots.events % 2 == 0) client.table_rows_min = 1;
}

void Plan::DrawClient(Random& random) {
  client.batch_bytes_max = 32 << 10;
  // What a server has no room for at all would never come.
  const bool small = server.waiting_bytes_max < (32 << 10);
  client.push_frame_bytes = Between(random, 64, small ? 1 << 10 : 32 << 10);
  client.feed_credit_bytes = Between(random, 64 << 10, 4 << 20);
  client.retry_base = Millis(random, 10, 1000);
  client.retry_cap = std::max(client.retry_base, Millis(random, 200, 30'000));
  client.silence_max = absl::Seconds(35 + random.Below(30));
  client.report_interval = Millis(random, 100, 5000);
  if (stock_apart) client.policy.class_of = {{"stock", 2}};
  if (OneIn(random, 3)) {  // trims often
    client.quota.bytes_max = Between(random, 8 << 10, 1 << 20);
    client.quota.begin = random.Unit();
    client.quota.end = client.quota.begin * random.Unit();
  }
}

void Plan::DrawCopies(Random& random) {
  const auto maybe = [&](uint64_t of) { return OneIn(random, of) ? random.Unit() * 0.15 : 0; };
  rates.restore_server = maybe(5);
  rates.restore_device = maybe(10);
  rates.copy_device = maybe(10);
  rates.reinstall = maybe(16);
  server.heal_wait = Millis(random, 10, 20'000);
  server.heal_grace = Millis(random, 10, 5'000);
  server.epochs_apart_min = Millis(random, 1, 2'000);
  // These servers take no backups, so nothing is safe to be trimmed where one is restored.
  if (rates.restore_server > 0) client.quota = LogQuota();
}

// Some moments need several things at once, which seeds that draw each by itself hardly ever have.
void Plan::DrawTheme(Random& random) {
  const uint64_t theme = random.Below(24);
  if (theme == 0) {  // a queue: work goes on upon an order where more waits than one group admits
    one_order = people_decide = true;
    poison = narrow = snapshots = server.snapshots.on = false;
    rules = 0;
    skew = Skew::kNone;
    if (random.Below(4) != 0) {  // nothing else happens
      rates = FaultRates();
      link = LinkFaults();
    }
    entities = 1;
    devices = 2 + random.Below(2);
    steps = Between(random, 24, 80);
    step_max = Millis(random, 50, 300);
    server.readmissions_max = 1;
    server.groups_in_flight_max = 1;
    server_delay_max = Millis(random, 20, 500);
  } else if (theme == 1) {  // a server comes back among people who want the same
    entities = 1;
    devices = 2 + random.Below(3);
    steps = Between(random, 24, 60);
    rates.restore_server = 0.05 + random.Unit() * 0.15;
    client.quota = LogQuota();
    link.latency_max = Millis(random, 1, 100);
  }
}

}  // namespace intentlog::simulation
