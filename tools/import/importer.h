// The importer records the rows of an order file on devices, offline: each row an intent, each run
// of neighbouring rows of one invoice a batch, each invoice whole on one device.
//
// Two passes. CheckOrderFile reads everything and refuses the file at its first bad row, before any
// device knows of it. ImportOrderLines then records. An intent's id follows from the file's content
// and the row's number, so importing again, also after a crash, records what is missing and nothing
// twice.
//
// Memory: one batch, whatever the file's size (and the figures' few bytes per different key).
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/client.h"
#include "proto/commerce.pb.h"
#include "tools/import/order_figures.h"
#include "tools/import/order_lines.h"

namespace intentlog {

struct ImportOptions {
  std::string currency = "GBP";  // of every line
  // A longer run of rows of one invoice is cut into several batches: what a server accepts at most.
  size_t batch_intents_max = 2048;
  size_t batch_bytes_max = 512 << 10;
  // Each device is made safe against a power cut after so many intents; more is faster.
  uint64_t flush_intents = 8192;
};

// How far reading a file has come.
struct ImportProgress {
  uint64_t rows = 0;
  uint64_t file_offset = 0;
  uint64_t file_size = 0;
};
using OnImportProgress = std::function<void(const ImportProgress&)>;

// A file whose every row is good.
struct OrderFile {
  std::string path;
  std::string content_sha256;  // 32 bytes: of the unpacked content
  std::string file_sha256;     // 32 bytes: of the file as it lies there
  OrderFigures figures;
};

// `each_line`, if given, is shown every line in file order: line and revenue in mills.
using OnOrderLine = std::function<void(const commerce::OrderLineAdded&, int64_t)>;
absl::StatusOr<OrderFile> CheckOrderFile(const std::string& path, const ImportOptions& options,
                                         const OnImportProgress& progress = {},
                                         const OnOrderLine& each_line = {});

struct ImportedDevice {
  uint64_t rows = 0;      // that belong to it
  uint64_t repeated = 0;  // of them, recorded by an earlier import
  uint64_t batches = 0;
};

struct ImportResult {
  std::vector<ImportedDevice> devices;  // as given
  uint64_t rows() const;
  uint64_t repeated() const;
};

struct ImportEvents {
  OnImportProgress progress;
  // Everything that the device (its index in the span) recorded so far is durable.
  std::function<void(size_t device, Count through)> durable;
};

// Records the rows of `file` on `devices`, invoices by DeviceOfInvoice. A null device's rows are
// left out (another process records them). FAILED_PRECONDITION if the file is no longer what was
// checked; ALREADY_EXISTS names the row if it was imported before with other options.
absl::StatusOr<ImportResult> ImportOrderLines(const OrderFile& file,
                                              absl::Span<Client* const> devices,
                                              const ImportOptions& options,
                                              const ImportEvents& events = {});

// The id of a row's intent: a UUIDv7 with the time of sale in front.
IntentId IntentIdOfRow(std::string_view content_sha256, uint64_t row, int64_t sold_at_us);

}  // namespace intentlog
