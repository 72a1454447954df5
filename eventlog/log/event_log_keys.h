// Index keys of an event log, as FORMAT.md draws them.
#pragma once

#include <string>
#include <string_view>

#include "eventlog/log/coding.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

inline constexpr std::string_view kHeadKey = "mhead";
inline constexpr std::string_view kMergedKey = "mmerged";
inline constexpr std::string_view kEpochPrefix = "mepoch";
inline constexpr std::string_view kRunPrefix = "r";
inline constexpr std::string_view kScopePrefix = "s";
inline constexpr size_t kNumberBytes = 8;

inline std::string EpochKey(uint64_t number) {
  std::string key(kEpochPrefix);
  AppendBig64(key, number);
  return key;
}

inline std::string RunPrefix(const LogId& log) {
  return std::string(kRunPrefix).append(log.bytes());
}
inline std::string RunKey(const LogId& log, Count first) {
  std::string key = RunPrefix(log);
  AppendBig64(key, first.value());
  return key;
}
// Nil if `key` is none.
inline LogId LogOfRunKey(std::string_view key) {
  return key.size() == 1 + LogId::kSize + kNumberBytes
             ? LogId::FromBytes(key.substr(1, LogId::kSize))
             : LogId();
}

inline std::string ScopePrefix(std::string_view scope) {
  return std::string(kScopePrefix).append(scope).append(1, '\0');
}
inline std::string ScopeKey(std::string_view scope, Position last) {
  std::string key = ScopePrefix(scope);
  AppendBig64(key, last.value());
  return key;
}
// Empty if `key` is none.
inline std::string_view ScopeOfKey(std::string_view key) {
  return key.size() > 1 + kNumberBytes ? key.substr(1, key.size() - 2 - kNumberBytes)
                                       : std::string_view();
}

}  // namespace intentlog
