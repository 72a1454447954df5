// CHECK and the two status macros. CHECK is for our own mistakes and is on in every build; what the
// world does wrong is a Status.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace intentlog {
// Prints file, line and text on stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* text);
}  // namespace intentlog

#define INTENTLOG_CHECK(condition)                     \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::intentlog::CheckFailed(__FILE__, __LINE__, #condition))

#define INTENTLOG_CONCAT_(a, b) a##b
#define INTENTLOG_CONCAT(a, b) INTENTLOG_CONCAT_(a, b)

// Returns from the function with the Status, unless it is OK.
#define RETURN_IF_ERROR(expression)                                  \
  do {                                                               \
    absl::Status return_if_error_status = (expression);              \
    if (!return_if_error_status.ok()) return return_if_error_status; \
  } while (false)

// Assigns the value of a StatusOr, or returns its Status.
#define ASSIGN_OR_RETURN(left, expression) \
  ASSIGN_OR_RETURN_(INTENTLOG_CONCAT(status_or_, __LINE__), left, expression)
#define ASSIGN_OR_RETURN_(name, left, expression)  \
  auto name = (expression);                        \
  if (!name.ok()) return std::move(name).status(); \
  left = std::move(name).value()
