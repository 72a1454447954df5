// The story of a market day: a chain of shops in bad weather.
//
//   1  N devices record their orders offline, all at the same time, and read their own work back
//   2  the server comes up; all sync at once; in the middle the server is killed, and then a
//   device,
//      each as a power cut would do it, and started again
//   3  a device that was never there before joins and catches up with everything
//   4  what everybody holds is compared: with each other, with what was put in, with golden figures
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "tools/demo_story/story.h"

namespace intentlog {

// Tells how far it has come: a label, and done of total.
using OnStoryProgress = std::function<void(std::string_view label, uint64_t done, uint64_t total)>;

// Fills `result`. Not OK if the story could not go on to its end (CANCELLED: `interrupted` said
// so); what came out wrong at its end is in result->problems. Leaves no process behind.
absl::Status RunMarketDay(const StoryOptions& options, const std::function<bool()>& interrupted,
                          const OnStoryProgress& progress, StoryResult* result);

}  // namespace intentlog
