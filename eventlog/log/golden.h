// The events of the golden files in testdata/: fixed for good, because old data must always open.
#pragma once

#include <string>
#include <vector>

#include "eventlog/log/block.h"

namespace intentlog {

struct GoldenEvent {
  uint64_t position;
  std::string scope;
  bool in_feed;
  std::string header;
  std::string intent;
};

// Dense positions from 7, of three scopes.
std::vector<GoldenEvent> GoldenLogEvents();
// One scope, with holes.
std::vector<GoldenEvent> GoldenFeedEvents();
// One scope, enough of them to be packed.
std::vector<GoldenEvent> GoldenManyEvents();
// The block of these events, their chain starting from zeros.
std::string GoldenBlock(const std::vector<GoldenEvent>& events);
ChainValue GoldenChain(const std::vector<GoldenEvent>& events);

}  // namespace intentlog
