#include "tools/bench/load_streams.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog::bench {
namespace {

// ---- HTTP/2, RFC 9113: as much as a client of one stream needs

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
};
constexpr uint8_t kAck = 1, kEndStream = 1, kEndHeaders = 4, kPadded = 8;
constexpr uint16_t kInitialWindow = 4;
constexpr uint32_t kConnection = 0, kStream = 1;
constexpr size_t kFrameHead = 9;
constexpr size_t kMessageHead = 5;     // of gRPC: compressed or not, length
constexpr size_t kPayloadMax = 16384;  // of a frame, if a side says nothing else
constexpr int64_t kFirstWindow = 65535;
constexpr uint32_t kWindowMax = 0x7fffffff;

void PutNumber(std::string& out, uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift));
  }
}

uint32_t NumberAt(std::string_view bytes, size_t at, int size) {
  uint32_t number = 0;
  for (int i = 0; i < size; ++i) {
    number = number << 8 | static_cast<uint8_t>(bytes[at + static_cast<size_t>(i)]);
  }
  return number;
}

void PutFrameHead(std::string& out, size_t size, FrameType type, uint8_t flags, uint32_t stream) {
  PutNumber(out, size, 3);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  PutNumber(out, stream, 4);
}

// A header field as a literal that no table keeps.
void PutField(std::string& out, std::string_view name, std::string_view value) {
  INTENTLOG_CHECK(name.size() < 127 && value.size() < 127);
  out.push_back(0);
  out.push_back(static_cast<char>(name.size()));
  out.append(name);
  out.push_back(static_cast<char>(value.size()));
  out.append(value);
}

// What a client says first: windows as large as they can be, so that none is ever updated, and the
// one call.
std::string Opening(const std::string& address, const std::string& method) {
  std::string fields;
  PutField(fields, ":method", "POST");
  PutField(fields, ":scheme", "http");
  PutField(fields, ":path", method);
  PutField(fields, ":authority", address);
  PutField(fields, "te", "trailers");
  PutField(fields, "content-type", "application/grpc");
  std::string out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  PutFrameHead(out, 6, kSettings, 0, kConnection);
  PutNumber(out, kInitialWindow, 2);
  PutNumber(out, kWindowMax, 4);
  PutFrameHead(out, 4, kWindowUpdate, 0, kConnection);
  PutNumber(out, kWindowMax - kFirstWindow, 4);
  PutFrameHead(out, fields.size(), kHeaders, kEndHeaders, kStream);
  return out + fields;
}

absl::StatusOr<int> ConnectedSocket(const std::string& address) {
  const size_t colon = address.rfind(':');
  sockaddr_in peer = {};
  peer.sin_family = AF_INET;
  if (colon == std::string::npos ||
      inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr) != 1) {
    return Invalid(address, " is no IPv4 address with a port");
  }
  peer.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return Unavailable("cannot connect to ", address, ": ", strerror(error));
  }
  return fd;
}

class SocketStream final : public LoadStreams::Stream {
 public:
  SocketStream(int fd, int epoll, LoadStreams::OnMessage on_message, LoadStreams::OnEnd on_end)
      : fd_(fd), epoll_(epoll), on_message_(std::move(on_message)), on_end_(std::move(on_end)) {}
  ~SocketStream() override { CloseSocket(); }

