// An IntentView is what an intent's bytes say about it, read in place without parsing the payload:
// the device looks at half a million of them when it learns their receipts. Borrows the bytes.
//
//   IntentView view;
//   RETURN_IF_ERROR(ReadIntent(bytes, &view));
//   Use(view.entity_type, view.entity_id);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace intentlog {

struct IntentView {
  std::string_view intent_id;
  std::string_view type;
  std::string_view entity_type;
  std::string_view entity_id;
  std::string_view scope;
  std::string_view payload;
  int64_t device_time_us = 0;
  uint32_t batch_size = 0;
};

// Whether intents of `type` close what is open: Resolve, Amend, Dismiss. They are no records of the
// application: read models do not show them, and one that the server refuses is over.
bool IsControl(std::string_view type);

// DATA_LOSS if the bytes are not a serialized Intent.
absl::Status ReadIntent(std::string_view intent_bytes, IntentView* view);

// Whether two intents record the same deed: type, entity, scope and payload. What the device adds
// (times, base) differs when an application tries again.
bool SameDeed(const IntentView& a, const IntentView& b);

}  // namespace intentlog
