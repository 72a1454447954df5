#include "server/sequencer/push_frame.h"

#include <algorithm>

#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "eventlog/runtime/wire_fields.h"

namespace intentlog {
namespace {

// Of the fields of a DeviceFrame, all members of one choice: the last that is there counts.
constexpr uint32_t kFrameLast = DeviceFrame::kInquiryFieldNumber;
// Adding to it stays far from overflow.
constexpr uint64_t kPositionMax = uint64_t{1} << 62;

absl::StatusOr<PushFrame> ParsePush(std::string_view bytes) {
  PushFrame push;
  WireFields fields(bytes);
  while (fields.Next()) {
    if (fields.number() == Push::kLogIdFieldNumber && fields.is_bytes()) {
      push.log_id = fields.bytes();
    } else if (fields.number() == Push::kFirstCountFieldNumber && fields.is_varint()) {
      push.first_count = fields.varint();
    } else if (fields.number() == Push::kHashBeforeFieldNumber && fields.is_bytes()) {
      push.hash_before = fields.bytes();
    } else if (fields.number() == Push::kIntentsFieldNumber && fields.is_bytes()) {
      push.intents.push_back(fields.bytes());
      push.intent_bytes += fields.bytes().size();
    } else if (fields.number() == Push::kLostFieldNumber && fields.is_bytes()) {
      const std::string_view run = fields.bytes();
      // More of them than intents say nothing.
      if (push.lost.size() > push.intents.size() ||
          !push.lost.emplace_back().ParseFromArray(run.data(), static_cast<int>(run.size()))) {
        return Invalid("the Push has a lost run that does not parse");
      }
    }
  }
  if (!fields.ok()) return Invalid("the Push does not parse");
  return push;
}

std::optional<uint64_t> LostPositionOf(const PushFrame& push, uint64_t count) {
  const LostRun* const run = LostRunOf(push, count);
  if (run == nullptr) return std::nullopt;
  return run->first_position() + (count - run->first_count());
}

}  // namespace

absl::StatusOr<std::optional<PushFrame>> ParsePushFrame(std::string_view device_frame) {
  std::optional<std::string_view> push;
  WireFields fields(device_frame);
  while (fields.Next()) {
    if (fields.number() > kFrameLast || !fields.is_bytes()) continue;  // of a newer version
    push.reset();
    if (fields.number() == DeviceFrame::kPushFieldNumber) push = fields.bytes();
  }
  if (!fields.ok()) return Invalid("the frame does not parse");
  if (!push) return std::optional<PushFrame>();
  absl::StatusOr<PushFrame> parsed = ParsePush(*push);
  if (!parsed.ok()) return parsed.status();
  return std::optional<PushFrame>(*std::move(parsed));
}

absl::Status CheckLost(const PushFrame& push) {
  uint64_t next = push.first_count;
  for (const LostRun& run : push.lost) {
    const bool fits = run.first_count() >= next && run.length() > 0 &&
                      run.first_count() <= push.last_count() &&
                      run.length() <= push.last_count() - run.first_count() + 1;
    if (!fits) {
      return Invalid("a lost run of ", run.length(), " from count ", run.first_count(),
                     " in a Push of the counts ", push.first_count, " to ", push.last_count());
    }
    if (run.epoch_id().size() != EpochId::kSize || run.first_position() == 0 ||
        run.first_position() > kPositionMax || !Decision_IsValid(run.decision())) {
      return Invalid("the lost run from count ", run.first_count(), " has no place");
    }
    next = run.first_count() + run.length();
  }
  if (push.lost.empty()) return absl::OkStatus();
  for (size_t i = 0; i < push.intents.size();) {
    const size_t size = std::min<size_t>(BatchSizeOf(push.intents[i]), push.intents.size() - i);
    const std::optional<uint64_t> first = LostPositionOf(push, push.first_count + i);
    for (size_t m = 1; m < size; ++m) {
      const auto place = LostPositionOf(push, push.first_count + i + m);
      if (place != (first ? std::optional(*first + m) : std::nullopt)) {
        return Invalid("a lost run cuts the batch at count ", push.first_count + i);
      }
    }
    i += size;
  }
  return absl::OkStatus();
}

const LostRun* LostRunOf(const PushFrame& push, uint64_t count) {
  for (const LostRun& run : push.lost) {
    if (count < run.first_count()) return nullptr;
    if (count - run.first_count() < run.length()) return &run;
  }
  return nullptr;
}

uint32_t BatchSizeOf(std::string_view intent) {
  constexpr uint32_t kBatchSize = Intent::kBatchSizeFieldNumber;
  uint64_t size = 0;
  WireFields fields(intent);
  while (fields.Next()) {
    if (fields.number() == kBatchSize && fields.is_varint()) size = fields.varint();
  }
  if (!fields.ok()) return 1;
  return std::max<uint32_t>(1, static_cast<uint32_t>(size));
}

absl::Status CheckBatches(const PushFrame& push, const BatchLimits& limits) {
  for (size_t i = 0; i < push.intents.size();) {
    const uint32_t size = BatchSizeOf(push.intents[i]);
    const uint64_t count = push.first_count + i;
    if (size > limits.intents_max) {
      return Invalid("the batch at count ", count, " names ", size, " intents; at most ",
                     limits.intents_max, " are allowed");
    }
    if (size > push.intents.size() - i) {
      return Invalid("the frame cuts the batch at count ", count);
    }
    size_t bytes = 0;
    for (const size_t end = i + size; i < end; ++i) bytes += push.intents[i].size();
    if (bytes > limits.bytes_max) {
      return Invalid("the batch at count ", count, " has ", bytes, " bytes; at most ",
                     limits.bytes_max, " are allowed");
    }
  }
  return absl::OkStatus();
}

}  // namespace intentlog
