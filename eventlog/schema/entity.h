// An Entity is what an event is about: a type and an id. Its text is `order/581482`; the id may
// contain slashes, the type may not. Values.
//
// Names end up in keys of the store and in text for people, so all of them are UTF-8 without NUL.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace intentlog {

// Limits in bytes. Keys hold scope, type and id, and are repeated in indexes: ids fit a URL or a
// scanned code, the others a word. A longer one is refused, never cut.
inline constexpr size_t kEntityTypeSizeMax = 100;
inline constexpr size_t kEntityIdSizeMax = 512;
inline constexpr size_t kScopeSizeMax = 100;
inline constexpr size_t kTenantSizeMax = 100;

struct Entity {
  std::string type;
  std::string id;

  friend auto operator<=>(const Entity&, const Entity&) = default;
};

std::string ToText(const Entity& entity);
// From that text, split at the first slash. INVALID_ARGUMENT says what is wrong with it.
absl::StatusOr<Entity> ParseEntity(std::string_view text);

// INVALID_ARGUMENT with the reason if the name is empty, too long, not UTF-8 or contains NUL; an
// entity type also if it contains a slash.
absl::Status ValidEntityType(std::string_view type);
absl::Status ValidEntityId(std::string_view id);
absl::Status ValidScope(std::string_view scope);
absl::Status ValidTenant(std::string_view tenant);

// Whether the bytes are well-formed UTF-8: no overlong forms, surrogates or code points past
// 10FFFF.
bool IsUtf8(std::string_view bytes);

}  // namespace intentlog

template <>
struct std::hash<intentlog::Entity> {
  size_t operator()(const intentlog::Entity& entity) const {
    const std::hash<std::string_view> hash;
    return hash(entity.type) * 0x9e3779b97f4a7c15 + hash(entity.id);
  }
};
