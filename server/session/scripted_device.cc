#include "server/session/scripted_device.h"

#include <functional>
#include <utility>

#include "eventlog/log/packed_block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

// Sixteen bytes that depend on the text alone.
std::string IdBytes(std::string_view text) {
  const ChainValue hash = NextLogHash(ChainValue(), text);
  return std::string(Bytes(hash).substr(0, 16));
}

}  // namespace

ScriptedDevice::ScriptedDevice(std::string name, std::vector<std::string> scopes, bool all_scopes)
    : name_(std::move(name)),
      all_scopes_(all_scopes),
      write_scope_(scopes.empty() ? "shared" : scopes[0]),
      log_(LogId::FromBytes(IdBytes(name_))) {
  for (const std::string& scope : scopes) cursors_[scope].set_scope(scope);
}

ScriptedDevice ScriptedDevice::Clone() const {
  std::vector<std::string> scopes;
  for (const auto& [scope, cursor] : cursors_) scopes.push_back(scope);
  ScriptedDevice clone(name_, scopes, all_scopes_);
  clone.intents_ = intents_;
  clone.made_ = made_ + 1000000;
  return clone;
}

uint64_t ScriptedDevice::Record(const google::protobuf::Message& event,
                                const std::string& entity_type, const std::string& entity_id,
                                const std::string& scope) {
  Intent intent;
  intent.set_intent_id(IdBytes(Cat(name_, "/", ++made_)));
  intent.set_type(event.GetTypeName());
  intent.set_entity_type(entity_type);
  intent.set_entity_id(entity_id);
  intent.set_scope(scope.empty() ? write_scope_ : scope);
  *intent.mutable_based_on() = Seen(intent.scope());
  intent.set_payload(event.SerializeAsString());
  intents_.push_back(intent.SerializeAsString());
  return intents_.size();
}

void ScriptedDevice::SetBasedOn(const HistoryPoint& point) {
  Intent intent;
  INTENTLOG_CHECK(intent.ParseFromString(intents_.back()));
  *intent.mutable_based_on() = point;
  intents_.back() = intent.SerializeAsString();
}

void ScriptedDevice::SetBatchSize(uint64_t count, uint32_t size) {
  Intent intent;
  INTENTLOG_CHECK(intent.ParseFromString(intents_[count - 1]));
  intent.set_batch_size(size);
  intents_[count - 1] = intent.SerializeAsString();
}

void ScriptedDevice::SetType(const std::string& type) {
  Intent intent;
  INTENTLOG_CHECK(intent.ParseFromString(intents_.back()));
  intent.set_type(type);
  intents_.back() = intent.SerializeAsString();
}

void ScriptedDevice::SetSchemaVersion(uint32_t version) {
  Intent intent;
  INTENTLOG_CHECK(intent.ParseFromString(intents_.back()));
  intent.set_schema_version(version);
  intents_.back() = intent.SerializeAsString();
}

void ScriptedDevice::SetDeviceTime(int64_t device_time_us) {
  Intent intent;
  INTENTLOG_CHECK(intent.ParseFromString(intents_.back()));
  intent.set_device_time_us(device_time_us);
  intents_.back() = intent.SerializeAsString();
}

HistoryPoint ScriptedDevice::Seen(const std::string& scope) const {
  HistoryPoint point;
  const auto found = cursors_.find(scope);
  if (found == cursors_.end()) return point;
  point.set_epoch_id(found->second.epoch_id());
  point.set_position(found->second.position());
  return point;
}

uint64_t ScriptedDevice::cursor(const std::string& scope) const {
  const auto found = cursors_.find(scope);
  return found == cursors_.end() ? 0 : found->second.position();
}

// ---- connection

Hello ScriptedDevice::MakeHello() const {
  Hello hello;
  hello.set_protocol(1);
  hello.set_tenant("default");
  hello.set_device(name_);
  hello.set_instance(std::string(16, 'i'));
  DeviceLog& log = *hello.add_logs();
  log.set_log_id(std::string(log_.bytes()));
  log.set_highest_count(intents_.size());
  for (const auto& [scope, cursor] : cursors_) *hello.add_cursors() = cursor;
  hello.set_all_scopes(all_scopes_);
  hello.set_takes_packed(takes_packed);
  hello.set_initial_credit_bytes(initial_credit);
  return hello;
}

