// What a switch makes of a view's record: pure. What is dropped is noted in a batch.
// FAILED_PRECONDITION says what is so instead; then nothing is changed.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eventlog/store/store.h"
#include "proto/store.pb.h"

namespace intentlog {

// `version` is what the program folds.
absl::Status ActivateShadow(uint32_t version, int64_t now_us, ViewRecord& record,
                            StoreBatch& batch);
absl::Status RollBack(uint32_t version, int64_t now_us, absl::Duration window, ViewRecord& record);
absl::Status CancelShadow(ViewRecord& record, StoreBatch& batch);

// Until when the view can be rolled back, in server time; 0: it cannot.
int64_t RollBackUntil(const ViewRecord& record, absl::Duration window);
// What was live before goes away if its time is over. False: it is not, or there is none.
bool EndRollBack(int64_t now_us, absl::Duration window, ViewRecord& record, StoreBatch& batch);

}  // namespace intentlog
