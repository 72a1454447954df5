// A FakeServer is the smallest server that a device can sync with: one log in memory, decisions as
// the test says, resends answered with the first receipt, and what is open closed by Resolve, Amend
// and Dismiss, with the parked ones behind it. The real one is server/; this one also does what
// that never does. For tests. Thread-compatible; belongs to the test's executor.
//
//   FakeServer server(network);
//   server.Decide([](const Intent& intent) { return REJECTED; });
//   client->StartSync(network);
//   executor.RunUntilIdle();
//   EXPECT_EQ(server.log().size(), 1u);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "client/sync/loopback_channel.h"
#include "eventlog/log/chain.h"
#include "eventlog/log/packed_block.h"
#include "proto/event.pb.h"
#include "proto/sync.pb.h"

namespace intentlog {

class FakeServer {
 public:
  struct Stored {
    Header header;
    std::string header_bytes;
    std::string intent_bytes;
    std::string scope;
    ChainValue chain;
  };

  explicit FakeServer(LoopbackConnector& network);

  // ---- how it behaves
  using Decider = std::function<Decision(const Intent& intent)>;
  void Decide(Decider decider) { decider_ = std::move(decider); }
  // What parked ones, and amended ones, get when they are admitted again; ACCEPTED unless said.
  void Readmit(Decider decider) { readmit_ = std::move(decider); }
  // Reasons of decisions that are not plain.
  using Explainer = std::function<Reason(const Intent& intent, Decision decision)>;
  void Explain(Explainer explainer) { explainer_ = std::move(explainer); }
  // The next Resolve, Amend or Dismiss is refused as STALE.
  void RefuseNext() { refuse_next_ = true; }
  void HoldReceipts(bool hold) { hold_receipts_ = hold; }
  void HoldFeed(bool hold);
  // Events in one Feed frame at most.
  void FeedEvents(size_t events) { feed_events_ = events; }
  void SetEpoch(std::string epoch) { epoch_ = std::move(epoch); }
  Limits& limits() { return limits_; }

  // ---- what others do
  // Another device's event.
  uint64_t Append(const std::string& scope, const Intent& intent, Decision decision = ACCEPTED,
                  const Reason& reason = {});
  // The same in a device log that a copy of its device has, too.
  uint64_t AppendTo(const std::string& log_id, const std::string& scope, const Intent& intent,
                    Decision decision = ACCEPTED, const Reason& reason = {});
  // It has lost what came behind position `head`, and says nothing of it.
  void RollBack(uint64_t head);
  struct Closing {
    Decision decision = ACCEPTED;
    std::string resolved_by;
    std::string resolver;
    bool turned = false;
    std::string payload;  // empty: that of the open event
    Reason reason;
  };
  // Closes or turns an open event, and tells the scope.
  uint64_t Settle(uint64_t of, const Closing& closing);
  uint64_t Settle(uint64_t of, Decision decision, const std::string& resolved_by = "") {
    return Settle(of, {decision, resolved_by, "", false, "", Reason()});
  }

  // ---- what it has
  const std::vector<Stored>& log() const { return log_; }
  // How an event stands: its decision, as the last settlement changed it. Unspecified: closed.
  Decision OpenAs(uint64_t position) const;
  uint64_t head() const { return log_.size(); }
  const Hello& hello() const { return hello_; }
  const std::vector<Push>& pushes() const { return pushes_; }
  const std::vector<QueueHealth>& reports() const { return reports_; }
  uint64_t credit() const { return credit_; }
  // Positions of this device log's counts; more than one each would be a double.
  std::multimap<uint64_t, uint64_t> PositionsOf(const std::string& log_id) const;
  // Of the scope's events in (from, through].
  Feed MakeFeed(const std::string& scope, uint64_t from, uint64_t through) const;
  void SendFeed();

 private:
  void OnFrame(const DeviceFrame& frame);
  void OnHello(const Hello& hello);
  void OnPush(const Push& push);
  uint64_t Store(Header header, const std::string& intent_bytes, const std::string& scope);
  ReceiptRun RunOf(uint64_t position) const;
  uint64_t BehindOf(const std::string& log_id, const Intent& intent) const;
  // What a Resolve, Amend or Dismiss asks for.
  struct Control {
    uint64_t of = 0;
    Decision closes = DECISION_UNSPECIFIED;
    bool followers_too = false;
    Closing closing;
  };
  static Control ReadControl(const Intent& intent);
  Decision Judge(const Intent& intent, Reason* reason);
  void Carry(const Intent& intent);
  void Follow(const Control& control, const std::string& log_id, const Intent& stopper);

  LoopbackConnector& network_;
  Decider decider_;
  Decider readmit_;
  Explainer explainer_;
  bool refuse_next_ = false;
  std::map<uint64_t, Decision> open_;  // by position
  bool hold_receipts_ = false;
  bool hold_feed_ = false;
  size_t feed_events_ = 100;
  BlockPacker packer_;
  std::string epoch_ = std::string(16, 'E');
  Limits limits_;
  Hello hello_;
  std::map<std::string, uint64_t> cursors_;  // of the connected device
  bool all_scopes_ = false;
  std::set<std::string> scopes_;
  std::vector<Stored> log_;
  std::map<std::string, std::vector<uint64_t>> counts_;  // positions by log and count
  std::vector<Push> pushes_;
  std::vector<QueueHealth> reports_;
  uint64_t credit_ = 0;
  uint64_t session_ = 0;
};

}  // namespace intentlog
