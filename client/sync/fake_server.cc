#include "client/sync/fake_server.h"

#include <algorithm>

#include "client/outbox/intent_view.h"
#include "eventlog/log/block.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

const std::string& ServersLog() {
  static const std::string* const id = new std::string(16, 'S');
  return *id;
}

}  // namespace

FakeServer::FakeServer(LoopbackConnector& network) : network_(network) {
  network.OnFrame([this](const DeviceFrame& frame) { OnFrame(frame); });
  decider_ = readmit_ = [](const Intent&) { return ACCEPTED; };
}

void FakeServer::HoldFeed(bool hold) {
  hold_feed_ = hold;
  SendFeed();
}

uint64_t FakeServer::Append(const std::string& scope, const Intent& intent, Decision decision,
                            const Reason& reason) {
  return AppendTo(std::string(16, 'O'), scope, intent, decision, reason);
}

uint64_t FakeServer::AppendTo(const std::string& log_id, const std::string& scope,
                              const Intent& intent, Decision decision, const Reason& reason) {
  Header header;
  header.set_log_id(log_id);
  header.set_count(counts_[header.log_id()].size() + 1);
  header.set_decision(decision);
  if (reason.ByteSizeLong() > 0) *header.mutable_reason() = reason;
  const uint64_t position = Store(header, intent.SerializeAsString(), scope);
  counts_[header.log_id()].push_back(position);
  SendFeed();
  return position;
}

uint64_t FakeServer::Settle(uint64_t of, const Closing& closing) {
  const Stored open = log_[of - 1];  // a copy: the log grows below
  Intent first;
  INTENTLOG_CHECK(first.ParseFromString(open.intent_bytes));
  Settlement settlement;
  settlement.set_of(of);
  settlement.set_decision(closing.decision);
  settlement.set_type(first.type());
  settlement.set_schema_version(first.schema_version());
  settlement.set_payload(closing.payload.empty() ? first.payload() : closing.payload);
  settlement.set_resolved_by(closing.resolved_by);
  settlement.set_resolver(closing.resolver);
  settlement.set_turned(closing.turned);
  *settlement.mutable_reason() = closing.reason;
  settlement.set_open_decision(OpenAs(of));
  settlement.set_open_log_id(open.header.log_id());
  settlement.set_open_count(open.header.count());
  settlement.set_open_intent_id(first.intent_id());
  if (closing.turned) {
    open_[of] = closing.decision;
  } else {
    open_.erase(of);
  }
  Intent intent;
  intent.set_intent_id(std::string(16, 's'));
  intent.set_type("intentlog.Settlement");
  intent.set_entity_type(first.entity_type());
  intent.set_entity_id(first.entity_id());
  intent.set_scope(open.scope);
  intent.set_payload(settlement.SerializeAsString());
  Header header;
  header.set_log_id(ServersLog());
  header.set_decision(closing.decision);
  *header.mutable_reason() = closing.reason;
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
  stored.header = header;
  stored.intent_bytes = intent_bytes;
  stored.scope = scope;
  const Decision decision = stored.header.decision();
  const bool open = decision == CONFLICTED || decision == PARKED || decision == REJECTED;
  log_.push_back(std::move(stored));
  Intent intent;
  INTENTLOG_CHECK(intent.ParseFromString(intent_bytes));
  if (open && header.settlement_of() == 0 && !IsControl(intent.type())) {
    open_[log_.size()] = decision;
  }
  scopes_.insert(scope);
  return log_.size();
}

void FakeServer::RollBack(uint64_t head) {
  log_.resize(std::min<size_t>(log_.size(), head));
  open_.erase(open_.upper_bound(head), open_.end());
  for (auto& [log, positions] : counts_) {
    while (!positions.empty() && positions.back() > head) positions.pop_back();
  }
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
  ServerFrame forked;
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
      Reason reason;
      if (IsControl(intent.type())) {
        header.set_decision(Judge(intent, &reason));
      } else {
        header.set_decision(decider_(intent));
        if (explainer_) reason = explainer_(intent, header.decision());
      }
      if (reason.ByteSizeLong() > 0) *header.mutable_reason() = reason;
      if (header.decision() == PARKED) header.set_behind(BehindOf(push.log_id(), intent));
      known.push_back(Store(header, bytes, intent.scope()));
      if (IsControl(intent.type()) && header.decision() == ACCEPTED) Carry(intent);
    } else if (log_[known[count - 1] - 1].intent_bytes != bytes) {
      forked.mutable_forked()->set_log_id(push.log_id());
      forked.mutable_forked()->set_first_differing_count(count);
      break;
    }
    *frame.mutable_receipts()->add_runs() = RunOf(known[count - 1]);
    ++count;
  }
  if (!hold_receipts_ && frame.receipts().runs_size() > 0) network_.Send(frame);
  if (forked.has_forked()) network_.Send(forked);
  SendFeed();
}

