// A LiveGroup collects the events of one group while it is decided, a block for each scope that
// live devices watch, so that they can be sent the moment the group is durable. Thread-compatible.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "eventlog/log/block.h"

namespace intentlog {

class LiveGroup {
 public:
  // Whether live devices watch the scope. Asked once for each scope.
  using Wanted = std::function<bool(std::string_view scope)>;
  struct Part {
    std::string scope;
    BlockBuilder block;
    // False: nobody watched, or it grew larger than a frame may be. Readers take it from the log.
    bool complete = false;
  };

  LiveGroup(Wanted wanted, size_t part_bytes_max);

  // REQUIRES: event.in_feed; positions ascend.
  void Add(const EventRef& event);
  std::vector<Part>& parts() { return parts_; }

 private:
  Part& PartOf(std::string_view scope);

  Wanted wanted_;
  const size_t part_bytes_max_;
  std::vector<Part> parts_;
  size_t last_part_ = 0;
  std::unordered_map<std::string, size_t> part_of_;
};

}  // namespace intentlog
