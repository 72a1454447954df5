#include "eventlog/log/golden.h"

#include "eventlog/log/chain.h"

namespace intentlog {

std::vector<GoldenEvent> GoldenLogEvents() {
  return {
      {7, "shop-1", true, "header of seven", "intent of seven"},
      {8, "shared", true, "", "an event without header"},
      {9, "shop-1", false, "header of nine", ""},
      {10, "", false, std::string(300, '\x01'), std::string(2000, '\xfe')},
      {11, "shared", true, std::string("\0\0", 2), "last"},
  };
}

std::vector<GoldenEvent> GoldenFeedEvents() {
  return {
      {1, "shop-1", true, "h", "first of all"},
      {5'000'000'000, "shop-1", true, "header", "far away"},
      {5'000'000'001, "shop-1", true, "header", "next to it"},
  };
}

std::vector<GoldenEvent> GoldenManyEvents() {
  std::vector<GoldenEvent> events;
  for (uint64_t i = 1; i <= 12; ++i) {
    const std::string number = std::to_string(i);
    events.push_back(
        {3 * i, "shop-1", true, "header of " + number, std::string(200, 'i') + number});
  }
  return events;
}

ChainValue GoldenChain(const std::vector<GoldenEvent>& events) {
  ChainValue chain = {};
  for (const GoldenEvent& event : events) chain = NextChain(chain, event.header, event.intent);
  return chain;
}

std::string GoldenBlock(const std::vector<GoldenEvent>& events) {
  BlockBuilder builder;
  for (const GoldenEvent& event : events) {
    builder.Add({Position(event.position), event.scope, event.in_feed, event.header, event.intent});
  }
  return builder.Finish(GoldenChain(events));
}

}  // namespace intentlog
