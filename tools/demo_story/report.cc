#include "tools/demo_story/report.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "eventlog/runtime/text.h"
#include "tools/commands/table.h"
#include "tools/commands/terminal.h"
#include "tools/import/amounts.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kDevicesShown = 10;
constexpr size_t kProblemsShown = 8;
constexpr size_t kDigestShown = 12;

std::string Number(uint64_t n) { return Grouped(static_cast<int64_t>(n)); }

std::string Rate(uint64_t n, double seconds) {
  return seconds > 0 ? Cat(Number(static_cast<uint64_t>(static_cast<double>(n) / seconds)), "/s")
                     : "at once";
}

void Say(const std::string& text) { std::printf("%s\n", text.c_str()); }

void Headline(const std::string& text) { Say(Cat("\n", Paint(text, Colour::kBold))); }

bool IsShop(const StoryDevice& device) { return device.index > 0; }

// ---- the four parts

void TellOffline(const StoryResult& result) {
  const OrderFigures& figures = result.figures;
  const double seconds = result.SecondsOf("record");
  const std::string source = result.options.data.empty()
                                 ? Cat("a made-up day (seed ", result.options.seed, ")")
                                 : result.options.data;
  Headline("1  The line is down. The shops go on selling.");
  Say(Cat(result.options.devices, " tills record ", source, " at the same time, each on its own",
          " disk and without a server:"));
  Say(Cat(Number(figures.rows()), " order lines of ", Number(figures.invoices()), " invoices, ",
          Number(figures.customers()), " customers, ", Number(figures.stock_codes()), " products, ",
          MillsText(figures.revenue_mills(), result.options.currency), "."));
  Say(Cat(Number(result.intents), " intents acknowledged in ", SecondsText(seconds), ", ",
          Rate(result.intents, seconds), ". Still offline, each till reads its own work back:"));
  Table table({"till", "invoices", "lines", "units", "revenue", "as rung up"});
  size_t shown = 0;
  for (const StoryDevice& device : result.devices) {
    if (!IsShop(device) || ++shown > kDevicesShown) continue;
    table.Add({device.id, Number(device.orders_read_back), Grouped(device.read_back.lines),
               Grouped(device.read_back.units),
               MillsText(device.read_back.mills, result.options.currency),
               device.read_back == device.expected ? "yes" : "NO"});
  }
  table.Print();
  if (shown > kDevicesShown) Say(Cat("… and ", shown - kDevicesShown, " more"));
}

void TellDisaster(const StoryDisaster& disaster) {
  Headline("2  The line is back, and then the server's disk is gone.");
  Say(Cat("A server comes up; some tills sync, others, with ", Number(disaster.offline),
          " intents, stay offline."));
  Say(Cat("At ", Number(disaster.backed_up), " events it is backed up while it works. At ",
          Number(disaster.had), " it is killed, and its data deleted: ",
          Number(disaster.had - disaster.backed_up), " events that tills"));
  Say(Cat(
      "had their receipts for are nowhere but on tills. Restored from the backup and back after ",
      SecondsText(disaster.back_after_seconds), ", the server gets"));
  Say(Cat(Number(disaster.returned), " events back of which tills say where they had been; ",
          Number(disaster.as_they_were), " have exactly that place again. Then comes the rest."));
}

void TellSync(const StoryResult& result) {
  const double seconds = result.SecondsOf("sync");
  if (result.disaster) {
    TellDisaster(*result.disaster);
  } else {
    Headline("2  The line is back, the weather is not.");
    Say(Cat("A server comes up and all ", result.options.devices, " tills sync at the same time."));
  }
  for (const StoryBlow& blow : result.blows) {
    const std::string back = SecondsText(blow.back_after_seconds);
    Say(Cat("  SIGKILL hits ", blow.who == "server" ? "the server" : blow.who, " when ",
            Number(blow.answered), " of ", blow.who == "server" ? "all " : "its ", Number(blow.of),
            " intents are in; started again, back after ", back));
  }
  Say(Cat("Everything is in after ", SecondsText(seconds),
          ", outages included: ", Rate(result.intents, seconds)));
  for (const StoryDevice& device : result.devices) {
    if (IsShop(device)) continue;
    const double catch_up = result.SecondsOf("catch_up");
    Say(Cat("A device that was never there before joins and asks for everything: ",
            Number(result.log_events), " events"));
    Say(Cat("folded into ", result.views.size(), " views after ", SecondsText(catch_up), ", ",
            Rate(result.log_events, catch_up), ", with at most ", device.memory_peak_kib / 1024,
            " MiB of memory."));
  }
}

