#include "eventlog/schema/former_versions.h"

#include <memory>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

void ClearFields(const google::protobuf::RepeatedField<uint32_t>& numbers,
                 google::protobuf::Message& message) {
  for (const uint32_t number : numbers) {
    const google::protobuf::FieldDescriptor* field =
        message.GetDescriptor()->FindFieldByNumber(static_cast<int>(number));
    if (field != nullptr) message.GetReflection()->ClearField(&message, field);
  }
}

bool FormerVersions::Add(uint32_t version, const google::protobuf::Message& prototype,
                         const Validator& validator) {
  INTENTLOG_CHECK(version > 0);
  if (versions_.size() < version) versions_.resize(version);
  Version& added = versions_[version - 1];
  if (added.prototype != nullptr) return false;
  added = {&prototype, &validator, nullptr};
  return true;
}

absl::Status FormerVersions::Complete(const std::string& type, uint32_t as_is_since,
                                      uint32_t newest, const Upcasters& upcasters) {
  type_ = type;
  if (versions_.size() >= as_is_since) {
    return Invalid("version ", versions_.size(), " of ", type, " has a message of its own (",
                   versions_.back().prototype->GetDescriptor()->full_name(),
                   "), and is read as it is");
  }
  for (uint32_t version = 1; version < as_is_since; ++version) {
    if (version > versions_.size() || versions_[version - 1].prototype == nullptr) {
      return Invalid("version ", version, " of ", type,
                     " has no message that says what it was (option intentlog.former); if it was ",
                     "as today, say as_is_since");
    }
    Version& one = versions_[version - 1];
    one.upcast = upcasters.Find(type, version);
    if (one.upcast != nullptr) continue;
    return Invalid("version ", version, " of ", type, " has no upcaster to version ", version + 1);
  }
  const uint32_t needless = upcasters.LowestFrom(type, as_is_since);
  if (needless == 0 || needless >= newest) return absl::OkStatus();
  return Invalid("version ", needless, " of ", type, " has an upcaster, and is read as it is");
}

std::optional<Violation> FormerVersions::Validate(uint32_t version, std::string_view bytes) const {
  const Version& one = versions_[version - 1];
  const std::unique_ptr<google::protobuf::Message> payload(one.prototype->New());
  if (!ParseFormer(bytes, *payload).ok()) {
    return Violation{Reason::MALFORMED, "",
                     Cat("the payload of ", bytes.size(), " bytes does not parse as version ",
                         version, " of ", type_)};
  }
  return one.validator->Validate(*payload, bytes.size());
}

absl::Status FormerVersions::Step(uint32_t version, std::string_view bytes, const LostFields& lost,
                                  std::string& to) const {
  const Version& one = versions_[version - 1];
  std::string kept;
  if (lost.numbers != nullptr && lost.version == version) {
    const std::unique_ptr<google::protobuf::Message> payload(one.prototype->New());
    RETURN_IF_ERROR(ParseFormer(bytes, *payload));
    ClearFields(*lost.numbers, *payload);
    RETURN_IF_ERROR(SerializeUpcast(*payload, kept));
    bytes = kept;
  }
  RETURN_IF_ERROR(one.upcast(bytes, to));
  if (to.size() <= kUpcastSizeMax) return absl::OkStatus();
  return Exhausted("it has ", to.size(), " bytes; the most allowed is ", kUpcastSizeMax);
}

absl::StatusOr<std::string_view> FormerVersions::Upcast(uint32_t version, std::string_view bytes,
                                                        const LostFields& lost,
                                                        std::string& scratch) const {
  std::string next;
  for (; version <= versions_.size(); ++version) {
    next.clear();
    const absl::Status status = Step(version, bytes, lost, next);
    if (!status.ok()) {
      return StatusOf(status.code(), type_, " of version ", version, " does not become version ",
                      version + 1, ": ", MessageOf(status));
    }
    scratch.swap(next);
    bytes = scratch;
  }
  return bytes;
}

}  // namespace intentlog
