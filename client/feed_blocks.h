// Walks the blocks of feed that a device keeps.
//
//   kLog  'f' scope NUL last position (8) → block of the scope's feed, as received: packed or plain
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/block.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/store/store.h"

namespace intentlog {

// Key of a feed block. `position` is the block's last.
std::string FeedKey(std::string_view scope, Position position);

// Calls use(block, bytes) for each block of the scope that ends at or above `from`, in order, until
// it returns false or an error; `bytes` are what it takes in the store. DATA_LOSS names the scope
// of a damaged block.
using UseBlock = absl::FunctionRef<absl::StatusOr<bool>(const BlockView& block, size_t bytes)>;
absl::Status ForEachFeedBlock(const Store& store, std::string_view scope, Position from,
                              UseBlock use);

}  // namespace intentlog
