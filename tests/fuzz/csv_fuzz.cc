// Order files for import: CSV, and rows of orders; plain, or packed as .gz, .xz or .zst.
//
//   first piece: the content; tag bits 0 to 2: 1, 7, 64 … bytes at a time; bit 3: as a file, which
//   may be packed
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "proto/commerce.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tools/import/byte_source.h"
#include "tools/import/csv.h"
#include "tools/import/order_lines.h"

namespace intentlog::fuzz {
namespace {

constexpr uint8_t kPieces = 7;
constexpr uint8_t kAsFile = 8;
// Of one input: a packed one may unpack to terabytes, which takes time and no memory.
constexpr size_t kUnpackedMax = 1 << 20;

std::string FileOf(int fd, std::string_view bytes) {
  INTENTLOG_CHECK(fd >= 0);
  INTENTLOG_CHECK(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return Cat("/proc/self/fd/", fd);
}

void UseCsv(std::unique_ptr<ByteSource> source) {
  CsvReader csv(*source);
  for (;;) {
    const auto more = csv.Next();
    if (!more.ok() || !*more) return;
    for (size_t i = 0; i < csv.size(); ++i) (void)csv.Error(i, csv.field(i).size());
  }
}

void UseOrders(std::unique_ptr<ByteSource> source) {
  OrderLineReader orders(*source, "GBP");
  commerce::OrderLineAdded line;
  for (;;) {
    const auto more = orders.Next(line);
    if (!more.ok() || !*more) return;
    if (!IsUtf8(line.description(), nullptr)) Fail("a text that is not UTF-8");
  }
}

void UsePacked(const std::string& path) {
  ByteSourceOptions options;
  options.buffer_bytes = 4 << 10;
  options.unpack_memory_max = 600 << 10;
  const auto source = ByteSource::Open(path, options);
  if (!source.ok()) return;
  for (size_t unpacked = 0; unpacked < kUnpackedMax;) {
    const auto bytes = (*source)->Next();
    if (!bytes.ok() || bytes->empty()) return;
    unpacked += bytes->size();
  }
}

std::string FromHex(std::string_view hex) {
  return absl::HexStringToBytes({hex.data(), hex.size()});
}

}  // namespace

const bool kMessages = false;

void Run(const Pieces& pieces) {
  if (pieces.empty()) return;
  const std::string& bytes = pieces.front().bytes;
  const uint8_t tag = pieces.front().tag;
  if ((tag & kAsFile) != 0) {
    const int fd = memfd_create("orders", MFD_CLOEXEC);
    const std::string path = FileOf(fd, bytes);
    Hostile(bytes.size(), [&] { UsePacked(path); });
    close(fd);
    return;
  }
  const size_t piece = size_t{1} << (3 * (tag & kPieces));
  Hostile(bytes.size(), [&] {
    UseCsv(SourceFromMemory("orders.csv", bytes, piece));
    UseOrders(SourceFromMemory("orders.csv", bytes, piece));
  });
}

std::vector<Seed> Seeds() {
  const std::string orders =
      "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n"
      "536365,85123A,\"WHITE, \"\"HANGING\"\" HEART\",6,2010-12-01 08:26:00,2.55,17850,Norway\r\n"
      "C536379,D,Discount,-1,2010-12-01 09:41,27.5,14527,France\n";
  return {
      {"orders", {{7, orders}}},
      {"quotes", {{1, "\xef\xbb\xbf\"a\"\"b\",\"c\nd\"\r\ne,\n"}}},
      {"plain_file", {{kAsFile, orders}}},
      // "orders" and a line end, packed.
      {"gz", {{kAsFile, FromHex("1f8b0800000000000003cb2f4a492d2ae6020011e6807507000000")}}},
      {"zst", {{kAsFile, FromHex("28b52ffd04583900006f72646572730a131d072a")}}},
      {"xz",
       {{kAsFile, FromHex("fd377a585a000004e6d6b4460200210116000000742fe5a30100066f72646572"
                          "730a0000ec5f4bae3e070b9200011f07162eb8731fb6f37d010000000004595a")}}}};
}

}  // namespace intentlog::fuzz
