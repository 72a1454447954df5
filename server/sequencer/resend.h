// Intents that were pushed again are answered with their first receipts, from the runs and headers
// of the log, and their bytes are compared with those stored. Reads the log, and blocks while it
// does.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "eventlog/log/chain.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "proto/sync.pb.h"

namespace intentlog {

struct ResendAnswer {
  std::vector<ReceiptRun> runs;    // up to the first difference
  std::optional<Count> forked_at;  // the first count at which the log holds other bytes
};

// The rolling hash of a device log at a count that the log has: reads one run at most. DATA_LOSS.
absl::StatusOr<ChainValue> LogHashAt(const EventLog& log, const LogId& device_log, Count count);

// `intents` are the device log's counts from `first` on, all of which are durable in `log`.
absl::StatusOr<ResendAnswer> AnswerFromLog(const EventLog& log, const LogId& device_log,
                                           Count first, absl::Span<const std::string_view> intents);

}  // namespace intentlog
