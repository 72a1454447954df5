#include "tools/import/import_command.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/command.h"
#include "tools/commands/terminal.h"
#include "tools/import/amounts.h"
#include "tools/import/device_folders.h"
#include "tools/import/importer.h"

namespace intentlog {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string file, dir;
  uint64_t devices = 0;
  ImportOptions import;
  bool json = false;
};

struct Outcome {
  OrderFile file;
  ImportResult result;
  double check_seconds = 0, import_seconds = 0;
};

double SecondsSince(absl::Duration begin) {
  return absl::ToDoubleSeconds(SystemClock().Passed() - begin);
}

OnImportProgress ShowOn(ProgressBar& bar) {
  return [&bar](const ImportProgress& progress) {
    bar.Update(progress.file_offset, Cat(Grouped(static_cast<int64_t>(progress.rows)), " rows"));
  };
}

absl::StatusOr<Outcome> Import(const Options& options) {
  const int devices_wanted = static_cast<int>(options.devices);
  Outcome outcome;
  absl::Duration begin = SystemClock().Passed();
  ASSIGN_OR_RETURN(const auto source, ByteSource::Open(options.file));
  RETURN_IF_ERROR(CheckDeviceFolders(options.dir, devices_wanted));
  {
    ProgressBar bar("checking ", source->file_size());
    ASSIGN_OR_RETURN(outcome.file, CheckOrderFile(options.file, options.import, ShowOn(bar)));
  }
  outcome.check_seconds = SecondsSince(begin);
  begin = SystemClock().Passed();
  ASSIGN_OR_RETURN(const auto devices, OpenDeviceFolders(options.dir, devices_wanted));
  std::vector<Client*> clients;
  for (const ShopDevice& device : devices) clients.push_back(&device.client());
  ProgressBar bar("recording", source->file_size());
  ImportEvents events;
  events.progress = ShowOn(bar);
  ASSIGN_OR_RETURN(outcome.result, ImportOrderLines(outcome.file, clients, options.import, events));
  outcome.import_seconds = SecondsSince(begin);
  return outcome;
}

Json ToJson(const Options& options, const Outcome& outcome) {
  Json json;
  json["file"] = options.file;
  json["dir"] = options.dir;
  for (const auto& [name, value] : outcome.file.figures.All()) json[name] = value;
  json["recorded"] = outcome.result.rows() - outcome.result.repeated();
  json["repeated"] = outcome.result.repeated();
  for (size_t i = 0; i < outcome.result.devices.size(); ++i) {
    const ImportedDevice& device = outcome.result.devices[i];
    json["devices"].push_back({{"id", ShopDeviceName(static_cast<int>(i) + 1)},
                               {"rows", device.rows},
                               {"batches", device.batches},
                               {"repeated", device.repeated}});
  }
  json["seconds"] = {{"check", outcome.check_seconds}, {"import", outcome.import_seconds}};
  return json;
}

void Print(const Options& options, const Outcome& outcome) {
  const auto text = [](uint64_t n) { return Grouped(static_cast<int64_t>(n)); };
  const OrderFigures& figures = outcome.file.figures;
  const uint64_t fresh = outcome.result.rows() - outcome.result.repeated();
  std::printf("%s: %s rows, %s invoices, %s customers, %s countries, %s stock codes\n",
              options.file.c_str(), text(figures.rows()).c_str(), text(figures.invoices()).c_str(),
              text(figures.customers()).c_str(), text(figures.countries()).c_str(),
              text(figures.stock_codes()).c_str());
  std::printf("%s, %s units net; every row checked in %s\n",
              MillsText(figures.revenue_mills(), options.import.currency).c_str(),
              Grouped(figures.units_net()).c_str(), SecondsText(outcome.check_seconds).c_str());
  std::printf("\n%-12s %12s %12s %14s\n", "device", "rows", "batches", "there already");
  for (size_t i = 0; i < outcome.result.devices.size(); ++i) {
    const ImportedDevice& device = outcome.result.devices[i];
    std::printf("%-12s %12s %12s %14s\n", ShopDeviceName(static_cast<int>(i) + 1).c_str(),
                text(device.rows).c_str(), text(device.batches).c_str(),
                text(device.repeated).c_str());
  }
  const double rate = static_cast<double>(outcome.result.rows()) / outcome.import_seconds;
  std::printf("\n%s rows recorded in %s, %s were there already: %s, %s rows/s\n",
              text(fresh).c_str(), options.dir.c_str(), text(outcome.result.repeated()).c_str(),
              SecondsText(outcome.import_seconds).c_str(),
              Grouped(static_cast<int64_t>(rate)).c_str());
}

absl::Status CheckOptions(const Options& options) {
  if (options.devices == 0) return WrongUsage("--devices N is required");
  if (options.import.currency.size() > 3) {
    return WrongUsage("--currency \"", options.import.currency,
                      "\": a currency has three letters, such as GBP");
  }
  return absl::OkStatus();
}

absl::Status ImportFile(const Options& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const Outcome outcome, Import(options));
  if (options.json) {
    std::printf("%s\n", ToJson(options, outcome).dump(2).c_str());
  } else {
    Print(options, outcome);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterImport(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      app, "import", "Record the order lines of a CSV file on N devices, offline; never twice.");
  AddText(command, "FILE", &options->file,
          "order lines: .csv, .csv.xz, .csv.gz or .csv.zst, with the columns InvoiceNo, StockCode, "
          "Description, Quantity, InvoiceDate, UnitPrice, CustomerID and Country, in any order",
          kRequired);
  AddNumber(command, "--devices", &options->devices, 1, kDevicesMax,
            "how many devices share the orders; required");
  AddText(command, "--dir", &options->dir, "where DIR/device-1 … DIR/device-N lie", kRequired);
  AddText(command, "--currency", &options->import.currency, "of every line; GBP unless given");
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return ImportFile(*options); });
}

}  // namespace intentlog
