#include "server/feed/history.h"

#include <memory>
#include <optional>
#include <utility>

#include "eventlog/log/block.h"
#include "eventlog/log/packed_block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/planted.h"

namespace intentlog {
namespace {

// Puts blocks together into frames.
class FrameMaker {
 public:
  explicit FrameMaker(const HistoryRequest& request)
      : request_(request),
        from_(request.from),
        room_(FeedRoom(Part(request.limit), request.bytes_max)),
        collected_(room_) {}

  // Events of the block from `begin` on; those before it were taken already.
  void Take(const BlockView& block, size_t begin) {
    if (collected_.bytes() + block.bytes().size() > request_.bytes_max) Flush();
    const bool fills_a_frame = block.bytes().size() >= request_.bytes_max / 2;
    if (fills_a_frame && collected_.size() == 0 && begin == 0 && IsWhole(block)) {
      return Emit({block.last(), block.chain()}, InForm(block.bytes()), block.bytes().size());
    }
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
      if (!block.place(i).in_feed) return false;
    }
    return true;
  }
  // What is wanted of the block, a run of neighbours at a time.
  void Collect(const BlockView& block, size_t begin) {
    const std::optional<uint32_t> scope = block.FindScope(request_.scope);
    const auto wanted = [&](size_t i) {
      const BlockView::Place place = block.place(i);
      return place.in_feed && place.scope == scope;
    };
    size_t end = block.size();
    while (end > begin && block.position(end - 1) > request_.limit.position) --end;
    while (begin < end && block.position(begin) <= from_) ++begin;
    if (Planted(Bug::kHistorySkipsOne) && end - begin > 1) ++begin;
    if (collected_.size() == 0) collected_.Reserve(request_.bytes_max);
    while (begin < end) {
      size_t run_end = begin;
      while (run_end < end && wanted(run_end)) ++run_end;
      if (run_end > begin) collected_.Add(block, begin, run_end);
      begin = run_end + 1;
    }
    through_ = {block.last(), block.chain()};
    if (block.last() >= request_.limit.position) through_ = request_.limit;
  }
  void Flush() {
    if (through_.position <= from_) return;
    if (collected_.size() == 0) return Emit(through_, std::string_view(), 0);
    std::string bytes = collected_.Finish(through_.chain);
    if (request_.form == FeedForm::kPacked) {
      const std::string_view block = std::string_view(bytes).substr(room_);
      return Emit(through_, packer_.Pack(block), block.size());
    }
    if (bytes.size() < bytes.capacity() / 2) bytes.shrink_to_fit();  // it may stay in the cache
    const size_t block_bytes = bytes.size() - room_;
    Push(MakeFeedFrame(Part(through_), room_, std::move(bytes)), block_bytes);
  }
  std::string_view InForm(std::string_view block) {
    return request_.form == FeedForm::kPacked ? packer_.Pack(block) : block;
  }
  void Emit(const FeedPlace& through, std::string_view block, size_t plain_bytes) {
    Push(MakeFeedFrame(Part(through), block), plain_bytes);
  }
  void Push(FeedFrame frame, size_t plain_bytes) {
    through_ = frame.through;
    from_ = through_.position;
    emitted_bytes_ += plain_bytes;
    frames_.push_back(std::move(frame));
  }
  FeedPart Part(const FeedPlace& through) const {
    return {request_.scope, from_, through, request_.epoch_id};
  }

  const HistoryRequest& request_;
  Position from_;
  FeedPlace through_;
  const size_t room_;
  BlockBuilder collected_;
  BlockPacker packer_;
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
