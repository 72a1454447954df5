// A snapshot file of rows that were frozen at one moment.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/log/chain.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "projections/engine/frozen_rows.h"
#include "projections/engine/projection.h"
#include "projections/snapshot/snapshot_file.h"
#include "projections/snapshot/snapshot_writer.h"

namespace intentlog {

// Of a projection's code; empty: not known. The same on every machine for equal code.
using FingerprintLookup = std::function<std::string(const ProjectionInfo& view)>;
// What these projections say of themselves.
FingerprintLookup FingerprintsOf(std::vector<std::shared_ptr<const Projection>> projections);

struct SnapshotAbout {
  EpochId epoch;
  Position position;  // through which every view is folded
  ChainValue chain = {};
  std::string schema_digest;
  int64_t taken_us = 0;
  FingerprintLookup fingerprint;  // null: none is known
};

// Blocking; may run beside whatever folds and reads. Errors as SnapshotWriter;
// FAILED_PRECONDITION: a view is folded further than `about.position`, because others catch up.
absl::StatusOr<std::shared_ptr<const SnapshotFile>> TakeSnapshot(
    const FrozenRows& frozen, const SnapshotAbout& about, const std::string& folder,
    const SnapshotWriterOptions& options);

}  // namespace intentlog
