// The story "clones": a shop's phone is copied, disk and all, and an old backup of it comes back.
// Three processes then believe that they are the same device. All of them sell, offline and at the
// same time online, and at the end each sale is there once.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tools/demo_story/story.h"

namespace intentlog {

struct ClonesResult {
  StoryOptions options;
  std::vector<StoryDevice> devices;
  // Of devices, in their order: the names under which their log went to the server.
  std::vector<nlohmann::ordered_json> names;
  nlohmann::ordered_json installations;  // as `fleet list` names them
  nlohmann::ordered_json refused;        // as `fleet show` shows what the copies pushed in vain
  uint64_t unique = 0;                   // intents acknowledged by somebody
  uint64_t shared = 0;                   // of these, pending when the disk was copied
  uint64_t events = 0;                   // in the server's log, less settlements
  uint64_t lost = 0, doubled = 0;
  std::vector<std::pair<std::string, uint64_t>> decisions;  // first ones
  nlohmann::ordered_json views;                             // name → keys, sha256
  uint64_t views_equal = 0;                                 // on head office
  std::vector<std::pair<std::string, double>> seconds;
  std::vector<std::string> problems;  // sentences; empty: all is well
};

// Not OK if the story could not go on to its end. Leaves no process behind.
absl::Status RunClones(const StoryOptions& options, const std::function<bool()>& interrupted,
                       ClonesResult* result);

void PrintClones(const ClonesResult& result);
nlohmann::ordered_json ClonesJson(const ClonesResult& result);

}  // namespace intentlog