void ScriptedDevice::Connect(Server& server) { Connect(server, MakeHello()); }

void ScriptedDevice::Connect(Server& server, const Hello& hello) {
  connection_.reset();
  sink_ = std::make_unique<RecordingSink>();
  connection_ = server.Accept(*sink_);
  DeviceFrame frame;
  *frame.mutable_hello() = hello;
  connection_->OnFrame(frame.SerializeAsString());
}

void ScriptedDevice::Disconnect() { connection_.reset(); }

Push ScriptedDevice::MakePush(uint64_t first, uint64_t last) const {
  Push push;
  push.set_log_id(std::string(log_.bytes()));
  push.set_first_count(first);
  ChainValue hash = {};
  for (uint64_t count = 1; count < first; ++count) hash = NextLogHash(hash, intents_[count - 1]);
  if (first > 1) push.set_hash_before(std::string(Bytes(hash)));
  for (uint64_t count = first; count <= last; ++count) push.add_intents(intents_[count - 1]);
  return push;
}

void ScriptedDevice::PushCounts(uint64_t first, uint64_t last) { SendPush(MakePush(first, last)); }

void ScriptedDevice::SendPush(const Push& push) {
  DeviceFrame frame;
  *frame.mutable_push() = push;
  connection_->OnFrame(frame.SerializeAsString());
}

void ScriptedDevice::GiveCredit(uint64_t bytes) {
  DeviceFrame frame;
  frame.mutable_credit()->set_bytes(bytes);
  connection_->OnFrame(frame.SerializeAsString());
}

// ---- what came

void ScriptedDevice::Absorb() {
  for (ServerFrame& frame : sink_->Take()) {
    if (frame.has_feed()) {
      OnFeed(frame.feed());
    } else if (frame.has_receipts()) {
      OnReceipts(frame.receipts());
    } else if (frame.has_welcome()) {
      welcome_ = frame.welcome();
    } else if (frame.has_digest()) {
      digests_.push_back(frame.digest());
    } else {
      others_.push_back(std::move(frame));
    }
  }
}

void ScriptedDevice::OnReceipts(const Receipts& receipts) {
  INTENTLOG_CHECK(receipts.log_id() == log_.bytes());
  for (const ReceiptRun& run : receipts.runs()) {
    for (uint32_t i = 0; i < run.length(); ++i) {
      const Receipt receipt{run.first_position() + i, run.decision(), run.reason(), run.pointer()};
      const auto [found, is_new] = receipts_.try_emplace(run.first_count() + i, receipt);
      INTENTLOG_CHECK(is_new || (found->second.position == receipt.position &&
                                 found->second.decision == receipt.decision));
    }
  }
}

void ScriptedDevice::OnFeed(const Feed& feed) {
  ++feed_frames_;
  feed_bytes_ += feed.ByteSizeLong();
  const bool subscribed = cursors_.count(feed.scope()) > 0;
  INTENTLOG_CHECK(subscribed || all_scopes_);
  Cursor& cursor = cursors_[feed.scope()];
  cursor.set_scope(feed.scope());
  INTENTLOG_CHECK(feed.from() == cursor.position());
  INTENTLOG_CHECK(feed.through() > feed.from());
  INTENTLOG_CHECK(feed.epoch_id() == welcome_.epoch_id());
  if (!feed.block().empty()) {
    BlockUnpacker unpacker;
    const auto block = unpacker.Parse(feed.block());
    INTENTLOG_CHECK(block.ok());
    uint64_t before = feed.from();
    for (size_t i = 0; i < block->size(); ++i) {
      const EventRef event = block->event(i);
      INTENTLOG_CHECK(event.scope == feed.scope() && event.in_feed);
      INTENTLOG_CHECK(event.position.value() > before);
      before = event.position.value();
      INTENTLOG_CHECK(before <= feed.through());
      const SeenEvent seen{std::string(event.header), std::string(event.intent)};
      INTENTLOG_CHECK(seen_.emplace(before, seen).second);
    }
  }
  cursor.set_position(feed.through());
  cursor.set_chain(feed.chain());
  cursor.set_epoch_id(feed.epoch_id());
}

std::optional<Goodbye> ScriptedDevice::goodbye() const {
  for (const ServerFrame& frame : others_) {
    if (frame.has_goodbye()) return frame.goodbye();
  }
  return std::nullopt;
}

}  // namespace intentlog
