// One device of a story, as a process of its own: `intentlog demo-device`, started by `intentlog
// demo` and by nobody else. It takes commands and gives answers as one JSON object a line.
//
//   ◄ {"say":"open","log_id":HEX,"recorded":N}
//   ► {"do":"record-file","file":F,"sha256":HEX,"devices":N,"currency":C}
//   ► {"do":"record-day","seed":S,"devices":N,"orders":N}
//   ◄ {"say":"durable","count":N} …          everything through N survives from here on
//   ◄ {"say":"recorded","seconds":S}
//   ► {"do":"figures"}                        ◄
//   {"say":"figures","orders":N,"lines":N,"units":N,"mills":N,"seconds":S} ►
//   {"do":"sync","server":HOST:PORT}        ◄ {"say":"status",…} whenever it changes, from then on
//   ► {"do":"views","dump":true|false}        ◄
//   {"say":"views","views":{NAME:{"scopes":{…},"keys":N,"sha256":HEX}}} ► {"do":"quit"} ◄
//   {"say":"error","text":T}                and the process ends
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace intentlog {

struct DeviceWorkerOptions {
  std::string dir;
  int index = 0;                  // of the shop; 0: an observer, which records nothing
  std::string name = "newcomer";  // of an observer
  uint64_t push_frame_bytes = 0;  // 0: the client's default
};

// Until "quit", or the end of standard input.
absl::Status RunDeviceWorker(const DeviceWorkerOptions& options);

}  // namespace intentlog
