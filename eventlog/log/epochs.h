// A log's history as the list of its epochs, oldest first. A log that was restored goes on in a new
// epoch, so two histories are the same up to where the first epoch that they do not share begins.
// Pure.
//
//   device   1 ─────────────── 340        epochs A
//   server   1 ─── 100 ┤ 101 ── 120       epochs A, B(101)       shared through 100
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "eventlog/runtime/numbers.h"
#include "google/protobuf/repeated_field.h"
#include "proto/event.pb.h"

namespace intentlog {

using EpochsOnWire = google::protobuf::RepeatedPtrField<Epoch>;

// A peer names no more: a log is not restored that often.
inline constexpr int kEpochsMax = 256;

// INVALID_ARGUMENT says what is wrong with a list that a peer or a file gave.
absl::Status CheckEpochs(const EpochsOnWire& epochs);

// The greatest position through which both histories are the same; the greatest of all positions
// where one does not end before the other. Nothing: they have no epoch in common.
std::optional<Position> SharedThrough(const EpochsOnWire& a, const EpochsOnWire& b);

EpochsOnWire ToWire(const std::vector<Epoch>& epochs);

}  // namespace intentlog
