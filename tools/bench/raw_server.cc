#include "tools/bench/raw_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <signal.h>

#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/bench/plain_rocks.h"
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

constexpr size_t kAnswerBytes = 48;  // as a receipt has

// Puts what waits into plain RocksDB, with one sync, then calls back.
class Committer {
 public:
  explicit Committer(std::unique_ptr<PlainRocks> rocks)
      : rocks_(std::move(rocks)), thread_([this] { Run(); }) {}
  ~Committer() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void Put(std::string bytes, std::function<void()> done) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back({std::move(bytes), std::move(done)});
    }
    wake_.notify_one();
  }

 private:
  struct Waiting {
    std::string bytes;
    std::function<void()> done;
  };

  void Run() {
    std::vector<Waiting> taken;
    std::vector<std::pair<std::string, std::string>> rows;
    while (true) {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        taken.swap(waiting_);
      }
      for (Waiting& one : taken) rows.emplace_back(std::to_string(++put_), std::move(one.bytes));
      INTENTLOG_CHECK(rocks_->PutAll(rows).ok());
      for (Waiting& one : taken) one.done();
      taken.clear();
      rows.clear();
    }
  }

  const std::unique_ptr<PlainRocks> rocks_;
  uint64_t put_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> waiting_;  // protected by mutex_
  bool stopping_ = false;         // protected by mutex_
  std::thread thread_;            // last: it uses all of the above
};

// One message at a time: read, put, answer. `committer` may be null.
class EchoStream final : public grpc::ServerGenericBidiReactor {
 public:
  explicit EchoStream(Committer* committer) : committer_(committer) { StartRead(&incoming_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    if (committer_ == nullptr) return Answer();
    grpc::Slice slice;
    INTENTLOG_CHECK(incoming_.DumpToSingleSlice(&slice).ok());
    committer_->Put(std::string(reinterpret_cast<const char*>(slice.begin()), slice.size()),
                    [this] { Answer(); });
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartRead(&incoming_);
  }
  void OnDone() override { delete this; }

 private:
  void Answer() {
    outgoing_ = ToMessage(std::string(kAnswerBytes, 'r'));
    StartWrite(&outgoing_);
  }

  Committer* const committer_;
  grpc::ByteBuffer incoming_, outgoing_;
};

class RawService final : public grpc::CallbackGenericService {
 public:
  RawService(Messages messages, Committer* committer)
      : messages_(std::move(messages)), committer_(committer) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() == kRawMessagesMethod) return new MessagesStream(messages_);
    if (context->method() == kRawEchoMethod) return new EchoStream(nullptr);
    if (context->method() == kRawCommitMethod) return new EchoStream(committer_);
    return new IdleStream();
  }

 private:
  const Messages messages_;
  Committer* const committer_;
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

absl::Status RunRawServer(const std::string& messages_file, const std::string& commit_dir) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // in gRPC's threads as well

  Messages messages;
  if (!messages_file.empty()) {
    ASSIGN_OR_RETURN(messages, ReadMessages(messages_file));
  }
  std::unique_ptr<Committer> committer;
  if (!commit_dir.empty()) {
    ASSIGN_OR_RETURN(auto rocks, PlainRocks::Open(commit_dir));
    committer = std::make_unique<Committer>(std::move(rocks));
  }
  RawService service(std::move(messages), committer.get());
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
