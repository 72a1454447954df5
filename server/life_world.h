// A LifeWorld is a test server with devices, and verbs for what happens after a first decision.
//
//   const uint64_t at = world.Conflict(till, "milk");      // position of a conflicted price
//   world.Do(office, MakeResolve(at, Resolve::APPLY), "product", "milk");
//   world.SettlementOf(at)->decision()
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/log/verify.h"
#include "eventlog/runtime/check.h"
#include "server/session/scripted_device.h"
#include "server/test_server.h"

namespace intentlog {

inline Resolve MakeResolve(uint64_t of, Resolve::Verdict verdict, bool followers_too = false) {
  Resolve resolve;
  resolve.set_of(of);
  resolve.set_verdict(verdict);
  resolve.set_followers_too(followers_too);
  return resolve;
}
inline Resolve MakeReplace(uint64_t of, const google::protobuf::Message& event) {
  Resolve resolve = MakeResolve(of, Resolve::REPLACE);
  resolve.set_replacement_type(event.GetTypeName());
  resolve.set_replacement(event.SerializeAsString());
  return resolve;
}
inline Amend MakeAmend(uint64_t of, const google::protobuf::Message& event) {
  Amend amend;
  amend.set_of(of);
  amend.set_replacement_type(event.GetTypeName());
  amend.set_replacement(event.SerializeAsString());
  return amend;
}
inline Dismiss MakeDismiss(uint64_t of, bool followers_too = false) {
  Dismiss dismiss;
  dismiss.set_of(of);
  dismiss.set_followers_too(followers_too);
  return dismiss;
}

// Thread-compatible.
class LifeWorld {
 public:
  using Receipt = ScriptedDevice::Receipt;

  explicit LifeWorld(ServerOptions options = {}) : server_(std::move(options)) {}

  TestServer& server() { return server_; }
  void Connect(std::initializer_list<ScriptedDevice*> devices) {
    for (ScriptedDevice* const device : devices) {
      device->Connect(*server_);
      connected_[device] = device->receipts().size();
    }
    Run();
  }
  // All goes its way.
  void Run() {
    server_.RunUntilIdle();
    for (const auto& [device, pushed] : connected_) device->Absorb();
  }
  // Everything recorded that was not pushed yet, in one piece.
  void Push(ScriptedDevice& device) {
    uint64_t& pushed = connected_[&device];
    if (pushed == device.last()) return;
    device.PushCounts(pushed + 1, device.last());
    pushed = device.last();
  }
  // The process dies, without what is not synced; devices come back.
  void CrashAndReopen() {
    server_.Crash();
    server_.Open();
    for (auto& [device, pushed] : connected_) {
      device->Connect(*server_);
      server_.RunUntilIdle();
      device->Absorb();
      pushed = device->welcome().highest(0).count();
    }
  }
  // Records, pushes, and waits for the receipt.
  Receipt Do(ScriptedDevice& device, const google::protobuf::Message& event,
             const std::string& entity_type, const std::string& entity_id) {
    const uint64_t count = device.Record(event, entity_type, entity_id);
    Push(device);
    Run();
    return device.receipts().at(count);
  }
  // As Do, without having seen anything.
  Receipt DoBlindly(ScriptedDevice& device, const google::protobuf::Message& event,
                    const std::string& entity_type, const std::string& entity_id) {
    const uint64_t count = device.Record(event, entity_type, entity_id);
    device.SetBasedOn(HistoryPoint());
    Push(device);
    Run();
    return device.receipts().at(count);
  }

  // ---- what the log says
  struct Stored {
    Header header;
    Intent intent;
  };
  std::vector<Stored> Events() {
    std::vector<Stored> events;
    const auto log = *server_->Log("default");
    const auto reader = log->Read(Position(1));
    while (*reader->Next()) {
      for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
        const EventRef ref = reader->block().event(i);
        Stored& stored = events.emplace_back();
        INTENTLOG_CHECK(stored.header.ParseFromString(std::string(ref.header)));
        stored.intent.ParseFromString(std::string(ref.intent));
      }
    }
    return events;
  }
  // All that settle what stood there, turns included.
  std::vector<Settlement> SettlementsOf(uint64_t position) {
    std::vector<Settlement> found;
    for (const Stored& stored : Events()) {
      if (stored.header.settlement_of() != position) continue;
      INTENTLOG_CHECK(found.emplace_back().ParseFromString(stored.intent.payload()));
    }
    return found;
  }
  std::optional<Settlement> SettlementOf(uint64_t position) {
    const std::vector<Settlement> all = SettlementsOf(position);
    return all.empty() ? std::nullopt : std::optional<Settlement>(all.back());
  }
  // In the order of the log: positions that were settled.
  std::vector<uint64_t> SettledInOrder() {
    std::vector<uint64_t> order;
    for (const Stored& stored : Events()) {
      if (stored.header.settlement_of() != 0) order.push_back(stored.header.settlement_of());
    }
    return order;
  }
  std::vector<uint64_t> Open() {
    std::vector<uint64_t> positions;
    const auto all = server_->OpenEvents("default", Position(), 100000);
    for (const OpenEvent& open : *all) positions.push_back(open.position());
    return positions;
  }
  // Empty: the log is sound.
  std::vector<std::string> Problems() { return VerifyLog(**server_->Log("default"))->problems; }

 private:
  TestServer server_;
  std::map<ScriptedDevice*, uint64_t> connected_;  // to what was pushed
};

}  // namespace intentlog
