// What one turn of an Outbox holds while it writes. Private to this folder.
#pragma once

#include <array>
#include <condition_variable>
#include <vector>

#include "client/outbox/outbox.h"

namespace intentlog {

// A thread inside Append or Settle, waiting for its turn or for the leader.
struct Outbox::Writer {
  absl::Span<const EncodedIntent> intents;  // empty: wants the turn for itself
  PriorityClass priority = kPlainClass;
  bool durable = false;
  size_t bytes = 0;

  // Set by the leader before `done`.
  absl::Status status;
  AppendResult result;

  bool done = false;  // protected by mutex_
  std::condition_variable ready;
};

// One write for several writers.
struct Outbox::Group {
  StoreBatch batch;
  std::array<Count, kClasses> last;
  std::array<ChainValue, kClasses> hashes = {};
  std::array<uint64_t, kClasses> bytes = {};  // that the logs grow by
  bool durable = false;
  absl::Status room;  // whether the disk takes new intents; what is recorded already needs none
  uint64_t room_bytes = 0;  // that this was asked for
  IntentId made_max;
  std::vector<Writer*> fresh;
};

// The turn to write, held alone. Waits for it.
class Outbox::Turn {
 public:
  explicit Turn(Outbox& outbox);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Outbox& outbox_;
  Writer writer_;
};

}  // namespace intentlog