void TellHoldings(const StoryResult& result) {
  Headline("3  What everybody holds now");
  Table table({"device", "recorded", "synced", "pending", "failed", "conflicted", "lost", "doubled",
               "digests equal"});
  size_t shown = 0;
  for (const StoryDevice& device : result.devices) {
    if (++shown > kDevicesShown && IsShop(device)) continue;
    table.Add({device.id, Number(device.recorded), Number(device.synced), Number(device.pending),
               Number(device.failed), Number(device.conflicted), Number(device.lost),
               Number(device.doubled), Cat(device.digests_equal, " of ", device.digests)});
  }
  table.Print();
  Say(Cat("The server's log, walked from its first event to its last, has ",
          Number(result.log_events), ":"));
  Say(Cat("  ", Number(result.accepted), " accepted, ", Number(result.merged), " merged, ",
          Number(result.conflicted), " conflicted, ", Number(result.rejected), " rejected, ",
          Number(result.duplicate), " duplicate, ", Number(result.parked), " parked"));
  if (result.conflicted > 0) {
    Say(Cat(result.conflicted, " prices were set by two shops that did not know of each other: ",
            "the first stands, the other waits for a person."));
  }
  Say(Cat("Acknowledged and lost: ", result.lost, ". In the log twice: ", result.doubled, "."));
}

void TellViews(const StoryResult& result) {
  Headline("4  The same read models everywhere");
  Table table({"view", "keys", "server (sha256)", "head office", "newcomer", "tills", "as put in"});
  const auto same = [](const std::string& a, const std::string& b) {
    return std::string(a.empty() ? "-" : a == b ? "equal" : "DIFFERENT");
  };
  for (const StoryView& view : result.views) {
    table.Add({view.name, Number(view.keys), view.server.substr(0, kDigestShown),
               same(view.head_office, view.server), same(view.newcomer, view.server),
               Cat(view.digests_equal, " of ", view.digests, " equal"),
               same(view.expected, view.server)});
  }
  table.Print();
}

void TellGolden(const StoryResult& result) {
  if (!result.no_golden.empty()) return Say(Cat("golden figures: ", result.no_golden));
  const auto equal = std::count_if(result.golden.begin(), result.golden.end(),
                                   [](const Comparison& one) { return one.equal; });
  Headline(Cat("5  Golden figures: ", equal, " of ", result.golden.size(), " equal"));
  Table table({"figure", "golden", "computed", ""});
  for (const Comparison& one : result.golden) {
    const bool famous = one.figure == "rows" || one.figure == "invoices" ||
                        one.figure == "customers" || one.figure == "countries" ||
                        one.figure == "stock_codes" || one.figure == "units_net" ||
                        one.figure == "revenue_mills" || one.figure.ends_with(".sha256");
    if (!famous && one.equal) continue;
    table.Add({one.figure, one.golden.substr(0, kDigestShown), one.computed.substr(0, kDigestShown),
               one.equal ? "equal" : "DIFFERENT"});
  }
  table.Print();
}

void TellEnd(const StoryResult& result) {
  if (result.converged()) {
    Say(Cat("\n", Paint("All is well: ", Colour::kGreen), "nothing lost, nothing doubled, ",
            "everybody holds the same. ", SecondsText(result.SecondsOf("total")), " in all."));
    return;
  }
  Say(Cat("\n", Paint(Cat("NOT CONVERGED: ", result.problems.size(), " problems"), Colour::kRed)));
  for (size_t i = 0; i < std::min(result.problems.size(), kProblemsShown); ++i) {
    Say(Cat("  ", result.problems[i]));
  }
  if (result.problems.size() > kProblemsShown) Say("  …");
}

// ---- JSON

Json DevicesJson(const StoryResult& result) {
  Json devices = Json::array();
  for (const StoryDevice& device : result.devices) {
    devices.push_back({{"id", device.id},
                       {"recorded", device.recorded},
                       {"synced", device.synced},
                       {"pending", device.pending},
                       {"failed", device.failed},
                       {"conflicted", device.conflicted},
                       {"acknowledged", device.acknowledged},
                       {"lost", device.lost},
                       {"doubled", device.doubled},
                       {"read_offline",
                        {{"orders", device.orders_read_back},
                         {"lines", device.read_back.lines},
                         {"units", device.read_back.units},
                         {"revenue_mills", device.read_back.mills}}},
                       {"digests", {{"compared", device.digests}, {"equal", device.digests_equal}}},
                       {"memory_peak_kib", device.memory_peak_kib},
                       {"views", device.views}});
  }
  return devices;
}