  void Write(std::string framed) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (fd_ < 0) return;
    queue_.push_back(std::move(framed));
    SendMore();
  }
  void Begin(std::string opening) {
    const std::lock_guard<std::mutex> lock(mutex_);
    control_ = std::move(opening);
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.ptr = this;
    INTENTLOG_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event) == 0);
    SendMore();
  }

  // ---- the loop's thread
  void OnEvents(uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
      const std::lock_guard<std::mutex> lock(mutex_);
      blocked_ = false;
      Listen(EPOLLIN);
      SendMore();
    }
    if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) Receive();
  }

 private:
  void Listen(uint32_t events) {
    epoll_event event = {};
    event.events = events;
    event.data.ptr = this;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event);
  }

  // ---- sending. REQUIRES: mutex_ is held.

  // Bytes of whole frames from `from` on that the windows let through.
  size_t Allowed(const std::string& framed, size_t from) {
    size_t end = from;
    while (end < framed.size()) {
      const int64_t payload = NumberAt(framed, end, 3);
      if (payload > std::min(connection_window_, stream_window_)) break;
      connection_window_ -= payload;
      stream_window_ -= payload;
      end += kFrameHead + static_cast<size_t>(payload);
    }
    return end;
  }
  // False: the socket takes no more now.
  bool SendAll(const std::string& bytes, size_t end, size_t& sent) {
    while (sent < end) {
      const ssize_t size = send(fd_, bytes.data() + sent, end - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) {
        // Other errors are seen by the one who reads.
        blocked_ = errno == EAGAIN;
        if (blocked_) Listen(EPOLLIN | EPOLLOUT);
        return false;
      }
      sent += static_cast<size_t>(size);
    }
    return true;
  }
  void SendMore() {
    if (blocked_) return;
    // Begun frames first, then what the protocol asks for, then further frames.
    while (true) {
      if (sent_ < allowed_ && !SendAll(queue_.front(), allowed_, sent_)) return;
      if (!control_.empty()) {
        if (!SendAll(control_, control_.size(), control_sent_)) return;
        control_.clear();
        control_sent_ = 0;
      }
      if (!queue_.empty() && sent_ == queue_.front().size()) {
        queue_.pop_front();
        sent_ = allowed_ = 0;
      }
      if (queue_.empty()) return;
      allowed_ = Allowed(queue_.front(), sent_);
      if (allowed_ == sent_) return;
    }
  }

  // ---- receiving

  void Receive() {
    char bytes[65536];
    const ssize_t size = recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return End(size == 0 ? "the server closed the connection" : strerror(errno));
    received_.append(bytes, static_cast<size_t>(size));
    size_t at = 0;
    while (!ended_ && received_.size() - at >= kFrameHead) {
      const size_t payload = NumberAt(received_, at, 3);
      if (received_.size() - at < kFrameHead + payload) break;
      TakeFrame(static_cast<uint8_t>(received_[at + 3]), static_cast<uint8_t>(received_[at + 4]),
                NumberAt(received_, at + 5, 4),
                std::string_view(received_).substr(at + kFrameHead, payload));
      at += kFrameHead + payload;
    }
    received_.erase(0, at);
  }

  void TakeFrame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
    switch (type) {
      case kData:
        if ((flags & kPadded) != 0) return End("the server pads its frames");
        message_.append(payload);
        TakeMessages();
        break;
      case kSettings:
        if ((flags & kAck) == 0) TakeSettings(payload);
        return;
      case kPing:
        if ((flags & kAck) == 0) Answer(kPing, payload);
        return;
      case kWindowUpdate: {
        const std::lock_guard<std::mutex> lock(mutex_);
        (stream == kConnection ? connection_window_ : stream_window_) += NumberAt(payload, 0, 4);
        return SendMore();
      }
      case kResetStream:
      case kGoaway:
        return End("the server ended the stream");
      default:
        break;
    }
    if ((type == kData || type == kHeaders) && (flags & kEndStream) != 0) {
      End("the server ended the stream");
    }
  }

  void TakeMessages() {
    size_t at = 0;
    while (message_.size() - at >= kMessageHead) {
      const size_t size = NumberAt(message_, at + 1, 4);
      if (message_.size() - at < kMessageHead + size) break;
      on_message_(std::string_view(message_).substr(at + kMessageHead, size));
      at += kMessageHead + size;
    }
    message_.erase(0, at);
  }

  void TakeSettings(std::string_view payload) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (size_t at = 0; at + 6 <= payload.size(); at += 6) {
        if (NumberAt(payload, at, 2) != kInitialWindow) continue;
        const int64_t window = NumberAt(payload, at + 2, 4);
        stream_window_ += window - initial_window_;
        initial_window_ = window;
      }
    }
    Answer(kSettings, {});
  }

  void Answer(FrameType type, std::string_view payload) {
    const std::lock_guard<std::mutex> lock(mutex_);
    PutFrameHead(control_, payload.size(), type, kAck, kConnection);
    control_.append(payload);
    SendMore();
  }

  void End(std::string_view why) {
    if (std::exchange(ended_, true)) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      CloseSocket();
      queue_.clear();
    }
    on_end_(Unavailable(why));
  }
  void CloseSocket() {
    if (fd_ >= 0) close(fd_);  // which takes it from the epoll, too
    fd_ = -1;
  }

  int fd_;  // -1: ended. Changed by the loop's thread, which holds mutex_
  const int epoll_;
  const LoadStreams::OnMessage on_message_;
  const LoadStreams::OnEnd on_end_;

  // Of the loop's thread.
  std::string received_;  // the beginning of a frame
  std::string message_;   // the beginning of a message
  bool ended_ = false;

  std::mutex mutex_;  // protects all below
  std::deque<std::string> queue_;
  size_t sent_ = 0;     // of the first in the queue
  size_t allowed_ = 0;  // end of its frames for which windows were taken
  std::string control_;
  size_t control_sent_ = 0;
  int64_t connection_window_ = kFirstWindow;
  int64_t stream_window_ = kFirstWindow;
  int64_t initial_window_ = kFirstWindow;
  bool blocked_ = false;
};

}  // namespace

