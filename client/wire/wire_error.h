// Words for what gRPC reports: one line that names the address, for people. Pure.
#pragma once

#include <grpcpp/support/status.h>

#include <string_view>

#include "absl/status/status.h"

namespace intentlog {

// `status` of a call to `address`, as a Status whose message says what is wrong there and what to
// do.
absl::Status WireStatus(std::string_view address, const grpc::Status& status);

}  // namespace intentlog
