#include "eventlog/schema/entity.h"

#include <cstdint>
#include <cstring>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

absl::Status ValidName(std::string_view what, std::string_view name, size_t size_max) {
  if (name.empty()) return Invalid(what, " is empty");
  if (name.size() > size_max) {
    return Invalid(what, " has ", name.size(), " bytes; the most allowed is ", size_max);
  }
  if (name.find('\0') != std::string_view::npos) return Invalid(what, " contains a NUL byte");
  if (!IsUtf8(name)) return Invalid(what, " is not UTF-8 (bytes ", Hex(name.substr(0, 40)), ")");
  return absl::OkStatus();
}

// How many bytes the code point that starts with `lead` has, or 0.
size_t SizeOfCodePoint(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

// What the second byte may be: this is where overlong forms, surrogates and 110000 show.
bool SecondByteFits(unsigned char lead, unsigned char second) {
  const unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char greatest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  return second >= least && second <= greatest;
}

}  // namespace

bool IsUtf8(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  size_t i = 0;
  while (i < bytes.size()) {
    uint64_t eight = 0;
    if (bytes.size() - i >= sizeof(eight)) {
      std::memcpy(&eight, bytes.data() + i, sizeof(eight));
      if ((eight & 0x8080808080808080) == 0) {
        i += sizeof(eight);
        continue;
      }
    }
    const size_t size = SizeOfCodePoint(byte(i));
    if (size == 0 || size > bytes.size() - i) return false;
    if (size > 1 && !SecondByteFits(byte(i), byte(i + 1))) return false;
    for (size_t j = 2; j < size; ++j) {
      if ((byte(i + j) & 0xc0) != 0x80) return false;
    }
    i += size;
  }
  return true;
}

std::string ToText(const Entity& entity) { return Cat(entity.type, '/', entity.id); }

absl::StatusOr<Entity> ParseEntity(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Invalid("\"", text.substr(0, 100), "\" is no entity: expected type/id, as order/581482");
  }
  Entity entity{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
  RETURN_IF_ERROR(ValidEntityType(entity.type));
  RETURN_IF_ERROR(ValidEntityId(entity.id));
  return entity;
}

absl::Status ValidEntityType(std::string_view type) {
  RETURN_IF_ERROR(ValidName("entity type", type, kEntityTypeSizeMax));
  if (type.find('/') != std::string_view::npos) {
    return Invalid("entity type \"", type, "\" contains a slash");
  }
  return absl::OkStatus();
}

absl::Status ValidEntityId(std::string_view id) {
  return ValidName("entity id", id, kEntityIdSizeMax);
}

absl::Status ValidScope(std::string_view scope) { return ValidName("scope", scope, kScopeSizeMax); }

absl::Status ValidTenant(std::string_view tenant) {
  return ValidName("tenant", tenant, kTenantSizeMax);
}

}  // namespace intentlog
