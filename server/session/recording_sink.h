// A RecordingSink is a FrameSink that keeps what it is given, parsed, for tests. Its transport
// takes everything at once, or holds it back until told.
//
//   RecordingSink sink;
//   auto connection = server->Accept(sink);
//   connection->OnFrame(hello);
//   executor.RunUntilIdle();
//   EXPECT_TRUE(sink.frames()[0].has_welcome());
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "proto/sync.pb.h"
#include "server/session/frame_sink.h"

namespace intentlog {

// Thread-compatible.
class RecordingSink final : public FrameSink {
 public:
  void Send(SharedFrame frame) override {
    INTENTLOG_CHECK(!closed_);
    frames_.emplace_back();
    INTENTLOG_CHECK(frames_.back().ParseFromString(*frame));
    bytes_.push_back(frame);
    if (holding_) unsent_bytes_ += frame->size();
  }
  size_t unsent_bytes() const override { return unsent_bytes_; }
  void InputProcessed() override { ++inputs_processed_; }
  void Close() override { closed_ = true; }

  // Takes nothing from now on: what is sent stays unsent.
  void Hold() { holding_ = true; }
  // Takes all of it; the caller then tells the connection.
  void Release() {
    holding_ = false;
    unsent_bytes_ = 0;
  }

  const std::vector<ServerFrame>& frames() const { return frames_; }
  // As they were sent: equal pointers are frames that are shared.
  const std::vector<SharedFrame>& bytes() const { return bytes_; }
  std::vector<ServerFrame> Take() {
    bytes_.clear();
    return std::exchange(frames_, {});
  }
  bool closed() const { return closed_; }
  int inputs_processed() const { return inputs_processed_; }

 private:
  std::vector<ServerFrame> frames_;
  std::vector<SharedFrame> bytes_;
  size_t unsent_bytes_ = 0;
  int inputs_processed_ = 0;
  bool holding_ = false;
  bool closed_ = false;
};

}  // namespace intentlog
