// Read models as an operator meets them: rebuilt and switched on a running server, and rows that
// stand still because an event could not be folded into them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/integration/process.h"

namespace intentlog {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

using Arguments = std::vector<std::string>;

class ViewCommandTest : public testing::Test {
 protected:
  ViewCommandTest()
      : base_(FreshFolder("view")),
        till_(base_ + "/till"),
        server_({"serve", "--data", base_ + "/server", "--listen", "127.0.0.1:0",
                 "--digest-interval", "20ms", "--json"}) {
    address_ = json::parse(server_.ReadLine(), nullptr, false).value("address", "");
  }
  ~ViewCommandTest() override { EXPECT_EQ(server_.Stop(SIGTERM), 0); }

  static std::string Run(const Arguments& arguments, int exit_code = 0) {
    const Ran ran = RunIntentlog(arguments);
    EXPECT_EQ(ran.exit_code, exit_code) << ran.err;
    return exit_code == 0 ? ran.out : ran.out + ran.err;
  }
  Arguments OnServer(Arguments view) {
    view.insert(view.begin(), "view");
    view.insert(view.end(), {"--server", address_});
    return view;
  }
  json OnServerJson(Arguments view, int exit_code = 0) {
    view.push_back("--json");
    return json::parse(Run(OnServer(std::move(view)), exit_code), nullptr, false);
  }
  void Sell(const std::string& order, const std::string& product, int64_t units) {
    Run({"device", "append", "--dir", till_, "--device", "till", "OrderLineAdded",
         json{{"order_id", order},
              {"product_id", product},
              {"quantity", units},
              {"unit_price_micros", 1500000}}
             .dump()});
  }
  void Sync() { Run({"device", "sync", "--dir", till_, "--server", address_, "--json"}); }
  std::string Dump(const std::string& view) { return Run(OnServer({"dump", view, "--tsv"})); }

