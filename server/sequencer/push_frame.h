// A PushFrame is a Push as it came over the wire: views into the frame's bytes, nothing copied or
// parsed but its outer fields. Values; the bytes must outlive them.
//
// Parsing never reads outside the bytes and allocates no more than 16 bytes for each intent, and
// what a LostRun takes for each of those.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/sync.pb.h"

namespace intentlog {

struct PushFrame {
  std::string_view log_id;
  uint64_t first_count = 0;
  std::string_view hash_before;
  std::vector<std::string_view> intents;
  size_t intent_bytes = 0;  // of all of them
  // Of those that a server had before it lost them; ascending and apart, within the intents.
  std::vector<LostRun> lost;

  uint64_t last_count() const { return first_count + intents.size() - 1; }
};

// The Push in `device_frame`; nothing if it holds another frame. INVALID_ARGUMENT if it is no
// frame.
absl::StatusOr<std::optional<PushFrame>> ParsePushFrame(std::string_view device_frame);

// INVALID_ARGUMENT if `lost` is not as PushFrame says.
absl::Status CheckLost(const PushFrame& push);
// The lost run that holds `count`; null if that was never lost.
const LostRun* LostRunOf(const PushFrame& push, uint64_t count);

struct BatchLimits {
  uint32_t intents_max = 0;
  size_t bytes_max = 0;
};

// The size that the first intent of a batch names; 1 for an intent by itself, or one that does not
// parse.
uint32_t BatchSizeOf(std::string_view intent);

// INVALID_ARGUMENT if the frame cuts a batch or one is over the limits.
absl::Status CheckBatches(const PushFrame& push, const BatchLimits& limits);

}  // namespace intentlog
