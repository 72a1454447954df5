// Keys of the rows that the server keeps in the log's index, beside the log's own. All begin with
// "x/"; numbers are 8 bytes, big-endian; a lane is log_id (16), entity type, NUL, entity id, NUL.
//
//   "x/stats"                     StatsReply
//   "x/device/" name              DeviceRecord
//   "x/own-log"                   log_id of the server's own device log
//   "x/schema"                    AdoptedSchema
//   "x/types"                     TypesHeld
//   "x/open/" position            OpenEvent
//   "x/closed/" position          ClosedEvent
//   "x/lane/" lane position       empty: waits in the lane behind what stops it
//   "x/schema-wait/" position     empty: waits for the schema
//   "x/key/" hash                 FirstWithKey
//   "x/await/" first position     empty: waits for the open first event with its duplicate key
//   "x/was/" epoch_id position    new position (8): of an event that a restore had lost
//   "x/healed"                    epoch_id · 'h' (in it nothing waits for lost events any more) or
//                                 'n' (nobody told of any while new work waited for that)
//   "x/backups"                   Backups
//   "x/again/1" lane              Readmission, of what waits in the lane
//   "x/again/2" first position    Readmission, of what awaits it
//   "x/again/3"                   Readmission, of what waits for the schema
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

inline constexpr std::string_view kOpenPrefix = "x/open/";
inline constexpr std::string_view kDevicePrefix = "x/device/";
inline constexpr std::string_view kSchemaWaitPrefix = "x/schema-wait/";
inline constexpr std::string_view kAgainPrefix = "x/again/";
inline constexpr size_t kRowNumberBytes = 8;

inline std::string NumberedKey(std::string_view prefix, uint64_t number) {
  std::string key(prefix);
  AppendBig64(key, number);
  return key;
}

inline std::string StatsKey() { return "x/stats"; }
inline std::string OwnLogKey() { return "x/own-log"; }
inline std::string SchemaKey() { return "x/schema"; }
inline std::string TypesKey() { return "x/types"; }
inline std::string DeviceKey(std::string_view device) { return Cat(kDevicePrefix, device); }
inline std::string OpenKey(uint64_t position) { return NumberedKey(kOpenPrefix, position); }
inline std::string ClosedKey(uint64_t position) { return NumberedKey("x/closed/", position); }
inline std::string SchemaWaitKey(uint64_t position) {
  return NumberedKey(kSchemaWaitPrefix, position);
}
inline std::string FirstWithKeyKey(uint64_t hash) { return NumberedKey("x/key/", hash); }
inline std::string AwaitPrefix(uint64_t first) { return NumberedKey("x/await/", first); }
inline std::string AwaitKey(uint64_t first, uint64_t position) {
  return NumberedKey(AwaitPrefix(first), position);
}

inline std::string WasPrefix(std::string_view epoch_id) { return Cat("x/was/", epoch_id); }
inline std::string WasKey(std::string_view epoch_id, uint64_t position) {
  return NumberedKey(WasPrefix(epoch_id), position);
}
inline std::string HealedKey() { return "x/healed"; }
inline std::string BackupsKey() { return "x/backups"; }

// The lane of an entity that a log's open event stops. `entity_key` as EntityKey() makes it.
inline std::string LaneName(const LogId& log, std::string_view entity_key) {
  return Cat(log.bytes(), entity_key.substr(1), '\0');
}
inline std::string LanePrefix(std::string_view lane) { return Cat("x/lane/", lane); }
inline std::string LaneKey(std::string_view lane, uint64_t position) {
  return NumberedKey(LanePrefix(lane), position);
}
inline LogId LogOfLane(std::string_view lane) {
  return LogId::FromBytes(lane.substr(0, LogId::kSize));
}
// Its entity's key.
inline std::string EntityKeyOfLane(std::string_view lane) {
  return Cat('e', lane.substr(LogId::kSize, lane.size() - LogId::kSize - 1));
}

inline std::string LaneAgainKey(std::string_view lane) { return Cat(kAgainPrefix, '1', lane); }
inline std::string AwaitAgainKey(uint64_t first) {
  return NumberedKey(Cat(kAgainPrefix, '2'), first);
}
inline std::string SchemaAgainKey() { return Cat(kAgainPrefix, '3'); }

}  // namespace intentlog
