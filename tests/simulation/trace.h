// A Trace is what happened in a simulated run, a line each: hashed as it comes, so that two runs of
// one seed can be compared, and printed for people who replay a seed.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/time/time.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/text.h"

namespace intentlog::simulation {

class Trace {
 public:
  explicit Trace(const ManualClock& clock) : clock_(clock), began_(clock.Passed()) {}

  // Prints what comes from now on.
  void Tell() { told_ = true; }
  bool told() const { return told_; }

  // At this time `node` did `what`, with these bytes or numbers.
  template <class... Parts>
  void Step(std::string_view node, std::string_view what, const Parts&... parts) {
    ++steps_;
    Mix(static_cast<uint64_t>(absl::ToInt64Nanoseconds(clock_.Passed())));
    Mix(node);
    Mix(what);
    (Mix(parts), ...);
    if (told_) Print(node, Cat(what, parts...));
  }
  // Hashed alone: too long to be printed.
  void Bytes(std::string_view bytes) { Mix(bytes); }

  uint64_t hash() const { return hash_; }
  uint64_t steps() const { return steps_; }

 private:
  void Mix(uint64_t number);
  void Mix(std::string_view bytes);
  void Print(std::string_view node, std::string_view text) const;

  const ManualClock& clock_;
  const absl::Duration began_;
  uint64_t hash_ = 0x9e3779b97f4a7c15;
  uint64_t steps_ = 0;
  bool told_ = false;
};

}  // namespace intentlog::simulation
