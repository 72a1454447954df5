// How a story's result is told: in plain words for people, and as one document for programs. Pure,
// but that the words go to stdout.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/demo_story/story.h"

namespace intentlog {

// At most about 60 lines, whatever the number of devices.
void PrintStory(const StoryResult& result);

nlohmann::ordered_json StoryJson(const StoryResult& result);

}  // namespace intentlog
