// Documents for --json: objects whose members keep the order in which they were set.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace intentlog {

using Json = nlohmann::ordered_json;

// Prints the document and a line end on stdout. Bytes that are no UTF-8 are replaced.
void PrintJson(const Json& document);
// In one line.
std::string ToText(const Json& document);

// Text that may hold bytes that are no UTF-8.
inline Json Text(std::string_view text) { return Json(std::string(text)); }

}  // namespace intentlog