Json ViewsJson(const StoryResult& result) {
  Json views = Json::object();
  for (const StoryView& view : result.views) {
    Json& json = views[view.name];
    json = {{"keys", view.keys},
            {"sha256", view.server},
            {"head_office_sha256", view.head_office},
            {"newcomer_sha256", view.newcomer},
            {"digests", {{"compared", view.digests}, {"equal", view.digests_equal}}},
            {"equal", view.equal}};
    if (!view.expected.empty()) json["expected_sha256"] = view.expected;
  }
  return views;
}

Json GoldenJson(const StoryResult& result) {
  if (!result.no_golden.empty()) return result.no_golden;
  Json golden = {{"equal", std::all_of(result.golden.begin(), result.golden.end(),
                                       [](const Comparison& one) { return one.equal; })},
                 {"compared", Json::array()},
                 {"not_compared", result.golden_not_compared}};
  for (const Comparison& one : result.golden) {
    golden["compared"].push_back({{"figure", one.figure},
                                  {"golden", one.golden},
                                  {"computed", one.computed},
                                  {"equal", one.equal}});
  }
  return golden;
}

Json StatesJson(const StoryResult& result) {
  uint64_t synced = 0, pending = 0, failed = 0, conflicted = 0;
  for (const StoryDevice& device : result.devices) {
    synced += device.synced;
    pending += device.pending;
    failed += device.failed;
    conflicted += device.conflicted;
  }
  return {{"synced", synced}, {"pending", pending}, {"failed", failed}, {"conflicted", conflicted}};
}

}  // namespace

void PrintStory(const StoryResult& result) {
  Say(Paint(Cat(result.disaster ? "A disaster: " : "A market day: ", result.options.devices,
                " shops, ", result.disaster ? "a dead disk" : "bad weather", ", one server"),
            Colour::kBold));
  TellOffline(result);
  TellSync(result);
  TellHoldings(result);
  TellViews(result);
  TellGolden(result);
  TellEnd(result);
}

nlohmann::ordered_json StoryJson(const StoryResult& result) {
  uint64_t open_parked = 0, open_conflicted = 0;
  for (const StoryDevice& device : result.devices) {
    open_parked += device.parked;
    open_conflicted += device.conflicted;
  }
  Json json = {{"story", result.options.story}, {"seed", result.options.seed},
               {"data", result.options.data},   {"converged", result.converged()},
               {"lost", result.lost},           {"doubled", result.doubled},
               {"intents", result.intents}};
  for (const char* figure : {"rows", "invoices", "customers", "countries", "stock_codes",
                             "revenue_mills", "units_net"}) {
    json[figure] = result.computed.value(figure, Json());
  }
  json["events"] = result.log_events;
  json["decisions"] = {{"accepted", result.accepted},     {"merged", result.merged},
                       {"rejected", result.rejected},     {"duplicate", result.duplicate},
                       {"conflicted", result.conflicted}, {"parked", result.parked}};
  json["open"] = {{"conflicted", open_conflicted}, {"parked", open_parked}};
  json["states"] = StatesJson(result);
  json["devices"] = DevicesJson(result);
  json["views"] = ViewsJson(result);
  json["golden"] = GoldenJson(result);
  json["killed"] = Json::array();
  for (const StoryBlow& blow : result.blows) {
    json["killed"].push_back({{"who", blow.who},
                              {"in", blow.answered},
                              {"of", blow.of},
                              {"back_after_seconds", blow.back_after_seconds}});
  }
  if (result.disaster) {
    json["disaster"] = {{"backed_up", result.disaster->backed_up},
                        {"had", result.disaster->had},
                        {"offline", result.disaster->offline},
                        {"returned", result.disaster->returned},
                        {"as_they_were", result.disaster->as_they_were},
                        {"back_after_seconds", result.disaster->back_after_seconds}};
  }
  json["seconds"] = Json::object();
  for (const auto& [name, seconds] : result.seconds) json["seconds"][name] = seconds;
  json["problems"] = result.problems;
  return json;
}

}  // namespace intentlog
