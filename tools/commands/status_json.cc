#include "tools/commands/status_json.h"

#include <memory>

#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/json.h"
#include "google/protobuf/message.h"

namespace intentlog {

std::string StateWord(RecordState state) {
  switch (state) {
    case RecordState::kSynced:
      return "synced";
    case RecordState::kPending:
      return "pending";
    case RecordState::kFailed:
      return "failed";
    case RecordState::kConflicted:
      return "conflicted";
  }
  return "";
}

std::string AgeText(absl::Duration age) {
  if (age < absl::Minutes(2)) return Cat(absl::ToInt64Seconds(age), " s");
  if (age < absl::Hours(2)) return Cat(absl::ToInt64Minutes(age), " min");
  if (age < absl::Hours(48)) return Cat(absl::ToInt64Hours(age), " h");
  return Cat(absl::ToInt64Hours(age) / 24, " days");
}

std::string TimeText(int64_t micros) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

Json BlockedJson(const BlockedBy& blocked) {
  Json json;
  json["kind"] = std::string(BlockedWord(blocked.kind));
  json["text"] = blocked.text;
  json["age_seconds"] = absl::ToInt64Seconds(blocked.age);
  json["attempts"] = blocked.attempts;
  json["last_error"] = blocked.last_error;
  if (blocked.until != absl::InfiniteFuture()) {
    json["until"] = TimeText(absl::ToUnixMicros(blocked.until));
  }
  if (blocked.behind != Position()) json["behind"] = blocked.behind.value();
  if (!blocked.behind_entity.type.empty()) {
    json["behind_entity"] = Cat(blocked.behind_entity.type, "/", blocked.behind_entity.id);
  }
  return json;
}

Json StatusJson(const ClientStatus& status) {
  Json json;
  json["tenant"] = status.tenant;
  json["device"] = status.device;
  json["log_id"] = ToText(status.log_id);
  json["recorded"] = status.counts.recorded;
  json["synced"] = status.counts.synced;
  json["pending"] = status.counts.pending;
  json["failed"] = status.counts.failed;
  json["conflicted"] = status.counts.conflicted;
  json["parked"] = status.counts.parked;
  json["oldest_pending_age_seconds"] = absl::ToInt64Seconds(status.oldest_pending_age);
  json["syncing"] = status.syncing;
  json["connected"] = status.connected;
  json["server_head"] = status.server_head.value();
  Json scopes = Json::array();
  for (const ScopeStatus& scope : status.scopes) {
    scopes.push_back({{"scope", scope.scope},
                      {"cursor", scope.cursor.value()},
                      {"held_after", scope.held_after.value()},
                      {"anew", scope.anew}});
  }
  json["scopes"] = std::move(scopes);
  Json logs = Json::array();
  for (const LogStatus& log : status.logs) {
    Json names = Json::array();
    for (const LogName& name : log.names) {
      names.push_back({{"log_id", ToText(name.log_id)}, {"after", name.after.value()}});
      if (name.why.empty()) continue;
      names.back()["why"] = name.why;
      names.back()["since"] = TimeText(absl::ToUnixMicros(name.since));
    }
    logs.push_back({{"class", log.priority},
                    {"log_id", ToText(log.log_id)},
                    {"names", std::move(names)},
                    {"recorded", log.counts.recorded},
                    {"pending", log.counts.pending},
                    {"blocked_by", BlockedJson(log.blocked_by)}});
  }
  json["logs"] = std::move(logs);
  json["log_bytes"] = status.log_bytes;
  json["log_bytes_max"] = status.log_bytes_max;
  json["clock_steps"] = status.clock_steps;
  json["blocked_by"] = BlockedJson(status.blocked_by);
  json["digests_equal"] = status.digests_equal;
  json["digests_unequal"] = status.digests_unequal;
  json["last_error"] = status.last_error;
  return json;
}

Json PayloadJson(const Schema& schema, const std::string& type, const std::string& payload,
                 std::optional<uint32_t> version) {
  const EventType* known = schema.Find(type);
  if (known == nullptr) return Json::object({{"unknown_type", Cat(payload.size(), " bytes")}});
  if (version && known->IsNewer(*version)) {
    return Json::object({{"newer_version", *version}, {"unread", Cat(payload.size(), " bytes")}});
  }
  std::string scratch;
  absl::StatusOr<std::string_view> bytes = payload;
  if (version && known->IsFormer(*version)) {
    bytes = known->Upcast(*version, payload, LostFields(), scratch);
    if (!bytes.ok()) return Json::object({{"malformed", std::string(bytes.status().message())}});
  }
  const std::unique_ptr<google::protobuf::Message> message = known->NewPayload();
  if (!message->ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return Json::object({{"malformed", Cat(payload.size(), " bytes")}});
  }
  const absl::StatusOr<std::string> text = PayloadToJson(*message);
  if (!text.ok()) return Json::object({{"malformed", Cat(payload.size(), " bytes")}});
  Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(*text) : json;
}

}  // namespace intentlog
