// A History is what a run has shown so far, as naive as it can be: what each device was told is
// recorded, and what everybody has seen of the server's log. Checkers judge by it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.h"
#include "eventlog/log/event_log.h"
#include "proto/event.pb.h"

namespace intentlog::simulation {

// An event of the server's log.
struct SeenEvent {
  uint64_t position = 0;
  uint64_t hash = 0;         // of all its bytes
  uint64_t intent_hash = 0;  // of the intent's
  std::string scope;
  bool in_feed = false;
  Header header;
  std::string intent_id;
  std::string type;
  std::string payload;
  uint32_t batch_size = 0;
};

// An intent that a device acknowledged; without an id: one that it has and never acknowledged,
// because it died or its disk failed meanwhile.
struct NotedIntent {
  IntentId id;
  uint64_t batch_first = 0;  // the first count of its batch
  uint32_t batch_size = 1;
};

struct DeviceHistory {
  std::map<PriorityClass, std::vector<NotedIntent>> logs;  // by count, from 1
  std::map<PriorityClass, size_t> synced;                  // of them, a power cut takes none
  size_t in_doubt = 0;  // intents whose append failed in this life, one way or the other
  bool cut = false;     // the life before ended with its power
  bool failed = false;  // its disk failed in this life
};

class History {
 public:
  static uint64_t HashOf(std::string_view bytes);

  // Of the present epochs: what a restored server lost is not there any more.
  // Reads what the log has above what was seen, or all of it, and returns what is new. What differs
  // from what was seen goes to `problems`.
  std::vector<SeenEvent> Read(const EventLog& log, bool all, std::string& problems);

  const std::vector<SeenEvent>& log() const { return log_; }
  // The server was put back to how it was, and lost what came after.
  void Shorten(uint64_t head) { log_.resize(std::min<size_t>(head, log_.size())); }
  std::map<std::string, DeviceHistory>& devices() { return devices_; }
  const std::map<std::string, DeviceHistory>& devices() const { return devices_; }
  // Ids that the application gave to appends which failed: each may be there, once.
  std::set<IntentId>& doubted() { return doubted_; }
  const std::set<IntentId>& doubted() const { return doubted_; }

 private:
  std::vector<SeenEvent> log_;  // by position, from 1
  std::map<std::string, DeviceHistory> devices_;
  std::set<IntentId> doubted_;
};

}  // namespace intentlog::simulation
