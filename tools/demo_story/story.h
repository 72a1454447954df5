// What a story was asked to do, and what came of it: everything that its report tells.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/demo_story/golden.h"
#include "tools/demo_story/view_dump.h"
#include "tools/import/order_figures.h"
#include "tools/import/sales_tally.h"

namespace intentlog {

struct StoryOptions {
  std::string story = "market-day";
  std::string data;  // an order file; empty: a made-up day
  int devices = 8;
  uint64_t seed = 1;
  std::string dir;  // where everything lies; exists
  std::string currency = "GBP";
};

// What one device held when the story ended.
struct StoryDevice {
  std::string id;
  int index = 0;  // 0: it only watched
  uint64_t acknowledged = 0;
  uint64_t recorded = 0, synced = 0, pending = 0, failed = 0, conflicted = 0, parked = 0;
  SalesSum expected, read_back;  // its own sales: as they must be, and as it read them offline
  uint64_t orders_read_back = 0;
  uint64_t lost = 0, doubled = 0;
  uint64_t digests = 0, digests_equal = 0;  // of a view in a scope, against the server's
  nlohmann::ordered_json views;             // as the device told them
  uint64_t memory_peak_kib = 0;
};

// A read model at the end. Texts are SHA-256 of the dump; empty: not known.
struct StoryView {
  std::string name;
  uint64_t keys = 0;
  std::string server, head_office, newcomer, expected;
  uint64_t digests = 0, digests_equal = 0;  // over all devices and scopes
  bool equal = false;
};

// Something that happened in the middle.
struct StoryBlow {
  std::string who;
  uint64_t answered = 0, of = 0;  // intents that were in, of all (or of the device's own)
  double back_after_seconds = 0;
};

// The server lost its disk, and was made again from a backup.
struct StoryDisaster {
  uint64_t backed_up = 0;     // events that the backup had
  uint64_t had = 0;           // events that the server had when it went
  uint64_t offline = 0;       // intents of tills that had not met any server yet
  uint64_t returned = 0;      // events in the log now that had a place in the lost history
  uint64_t as_they_were = 0;  // … of which so many have exactly that place again
  double back_after_seconds = 0;
};

struct StoryResult {
  StoryOptions options;
  OrderFigures figures;  // of the input
  uint64_t intents = 0;  // acknowledged
  uint64_t conflicted_expected = 0;
  std::vector<StoryDevice> devices;
  std::vector<StoryView> views;
  std::vector<StoryBlow> blows;
  std::optional<StoryDisaster> disaster;
  nlohmann::ordered_json computed;  // the views' figures, under golden names
  uint64_t log_events = 0, settlements = 0;
  uint64_t accepted = 0, merged = 0, rejected = 0, duplicate = 0, conflicted = 0, parked = 0;
  uint64_t lost = 0, doubled = 0;
  std::vector<Comparison> golden;
  std::vector<std::string> golden_not_compared;
  std::string no_golden;  // why there are none
  std::vector<std::pair<std::string, double>> seconds;
  std::vector<std::string> problems;  // sentences; empty: all is well

  double SecondsOf(std::string_view what) const {
    for (const auto& [name, seconds_taken] : seconds) {
      if (name == what) return seconds_taken;
    }
    return 0;
  }
  bool converged() const { return problems.empty(); }
};

}  // namespace intentlog
