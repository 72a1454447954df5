#include "tools/commands/stats_json.h"

#include "eventlog/log/decision.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

Json StatsJson(const StatsReply& stats) {
  Json decisions = Json::object();
  for (const Decision decision : {ACCEPTED, MERGED, REJECTED, DUPLICATE, CONFLICTED, PARKED}) {
    uint64_t events = 0;
    for (const DecisionCount& count : stats.decisions()) {
      if (count.decision() == decision) events += count.events();
    }
    decisions[DecisionWord(decision)] = events;
  }
  Json json;
  json["head"] = stats.head();
  json["view_position"] = stats.view_position();
  json["decisions"] = std::move(decisions);
  json["device_logs"] = stats.device_logs();
  json["entities"] = stats.entities();
  json["sessions"] = stats.sessions();
  json["epoch_number"] = stats.epoch_number();
  json["epoch_id"] = UuidText(stats.epoch_id());
  json["chain"] = Hex(stats.chain());
  if (stats.has_healing()) {
    const Healing& healing = stats.healing();
    json["healing"] = {{"over", healing.ends_us() == 0},
                       {"returned", healing.returned()},
                       {"waiting", healing.waiting()},
                       {"next_lost_position", healing.next()},
                       {"last_lost_position", healing.through()}};
  }
  return json;
}

}  // namespace intentlog
