#include "client/sync/digest_check.h"

namespace intentlog {

void DigestCheck::Reached(const std::string& projection, const ScopeState& state) {
  const Pair pair(state.scope, projection);
  if (reached_.size() >= kPairsMax && reached_.count(pair) == 0) return;
  std::deque<Moment>& moments = reached_[pair];
  if (!moments.empty() && moments.back().position >= state.position) return;
  moments.push_back({state.position, state.digest.Bytes()});
  if (moments.size() > kRemembered) moments.pop_front();

  const auto waiting = waiting_.find(pair);
  if (waiting == waiting_.end() || waiting->second.position > state.position) return;
  if (waiting->second.position == state.position) {
    Count(moments.back().digest, waiting->second.digest);
  }
  waiting_.erase(waiting);
}

DigestCheck::Result DigestCheck::Compare(const Digest& digest, uint32_t own_version,
                                         const std::string& own_fingerprint) {
  const bool told = !digest.fingerprint().empty() && !own_fingerprint.empty();
  if (digest.version() != own_version || (told && digest.fingerprint() != own_fingerprint)) {
    return Result::kNotComparable;
  }
  const Pair pair(digest.scope(), digest.projection());
  const Position position(digest.position());
  const auto reached = reached_.find(pair);
  if (reached != reached_.end()) {
    for (const Moment& moment : reached->second) {
      if (moment.position == position) return Count(moment.digest, digest.digest());
    }
    if (reached->second.back().position > position) return Result::kNotComparable;
  }
  if (waiting_.size() < kPairsMax || waiting_.count(pair) > 0) {
    waiting_[pair] = {position, digest.digest()};
  }
  return Result::kWaiting;
}

bool DigestCheck::WaitsFor(std::string_view scope, Position position) const {
  for (auto at = waiting_.lower_bound({std::string(scope), std::string()});
       at != waiting_.end() && at->first.first == scope; ++at) {
    if (at->second.position == position) return true;
  }
  return false;
}

DigestCheck::Result DigestCheck::Count(const std::string& own, const std::string& other) {
  const bool same = own == other;
  ++(same ? equal_ : unequal_);
  return same ? Result::kEqual : Result::kUnequal;
}

}  // namespace intentlog
