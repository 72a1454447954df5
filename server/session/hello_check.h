// Whether a Hello is one that a session can begin with. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "proto/sync.pb.h"
#include "server/options.h"

namespace intentlog {

// Whether a frame of few bytes would take much memory as messages: more elements than any device
// has. Looks at the bytes alone. INVALID_ARGUMENT says what there is too much of.
absl::Status CheckHelloSize(std::string_view device_frame, const ServerOptions& options);

// What is wrong with it, as the server says goodbye; nothing if all is well.
std::optional<Goodbye> CheckHello(const Hello& hello, const ServerOptions& options);

}  // namespace intentlog
