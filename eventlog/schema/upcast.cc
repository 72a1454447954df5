#include "eventlog/schema/upcast.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/parse_cost.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace intentlog {

Upcasters::Upcasters(std::initializer_list<Upcaster> upcasters) {
  for (const Upcaster& one : upcasters) Add(one.type, one.version, one.upcast);
}

Upcasters Upcasters::With(const Upcasters& more) const {
  Upcasters all = *this;
  for (const auto& [key, upcast] : more.functions_) all.Add(key.first, key.second, upcast);
  return all;
}

void Upcasters::Add(const std::string& type, uint32_t version, UpcastFunction upcast) {
  INTENTLOG_CHECK(upcast != nullptr && version > 0);
  INTENTLOG_CHECK(functions_.emplace(std::make_pair(type, version), upcast).second);
}

UpcastFunction Upcasters::Find(std::string_view type, uint32_t version) const {
  const auto found = functions_.find({std::string(type), version});
  return found == functions_.end() ? nullptr : found->second;
}

uint32_t Upcasters::LowestFrom(std::string_view type, uint32_t version) const {
  const auto found = functions_.lower_bound({std::string(type), version});
  return found == functions_.end() || found->first.first != type ? 0 : found->first.second;
}

absl::Status ParseFormer(std::string_view bytes, google::protobuf::Message& message) {
  const bool parsed = bytes.size() <= INT32_MAX && MessagesFit(*message.GetDescriptor(), bytes) &&
                      message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (parsed) return absl::OkStatus();
  return Invalid("the ", bytes.size(), " bytes do not parse as ",
                 message.GetDescriptor()->full_name());
}

absl::Status SerializeUpcast(const google::protobuf::Message& message, std::string& bytes) {
  const size_t size = message.ByteSizeLong();
  if (size > kUpcastSizeMax) {
    return Exhausted("it would have ", size, " bytes; the most allowed is ", kUpcastSizeMax);
  }
  bytes.resize(size);
  google::protobuf::io::ArrayOutputStream stream(bytes.data(), static_cast<int>(size));
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
  return absl::OkStatus();
}

}  // namespace intentlog
