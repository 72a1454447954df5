#include "tools/import/importer.h"

#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/import/hashed_source.h"
#include "tools/import/shop_device.h"

namespace intentlog {
namespace {

using commerce::OrderLineAdded;

constexpr uint64_t kProgressRows = 4096;
// What an intent takes besides its payload and entity id: more than its envelope's other fields.
constexpr size_t kEnvelopeBytes = 256;

// A file being read as order lines, with progress on the way.
class LineStream {
 public:
  static absl::StatusOr<std::unique_ptr<LineStream>> Open(const std::string& path,
                                                          const ImportOptions& options,
                                                          const OnImportProgress& progress) {
    ASSIGN_OR_RETURN(auto source, ByteSource::Open(path));
    return std::make_unique<LineStream>(std::move(source), options, progress);
  }
  LineStream(std::unique_ptr<ByteSource> source, const ImportOptions& options,
             const OnImportProgress& progress)
      : source_(std::move(source)),
        hashed_(*source_),
        reader_(hashed_, options.currency),
        progress_(progress) {}

  absl::StatusOr<bool> Next(OrderLineAdded& line) {
    ASSIGN_OR_RETURN(const bool more, reader_.Next(line));
    if (progress_ && (!more || reader_.row().number % kProgressRows == 0)) {
      progress_({reader_.row().number, source_->file_offset(), source_->file_size()});
    }
    return more;
  }
  const OrderFileRow& row() const { return reader_.row(); }
  // 32 bytes, of the unpacked content. REQUIRES: Next returned false.
  std::string Sha256() { return hashed_.Finish(); }

 private:
  std::unique_ptr<ByteSource> source_;
  HashedSource hashed_;
  OrderLineReader reader_;
  const OnImportProgress& progress_;
};

// Neighbouring rows of one invoice on their way to one device. Its messages are used again.
class LineBatch {
 public:
  LineBatch(const OrderFile& file, const ImportOptions& options) : file_(file), options_(options) {}

  bool empty() const { return size_ == 0; }
  const std::string& invoice() const { return lines_[0].order_id(); }
  uint64_t first_row() const { return first_row_; }
  bool Takes(const OrderLineAdded& line) const {
    return empty() || (line.order_id() == invoice() && size_ < options_.batch_intents_max &&
                       bytes_ + Bytes(line) <= options_.batch_bytes_max);
  }
  void Add(OrderLineAdded& line, uint64_t row) {
    if (empty()) first_row_ = row;
    if (size_ == lines_.size()) lines_.emplace_back();
    bytes_ += Bytes(line);
    ids_.push_back(IntentIdOfRow(file_.content_sha256, row, line.sold_at_us()));
    lines_[size_++].Swap(&line);
  }
  void Clear() {
    size_ = bytes_ = 0;
    ids_.clear();
  }
  // Valid until the next Add or Clear.
  absl::Span<const NewIntent> intents() {
    intents_.clear();
    for (size_t i = 0; i < size_; ++i) intents_.push_back({&lines_[i], ids_[i], ""});
    return intents_;
  }

 private:
  static size_t Bytes(const OrderLineAdded& line) {
    return line.ByteSizeLong() + line.order_id().size() + kEnvelopeBytes;
  }

  const OrderFile& file_;
  const ImportOptions& options_;
  std::vector<OrderLineAdded> lines_;  // the first size_ are in use
  std::vector<IntentId> ids_;
  std::vector<NewIntent> intents_;
  size_t size_ = 0;
  size_t bytes_ = 0;
  uint64_t first_row_ = 0;
};

class Import {
 public:
  Import(const OrderFile& file, absl::Span<Client* const> devices, const ImportOptions& options,
         const ImportEvents& events)
      : file_(file),
        devices_(devices),
        options_(options),
        events_(events),
        batch_(file, options),
        unflushed_(devices.size()),
        last_(devices.size()) {
    result_.devices.resize(devices.size());
  }

  absl::StatusOr<ImportResult> Run() {
    ASSIGN_OR_RETURN(const auto stream, LineStream::Open(file_.path, options_, events_.progress));
    OrderLineAdded line;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, stream->Next(line));
      if (!batch_.empty() && (!more || !batch_.Takes(line))) RETURN_IF_ERROR(Record());
      if (!more) break;
      if (DeviceOf(line.order_id()) != nullptr) batch_.Add(line, stream->row().number);
    }
    for (size_t i = 0; i < devices_.size(); ++i) RETURN_IF_ERROR(Flush(i));
    if (stream->Sha256() != file_.content_sha256) {
      return FailedPrecondition(file_.path,
                                ": the file changed while it was imported; import it "
                                "into a new folder");
    }
    return std::move(result_);
  }

