// What a server says of its devices, as objects for --json and in words for people. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "eventlog/schema/schema.h"
#include "proto/admin.pb.h"
#include "tools/commands/json.h"

namespace intentlog {

Json FleetDeviceJson(const FleetDevice& device);
Json OpenEventJson(const OpenEvent& open, int64_t now_us);
Json FleetConflictJson(const FleetConflict& conflict, const Schema& schema, int64_t now_us);
Json SettleJson(const SettleReply& reply);

// "same", "older", "newer", "other"; "" if the device did not say.
std::string SchemaWord(SchemaAge age);
// "5 h" since then; "" for 0.
std::string AgoText(int64_t moment_us, int64_t now_us);
// "+40 min", "-3 s", "0 s".
std::string SkewText(int64_t skew_us);
// What the server holds open of a device, and how to close it; two lines.
std::string OpenEventText(const OpenEvent& open, int64_t now_us);
// The device in one answer: how it is doing, what waits, since when, and what to do.
std::string WhyText(const GetDeviceReply& reply);
// A conflict side by side, several lines, and how to close it.
std::string ConflictText(const FleetConflict& conflict, const Schema& schema, int64_t now_us);

}  // namespace intentlog