ReceiptRun FakeServer::RunOf(uint64_t position) const {
  const Header& header = log_[position - 1].header;
  ReceiptRun run;
  run.set_first_count(header.count());
  run.set_length(1);
  run.set_first_position(position);
  run.set_decision(header.decision());
  if (header.has_reason()) *run.mutable_reason() = header.reason();
  run.set_pointer(header.behind());
  return run;
}

Decision FakeServer::OpenAs(uint64_t position) const {
  const auto open = open_.find(position);
  return open == open_.end() ? DECISION_UNSPECIFIED : open->second;
}

// The last open one of the lane that the log stopped.
uint64_t FakeServer::BehindOf(const std::string& log_id, const Intent& intent) const {
  for (auto open = open_.rbegin(); open != open_.rend(); ++open) {
    const Stored& stored = log_[open->first - 1];
    Intent other;
    if (open->second == PARKED || stored.header.log_id() != log_id) continue;
    INTENTLOG_CHECK(other.ParseFromString(stored.intent_bytes));
    if (other.entity_id() == intent.entity_id()) return open->first;
  }
  return 0;
}

FakeServer::Control FakeServer::ReadControl(const Intent& intent) {
  Control control;
  Resolve resolve;
  Amend amend;
  Dismiss dismiss;
  control.closing.resolved_by = intent.intent_id();
  control.closing.resolver = "a person";
  control.closing.decision = MERGED;
  bool drops = false;
  if (intent.type() == Resolve::descriptor()->full_name()) {
    INTENTLOG_CHECK(resolve.ParseFromString(intent.payload()));
    control.of = resolve.of();
    control.closing.payload = resolve.replacement();
    drops = resolve.verdict() == Resolve::DROP;
    control.followers_too = resolve.followers_too();
    control.closes = CONFLICTED;
  } else if (intent.type() == Amend::descriptor()->full_name()) {
    INTENTLOG_CHECK(amend.ParseFromString(intent.payload()));
    control.of = amend.of();
    control.closing.payload = amend.replacement();
    control.closes = REJECTED;
  } else {
    INTENTLOG_CHECK(dismiss.ParseFromString(intent.payload()));
    control.of = dismiss.of();
    drops = true;
    control.followers_too = dismiss.followers_too();
    control.closes = REJECTED;
  }
  if (drops) {
    control.closing.decision = REJECTED;
    control.closing.reason.set_code(Reason::DROPPED);
  }
  return control;
}

Decision FakeServer::Judge(const Intent& intent, Reason* reason) {
  const Control control = ReadControl(intent);
  const bool stale = std::exchange(refuse_next_, false);
  if (!stale && OpenAs(control.of) == control.closes) return ACCEPTED;
  reason->set_code(stale ? Reason::STALE : Reason::NOT_OPEN);
  reason->set_text(stale ? Cat("position ", head(), " came after it")
                         : Cat("position ", control.of, " is not open"));
  reason->set_other_position(stale ? head() : 0);
  return REJECTED;
}

void FakeServer::Carry(const Intent& intent) {
  const Control control = ReadControl(intent);
  const bool held = std::exchange(hold_feed_, true);  // one step for those who see it
  Intent open;
  const Stored stored = log_[control.of - 1];
  INTENTLOG_CHECK(open.ParseFromString(stored.intent_bytes));
  Closing closing = control.closing;
  if (intent.type() == Amend::descriptor()->full_name()) {
    closing.decision = readmit_(open);
    closing.turned = closing.decision == CONFLICTED;
  }
  Settle(control.of, closing);
  if (!closing.turned) Follow(control, stored.header.log_id(), open);
  hold_feed_ = held;
}

// What was parked behind it: goes too, or is admitted again until one of them stops the lane.
void FakeServer::Follow(const Control& control, const std::string& log_id, const Intent& stopper) {
  std::vector<uint64_t> parked;
  for (const auto& [position, decision] : open_) {
    if (decision == PARKED && position > control.of) parked.push_back(position);
  }
  for (const uint64_t position : parked) {
    const Stored& stored = log_[position - 1];
    Intent intent;
    INTENTLOG_CHECK(intent.ParseFromString(stored.intent_bytes));
    if (stored.header.log_id() != log_id || intent.entity_id() != stopper.entity_id()) continue;
    Closing closing;
    closing.resolved_by = control.followers_too ? control.closing.resolved_by : "";
    closing.decision = control.followers_too ? REJECTED : readmit_(intent);
    if (control.followers_too) closing.reason.set_code(Reason::DROPPED);
    closing.turned = !control.followers_too && !IsEffective(closing.decision);
    Settle(position, closing);
    if (closing.turned) return;
  }
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
      if (hello_.takes_packed()) {
        frame.mutable_feed()->set_block(std::string(packer_.Pack(frame.feed().block())));
      }
      network_.Send(frame);
    }
  }
}

}  // namespace intentlog
