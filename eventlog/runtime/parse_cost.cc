#include "eventlog/runtime/parse_cost.h"

#include <cstdint>
#include <string>
#include <unordered_map>

#include "eventlog/runtime/wire_fields.h"
#include "google/protobuf/message.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MessageFactory;

constexpr size_t kFree = 1 << 20;
constexpr size_t kGrowth = 16;
// Of a pointer in a repeated field, which doubles when it is full, and of an allocation's own head.
constexpr size_t kElement = 32;
constexpr size_t kText = sizeof(std::string) + 16;
// Parsing goes no deeper.
constexpr int kDepthMax = 100;
// Nothing takes more for a byte: an empty message is two, and no class here is larger than this.
constexpr size_t kByteMost = 256;

// The message within that a field of `type` is; null if it is none.
const Descriptor* Within(const Descriptor& type, const WireFields& fields) {
  if (!fields.is_bytes()) return nullptr;
  const FieldDescriptor* const field = type.FindFieldByNumber(static_cast<int>(fields.number()));
  return field == nullptr ? nullptr : field->message_type();
}

bool FitWithin(const Descriptor& type, std::string_view bytes, int depth) {
  WireFields fields(bytes);
  while (fields.Next()) {
    const Descriptor* const within = Within(type, fields);
    if (within == nullptr || depth == kDepthMax) continue;
    if (!FitWithin(*within, fields.bytes(), depth + 1)) return false;
  }
  return fields.ok() || Within(type, fields) == nullptr;
}

class Cost {
 public:
  explicit Cost(size_t most) : most_(most) {}

  bool is_above() const { return cost_ > most_; }
  void Add(const Descriptor& type, std::string_view bytes, int depth = 0);

 private:
  size_t SizeOf(const Descriptor& type) {
    size_t& size = sizes_[&type];
    if (size == 0) {
      size = MessageFactory::generated_factory()->GetPrototype(&type)->SpaceUsedLong();
    }
    return size;
  }

  const size_t most_;
  size_t cost_ = 0;
  std::unordered_map<const Descriptor*, size_t> sizes_;  // of an empty message
};

// Ends early once it is above.
void Cost::Add(const Descriptor& type, std::string_view bytes, int depth) {
  WireFields fields(bytes);
  while (!is_above() && fields.Next()) {
    if (!fields.is_bytes()) {
      cost_ += sizeof(uint64_t);
      continue;
    }
    const FieldDescriptor* const field = type.FindFieldByNumber(static_cast<int>(fields.number()));
    if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      cost_ += kText + fields.bytes().size();
      // Numbers packed together.
      if (field != nullptr && field->is_packable())
        cost_ += sizeof(uint64_t) * fields.bytes().size();
      continue;
    }
    cost_ += kElement + SizeOf(*field->message_type());
    if (depth < kDepthMax) Add(*field->message_type(), fields.bytes(), depth + 1);
  }
}

bool HasMessages(const Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->message_type() != nullptr) return true;
  }
  return false;
}

}  // namespace

bool MessagesFit(const Descriptor& type, std::string_view bytes) {
  return !HasMessages(type) || FitWithin(type, bytes, 0);
}

bool IsCheapToParse(const Descriptor& type, std::string_view bytes) {
  if (!MessagesFit(type, bytes)) return false;
  if (bytes.size() <= kFree / kByteMost) return true;
  Cost cost(kFree + kGrowth * bytes.size());
  cost.Add(type, bytes);
  return !cost.is_above();
}

}  // namespace intentlog