  const std::string base_, till_;
  Background server_;
  std::string address_;
};

TEST_F(ViewCommandTest, AViewIsRebuiltComparedActivatedAndRolledBackWhileTheServerRuns) {
  for (const char* order : {"1", "2", "3"}) Sell(order, "milk", 2);
  Sync();
  const std::string before = Dump("sales_by_product");
  const json rebuilt = OnServerJson({"rebuild", "sales_by_product", "--workers", "2"});
  EXPECT_EQ(rebuilt["shadow"]["ready"], true) << rebuilt;
  EXPECT_EQ(OnServerJson({"compare", "sales_by_product"})["equal"], true);
  EXPECT_THAT(Run(OnServer({"activate", "sales_by_product"})), HasSubstr("to be rolled back to"));
  EXPECT_EQ(Dump("sales_by_product"), before);
  Sell("4", "milk", 1);
  Sync();
  EXPECT_THAT(Dump("sales_by_product"), HasSubstr("milk\t4\t7\t"));
  EXPECT_THAT(Run(OnServer({"list"})), ContainsRegex("sales_by_product .* version 1 until 2"));
  Run(OnServer({"rollback", "sales_by_product"}));
  EXPECT_THAT(Dump("sales_by_product"), HasSubstr("milk\t4\t7\t"));
  EXPECT_THAT(Run(OnServer({"cancel", "sales_by_product"}), 1), HasSubstr("is not being rebuilt"));
}

TEST_F(ViewCommandTest, OrdersAreFoundByCustomerPageByPageAndWatched) {
  for (const char* order : {"1", "2", "3"}) {
    Run({"device", "append", "--dir", till_, "--device", "till", "OrderOpened",
         json{{"order_id", order}, {"customer_id", order[0] == '2' ? "ann" : "bob"}}.dump()});
  }
  const Arguments by_customer = {"view",     "scan",    "orders", "--index",
                                 "customer", "--limit", "1",      "--json"};
  Sync();
  for (const Arguments& place : {Arguments{"--dir", till_}, Arguments{"--server", address_}}) {
    std::string seen;
    for (std::string more; seen.size() < 100;) {
      Arguments scan = by_customer;
      scan.insert(scan.end(), place.begin(), place.end());
      if (!more.empty()) scan.insert(scan.end(), {"--after", more});
      const json page = json::parse(Run(scan), nullptr, false);
      for (const json& row : page["rows"]) {
        seen += row["index_key"].get<std::string>() + "/" + row["key"].get<std::string>() + " ";
      }
      if (page["more"].is_null()) break;
      more = page["more"].get<std::string>();
    }
    EXPECT_EQ(seen, "ann/2 bob/1 bob/3 ");
  }
  EXPECT_THAT(Run(OnServer({"scan", "orders", "--index", "customer", "--equal", "ann", "--tsv"})),
              HasSubstr("2\topen\tann\t"));
  EXPECT_THAT(Run(OnServer({"scan", "orders", "--after", "AQ"}), 1), HasSubstr("no token"));
  EXPECT_THAT(Run(OnServer({"scan", "stock", "--index", "day"}), 1), HasSubstr("it has none"));
  EXPECT_THAT(Run({"view", "watch", "orders", "--dir", till_}, 2), HasSubstr("--server HOST:PORT"));
  Background watch({"view", "watch", "orders", "--server", address_, "--count", "4"});
  for (const char* line : {"3\t(begins)", "3\t1\topen\tbob\t\t0\t0\t0\t0\t0\t"}) {
    EXPECT_EQ(watch.ReadLine(), line);
  }
  watch.ReadLine();
  watch.ReadLine();
  Sell("1", "milk", 2);
  Sync();
  EXPECT_EQ(watch.ReadLine(), "4\t1\topen\tbob\t\t0\t2\t1\t3000000\t0\t");
}

TEST_F(ViewCommandTest, I22_AnAmountThatNoRowHoldsParksItsRowsUntilSomebodyLeavesItOut) {
  Sell("1", "milk", 2);
  Sell("1", "milk", INT64_MAX);  // times its price it does not fit into 64 bits
  Sell("2", "milk", 3);
  Sell("2", "bread", 1);
  Sync();
  const json parked = OnServerJson({"parked", "list", "sales_by_product"})["parked"];
  ASSERT_EQ(parked.size(), 1u) << parked;
  EXPECT_EQ(parked[0]["key"], "milk");
  EXPECT_EQ(parked[0]["position"], 2);
  EXPECT_EQ(parked[0]["waiting"], 2);
  // The device folded the same events, with the same code.
  EXPECT_EQ(
      json::parse(Run({"view", "parked", "list", "sales_by_product", "--dir", till_, "--json"}),
                  nullptr, false)["parked"],
      parked);
  EXPECT_THAT(Dump("sales_by_product"), HasSubstr("bread\t1\t1\t1500\n"));
  EXPECT_THAT(Dump("sales_by_product"), HasSubstr("milk\t1\t2\t3000\n"));
  const std::string shown =
      Run(OnServer({"parked", "show", "sales_by_product", "milk", "--scope", "shared"}));
  EXPECT_THAT(shown, HasSubstr("stands still since event 2"));
  EXPECT_THAT(shown, HasSubstr("--position 2 --reason R"));
  EXPECT_THAT(Run(OnServer({"parked", "retry", "sales_by_product", "milk"}), 1),
              HasSubstr("parked again, or still"));
  EXPECT_THAT(Run({"view", "parked", "retry", "sales_by_product", "milk", "--dir", till_}, 1),
              HasSubstr("a server decides"));
  EXPECT_THAT(Run(OnServer({"parked", "skip", "sales_by_product", "milk"}), 2),
              HasSubstr("--position P --reason R"));
  EXPECT_THAT(Run(OnServer({"parked", "skip", "sales_by_product", "milk", "--position", "2",
                            "--reason", "a slip of the hand"})),
              HasSubstr("nothing of it stands still"));
  EXPECT_THAT(Dump("sales_by_product"), HasSubstr("milk\t2\t5\t7500\n"));
  EXPECT_THAT(Run({"events", "read", "--server", address_}), HasSubstr("a slip of the hand"));
  // A device follows, and a rebuild does the same at the same place.
  Sync();
  EXPECT_EQ(Run({"view", "dump", "sales_by_product", "--dir", till_, "--tsv"}),
            Dump("sales_by_product"));
  OnServerJson({"rebuild", "sales_by_product", "--workers", "2"});
  EXPECT_EQ(OnServerJson({"compare", "sales_by_product"})["equal"], true);
  // So does a fold as of any position.
  EXPECT_EQ(OnServerJson({"try", "sales_by_product", "--from", "2"})["equal"], true);
  EXPECT_THAT(Run(OnServer({"dump", "sales_by_product", "--tsv", "--at", "4"})),
              HasSubstr("milk\t1\t2\t3000\n"));
}

TEST_F(ViewCommandTest, I20_SnapshotsAreTakenVerifiedAndWhereThePastBegins) {
  for (const char* order : {"1", "2", "3"}) Sell(order, "milk", 2);
  Sync();
  json listed = OnServerJson({"snapshots", "take"});
  ASSERT_EQ(listed["snapshots"].size(), 1u) << listed;
  EXPECT_EQ(listed["snapshots"][0]["position"], 3);
  EXPECT_EQ(listed["snapshots"][0]["unfit"], json::array());
  for (const char* order : {"4", "5"}) Sell(order, "milk", 1);
  Sync();
  const Arguments dump = OnServer({"dump", "sales_by_product", "--tsv", "--at", "4"});
  const Ran ran = RunIntentlog(dump);
  EXPECT_THAT(ran.out, HasSubstr("milk\t4\t7\t"));
  EXPECT_THAT(ran.err, HasSubstr("from the snapshot of position 3"));
  EXPECT_EQ(OnServerJson({"rebuild", "sales_by_product", "--from-snapshot"})["shadow"]["ready"],
            true);
  EXPECT_EQ(OnServerJson({"compare", "sales_by_product"})["equal"], true);
  EXPECT_THAT(Run(OnServer({"snapshots", "verify"})), HasSubstr("good"));
  // A damaged one is skipped and told, and the past is the same without it.
  std::filesystem::resize_file(std::string(listed["snapshots"][0]["file"]), 1000);
  EXPECT_THAT(Run(OnServer({"snapshots", "verify"}), 1), HasSubstr("is damaged"));
  const Ran again = RunIntentlog(dump);
  EXPECT_EQ(again.out, ran.out);
  EXPECT_THAT(again.err, Not(HasSubstr("from the snapshot")));
  EXPECT_THAT(Run(OnServer({"rebuild", "stock", "--from-snapshot"}), 1), HasSubstr("no snapshot"));
}

// The measurement itself, on few lines: it fails if a query fails, a flip fails, a rebuilt view
// differs, or rows in the end are not what the lines come to.
TEST_F(ViewCommandTest, AllViewsAreRebuiltAndFlippedWhileDevicesPushAndQueriesRun) {
  const std::string file = base_ + "/orders.csv";
  std::ofstream csv(file);
  csv << "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
  for (int line = 0; line < 1000; ++line) {
    csv << 5000 + line / 7 << ",P" << line % 31 << ",THING," << 1 + line % 5
        << ",2011-03-01 10:00,1.25," << 100 + line / 50 << ",France\n";
  }
  csv.close();
  const json measured =
      json::parse(Run({"bench", "rebuild_while_serving", "--dir", base_, "--data", file, "--json"}),
                  nullptr, false);
  ASSERT_EQ(measured["rows"].size(), 7u) << measured;
}

TEST_F(ViewCommandTest, OfMoreParkedRowsThanOneAnswerHoldsEachIsFoundByItsKey) {
  std::string lines;
  for (int order = 1000; order <= 2001; ++order) {
    lines += json{{"order_id", std::to_string(order)},
                  {"quantity", INT64_MAX},
                  {"unit_price_micros", 1500000}}
                 .dump() +
             "\n";
  }
  const Ran ran = RunIntentlog(
      {"device", "append", "--dir", till_, "--device", "till", "OrderLineAdded", "-"}, lines);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  Sync();
  for (const Arguments& place : {Arguments{"--dir", till_}, Arguments{"--server", address_}}) {
    Arguments list = {"view", "parked", "list", "orders", "--json"};
    list.insert(list.end(), place.begin(), place.end());
    const json listed = json::parse(Run(list), nullptr, false);
    EXPECT_EQ(listed["parked"].size(), 1000u);
    EXPECT_EQ(listed["more"], true);
    Arguments show = {"view", "parked", "show", "orders", "2001"};
    show.insert(show.end(), place.begin(), place.end());
    EXPECT_THAT(Run(show), HasSubstr("row \"2001\" of scope shared stands still"));
  }
}

}  // namespace
}  // namespace intentlog
