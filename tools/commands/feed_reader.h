// A FeedReader walks the events that a device received, of all scopes together, in position order.
// Thread-compatible; the store must outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eventlog/log/block.h"
#include "eventlog/store/store.h"

namespace intentlog {

class FeedReader {
 public:
  // `scopes`: those that the device has a cursor of.
  FeedReader(const Store& store, const std::vector<std::string>& scopes, Position from);
  ~FeedReader();

  // The next event, valid until the next call; null at the end. DATA_LOSS names a damaged block.
  absl::StatusOr<const EventRef*> Next();
  uint64_t blocks() const { return blocks_; }

 private:
  struct Lane;
  absl::Status Advance(Lane& lane);

  const Position from_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  Lane* given_ = nullptr;  // whose event was given last
  bool started_ = false;
  uint64_t blocks_ = 0;
};

}  // namespace intentlog
