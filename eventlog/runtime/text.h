// Joining text and making errors from it, for std::string_view (the system's abseil has a
// string_view of its own, which StrCat wants).
//
//   return Invalid("line ", line, ", column ", column, ": quantity \"", text, "\" is no number");
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "eventlog/runtime/numbers.h"

namespace intentlog {

namespace text_internal {
inline void Add(std::string& out, std::string_view part) { out.append(part); }
inline void Add(std::string& out, char part) { out.push_back(part); }
template <std::integral T>
void Add(std::string& out, T part) {
  out.append(std::to_string(part));
}
inline void Add(std::string& out, double part) { out.append(std::to_string(part)); }
template <class Tag>
void Add(std::string& out, Number<Tag> part) {
  out.append(std::to_string(part.value()));
}
inline void Add(std::string& out, const absl::Status& part) {
  out.append(part.message().data(), part.message().size());
}
}  // namespace text_internal

// The parts, one after another. Parts: text, characters, integers, Numbers, a Status's message.
template <class... Parts>
std::string Cat(const Parts&... parts) {
  std::string out;
  (text_internal::Add(out, parts), ...);
  return out;
}

template <class... Parts>
absl::Status StatusOf(absl::StatusCode code, const Parts&... parts) {
  return absl::Status(code, Cat(parts...));
}

// What the caller gave is wrong, whatever the state of things.
template <class... Parts>
absl::Status Invalid(const Parts&... parts) {
  return StatusOf(absl::StatusCode::kInvalidArgument, parts...);
}
// What is asked for is not there.
template <class... Parts>
absl::Status NotFound(const Parts&... parts) {
  return StatusOf(absl::StatusCode::kNotFound, parts...);
}
// Right in itself, but not in this state.
template <class... Parts>
absl::Status FailedPrecondition(const Parts&... parts) {
  return StatusOf(absl::StatusCode::kFailedPrecondition, parts...);
}
// Stored bytes are not what was written.
template <class... Parts>
absl::Status DataLoss(const Parts&... parts) {
  return StatusOf(absl::StatusCode::kDataLoss, parts...);
}
// The world failed: disk, network, a peer. Trying again may help.
template <class... Parts>
absl::Status Unavailable(const Parts&... parts) {
  return StatusOf(absl::StatusCode::kUnavailable, parts...);
}
// A limit is reached; the message names it.
template <class... Parts>
absl::Status Exhausted(const Parts&... parts) {
  return StatusOf(absl::StatusCode::kResourceExhausted, parts...);
}

// std::string_view of a Status's message.
inline std::string_view MessageOf(const absl::Status& status) {
  return std::string_view(status.message().data(), status.message().size());
}

// Lower-case hexadecimal of `bytes`.
std::string Hex(std::string_view bytes);

}  // namespace intentlog