 private:
  size_t IndexOf(const std::string& invoice) const {
    return static_cast<size_t>(DeviceOfInvoice(invoice, static_cast<int>(devices_.size()))) - 1;
  }
  Client* DeviceOf(const std::string& invoice) const { return devices_[IndexOf(invoice)]; }

  absl::Status Record() {
    const size_t index = IndexOf(batch_.invoice());
    const absl::Span<const NewIntent> intents = batch_.intents();
    AppendOptions append;
    append.durability = Durability::kBuffered;
    const auto appended = devices_[index]->AppendAll(intents, append);
    if (!appended.ok()) {
      return StatusOf(appended.status().code(), file_.path, ": row ", batch_.first_row(),
                      " (invoice ", batch_.invoice(), "): ", appended.status());
    }
    ImportedDevice& device = result_.devices[index];
    device.rows += intents.size();
    ++device.batches;
    for (const Appended& one : *appended) {
      if (one.repeated) ++device.repeated;
      last_[index] = std::max(last_[index], one.count);
    }
    unflushed_[index] += intents.size();
    batch_.Clear();
    return unflushed_[index] >= options_.flush_intents ? Flush(index) : absl::OkStatus();
  }

  absl::Status Flush(size_t index) {
    if (devices_[index] == nullptr) return absl::OkStatus();
    RETURN_IF_ERROR(devices_[index]->Flush());
    unflushed_[index] = 0;
    if (events_.durable) events_.durable(index, last_[index]);
    return absl::OkStatus();
  }

  const OrderFile& file_;
  const absl::Span<Client* const> devices_;
  const ImportOptions& options_;
  const ImportEvents& events_;
  LineBatch batch_;
  std::vector<uint64_t> unflushed_;  // intents since the last Flush, per device
  std::vector<Count> last_;          // highest count, per device
  ImportResult result_;
};

}  // namespace

uint64_t ImportResult::rows() const {
  uint64_t sum = 0;
  for (const ImportedDevice& device : devices) sum += device.rows;
  return sum;
}

uint64_t ImportResult::repeated() const {
  uint64_t sum = 0;
  for (const ImportedDevice& device : devices) sum += device.repeated;
  return sum;
}

IntentId IntentIdOfRow(std::string_view content_sha256, uint64_t row, int64_t sold_at_us) {
  std::string seed(content_sha256);
  for (int shift = 0; shift < 64; shift += 8) seed.push_back(static_cast<char>(row >> shift));
  const XXH128_hash_t hash = XXH3_128bits(seed.data(), seed.size());
  const uint64_t ms = static_cast<uint64_t>(std::max<int64_t>(sold_at_us, 0) / 1000);
  const uint64_t high = ms << 16 | 0x7000 | (hash.high64 & 0x0FFF);
  const uint64_t low = uint64_t{1} << 63 | (hash.low64 >> 2);
  std::string bytes;
  for (const uint64_t half : {high, low}) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(half >> shift));
  }
  return IntentId::FromBytes(bytes);
}

absl::StatusOr<OrderFile> CheckOrderFile(const std::string& path, const ImportOptions& options,
                                         const OnImportProgress& progress,
                                         const OnOrderLine& each_line) {
  OrderFile file;
  file.path = path;
  ASSIGN_OR_RETURN(const auto stream, LineStream::Open(path, options, progress));
  OrderLineAdded line;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, stream->Next(line));
    if (!more) break;
    file.figures.Add(line, stream->row().revenue_mills);
    if (each_line) each_line(line, stream->row().revenue_mills);
  }
  file.content_sha256 = stream->Sha256();
  ASSIGN_OR_RETURN(file.file_sha256, Sha256OfFile(path));
  return file;
}

absl::StatusOr<ImportResult> ImportOrderLines(const OrderFile& file,
                                              absl::Span<Client* const> devices,
                                              const ImportOptions& options,
                                              const ImportEvents& events) {
  INTENTLOG_CHECK(!devices.empty());
  return Import(file, devices, options, events).Run();
}

}  // namespace intentlog
