// A DigestCheck compares the server's digests of read models with this device's own, and counts. It
// remembers the device's last 16 per projection and scope, because the server speaks of a moment
// that may have passed here; a digest of a moment to come waits for it.
//
// Thread-compatible. Pure: no store, no clock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "eventlog/runtime/numbers.h"
#include "projections/engine/read_models.h"
#include "proto/sync.pb.h"

namespace intentlog {

class DigestCheck {
 public:
  // Scopes times projections that are remembered; a device beyond it compares less.
  static constexpr size_t kPairsMax = 4096;
  static constexpr size_t kRemembered = 16;

  enum class Result { kEqual, kUnequal, kNotComparable, kWaiting };

  // The read models of `projection` reached this state.
  void Reached(const std::string& projection, const ScopeState& state);
  // The server's word. Not comparable if it folds by other code: of another version, or of another
  // fingerprint where both tell theirs. Compared now, or when Reached comes to its position.
  Result Compare(const Digest& digest, uint32_t own_version, const std::string& own_fingerprint);
  // Positions mean something else from now on.
  void Forget() {
    reached_.clear();
    waiting_.clear();
  }
  // What a server said in a former session of a moment to come: it may have been restored
  // meanwhile.
  void ForgetWaiting() { waiting_.clear(); }
  // Whether a digest waits for exactly this position of the scope: a fold stops there.
  bool WaitsFor(std::string_view scope, Position position) const;

  uint64_t equal() const { return equal_; }
  uint64_t unequal() const { return unequal_; }

 private:
  using Pair = std::pair<std::string, std::string>;  // scope, projection
  struct Moment {
    Position position;
    std::string digest;
  };
  Result Count(const std::string& own, const std::string& other);

  std::map<Pair, std::deque<Moment>> reached_;
  std::map<Pair, Moment> waiting_;
  uint64_t equal_ = 0;
  uint64_t unequal_ = 0;
};

}  // namespace intentlog
