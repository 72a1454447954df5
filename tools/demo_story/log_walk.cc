#include "tools/demo_story/log_walk.h"

#include <algorithm>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// Counts above this in one device log are not from a story; they must not take memory either.
constexpr uint64_t kCountMax = uint64_t{1} << 28;

const std::vector<uint8_t>& TimesOf(const std::map<std::string, std::vector<uint8_t>>& times,
                                    const std::string& log_id) {
  static const std::vector<uint8_t>* const kNone = new std::vector<uint8_t>;
  for (const auto& [id, counts] : times) {
    if (Hex(id) == log_id) return counts;
  }
  return *kNone;
}

}  // namespace

absl::Status LogWalk::Read(const ReaderClient& reader) {
  Header header;
  absl::Status status;
  RETURN_IF_ERROR(reader.ReadEvents({}, [&](const EventRef& event, Position) {
    if (!header.ParseFromArray(event.header.data(), static_cast<int>(event.header.size()))) {
      status = DataLoss("the header at position ", event.position, " does not parse");
      return false;
    }
    Add(header);
    return true;
  }));
  return status;
}

void LogWalk::Add(const Header& header) {
  ++events_;
  if (header.has_was()) ++returned_;
  if (header.has_was() && header.was().position() == header.position()) ++as_they_were_;
  if (header.settlement_of() != 0) {
    ++settlements_;
    return;
  }
  const auto decision = static_cast<size_t>(header.decision());
  if (decision < decided_.size()) ++decided_[decision];
  if (header.count() == 0 || header.count() > kCountMax) return;
  std::vector<uint8_t>& times = times_[header.log_id()];
  if (times.size() < header.count()) times.resize(header.count());
  uint8_t& seen = times[header.count() - 1];
  if (seen < 255) ++seen;
}

uint64_t LogWalk::Lost(const std::string& log_id, uint64_t acknowledged) const {
  const std::vector<uint8_t>& times = TimesOf(times_, log_id);
  uint64_t lost = acknowledged > times.size() ? acknowledged - times.size() : 0;
  for (size_t i = 0; i < std::min<size_t>(acknowledged, times.size()); ++i) lost += times[i] == 0;
  return lost;
}

uint64_t LogWalk::Doubled(const std::string& log_id) const {
  const std::vector<uint8_t>& times = TimesOf(times_, log_id);
  return static_cast<uint64_t>(
      std::count_if(times.begin(), times.end(), [](uint8_t n) { return n > 1; }));
}

}  // namespace intentlog
