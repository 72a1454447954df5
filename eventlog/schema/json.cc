#include "eventlog/schema/json.h"

#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"
#include "eventlog/schema/intent.h"
#include "google/protobuf/util/json_util.h"

namespace intentlog {
namespace {

// Protobuf's own words on one line, without the picture of the place that follows syntax errors.
std::string OneLine(google::protobuf::StringPiece message) {
  std::string_view text(message.data(), message.size());
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && (text.front() == ':' || text.front() == ' ')) text.remove_prefix(1);
  return std::string(text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<google::protobuf::Message>> PayloadFromJson(const EventType& type,
                                                                           std::string_view json) {
  if (json.size() > 2 * kPayloadSizeMax) {
    return Invalid("the JSON of ", type.name(), " has ", json.size(),
                   " bytes; the most allowed is ", 2 * kPayloadSizeMax);
  }
  if (!IsUtf8(json)) return Invalid("the JSON of ", type.name(), " is not UTF-8");
  auto payload = type.NewPayload();
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = false;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), payload.get(), options);
  if (!status.ok()) {
    return Invalid("the JSON does not fit ", type.name(), ": ", OneLine(status.message()));
  }
  return payload;
}

absl::StatusOr<std::string> PayloadToJson(const google::protobuf::Message& payload) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(payload, &json, options);
  if (!status.ok()) {
    return Invalid("a payload of ", payload.GetDescriptor()->full_name(),
                   " cannot be written as JSON: ", OneLine(status.message()));
  }
  return json;
}

}  // namespace intentlog
