#include "eventlog/schema/parcel_versions.h"

#include <cstdlib>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/parcels.pb.h"
#include "google/protobuf/descriptor.pb.h"

namespace intentlog {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using parcels::ParcelWeighed;
using parcels::ParcelWeighedV1;
using parcels::ParcelWeighedV2;

absl::Status ToGrams(const ParcelWeighedV1& from, ParcelWeighedV2& to) {
  to.set_parcel_id(from.parcel_id());
  to.set_scales(from.scales());
  if (from.weight().empty()) return absl::OkStatus();
  char* end = nullptr;
  const int64_t kilograms = std::strtoll(from.weight().c_str(), &end, 10);
  if (std::string_view(end) != " kg") return Invalid("its weight is not in kg");
  to.set_grams(kilograms * 1000);  // of 10 characters
  return absl::OkStatus();
}

absl::Status ToWeight(const ParcelWeighedV2& from, ParcelWeighed& to) {
  to.set_parcel_id(from.parcel_id());
  to.set_scales(from.scales());
  if (from.grams() != 0) to.mutable_weight()->set_grams(from.grams());
  return absl::OkStatus();
}

// Takes the messages of the type's former versions out of the file; the fields of version 1.
DescriptorProto TakeFormers(std::string_view name, FileDescriptorProto& file) {
  DescriptorProto first;
  auto& messages = *file.mutable_message_type();
  for (int i = messages.size(); i-- > 0;) {
    const FormerVersion& former = messages[i].options().GetExtension(intentlog::former);
    if (former.type() != name) continue;
    if (former.version() == 1) first = messages[i];
    messages.DeleteSubrange(i, 1);
  }
  return first;
}

}  // namespace

Upcasters ParcelUpcasters() {
  return {{kParcelType, 1, UpcastMessage<ParcelWeighedV1, ParcelWeighedV2, ToGrams>},
          {kParcelType, 2, UpcastMessage<ParcelWeighedV2, ParcelWeighed, ToWeight>}};
}

std::shared_ptr<const Schema> ParcelSchema() {
  return Schema::Compiled({ParcelWeighed::descriptor()->file()}, ParcelUpcasters());
}

std::shared_ptr<const Schema> AtVersionOne(const Schema& schema, std::string_view type) {
  FileDescriptorSet set;
  INTENTLOG_CHECK(set.ParseFromString(schema.DescriptorSet()));
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      if (Cat(file.package(), ".", message.name()) != type) continue;
      EventRules& rules = *message.mutable_options()->MutableExtension(intentlog::event);
      rules.clear_schema_version();
      rules.clear_as_is_since();
      const std::string name = message.name();
      const EventRules kept = rules;
      DescriptorProto first = TakeFormers(name, file);
      INTENTLOG_CHECK(first.field_size() > 0);
      first.set_name(name);
      first.mutable_options()->ClearExtension(intentlog::former);
      *first.mutable_options()->MutableExtension(intentlog::event) = kept;
      for (auto& one : *file.mutable_message_type()) {
        if (one.name() == name) one.Swap(&first);
      }
      break;
    }
  }
  auto old = Schema::FromDescriptorSetAlone(set.SerializeAsString(), Upcasters());
  if (!old.ok()) CheckFailed(__FILE__, __LINE__, old.status().ToString().c_str());
  return *old;
}

}  // namespace intentlog