struct LoadStreams::Rep {
  void Run() {
    std::array<epoll_event, 64> events;
    while (true) {
      const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.ptr == nullptr) return;
        static_cast<SocketStream*>(event.data.ptr)->OnEvents(event.events);
      }
    }
  }

  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const int stop = eventfd(0, EFD_CLOEXEC);
  std::mutex mutex;
  std::vector<std::unique_ptr<SocketStream>> streams;  // protected by mutex
  std::thread thread;
};

LoadStreams::LoadStreams() : rep_(std::make_unique<Rep>()) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  INTENTLOG_CHECK(epoll_ctl(rep_->epoll, EPOLL_CTL_ADD, rep_->stop, &event) == 0);
  rep_->thread = std::thread([rep = rep_.get()] { rep->Run(); });
}

LoadStreams::~LoadStreams() {
  INTENTLOG_CHECK(eventfd_write(rep_->stop, 1) == 0);
  rep_->thread.join();
  rep_->streams.clear();
  close(rep_->epoll);
  close(rep_->stop);
}

absl::StatusOr<LoadStreams::Stream*> LoadStreams::Connect(const std::string& address,
                                                          const std::string& method,
                                                          OnMessage on_message, OnEnd on_end) {
  ASSIGN_OR_RETURN(const int fd, ConnectedSocket(address));
  auto stream =
      std::make_unique<SocketStream>(fd, rep_->epoll, std::move(on_message), std::move(on_end));
  stream->Begin(Opening(address, method));
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  rep_->streams.push_back(std::move(stream));
  return rep_->streams.back().get();
}

std::string LoadStreams::Framed(std::string_view message) {
  std::string whole(1, '\0');
  PutNumber(whole, message.size(), 4);
  whole.append(message);
  std::string out;
  out.reserve(whole.size() + (whole.size() / kPayloadMax + 1) * kFrameHead);
  for (size_t at = 0; at < whole.size(); at += kPayloadMax) {
    const std::string_view piece = std::string_view(whole).substr(at, kPayloadMax);
    PutFrameHead(out, piece.size(), kData, 0, kStream);
    out.append(piece);
  }
  return out;
}

}  // namespace intentlog::bench
