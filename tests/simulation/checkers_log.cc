// What the server's log holds, and what devices are told of it.
#include <algorithm>
#include <iterator>
#include <map>

#include "eventlog/log/packed_block.h"
#include "eventlog/log/verify.h"
#include "tests/simulation/checkers.h"

namespace intentlog::simulation {
namespace {

using LogCount = std::pair<std::string, uint64_t>;  // a device log's id, and a count in it

// An intent has one position; one id is one intent.
class I8ExactlyOnce final : public Checker {
 public:
  I8ExactlyOnce() : Checker("I8ExactlyOnce") {}
  void OnEvent(const History&, const SeenEvent& event) override {
    const Header& header = event.header;
    const auto [place, fresh] =
        places_.try_emplace({header.log_id(), header.count()}, event.position);
    if (!fresh) {
      Fail("count ", header.count(), " is at ", place->second, " and at ", event.position);
    }
    if (event.intent_id.empty()) return;
    const auto [id, first] = ids_.try_emplace(event.intent_id, event.position);
    if (!first) Fail("one intent is at ", id->second, " and at ", event.position);
  }
  void OnServerRestored(const History& history) override {
    places_.clear();
    ids_.clear();
    for (const SeenEvent& event : history.log()) OnEvent(history, event);
  }
  void AtEnd(World& world, const History& history, const Lanes&) override {
    for (const auto& [name, device] : history.devices()) {
      const ClientStatus status = world.device(name).Status();
      for (const auto& [priority, log] : device.logs) {
        for (size_t count = 1; count <= log.size(); ++count) {
          CheckPlace(name, count, log[count - 1].id, history,
                     PlaceOnServer(status, {priority, Count(count)}));
        }
      }
    }
  }

 private:
  void CheckPlace(const std::string& name, size_t count, const IntentId& id, const History& history,
                  const std::pair<LogId, Count>& on_server) {
    const auto place =
        places_.find({std::string(on_server.first.bytes()), on_server.second.value()});
    if (place == places_.end()) return Fail(name, ": count ", count, " is nowhere");
    if (id.nil() || history.log()[place->second - 1].intent_id == id.bytes()) return;
    Fail(name, ": count ", count, " is another intent at ", place->second);
  }

  std::map<LogCount, uint64_t> places_;
  std::map<std::string, uint64_t> ids_;
};

// The log restricted to one device log is 1, 2, 3 …, at every instant.
class I10PrefixOrder final : public Checker {
 public:
  I10PrefixOrder() : Checker("I10PrefixOrder") {}
  void OnEvent(const History&, const SeenEvent& event) override {
    uint64_t& last = last_[event.header.log_id()];
    if (event.header.count() != last + 1) {
      Fail("position ", event.position, " has count ", event.header.count(), " after ", last);
    }
    last = event.header.count();
  }
  void OnServerRestored(const History& history) override {
    last_.clear();
    for (const SeenEvent& event : history.log()) OnEvent(history, event);
  }

 private:
  std::map<std::string, uint64_t> last_;
};

// Members of a batch stand together, and all are there when one is.
class I4BatchesAreAtomic final : public Checker {
 public:
  I4BatchesAreAtomic() : Checker("I4BatchesAreAtomic") {}
  void OnEvent(const History&, const SeenEvent& event) override {
    if (left_ > 0 && (event.header.log_id() != log_ || event.batch_size > 0)) {
      Fail("position ", event.position, " lies within a batch of another log");
    }
    log_ = event.header.log_id();
    if (left_ > 0)
      --left_;
    else if (event.batch_size > 1)
      left_ = event.batch_size - 1;
  }
  void OnServerRestored(const History& history) override {
    left_ = 0;
    for (const SeenEvent& event : history.log()) OnEvent(history, event);
  }
  void OnStep(World&, const History& history) override {
    if (left_ > 0) Fail("the log ends at ", history.log().size(), " within a batch");
  }
  void OnStarted(World& world, const History& history, const std::string& name) override {
    const auto device = history.devices().find(name);
    if (device == history.devices().end()) return;
    for (const LogStatus& status : world.device(name).Status().logs) {
      const auto log = device->second.logs.find(status.priority);
      if (log == device->second.logs.end()) continue;
      const uint64_t kept = status.counts.recorded;
      if (kept == 0 || kept >= log->second.size()) continue;
      const NotedIntent& last = log->second[kept - 1];
      if (last.batch_first + last.batch_size - 1 > kept && last.batch_size > 1) {
        Fail(name, ": a batch of ", last.batch_size, " from count ", last.batch_first, " ends at ",
             kept);
      }
    }
  }

