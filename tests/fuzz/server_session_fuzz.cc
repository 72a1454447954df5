// Frames of a device against the server's session: each as it comes, or a Push whose place in its
// log is made right, so that what is in it is decided.
//
//   tag bit 0: a Push gets the next count and the hash before it     bit 1: nothing runs after it
//   bit 2: on a new connection     bit 3: time passes before it     bit 4: the transport is slow
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/log/chain.h"
#include "eventlog/log/verify.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/store/memory_disk.h"
#include "proto/sync.pb.h"
#include "server/server.h"
#include "server/session/recording_sink.h"
#include "server/session/scripted_device.h"
#include "server/test_server.h"
#include "tests/fuzz/fuzz_target.h"

namespace intentlog::fuzz {
namespace {

constexpr uint8_t kFix = 1;
constexpr uint8_t kNoRun = 2;
constexpr uint8_t kConnect = 4;
constexpr uint8_t kWait = 8;
constexpr uint8_t kSlow = 16;

ServerOptions OptionsIn(MemoryDisk& disk) {
  ServerOptions options;
  options.dir = "/tmp/server-session-fuzz";
  options.memory = &disk;
  return options;
}

// A server with a device that keeps to the words, and one that does not.
class World {
 public:
  World() : server_(OptionsIn(disk_)), good_("till-1", {"shop"}, true) {
    good_.Record(Moved("milk", -2), "stock", "milk");
    good_.Record(Priced("milk", 1'000'000), "product", "milk");
    good_.Connect(*server_);
    server_.RunUntilIdle();
    good_.Absorb();
    good_.PushCounts(1, 2);
    server_.RunUntilIdle();
  }
  ~World() {
    connection_.reset();
    good_.Disconnect();
  }

  void Take(const Piece& piece) {
    if ((piece.tag & kWait) != 0) server_.RunFor(absl::Seconds(1));
    if (connection_ == nullptr || (piece.tag & kConnect) != 0) Connect();
    if ((piece.tag & kSlow) != 0) sink_->Hold();
    const std::string frame = (piece.tag & kFix) != 0 ? Fixed(piece.bytes) : piece.bytes;
    Hostile(frame.size(), [&] {
      connection_->OnFrame(frame);
      if ((piece.tag & kNoRun) == 0) server_.RunUntilIdle();
    });
  }

  // Whatever one device says, the log is sound and the others are served.
  void Check() {
    if (sink_ != nullptr) sink_->Release();
    server_.RunFor(absl::Seconds(1));
    if (!server_->health().ok()) Fail(server_->health().ToString());
    good_.Record(Moved("bread", -1), "stock", "bread");
    good_.PushCounts(3, 3);
    server_.RunUntilIdle();
    good_.Absorb();
    if (good_.receipts().size() != 3) Fail("a device has no receipt");
    const auto log = server_->Log("default");
    INTENTLOG_CHECK(log.ok());
    if (good_.cursor("shop") == 0) Fail("a device has no feed");
    const auto verified = VerifyLog(**log);
    if (!verified.ok()) Fail(verified.status().ToString());
    if (!verified->problems.empty()) Fail(verified->problems.front());
  }

 private:
  void Connect() {
    connection_.reset();
    sink_ = std::make_unique<RecordingSink>();
    connection_ = server_->Accept(*sink_);
  }

  // A Push goes on where its log ends, as far as it was pushed here.
  std::string Fixed(const std::string& bytes) {
    DeviceFrame frame;
    if (!frame.ParseFromString(bytes) || !frame.has_push()) return bytes;
    Push& push = *frame.mutable_push();
    Log& log = logs_[push.log_id()];
    push.set_first_count(log.count + 1);
    push.clear_hash_before();
    if (log.count > 0) push.set_hash_before(std::string(Bytes(log.hash)));
    for (const std::string& intent : push.intents()) {
      log.hash = NextLogHash(log.hash, intent);
      ++log.count;
    }
    return frame.SerializeAsString();
  }

  struct Log {
    uint64_t count = 0;
    ChainValue hash = {};
  };

  MemoryDisk disk_;
  TestServer server_;
  ScriptedDevice good_;
  std::unique_ptr<RecordingSink> sink_;
  std::unique_ptr<ServerConnection> connection_;
  std::map<std::string, Log> logs_;
};

Piece HelloPiece(const ScriptedDevice& device, uint8_t tag = 0) {
  DeviceFrame frame;
  *frame.mutable_hello() = device.MakeHello();
  return {tag, frame.SerializeAsString()};
}

Piece PushPiece(const ScriptedDevice& device, uint64_t first, uint64_t last, uint8_t tag = kFix) {
  DeviceFrame frame;
  *frame.mutable_push() = device.MakePush(first, last);
  return {tag, frame.SerializeAsString()};
}

Piece ControlPiece(ScriptedDevice& device, const google::protobuf::Message& control) {
  const uint64_t count = device.Record(control, "product", "milk");
  return PushPiece(device, count, count);
}

}  // namespace

const bool kMessages = true;

void Run(const Pieces& pieces) {
  World world;
  for (const Piece& piece : pieces) world.Take(piece);
  world.Check();
}

std::vector<Seed> Seeds() {
  ScriptedDevice till("till-2", {"shop", "yard"});
  till.Record(Moved("milk", -1), "stock", "milk");
  till.Record(Moved("bread", 5), "stock", "bread");
  till.SetBatchSize(1, 2);
  till.Record(Priced("milk", 900'000), "product", "milk");  // without having seen the other
  DeviceFrame credit;
  credit.mutable_credit()->set_bytes(1000);
  DeviceFrame report;
  report.mutable_report()->mutable_health()->set_pending(3);
  report.mutable_report()->mutable_health()->set_blocked_by("no network");
  DeviceFrame inquiry;
  for (const uint64_t position : {2, 5, 6}) {
    Inquiry::Open& one = *inquiry.mutable_inquiry()->add_open();
    one.set_position(position);
    one.set_decision(CONFLICTED);
  }
  Resolve resolve;
  resolve.set_of(5);
  resolve.set_verdict(Resolve::APPLY);
  Dismiss dismiss;
  dismiss.set_of(5);
  dismiss.set_followers_too(true);
  const Piece hello = HelloPiece(till);
  return {
      {"day",
       {hello,
        PushPiece(till, 1, 3),
        {0, credit.SerializeAsString()},
        {kWait, report.SerializeAsString()}}},
      {"again",
       {hello, PushPiece(till, 1, 3, 0), HelloPiece(till, kConnect), PushPiece(till, 1, 3, 0),
        PushPiece(till, 3, 3, kNoRun)}},
      {"people",
       {hello, PushPiece(till, 1, 3), ControlPiece(till, resolve), ControlPiece(till, dismiss)}},
      {"asks", {hello, PushPiece(till, 1, 3), {0, inquiry.SerializeAsString()}}},
      {"slow", {HelloPiece(till, kSlow), PushPiece(till, 1, 3), PushPiece(till, 1, 1)}}};
}

}  // namespace intentlog::fuzz
