// The FormerVersions of an event type are what its payloads were before they got the form that they
// have today: for each such version its message, the rules of that message's fields, and the
// upcaster to the next one. Immutable once its Schema is made; safe to share between threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/schema/upcast.h"
#include "eventlog/schema/validator.h"
#include "eventlog/schema/violation.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_field.h"

namespace intentlog {

// The fields that lost when an event was decided. The numbers are those of one version of its type.
struct LostFields {
  const google::protobuf::RepeatedField<uint32_t>* numbers = nullptr;  // null: none
  uint32_t version = 0;
};

// Fields that `message` does not have are passed over.
void ClearFields(const google::protobuf::RepeatedField<uint32_t>& numbers,
                 google::protobuf::Message& message);

class FormerVersions {
 public:
  // REQUIRES: version > 0. False if that version has a message already.
  bool Add(uint32_t version, const google::protobuf::Message& prototype,
           const Validator& validator);
  // Takes the upcasters of `type`, whose payloads are those of today since `as_is_since`, and have
  // that form up to `newest`. INVALID_ARGUMENT names the version that lacks its message or its
  // upcaster, or that has one although it is read as it is.
  absl::Status Complete(const std::string& type, uint32_t as_is_since, uint32_t newest,
                        const Upcasters& upcasters);

  bool empty() const { return versions_.empty(); }
  const google::protobuf::Descriptor* descriptor(uint32_t version) const {
    return versions_[version - 1].prototype->GetDescriptor();
  }

  // By the rules of its own version. MALFORMED if it does not parse. REQUIRES: Complete was fine,
  // and 0 < version < as_is_since.
  std::optional<Violation> Validate(uint32_t version, std::string_view bytes) const;
  // The payload in today's form, less what `lost` in former versions; as views into `scratch`. An
  // error names the type and the version at which it failed. REQUIRES: as Validate.
  absl::StatusOr<std::string_view> Upcast(uint32_t version, std::string_view bytes,
                                          const LostFields& lost, std::string& scratch) const;

 private:
  struct Version {
    const google::protobuf::Message* prototype = nullptr;
    const Validator* validator = nullptr;
    UpcastFunction upcast = nullptr;
  };

  absl::Status Step(uint32_t version, std::string_view bytes, const LostFields& lost,
                    std::string& to) const;

  std::string type_;
  std::vector<Version> versions_;  // of version 1, 2 …
};

}  // namespace intentlog
