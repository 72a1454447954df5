// A TcpProxy stands between a device and a server on loopback and does what networks do: it cuts
// connections after a byte of the test's choice, gives bytes in pieces and late, or holds them back
// while the connection stays. For tests. Thread-safe.
//
//   TcpProxy proxy(server.address());
//   device.Connect(proxy.address());
//   proxy.CutDownAfter(700);               // the next connection ends in the middle of something
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <thread>

namespace intentlog::integration {

class TcpProxy {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;

  // Connects to `target`, HOST:PORT with an address in digits, for each connection that it accepts.
  explicit TcpProxy(const std::string& target);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::string address() const;  // HOST:PORT
  // Connections that begin from now on end after so many bytes to the device, or to the server.
  void CutDownAfter(uint64_t bytes) { cut_down_ = bytes; }
  void CutUpAfter(uint64_t bytes) { cut_up_ = bytes; }
  // At most so many bytes at a time.
  void Pieces(uint64_t bytes) { piece_ = bytes; }
  // Nothing goes through, and nobody is told, until Resume.
  void Hold() { held_ = true; }
  void Resume() { held_ = false; }
  // Ends the connections that there are.
  void Cut() { ++cuts_; }
  uint64_t connections() const { return connections_; }
  // Bytes that went to the device over the connection that ended last, or is there.
  uint64_t down_bytes() const { return down_bytes_; }

 private:
  struct Direction {
    int from = -1;
    int to = -1;
    uint64_t left = kNever;  // bytes until the cut
    bool down = false;
  };
  struct Connection {
    ~Connection();
    int device = -1;
    int server = -1;
    Direction up, down;
  };

  void Run();
  void Accept();
  bool Forward(Direction& direction);

  const std::string target_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::list<std::unique_ptr<Connection>> open_;  // of the thread
  std::atomic<uint64_t> cut_down_{kNever}, cut_up_{kNever}, piece_{64 << 10};
  std::atomic<uint64_t> cuts_{0}, connections_{0}, down_bytes_{0};
  std::atomic<bool> held_{false}, stopped_{false};
  std::thread thread_;
};

}  // namespace intentlog::integration
