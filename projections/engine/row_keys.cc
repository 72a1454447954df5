#include "projections/engine/row_keys.h"

#include "absl/strings/escaping.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

absl::Status CheckScope(std::string_view scope) {
  if (scope.empty()) return Invalid("a scope is empty: every event has one");
  if (scope.find('\0') != std::string_view::npos) {
    return Invalid("scope ", Quoted(scope), " contains a NUL byte");
  }
  return absl::OkStatus();
}

std::string BuildBytes(BuildId build) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(build >> shift));
  return bytes;
}

bool ParseBuild(std::string_view bytes, BuildId* build) {
  if (bytes.size() != 4) return false;
  *build = 0;
  for (char byte : bytes) *build = *build << 8 | static_cast<uint8_t>(byte);
  return true;
}

std::string RowPrefix(BuildId build, std::string_view scope) {
  return Cat(BuildBytes(build), scope, '\0');
}

std::string ViewKey(std::string_view name, uint32_t version) {
  return Cat("view", '\0', name, '\0', BuildBytes(version));
}

std::string AliasKey(std::string_view name) { return Cat("alias", '\0', name); }

std::string CheckpointPrefix(BuildId build) { return Cat("check", BuildBytes(build)); }

std::string CheckpointKey(BuildId build, std::string_view scope) {
  return Cat(CheckpointPrefix(build), scope);
}

std::string ParkedPrefix(BuildId build) { return Cat("park", BuildBytes(build)); }

std::string ParkedPrefix(BuildId build, std::string_view scope) {
  return Cat(ParkedPrefix(build), scope, '\0');
}

std::string Quoted(std::string_view key) {
  return Cat('"', absl::Utf8SafeCHexEscape(absl::string_view(key.data(), key.size())), '"');
}

}  // namespace intentlog
