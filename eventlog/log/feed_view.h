// A FeedView is a Feed as it came over the wire: views into the frame's bytes, so that its block is
// read where it lies. Values; the bytes must outlive them.
//
// What the fields mean, and that they are sound, is for the caller to check: `scope` may hold any
// bytes, and the block is one only if BlockView::Parse says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"

namespace intentlog {

struct FeedView {
  std::string_view scope;
  uint64_t from = 0;
  uint64_t through = 0;
  std::string_view chain;
  std::string_view epoch_id;
  std::string_view block;  // empty where nothing happened
};

// The Feed in `server_frame`; nothing if it holds another frame. INVALID_ARGUMENT if it is no
// frame. Never reads outside the bytes.
absl::StatusOr<std::optional<FeedView>> ParseFeedFrame(std::string_view server_frame);

}  // namespace intentlog
