#include "client/sync/fake_server.h"

#include <algorithm>

#include "eventlog/log/block.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"

namespace intentlog {
namespace {

const std::string& ServersLog() {
  static const std::string* const id = new std::string(16, 'S');
  return *id;
}

}  // namespace

FakeServer::FakeServer(LoopbackConnector& network) : network_(network) {
  network.OnFrame([this](const DeviceFrame& frame) { OnFrame(frame); });
  decider_ = [](const Intent&) { return ACCEPTED; };
}

void FakeServer::HoldFeed(bool hold) {
  hold_feed_ = hold;
  SendFeed();
}

uint64_t FakeServer::Append(const std::string& scope, const Intent& intent, Decision decision) {
  Header header;
  header.set_log_id(std::string(16, 'O'));
  header.set_count(counts_[header.log_id()].size() + 1);
  header.set_decision(decision);
  const uint64_t position = Store(header, intent.SerializeAsString(), scope);
  counts_[header.log_id()].push_back(position);
  SendFeed();
  return position;
}

uint64_t FakeServer::Settle(uint64_t of, Decision decision, const std::string& resolved_by) {
  const Stored open = log_[of - 1];  // a copy: the log grows below
  Intent first;
  INTENTLOG_CHECK(first.ParseFromString(open.intent_bytes));
  Settlement settlement;
  settlement.set_of(of);
  settlement.set_decision(decision);
  settlement.set_type(first.type());
  settlement.set_payload(first.payload());
  settlement.set_resolved_by(resolved_by);
  Intent intent;
  intent.set_intent_id(std::string(16, 's'));
  intent.set_type("intentlog.Settlement");
  intent.set_entity_type(first.entity_type());
  intent.set_entity_id(first.entity_id());
  intent.set_scope(open.scope);
  intent.set_payload(settlement.SerializeAsString());
  Header header;
  header.set_log_id(ServersLog());
  header.set_decision(decision);
  header.set_settlement_of(of);
  const uint64_t position = Store(header, intent.SerializeAsString(), open.scope);
  SendFeed();
  return position;
}

uint64_t FakeServer::Store(Header header, const std::string& intent_bytes,
                           const std::string& scope) {
  header.set_position(log_.size() + 1);
  header.set_server_time_us(static_cast<int64_t>(log_.size()) + 1);
  Stored stored;
  stored.header_bytes = header.SerializeAsString();
  stored.chain =
      NextChain(log_.empty() ? ChainValue{} : log_.back().chain, stored.header_bytes, intent_bytes);
  stored.header = std::move(header);
  stored.intent_bytes = intent_bytes;
  stored.scope = scope;
  log_.push_back(std::move(stored));
  scopes_.insert(scope);
  return log_.size();
}

std::multimap<uint64_t, uint64_t> FakeServer::PositionsOf(const std::string& log_id) const {
  std::multimap<uint64_t, uint64_t> positions;
  for (const Stored& stored : log_) {
    if (stored.header.log_id() == log_id) {
      positions.emplace(stored.header.count(), stored.header.position());
    }
  }
  return positions;
}

void FakeServer::OnFrame(const DeviceFrame& frame) {
  if (frame.has_hello()) return OnHello(frame.hello());
  if (frame.has_push()) return OnPush(frame.push());
  if (frame.has_report()) reports_.push_back(frame.report().health());
  if (frame.has_credit()) credit_ += frame.credit().bytes();
}

void FakeServer::OnHello(const Hello& hello) {
  hello_ = hello;
  cursors_.clear();
  for (const Cursor& cursor : hello.cursors()) cursors_[cursor.scope()] = cursor.position();
  all_scopes_ = hello.all_scopes();
  ServerFrame frame;
  Welcome& welcome = *frame.mutable_welcome();
  welcome.set_session(++session_);
  welcome.set_epoch_id(epoch_);
  welcome.set_head(head());
  for (const DeviceLog& log : hello.logs()) {
    HighestCount& highest = *welcome.add_highest();
    highest.set_log_id(log.log_id());
    highest.set_count(counts_[log.log_id()].size());
  }
  *welcome.mutable_limits() = limits_;
  network_.Send(frame);
  SendFeed();
}

void FakeServer::OnPush(const Push& push) {
  pushes_.push_back(push);
  std::vector<uint64_t>& known = counts_[push.log_id()];
  ServerFrame frame;
  if (push.first_count() > known.size() + 1) {
    frame.mutable_resend()->set_log_id(push.log_id());
    frame.mutable_resend()->set_from_count(known.size() + 1);
    return network_.Send(frame);
  }
  frame.mutable_receipts()->set_log_id(push.log_id());
  uint64_t count = push.first_count();
  for (const std::string& bytes : push.intents()) {
    if (count > known.size()) {
      Intent intent;
      INTENTLOG_CHECK(intent.ParseFromString(bytes));
      Header header;
      header.set_log_id(push.log_id());
      header.set_count(count);
      header.set_decision(decider_(intent));
      known.push_back(Store(header, bytes, intent.scope()));
    }
    *frame.mutable_receipts()->add_runs() = RunOf(known[count - 1]);
    ++count;
  }
  if (!hold_receipts_) network_.Send(frame);
  SendFeed();
}

ReceiptRun FakeServer::RunOf(uint64_t position) const {
  const Header& header = log_[position - 1].header;
  ReceiptRun run;
  run.set_first_count(header.count());
  run.set_length(1);
  run.set_first_position(position);
  run.set_decision(header.decision());
  return run;
}

Feed FakeServer::MakeFeed(const std::string& scope, uint64_t from, uint64_t through) const {
  Feed feed;
  feed.set_scope(scope);
  feed.set_from(from);
  BlockBuilder builder;
  for (uint64_t position = from + 1; position <= through; ++position) {
    const Stored& stored = log_[position - 1];
    if (stored.scope != scope || !IsInFeed(stored.header)) continue;
    if (builder.size() == feed_events_) {
      through = position - 1;
      break;
    }
    EventRef ref;
    ref.position = Position(position);
    ref.scope = stored.scope;
    ref.in_feed = true;
    ref.header = stored.header_bytes;
    ref.intent = stored.intent_bytes;
    builder.Add(ref);
  }
  feed.set_through(through);
  feed.set_epoch_id(epoch_);
  if (through > 0) feed.set_chain(std::string(Bytes(log_[through - 1].chain)));
  if (builder.size() > 0) feed.set_block(builder.Finish(log_[through - 1].chain));
  return feed;
}

void FakeServer::SendFeed() {
  if (hold_feed_ || !network_.connected() || session_ == 0) return;
  if (all_scopes_) {
    for (const std::string& scope : scopes_) cursors_.emplace(scope, 0);
  }
  for (auto& [scope, cursor] : cursors_) {
    while (cursor < head()) {
      ServerFrame frame;
      *frame.mutable_feed() = MakeFeed(scope, cursor, head());
      cursor = frame.feed().through();
      network_.Send(frame);
    }
  }
}

}  // namespace intentlog
