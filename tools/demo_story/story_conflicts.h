// The story "conflicts": a day of a shop in which people who cannot hear of each other do what does
// not go together. Every step is a command that a reader can type, run as a process of its own.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/demo_story/story.h"

namespace intentlog {

// What somebody did, and what became of it.
struct Deed {
  std::string words;  // "milk costs 1.50"
  int who = 0;        // device-1 …
  // In a shopkeeper's words, of those that clash with something: what was done elsewhere meanwhile,
  // and why it became what it became.
  std::string meanwhile, because;
  std::string intent_id;
  std::string when_back;  // decision, when all were back
  std::string why;        // in the words of the device
  std::string at_last;    // decision, at the end
};

struct ConflictsResult {
  StoryOptions options;
  std::vector<Deed> deeds;
  std::vector<StoryDevice> devices;
  // By device: decisions of all that it recorded, as they stand at the end.
  std::vector<std::map<std::string, uint64_t>> standing;
  std::map<std::string, uint64_t> decisions;    // first ones, in the server's log
  std::map<std::string, uint64_t> settlements;  // by how they ended
  std::string side_by_side;                     // a conflict as `device conflicts` shows it
  std::string why;                              // what `device why` says of what waits
  std::string told;                             // what who came second was told
  nlohmann::ordered_json views;                 // name → keys, sha256
  std::vector<std::pair<std::string, double>> seconds;
  std::vector<std::string> problems;  // sentences; empty: all is well

  uint64_t Sum(uint64_t StoryDevice::*what) const {
    uint64_t sum = 0;
    for (const StoryDevice& device : devices) sum += device.*what;
    return sum;
  }
};

// Not OK if the story could not go on to its end. Leaves no process behind.
absl::Status RunConflicts(const StoryOptions& options, const std::function<bool()>& interrupted,
                          ConflictsResult* result);

void PrintConflicts(const ConflictsResult& result);
nlohmann::ordered_json ConflictsJson(const ConflictsResult& result);

}  // namespace intentlog
