#include "client/wire/wire_error.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// Words of our own server, which begin so; gRPC's never do.
bool IsServers(std::string_view message) {
  return message.starts_with("view ") || message.starts_with("the views ") ||
         message.starts_with("the server ");
}

absl::Status NoConnection(std::string_view address, const std::string& message) {
  const std::string text = LowerCase(message);
  const auto says = [&text](std::string_view word) { return text.find(word) != std::string::npos; };
  if (says("connection refused")) {
    return Unavailable("no server at ", address,
                       ": connection refused; is `intentlog serve` running there?");
  }
  if (says("dns") || says("resol") || says("name or service not known")) {
    return Unavailable("no server at ", address, ": that host name is not known; check --server");
  }
  if (says("socket closed") || says("connection reset") || says("broken pipe") || says("goaway") ||
      says("keepalive") || says("recvmsg")) {
    return Unavailable("the connection to ", address, " was lost");
  }
  if (says("no route") || says("unreachable")) {
    return Unavailable("no server at ", address, ": the network does not reach it");
  }
  if (says("http2") || says("http/2") || says("settings") || says("handshake") ||
      says("http status")) {
    return Unavailable("what answers at ", address, " is no Intentlog server");
  }
  return Unavailable("no server at ", address, ": ", message);
}

}  // namespace

absl::Status WireStatus(std::string_view address, const grpc::Status& status) {
  const std::string message = status.error_message();
  if (IsServers(message)) {
    return StatusOf(static_cast<absl::StatusCode>(status.error_code()), address, ": ", message);
  }
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return absl::OkStatus();
    case grpc::StatusCode::UNAVAILABLE:
      return NoConnection(address, message);
    case grpc::StatusCode::UNIMPLEMENTED:
      return FailedPrecondition("what answers at ", address,
                                " is no Intentlog server, or one of another version");
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return StatusOf(
          absl::StatusCode::kDeadlineExceeded, address,
          " did not answer in time; the server is overloaded, or is no Intentlog server");
    case grpc::StatusCode::CANCELLED:
      return StatusOf(absl::StatusCode::kCancelled, "the connection to ", address, " was ended");
    default:
      return StatusOf(static_cast<absl::StatusCode>(status.error_code()), address, ": ", message);
  }
}

}  // namespace intentlog
