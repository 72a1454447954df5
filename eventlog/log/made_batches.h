// Batches of made-up device logs, written as a sequencer would write them: dense counts, headers,
// rolling hashes, one run each. For tests. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "eventlog/log/event_log.h"
#include "eventlog/runtime/ids.h"

namespace intentlog {

// The device log of that letter.
inline LogId MadeLog(char device) { return LogId::FromBytes(std::string(LogId::kSize, device)); }

class MadeBatches {
 public:
  // The next `events` events of a device log, all of `scope`, accepted; and their run.
  void Add(EventGroup& group, char device, const std::string& scope, uint32_t events);
  // The device log's rolling hash so far.
  const ChainValue& hash(char device) { return devices_[device].hash; }

 private:
  struct Device {
    uint64_t count = 0;
    ChainValue hash = {};
  };
  std::map<char, Device> devices_;
};

}  // namespace intentlog
