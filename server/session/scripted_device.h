// A ScriptedDevice speaks the session protocol frame by frame, as a test says: it keeps its device
// log and what the feed brought, checks every feed frame against its cursors, and decides nothing
// by itself. For tests of the server; the real device is client/.
//
//   ScriptedDevice till("till-1", {"shop"});
//   till.Record(Moved("milk", -2), "stock", "milk");
//   till.Connect(*server);
//   executor.RunUntilIdle();
//   till.Push(1, 1);
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventlog/log/chain.h"
#include "eventlog/runtime/ids.h"
#include "proto/event.pb.h"
#include "proto/sync.pb.h"
#include "server/server.h"
#include "server/session/recording_sink.h"

namespace intentlog {

// Thread-compatible.
class ScriptedDevice {
 public:
  struct SeenEvent {
    std::string header;
    std::string intent;
  };
  struct Receipt {
    uint64_t position = 0;
    Decision decision = DECISION_UNSPECIFIED;
    Reason reason;
    uint64_t pointer = 0;
  };

  ScriptedDevice(std::string name, std::vector<std::string> scopes, bool all_scopes = false);
  // The same installation, copied: same name and log; what it records from now on differs.
  ScriptedDevice Clone() const;

  // ---- its log
  // Returns the intent's count. Written to `scope`, or its first one.
  uint64_t Record(const google::protobuf::Message& event, const std::string& entity_type,
                  const std::string& entity_id, const std::string& scope = "");
  // Of the last one recorded.
  void SetBasedOn(const HistoryPoint& point);
  void SetBatchSize(uint64_t count, uint32_t size);
  void SetType(const std::string& type);
  void SetSchemaVersion(uint32_t version);
  void SetDeviceTime(int64_t device_time_us);
  uint64_t last() const { return intents_.size(); }
  const LogId& log() const { return log_; }
  // What its screen has now of the scope.
  HistoryPoint Seen(const std::string& scope) const;

  // ---- its connection
  Hello MakeHello() const;
  void Connect(Server& server);
  void Connect(Server& server, const Hello& hello);
  void Disconnect();
  Push MakePush(uint64_t first, uint64_t last) const;
  void PushCounts(uint64_t first, uint64_t last);
  void SendPush(const Push& push);
  void SendBytes(std::string_view bytes) { connection_->OnFrame(bytes); }
  void GiveCredit(uint64_t bytes);
  void Writable() { connection_->OnWritable(); }
  RecordingSink& sink() { return *sink_; }
  size_t unprocessed_bytes() const { return connection_->unprocessed_bytes(); }

  // Takes what came: receipts, feed (checked), and the rest in `others`. CHECK-fails if the feed
  // has a hole, goes back, or shows other bytes at a position than before.
  void Absorb();

  const std::map<uint64_t, Receipt>& receipts() const { return receipts_; }  // by count
  const std::map<uint64_t, SeenEvent>& seen() const { return seen_; }        // by position
  uint64_t cursor(const std::string& scope) const;
  uint64_t feed_frames() const { return feed_frames_; }
  uint64_t feed_bytes() const { return feed_bytes_; }
  std::vector<ServerFrame>& others() { return others_; }
  // The Goodbye that ended the connection, if one did.
  std::optional<Goodbye> goodbye() const;
  const Welcome& welcome() const { return welcome_; }
  const std::vector<Digest>& digests() const { return digests_; }
  uint64_t initial_credit = 1 << 30;
  bool takes_packed = false;

 private:
  void OnFeed(const Feed& feed);
  void OnReceipts(const Receipts& receipts);

  std::string name_;
  bool all_scopes_;
  std::string write_scope_;
  LogId log_;
  std::vector<std::string> intents_;
  std::map<std::string, Cursor> cursors_;
  std::unique_ptr<RecordingSink> sink_;
  std::unique_ptr<ServerConnection> connection_;
  Welcome welcome_;
  std::map<uint64_t, Receipt> receipts_;
  std::map<uint64_t, SeenEvent> seen_;
  std::vector<ServerFrame> others_;
  std::vector<Digest> digests_;
  uint64_t feed_frames_ = 0;
  uint64_t feed_bytes_ = 0;
  uint64_t made_ = 0;
};

}  // namespace intentlog