 private:
  uint32_t left_ = 0;
  std::string log_;
};

// Positions are dense, chained, checked; server time never falls.
class I12OneImmutableOrder final : public Checker {
 public:
  I12OneImmutableOrder() : Checker("I12OneImmutableOrder") {}
  void OnFeed(const History& history, const std::string& device, const FeedView& feed) override {
    if (feed.block.empty()) return;
    const auto block = unpacker_.Parse(feed.block);
    if (!block.ok()) return Fail(device, " was fed a damaged block: ", block.status());
    for (size_t i = 0; i < block->size(); ++i) {
      const EventRef ref = block->event(i);
      const uint64_t hash = History::HashOf(ref.header) * 31 + History::HashOf(ref.intent);
      const uint64_t at = ref.position.value();
      if (at <= history.log().size() && history.log()[at - 1].hash == hash) continue;
      Fail(device, " was fed other bytes at ", at, " than the log holds");
    }
  }
  void AtEnd(World& world, const History&, const Lanes&) override {
    const auto log = world.server().Log("shop");
    const auto verified = log.ok() ? VerifyLog(**log) : log.status();
    if (!verified.ok()) return Fail(verified.status());
    for (const std::string& problem : verified->problems) Fail(problem);
  }

 private:
  BlockUnpacker unpacker_;
};

// Jumps and drifts of clocks lose and reorder nothing: I8, I10 and I14 see to that. Here: a
// server's time never goes back.
class I23ClocksDecideNothing final : public Checker {
 public:
  I23ClocksDecideNothing() : Checker("I23ClocksDecideNothing") {}
  void OnEvent(const History&, const SeenEvent& event) override {
    if (event.header.server_time_us() < last_) {
      Fail("server time falls at position ", event.position);
    }
    last_ = event.header.server_time_us();
  }
  void OnServerRestored(const History& history) override {
    last_ = 0;
    for (const SeenEvent& event : history.log()) OnEvent(history, event);
  }

 private:
  int64_t last_ = 0;
};

// What a receipt says is in the log, durably: no crash takes it. A log that cannot be read at the
// moment, because its store has failed, is looked at when it can be.
class I3ReceiptIsDurable final : public Checker {
 public:
  I3ReceiptIsDurable() : Checker("I3ReceiptIsDurable") {}
  void OnReceipts(const History& history, const std::string& device,
                  const Receipts& receipts) override {
    for (const ReceiptRun& run : receipts.runs()) {
      for (uint32_t i = 0; i < run.length(); ++i) {
        const uint64_t at = run.first_position() + i;
        const Told told{device, receipts.log_id(), run.first_count() + i};
        if (at > history.log().size()) {
          awaited_[at] = told;
        } else {
          Compare(at, told, history.log()[at - 1].header);
        }
      }
    }
  }
  void OnEvent(const History&, const SeenEvent& event) override {
    const auto told = awaited_.find(event.position);
    if (told == awaited_.end()) return;
    Compare(event.position, told->second, event.header);
    awaited_.erase(told);
  }
  void OnServerRestored(const History&) override { awaited_.clear(); }  // I30
  void AtEnd(World&, const History& history, const Lanes&) override {
    for (const auto& [at, told] : awaited_) {
      Fail(told.device, " got a receipt for position ", at, ", and the log ends at ",
           history.log().size());
    }
  }

 private:
  struct Told {
    std::string device;
    std::string log_id;
    uint64_t count = 0;
  };
  void Compare(uint64_t at, const Told& told, const Header& header) {
    if (header.log_id() == told.log_id && header.count() == told.count) return;
    Fail(told.device, " got a receipt for count ", told.count, " at ", at,
         ", where something else is");
  }

  std::map<uint64_t, Told> awaited_;  // by position
};

// Every receipt of a count says the same, whenever it is asked for again.
class I9SameReceiptForever final : public Checker {
 public:
  I9SameReceiptForever() : Checker("I9SameReceiptForever") {}
  void OnReceipts(const History&, const std::string& device, const Receipts& receipts) override {
    for (const ReceiptRun& run : receipts.runs()) {
      for (uint32_t i = 0; i < run.length(); ++i) {
        const std::pair said(run.first_position() + i, run.decision());
        const auto [known, fresh] =
            said_.try_emplace({receipts.log_id(), run.first_count() + i}, said);
        if (fresh || known->second == said) continue;
        Fail(device, ": count ", run.first_count() + i, " was receipted at ", known->second.first,
             ", and again at ", said.first);
      }
    }
  }
  void OnServerRestored(const History& history) override {
    for (auto said = said_.begin(); said != said_.end();) {
      const bool lost = said->second.first > history.log().size();
      said = lost ? said_.erase(said) : std::next(said);
    }
  }

