// What a device says about itself, as objects for --json and in words for people. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "client/client.h"
#include "tools/commands/json.h"

namespace intentlog {

Json StatusJson(const ClientStatus& status);
Json BlockedJson(const BlockedBy& blocked);

std::string StateWord(RecordState state);
// "offline", "back-off" …
// "3 s", "2 min", "5 h", "3 days".
std::string AgeText(absl::Duration age);
// "2011-12-09 12:50:00", UTC.
std::string TimeText(int64_t micros);
// A payload of that version of its type (none: today's) as JSON in today's form, or why it cannot
// be shown.
Json PayloadJson(const Schema& schema, const std::string& type, const std::string& payload,
                 std::optional<uint32_t> version = std::nullopt);

}  // namespace intentlog
