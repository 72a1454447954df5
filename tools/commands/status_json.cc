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

std::string BlockedWord(BlockedBy::Kind kind) {
  switch (kind) {
    case BlockedBy::kNothing:
      return "nothing";
    case BlockedBy::kSyncStopped:
      return "sync-stopped";
    case BlockedBy::kOffline:
      return "offline";
    case BlockedBy::kBackOff:
      return "back-off";
    case BlockedBy::kServerAsked:
      return "server-asked";
    case BlockedBy::kParked:
      return "parked";
    case BlockedBy::kForked:
      return "forked";
    case BlockedBy::kRefused:
      return "refused";
    case BlockedBy::kSending:
      return "sending";
    case BlockedBy::kStoreFailed:
      return "store-failed";
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
  json["kind"] = BlockedWord(blocked.kind);
  json["text"] = blocked.text;
  json["age_seconds"] = absl::ToInt64Seconds(blocked.age);
  json["attempts"] = blocked.attempts;
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
    scopes.push_back({{"scope", scope.scope}, {"cursor", scope.cursor.value()}});
  }
  json["scopes"] = std::move(scopes);
  json["blocked_by"] = BlockedJson(status.blocked_by);
  json["digests_equal"] = status.digests_equal;
  json["digests_unequal"] = status.digests_unequal;
  json["last_error"] = status.last_error;
  return json;
}

Json PayloadJson(const Schema& schema, const std::string& type, const std::string& payload) {
  const EventType* known = schema.Find(type);
  if (known == nullptr) return Json::object({{"unknown_type", Cat(payload.size(), " bytes")}});
  const std::unique_ptr<google::protobuf::Message> message = known->NewPayload();
  if (!message->ParseFromString(payload)) {
    return Json::object({{"malformed", Cat(payload.size(), " bytes")}});
  }
  const absl::StatusOr<std::string> text = PayloadToJson(*message);
  if (!text.ok()) return Json::object({{"malformed", Cat(payload.size(), " bytes")}});
  Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(*text) : json;
}

}  // namespace intentlog
