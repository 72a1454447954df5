#include "client/conditions/blocked_by.h"

#include "eventlog/runtime/check.h"

namespace intentlog {

std::string_view BlockedWord(BlockedBy::Kind kind) {
  switch (kind) {
    case BlockedBy::kNothing:
      return "nothing";
    case BlockedBy::kSyncStopped:
      return "sync-stopped";
    case BlockedBy::kOffline:
      return "offline";
    case BlockedBy::kMetered:
      return "metered";
    case BlockedBy::kDataSaver:
      return "data-saver";
    case BlockedBy::kBattery:
      return "battery";
    case BlockedBy::kBackground:
      return "background";
    case BlockedBy::kManual:
      return "manual";
    case BlockedBy::kBackOff:
      return "back-off";
    case BlockedBy::kServerAsked:
      return "server-asked";
    case BlockedBy::kAwaitingReview:
      return "awaiting-review";
    case BlockedBy::kParked:
      return "parked";
    case BlockedBy::kSchemaTooOld:
      return "schema-too-old";
    case BlockedBy::kForked:
      return "forked";
    case BlockedBy::kRefused:
      return "refused";
    case BlockedBy::kSending:
      return "sending";
    case BlockedBy::kStoreFailed:
      return "store-failed";
    case BlockedBy::kAuth:
      return "auth";
  }
  INTENTLOG_CHECK(false);
  return "";
}

}  // namespace intentlog
