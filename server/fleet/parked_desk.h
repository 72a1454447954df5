// What an operator may ask about rows of read models that stand still. Reads; decides nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "projections/engine/read_models.h"
#include "proto/admin.pb.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"

namespace intentlog {

// Up to `limit` rows of the view's live build, then of the shadow that follows it.
absl::StatusOr<std::vector<ParkedRowInfo>> ParkedOf(const ReadModels& models,
                                                    const ViewRecord& record, size_t limit);

// The events by which the server decides what a RETRY_PARKED or SKIP_PARKED asks for: one for each
// scope. INVALID_ARGUMENT: the request says too little. NOT_FOUND, FAILED_PRECONDITION: the row
// does not stand still, or not since then; says what is so.
absl::StatusOr<std::vector<Intent>> UnparkIntents(const OperateViewRequest& request,
                                                  const std::vector<ParkedRowInfo>& parked);

}  // namespace intentlog
