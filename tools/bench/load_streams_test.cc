#include "tools/bench/load_streams.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace intentlog::bench {
namespace {

constexpr size_t kFrameHead = 9;
constexpr size_t kFirstWindow = 65535;
constexpr char kData = 0, kSettings = 4, kPing = 6, kWindowUpdate = 8;

std::string FrameOf(char type, char flags, char stream, const std::string& payload) {
  std::string frame = {0,
                       static_cast<char>(payload.size() >> 8),
                       static_cast<char>(payload.size()),
                       type,
                       flags,
                       0,
                       0,
                       0,
                       stream};
  return frame + payload;
}

size_t PayloadSize(const std::string& frame) {
  return static_cast<size_t>(static_cast<uint8_t>(frame[0])) << 16 |
         static_cast<size_t>(static_cast<uint8_t>(frame[1])) << 8 | static_cast<uint8_t>(frame[2]);
}

// The other end of one stream: says what a test tells it to.
class Peer {
 public:
  Peer() : listening_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listening_, 1), 0);
    EXPECT_EQ(getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~Peer() {
    close(fd_);
    close(listening_);
  }
  const std::string& address() const { return address_; }

  // Takes the connection and what a client says first.
  void Accept() {
    fd_ = accept(listening_, nullptr, nullptr);
    EXPECT_EQ(Read(24), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    for (int i = 0; i < 3; ++i) ReadFrame();  // settings, window, headers
  }
  void Send(const std::string& bytes) {
    EXPECT_EQ(write(fd_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  std::string ReadFrame() {
    const std::string head = Read(kFrameHead);
    return head + Read(PayloadSize(head));
  }
  // Payloads of data frames up to the first frame of another kind.
  std::string ReadData() {
    std::string data;
    while (true) {
      const std::string frame = ReadFrame();
      if (frame[3] != kData) return data;
      data += frame.substr(kFrameHead);
    }
  }

 private:
  std::string Read(size_t size) {
    std::string bytes(size, 0);
    const ssize_t got = size == 0 ? 0 : recv(fd_, bytes.data(), size, MSG_WAITALL);
    EXPECT_EQ(got, static_cast<ssize_t>(size));
    return bytes;
  }

  const int listening_;
  int fd_ = -1;
  std::string address_;
};

TEST(LoadStreams, AMessageLargerThanTheWindowWaitsForTheWindow) {
  Peer peer;
  LoadStreams streams;
  const auto stream = streams.Connect(
      peer.address(), "/bench.Raw/Echo", [](std::string_view) {}, [](const absl::Status&) {});
  ASSERT_TRUE(stream.ok()) << stream.status();
  peer.Accept();
  const std::string message(100000, 'm');
  (*stream)->Write(LoadStreams::Framed(message));
  // The answer to a ping comes after the frames that the window let through.
  peer.Send(FrameOf(kPing, 0, 0, "12345678"));
  std::string data = peer.ReadData();
  EXPECT_LE(data.size(), kFirstWindow);
  const std::string more = {0, 1, 0, 0};  // 65,536 bytes
  peer.Send(FrameOf(kWindowUpdate, 0, 0, more) + FrameOf(kWindowUpdate, 0, 1, more));
  peer.Send(FrameOf(kPing, 0, 0, "12345678"));
  data += peer.ReadData();
  EXPECT_EQ(data.substr(0, 5),
            std::string({0, 0, 1, static_cast<char>(0x86), static_cast<char>(0xa0)}));
  EXPECT_EQ(data.substr(5), message);
}

TEST(LoadStreams, AMessageThatComesInPiecesIsOneMessage) {
  Peer peer;
  std::string taken;  // written before the stream ends, read after it
  std::atomic<bool> ended = false;
  {
    LoadStreams streams;
    const auto stream = streams.Connect(
        peer.address(), "/bench.Raw/Echo",
        [&taken](std::string_view message) { taken += "[" + std::string(message) + "]"; },
        [&ended](const absl::Status&) {
          ended = true;
          ended.notify_all();
        });
    ASSERT_TRUE(stream.ok()) << stream.status();
    peer.Accept();
    const std::string first = {0, 0, 0, 0, 5, 'h', 'e'},
                      second = {'l', 'l', 'o', 0, 0, 0, 0, 1, '!'};
    peer.Send(FrameOf(kSettings, 0, 0, "") + FrameOf(kData, 0, 1, first));
    peer.Send(FrameOf(kData, /*flags: the last*/ 1, 1, second));
    ended.wait(false);
  }
  EXPECT_EQ(taken, "[hello][!]");
}

}  // namespace
}  // namespace intentlog::bench
