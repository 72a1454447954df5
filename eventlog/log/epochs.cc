#include "eventlog/log/epochs.h"

#include <algorithm>
#include <cstdint>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// The last position of epoch `index`.
uint64_t EndOf(const EpochsOnWire& epochs, int index) {
  return index + 1 < epochs.size() ? epochs[index + 1].first_position() - 1 : UINT64_MAX;
}

}  // namespace

absl::Status CheckEpochs(const EpochsOnWire& epochs) {
  if (epochs.size() > kEpochsMax) {
    return Invalid("a history of ", epochs.size(), " epochs; at most ", kEpochsMax);
  }
  uint64_t first = 1;
  for (int i = 0; i < epochs.size(); ++i) {
    const Epoch& epoch = epochs[i];
    if (epoch.id().size() != EpochId::kSize) {
      return Invalid("a history: the id of epoch ", epoch.number(), " has ", epoch.id().size(),
                     " bytes");
    }
    if (epoch.first_position() < first || (i == 0 && epoch.first_position() != 1)) {
      return Invalid("a history: epoch ", epoch.number(), " begins at ", epoch.first_position(),
                     " where ", first, " is the least");
    }
    first = epoch.first_position();
  }
  return absl::OkStatus();
}

std::optional<Position> SharedThrough(const EpochsOnWire& a, const EpochsOnWire& b) {
  int common = 0;
  while (common < a.size() && common < b.size() && a[common].id() == b[common].id()) ++common;
  if (common == 0) return std::nullopt;
  return Position(std::min(EndOf(a, common - 1), EndOf(b, common - 1)));
}

EpochsOnWire ToWire(const std::vector<Epoch>& epochs) {
  return EpochsOnWire(epochs.begin(), epochs.end());
}

}  // namespace intentlog
