#include "tools/bench/raw_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <signal.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/raw_stream.h"

namespace intentlog::bench {
namespace {

using Messages = std::vector<grpc::ByteBuffer>;

class IdleStream final : public grpc::ServerGenericBidiReactor {
 public:
  IdleStream() { StartRead(&incoming_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    if (!answered_) {
      answered_ = true;
      outgoing_ = incoming_;
      StartWrite(&outgoing_);
    }
    StartRead(&incoming_);
  }
  void OnWriteDone(bool) override { outgoing_.Clear(); }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer incoming_, outgoing_;
  bool answered_ = false;
};

class MessagesStream final : public grpc::ServerGenericBidiReactor {
 public:
  explicit MessagesStream(const Messages& messages) : messages_(messages) { StartRead(&incoming_); }
  void OnReadDone(bool ok) override { ok ? WriteNext() : Finish(grpc::Status::OK); }
  void OnWriteDone(bool ok) override { ok ? WriteNext() : Finish(grpc::Status::OK); }
  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (next_ == messages_.size()) return Finish(grpc::Status::OK);
    StartWrite(&messages_[next_++]);
  }

  const Messages& messages_;
  grpc::ByteBuffer incoming_;
  size_t next_ = 0;
};

class RawService final : public grpc::CallbackGenericService {
 public:
  explicit RawService(Messages messages) : messages_(std::move(messages)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() == kRawMessagesMethod) return new MessagesStream(messages_);
    return new IdleStream();
  }

 private:
  const Messages messages_;
};

absl::StatusOr<Messages> ReadMessages(const std::string& file) {
  Messages messages;
  std::ifstream in(file, std::ios::binary);
  uint32_t size = 0;
  std::string bytes;
  while (in.read(reinterpret_cast<char*>(&size), sizeof size)) {
    bytes.resize(size);
    if (!in.read(bytes.data(), size)) return DataLoss(file, " ends within a message");
    messages.push_back(ToMessage(bytes));
  }
  if (messages.empty()) return NotFound(file, " holds no messages");
  return messages;
}

}  // namespace

absl::Status WriteMessages(const std::string& file, const std::vector<std::string>& messages) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  for (const std::string& message : messages) {
    const uint32_t size = static_cast<uint32_t>(message.size());
    out.write(reinterpret_cast<const char*>(&size), sizeof size);
    out.write(message.data(), size);
  }
  out.close();
  return out ? absl::OkStatus() : Unavailable("cannot write ", file);
}

absl::Status RunRawServer(const std::string& messages_file) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // in gRPC's threads as well

  Messages messages;
  if (!messages_file.empty()) {
    ASSIGN_OR_RETURN(messages, ReadMessages(messages_file));
  }
  RawService service(std::move(messages));
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return Unavailable("no port to listen on");
  std::printf("ready on 127.0.0.1:%d\n", port);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  server->Shutdown(std::chrono::system_clock::now());
  return absl::OkStatus();
}

}  // namespace intentlog::bench
