// How the story "conflicts" is told: in words for people, and as one document for programs.
#include <algorithm>
#include <cstdio>
#include <string>

#include "eventlog/runtime/text.h"
#include "tools/commands/table.h"
#include "tools/commands/terminal.h"
#include "tools/demo_story/story_conflicts.h"
#include "tools/import/amounts.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

void Say(const std::string& text) { std::printf("%s\n", text.c_str()); }
void Headline(const std::string& text) { Say(Cat("\n", Paint(text, Colour::kBold))); }

std::string Who(int who) {
  return who == 1 ? "front till" : who == 2 ? "stall" : who == 3 ? "van" : Cat("till ", who);
}

// What a decision means to a shopkeeper.
std::string Means(const std::string& decision) {
  if (decision == "accepted") return "stands";
  if (decision == "merged") return "counts, too";
  if (decision == "duplicate") return "known already";
  if (decision == "conflicted") return "a person decides";
  if (decision == "parked") return "waits its turn";
  return decision == "rejected" ? "is refused" : decision;
}

void TellApart(const ConflictsResult& result) {
  Headline("1  In the morning everybody hears everybody. Then two drive off.");
  Say("The front till stays online. A market stall and a van have no line all day, and the van's");
  Say("clock is 40 minutes wrong. All three go on working; nobody is asked to wait.");
  Table table({"who", "does", "meanwhile the front till"});
  for (const Deed& deed : result.deeds) {
    if (!deed.meanwhile.empty()) table.Add({Who(deed.who), deed.words, deed.meanwhile});
  }
  table.Print();
}

void TellBack(const ConflictsResult& result) {
  Headline("2  In the evening they are back. Nothing was lost; this is what became of it:");
  Table table({"who", "does", "and that", "because"});
  for (const Deed& deed : result.deeds) {
    if (deed.because.empty()) continue;
    // A merged one of which the server says why has lost against another.
    const bool lost = deed.when_back == "merged" && !deed.why.empty();
    table.Add(
        {Who(deed.who), deed.words, lost ? "gives way" : Means(deed.when_back), deed.because});
  }
  table.Print();
  Say("Everything else stands as it was recorded.");
}

void TellDecisions(const ConflictsResult& result) {
  Headline("3  People decide what only people can. The stall's till shows, side by side:");
  std::printf("%s", result.side_by_side.c_str());
  Say(Cat("Of the price after it, 1.60, the till says: ", result.why, "."));
  Say("");
  Say("The front till puts 1.40 in place of 1.50 and drops the tea for the cancelled order; the");
  Say("stall lets its credit count and hands in voucher A for the order that had it; the van lets");
  Say("its count stand and gives voucher B up. What had waited follows by itself:");
  Table table({"who", "did", "was", "and now"});
  for (const Deed& deed : result.deeds) {
    if (deed.at_last == deed.when_back) continue;
    table.Add({Who(deed.who), deed.words, Means(deed.when_back), Means(deed.at_last)});
  }
  table.Print();
  Say("");
  Say("About the van's 1.90, two people decide before they hear of each other. The front till "
      "drops");
  Say(Cat("it and comes first; the stall is told: ", result.told, "."));
}

void TellHoldings(const ConflictsResult& result) {
  Headline("4  What everybody holds now");
  Table table({"device", "recorded", "accepted", "merged", "rejected", "duplicate", "conflicted",
               "parked", "lost", "doubled", "views equal"});
  for (size_t i = 0; i < result.devices.size(); ++i) {
    const StoryDevice& device = result.devices[i];
    std::vector<std::string> row = {Cat(device.id, " ", Who(device.index)), Cat(device.recorded)};
    for (const char* const decision :
         {"accepted", "merged", "rejected", "duplicate", "conflicted", "parked"}) {
      const auto found = result.standing[i].find(decision);
      row.push_back(Cat(found == result.standing[i].end() ? 0 : found->second));
    }
    row.insert(row.end(), {Cat(device.lost), Cat(device.doubled),
                           Cat(device.digests_equal, " of ", device.digests)});
    table.Add(std::move(row));
  }
  table.Print();
  Say("Resolving, amending and dismissing are recorded, too. One thing is still open on purpose: "
      "the");
  Say("number of order 21, which two customers have; the till says so until somebody decides.");
}

}  // namespace

void PrintConflicts(const ConflictsResult& result) {
  Say(Paint(Cat("A day of a shop that disagrees with itself: ", result.devices.size(),
                " devices, one server"),
            Colour::kBold));
  TellApart(result);
  TellBack(result);
  TellDecisions(result);
  TellHoldings(result);
  const double total = result.seconds.empty() ? 0 : result.seconds.back().second;
  if (result.problems.empty()) {
    return Say(Cat("\n", Paint("All is well: ", Colour::kGreen), "nothing lost, nothing doubled, ",
                   "every disagreement was found, ", "everybody holds the same. ",
                   SecondsText(total), " in all."));
  }
  Say(Cat("\n",
          Paint(Cat("NOT AS IT MUST BE: ", result.problems.size(), " problems"), Colour::kRed)));
  for (const std::string& problem : result.problems) Say(Cat("  ", problem));
}

Json ConflictsJson(const ConflictsResult& result) {
  Json json = {{"story", "conflicts"},
               {"seed", result.options.seed},
               {"converged", result.problems.empty()},
               {"lost", result.Sum(&StoryDevice::lost)},
               {"doubled", result.Sum(&StoryDevice::doubled)}};
  for (const char* const word :
       {"accepted", "merged", "rejected", "duplicate", "conflicted", "parked"}) {
    const auto found = result.decisions.find(word);
    json["decisions"][word] = found == result.decisions.end() ? 0 : found->second;
  }
  json["settled"] = result.settlements;
  json["open"] = {{"conflicted", result.Sum(&StoryDevice::conflicted)},
                  {"parked", result.Sum(&StoryDevice::parked)}};
  json["states"] = {{"synced", result.Sum(&StoryDevice::synced)},
                    {"pending", result.Sum(&StoryDevice::pending)},
                    {"failed", result.Sum(&StoryDevice::failed)},
                    {"conflicted", result.Sum(&StoryDevice::conflicted)}};
  json["devices"] = Json::array();
  for (size_t i = 0; i < result.devices.size(); ++i) {
    const StoryDevice& device = result.devices[i];
    json["devices"].push_back(
        {{"id", device.id},
         {"recorded", device.recorded},
         {"synced", device.synced},
         {"pending", device.pending},
         {"failed", device.failed},
         {"conflicted", device.conflicted},
         {"acknowledged", device.acknowledged},
         {"standing", result.standing[i]},
         {"lost", device.lost},
         {"doubled", device.doubled},
         {"digests", {{"compared", device.digests}, {"equal", device.digests_equal}}}});
  }
  json["deeds"] = Json::array();
  for (const Deed& deed : result.deeds) {
    json["deeds"].push_back({{"device", Cat("device-", deed.who)},
                             {"words", deed.words},
                             {"decision", deed.when_back},
                             {"why", deed.why},
                             {"at_last", deed.at_last}});
  }
  json["views"] = result.views;
  json["seconds"] = Json::object();
  for (const auto& [name, seconds] : result.seconds) json["seconds"][name] = seconds;
  json["problems"] = result.problems;
  return json;
}

}  // namespace intentlog