 private:
  std::map<LogCount, std::pair<uint64_t, Decision>> said_;
};

// Within a session, each scope's feed goes on where it ended, and holds what the log has of it.
class I14FeedIsComplete final : public Checker {
 public:
  I14FeedIsComplete() : Checker("I14FeedIsComplete") {}
  void OnWelcome(World&, const History&, const std::string& device, const Welcome&) override {
    through_[device].clear();
  }
  void OnSnapshot(const History&, const std::string& device, const SnapshotHead& head) override {
    through_[device][head.scope()] = head.position();
  }
  void OnFeed(const History& history, const std::string& device, const FeedView& feed) override {
    auto& through = through_[device];
    const std::string scope(feed.scope);
    const auto known = through.find(scope);
    if (known != through.end() && known->second != feed.from) {
      Fail(device, " has ", scope, " through ", known->second, ", and was fed from ", feed.from);
    }
    through[scope] = feed.through;
    if (feed.through > history.log().size()) {
      return Fail(device, " was fed through ", feed.through, ", and the log ends at ",
                  history.log().size());
    }
    std::vector<uint64_t> wanted;
    for (uint64_t at = feed.from + 1; at <= feed.through; ++at) {
      const SeenEvent& event = history.log()[at - 1];
      if (event.in_feed && event.scope == scope) wanted.push_back(at);
    }
    std::vector<uint64_t> got;
    if (!feed.block.empty()) {
      const auto block = unpacker_.Parse(feed.block);
      for (size_t i = 0; block.ok() && i < block->size(); ++i) {
        got.push_back(block->position(i).value());
      }
    }
    if (got != wanted) {
      Fail(device, " was fed ", got.size(), " events of ", scope, " in (", feed.from, ", ",
           feed.through, "], and there are ", wanted.size());
    }
  }

 private:
  BlockUnpacker unpacker_;
  std::map<std::string, std::map<std::string, uint64_t>> through_;
};

// Sessions of a device are numbered upwards: the newest one wins.
class I24NewestSessionWins final : public Checker {
 public:
  I24NewestSessionWins() : Checker("I24NewestSessionWins") {}
  void OnWelcome(World&, const History&, const std::string& device,
                 const Welcome& welcome) override {
    uint64_t& last = last_[device];
    if (welcome.session() <= last) {
      Fail(device, ": session ", welcome.session(), " came after ", last);
    }
    last = welcome.session();
  }
  void OnServerRestored(const History&) override { last_.clear(); }

 private:
  std::map<std::string, uint64_t> last_;
};

// What waits is closed once, a lane keeps its order, and no intent has two outcomes.
class I16OneOutcome final : public Checker {
 public:
  I16OneOutcome() : Checker("I16OneOutcome") {}
  void AtEnd(World& world, const History& history, const Lanes& lanes) override {
    if (!lanes.problems().empty()) Fail(lanes.problems());
    const std::string waits = lanes.WaitsForNothing();
    if (!waits.empty()) Fail(waits);
    for (const auto& [name, device] : history.devices()) {
      const Client& client = world.device(name);
      const ClientStatus status = client.Status();
      for (const auto& [priority, log] : device.logs) {
        CheckLog(name, client, status, priority, log, lanes);
      }
    }
  }

 private:
  void CheckLog(const std::string& name, const Client& client, const ClientStatus& status,
                PriorityClass priority, const std::vector<NotedIntent>& noted, const Lanes& lanes) {
    for (size_t count = 1; count <= noted.size(); ++count) {
      if (noted[count - 1].id.nil()) continue;
      const auto [log_id, there] = PlaceOnServer(status, {priority, Count(count)});
      const auto outcome = lanes.outcomes().find({std::string(log_id.bytes()), there.value()});
      const auto found = client.Find(noted[count - 1].id);
      if (outcome == lanes.outcomes().end()) continue;  // I8 tells
      if (!found.ok()) {
        Fail(name, " does not know count ", count, ": ", found.status());
      } else if (found->first_decision != outcome->second.first ||
                 found->decision != outcome->second.now ||
                 found->position.value() != outcome->second.position) {
        Fail(name, ": count ", count, " at ", outcome->second.position, " is ",
             Decision_Name(outcome->second.now), ", the device says ",
             Decision_Name(found->decision), " at ", found->position);
      }
    }
  }
};

}  // namespace

std::vector<std::unique_ptr<Checker>> LogCheckers() {
  std::vector<std::unique_ptr<Checker>> all;
  all.push_back(std::make_unique<I3ReceiptIsDurable>());
  all.push_back(std::make_unique<I4BatchesAreAtomic>());
  all.push_back(std::make_unique<I8ExactlyOnce>());
  all.push_back(std::make_unique<I9SameReceiptForever>());
  all.push_back(std::make_unique<I10PrefixOrder>());
  all.push_back(std::make_unique<I12OneImmutableOrder>());
  all.push_back(std::make_unique<I14FeedIsComplete>());
  all.push_back(std::make_unique<I16OneOutcome>());
  all.push_back(std::make_unique<I23ClocksDecideNothing>());
  all.push_back(std::make_unique<I24NewestSessionWins>());
  return all;
}

}  // namespace intentlog::simulation
