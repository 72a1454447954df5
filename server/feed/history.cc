#include "server/feed/history.h"

#include <memory>
#include <utility>

#include "eventlog/log/block.h"
#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

// Puts blocks together into frames.
class FrameMaker {
 public:
  explicit FrameMaker(const HistoryRequest& request) : request_(request), from_(request.from) {}

  // Events of the block from `begin` on; those before it were taken already.
  void Take(const BlockView& block, size_t begin) {
    const bool whole = begin == 0 && IsWhole(block);
    if (whole && collected_.size() == 0) {
      Emit({block.last(), block.chain()}, block.bytes());
      return;
    }
    if (collected_.bytes() + block.bytes().size() > request_.bytes_max) Flush();
    if (whole && collected_.size() == 0) return Take(block, begin);
    Collect(block, begin);
  }
  size_t bytes() const { return emitted_bytes_ + collected_.bytes(); }
  // Ends with what was read; `at_limit`: nothing follows up to the limit.
  std::vector<FeedFrame> Finish(bool at_limit) {
    if (at_limit) through_ = request_.limit;
    if (at_limit ? from_ < request_.limit.position : collected_.size() > 0 || frames_.empty()) {
      Flush();
    }
    return std::move(frames_);
  }

 private:
  bool IsWhole(const BlockView& block) const {
    if (block.first() <= from_ || block.last() > request_.limit.position) return false;
    if (block.scopes().size() != 1 || block.scopes()[0] != request_.scope) return false;
    for (size_t i = 0; i < block.size(); ++i) {
      if (!block.event(i).in_feed) return false;
    }
    return true;
  }
  void Collect(const BlockView& block, size_t begin) {
    for (size_t i = begin; i < block.size(); ++i) {
      const EventRef event = block.event(i);
      if (event.position > request_.limit.position) break;
      if (event.position > from_ && event.in_feed && event.scope == request_.scope) {
        collected_.Add(event);
      }
    }
    through_ = {block.last(), block.chain()};
    if (block.last() >= request_.limit.position) through_ = request_.limit;
  }
  void Flush() {
    if (through_.position <= from_) return;
    Emit(through_, collected_.size() == 0 ? std::string() : collected_.Finish(through_.chain));
  }
  void Emit(const FeedPlace& through, std::string_view block) {
    frames_.push_back(MakeFeedFrame(request_.scope, from_, through, request_.epoch_id, block));
    emitted_bytes_ += frames_.back().bytes->size();
    from_ = through.position;
    through_ = through;
  }

  const HistoryRequest& request_;
  Position from_;
  FeedPlace through_;
  BlockBuilder collected_;
  std::vector<FeedFrame> frames_;
  size_t emitted_bytes_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<FeedFrame>> ReadHistory(const EventLog& log,
                                                   const HistoryRequest& request) {
  FrameMaker frames(request);
  const std::unique_ptr<BlockReader> reader = log.ReadScope(request.scope, request.from);
  while (frames.bytes() < request.bytes_max) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more || reader->block().first() > request.limit.position) return frames.Finish(true);
    frames.Take(reader->block(), reader->begin());
    if (reader->block().last() >= request.limit.position) return frames.Finish(true);
  }
  return frames.Finish(false);
}

}  // namespace intentlog
