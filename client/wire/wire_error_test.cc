#include "client/wire/wire_error.h"

#include <gtest/gtest.h>

#include <string>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

std::string Words(grpc::StatusCode code, const std::string& message) {
  return std::string(MessageOf(WireStatus("127.0.0.1:7420", grpc::Status(code, message))));
}

TEST(WireErrorTest, NobodyListeningSaysWhatToStart) {
  EXPECT_EQ(Words(grpc::StatusCode::UNAVAILABLE,
                  "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7420: "
                  "Failed to connect to remote host: Connection refused"),
            "no server at 127.0.0.1:7420: connection refused; is `intentlog serve` running there?");
}

TEST(WireErrorTest, AnUnknownHostIsCalledUnknown) {
  EXPECT_EQ(Words(grpc::StatusCode::UNAVAILABLE, "DNS resolution failed for nowhere:1: C-ares"),
            "no server at 127.0.0.1:7420: that host name is not known; check --server");
}

TEST(WireErrorTest, ACutConnectionIsCalledLost) {
  EXPECT_EQ(Words(grpc::StatusCode::UNAVAILABLE, "Socket closed"),
            "the connection to 127.0.0.1:7420 was lost");
}

TEST(WireErrorTest, AnotherServiceIsCalledSo) {
  EXPECT_EQ(Words(grpc::StatusCode::UNIMPLEMENTED, ""),
            "what answers at 127.0.0.1:7420 is no Intentlog server, or one of another version");
}

TEST(WireErrorTest, WhatTheServerSaidIsKept) {
  const absl::Status status = WireStatus(
      "h:1", grpc::Status(grpc::StatusCode::NOT_FOUND, "no view \"sale\"; there are: orders"));
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(status), "h:1: no view \"sale\"; there are: orders");
}

TEST(WireErrorTest, AServerThatAnswersLaterIsNotTakenForOneThatIsNotThere) {
  EXPECT_EQ(Words(grpc::StatusCode::UNAVAILABLE, "view sales is being made: try again later"),
            "127.0.0.1:7420: view sales is being made: try again later");
  EXPECT_EQ(Words(grpc::StatusCode::DEADLINE_EXCEEDED, "view sales is at position 1, not yet at 2"),
            "127.0.0.1:7420: view sales is at position 1, not yet at 2");
  EXPECT_EQ(Words(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"),
            "127.0.0.1:7420 did not answer in time; the server is overloaded, or is no Intentlog "
            "server");
}

TEST(WireErrorTest, SuccessIsOk) { EXPECT_TRUE(WireStatus("h:1", grpc::Status::OK).ok()); }

}  // namespace
}  // namespace intentlog
