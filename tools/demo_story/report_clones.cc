// How the story "clones" is told: in words for people, and as one document for programs.
#include <cstdio>
#include <string>

#include "eventlog/runtime/text.h"
#include "tools/commands/table.h"
#include "tools/commands/terminal.h"
#include "tools/demo_story/story_clones.h"
#include "tools/import/amounts.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kIdShown = 8;

void Say(const std::string& text) { std::printf("%s\n", text.c_str()); }
void Headline(const std::string& text) { Say(Cat("\n", Paint(text, Colour::kBold))); }
std::string Number(uint64_t n) { return Grouped(static_cast<int64_t>(n)); }
std::string IdOf(const Json& name) { return name.value("log_id", "").substr(0, kIdShown); }

// "3fa2b1c0 after 27", or where it began.
std::string LogText(const Json& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i == 0) {
      text = IdOf(names[i]);
    } else {
      text += Cat(", after ", names[i].value("after", uint64_t{0}), " records ", IdOf(names[i]));
    }
  }
  return text;
}

void TellCopies(const ClonesResult& result) {
  Headline("1  One phone becomes three.");
  Say(Cat("In the morning ", result.options.devices,
          " shops sell and sync. Then the phone of the"));
  Say("second one is backed up. It goes off line and sells 3 times more; then its disk is copied "
      "to a");
  Say(Cat("new phone, with the ", result.shared,
          " sales that wait on it. Both phones sell 5 times "
          "offline, come back at the"));
  Say("same time, and go on selling while they sync. At last somebody restores the old backup to "
      "a");
  Say("third phone: it has less than the server, sells 8 times, and syncs, too.");
}

void TellLogs(const ClonesResult& result) {
  Headline("2  Each goes on in a log of its own.");
  Table table({"device", "log", "why it left the one that they had in common"});
  for (size_t i = 0; i < result.devices.size(); ++i) {
    const Json& names = result.names[i];
    if (names.size() < 2 && result.devices[i].index != 2) continue;
    table.Add({result.devices[i].id, LogText(names),
               names.size() < 2 ? "it stays: the server took its sales first"
                                : names.back().value("why", "")});
  }
  table.Print();
  Say(Cat("The server calls them: ", result.installations.dump()));
  for (const Json& fork : result.refused) {
    Say(Cat("What it refused, for an operator to see: count ", fork.value("count", uint64_t{0}),
            " of log ", IdOf(fork), ", ", fork.value("entity", "")));
  }
}

void TellHoldings(const ClonesResult& result) {
  Headline("3  What everybody holds now");
  Table table({"device", "acknowledged", "synced", "pending", "failed", "conflicted", "lost",
               "doubled", "digests equal"});
  for (const StoryDevice& device : result.devices) {
    table.Add({device.id, Number(device.acknowledged), Number(device.synced),
               Number(device.pending), Number(device.failed), Number(device.conflicted),
               Number(device.lost), Number(device.doubled),
               Cat(device.digests_equal, " of ", device.digests)});
  }
  table.Print();
  Say(Cat("Different intents that somebody was told are safe: ", Number(result.unique),
          ". Events in the server's log: ", Number(result.events), "."));
  Say(Cat("Head office and the server hold the same rows in ", result.views_equal, " of ",
          result.views.size(), " views."));
}

}  // namespace

void PrintClones(const ClonesResult& result) {
  Say(Paint("Three phones that believe they are one", Colour::kBold));
  TellCopies(result);
  TellLogs(result);
  TellHoldings(result);
  const double total = result.seconds.empty() ? 0 : result.seconds.back().second;
  if (result.problems.empty()) {
    return Say(Cat("\n", Paint("All is well: ", Colour::kGreen),
                   "nothing lost, nothing doubled, everybody holds the same. ", SecondsText(total),
                   " in all."));
  }
  Say(Cat("\n",
          Paint(Cat("NOT AS IT MUST BE: ", result.problems.size(), " problems"), Colour::kRed)));
  for (const std::string& problem : result.problems) Say(Cat("  ", problem));
}

Json ClonesJson(const ClonesResult& result) {
  Json json = {{"story", "clones"},           {"seed", result.options.seed},
               {"data", result.options.data}, {"converged", result.problems.empty()},
               {"lost", result.lost},         {"doubled", result.doubled},
               {"intents", result.unique},    {"events", result.events}};
  for (const auto& [word, count] : result.decisions) json["decisions"][word] = count;
  uint64_t synced = 0, pending = 0, failed = 0, conflicted = 0, parked = 0;
  json["devices"] = Json::array();
  for (size_t i = 0; i < result.devices.size(); ++i) {
    const StoryDevice& device = result.devices[i];
    synced += device.synced;
    pending += device.pending;
    failed += device.failed;
    conflicted += device.conflicted;
    parked += device.parked;
    json["devices"].push_back(
        {{"id", device.id},
         {"recorded", device.recorded},
         {"synced", device.synced},
         {"pending", device.pending},
         {"failed", device.failed},
         {"conflicted", device.conflicted},
         {"acknowledged", device.acknowledged},
         {"lost", device.lost},
         {"doubled", device.doubled},
         {"logs", result.names[i]},
         {"digests", {{"compared", device.digests}, {"equal", device.digests_equal}}}});
  }
  json["open"] = {{"conflicted", conflicted}, {"parked", parked}};
  json["states"] = {
      {"synced", synced}, {"pending", pending}, {"failed", failed}, {"conflicted", conflicted}};
  json["installations"] = result.installations;
  json["refused"] = result.refused;
  json["views"] = result.views;
  json["seconds"] = Json::object();
  for (const auto& [name, seconds] : result.seconds) json["seconds"][name] = seconds;
  json["problems"] = result.problems;
  return json;
}

}  // namespace intentlog
