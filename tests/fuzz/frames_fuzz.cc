// Frames as they come over the wire, before any state is looked at: read in place, or refused.
#include <string>
#include <vector>

#include "eventlog/log/feed_view.h"
#include "eventlog/runtime/parse_cost.h"
#include "eventlog/runtime/wire_fields.h"
#include "proto/sync.pb.h"
#include "server/options.h"
#include "server/sequencer/push_frame.h"
#include "server/session/hello_check.h"
#include "tests/fuzz/fuzz_target.h"

namespace intentlog::fuzz {
namespace {

void UseHello(const std::string& bytes, const ServerOptions& options) {
  if (!CheckHelloSize(bytes, options).ok()) return;
  DeviceFrame frame;
  if (frame.ParseFromString(bytes) && frame.has_hello()) (void)CheckHello(frame.hello(), options);
}

// What is read in place is what protobuf reads.
void UsePush(const std::string& bytes, const ServerOptions& options) {
  const auto push = ParsePushFrame(bytes);
  if (!IsCheapToParse(*DeviceFrame::descriptor(), bytes)) return;
  DeviceFrame frame;
  if (!push.ok() || !push->has_value() || !frame.ParseFromString(bytes)) return;
  if (!frame.has_push()) Fail("a Push was seen that is none");
  const PushFrame& seen = **push;
  (void)CheckBatches(seen, {options.batch_intents_max, options.batch_bytes_max});
  if (seen.first_count < frame.push().first_count() || seen.intents.empty()) return;
  (void)BatchSizeOf(seen.intents.back());
}

void UseFeed(const std::string& bytes) {
  const auto feed = ParseFeedFrame(bytes);
  if (!IsCheapToParse(*ServerFrame::descriptor(), bytes)) return;
  ServerFrame frame;
  if (!feed.ok() || !frame.ParseFromString(bytes)) return;
  if (feed->has_value() != frame.has_feed()) Fail("a Feed is seen, or not, as protobuf does not");
}

}  // namespace

const bool kMessages = true;

void Run(const Pieces& pieces) {
  static const auto& options = *new ServerOptions();
  for (const Piece& piece : pieces) {
    Hostile(piece.bytes.size(), [&] {
      UseHello(piece.bytes, options);
      UsePush(piece.bytes, options);
      UseFeed(piece.bytes);
    });
  }
}

std::vector<Seed> Seeds() {
  DeviceFrame hello;
  Hello& one = *hello.mutable_hello();
  one.set_protocol(1);
  one.set_tenant("default");
  one.set_device("till-1");
  one.set_instance(std::string(16, 'i'));
  one.add_logs()->set_log_id(std::string(16, 'l'));
  one.add_cursors()->set_scope("shop");
  one.add_feed_only("shop");
  one.add_snapshots()->set_scope("shop");
  one.add_projections()->set_name("stock");
  one.mutable_health()->set_blocked_by("no network");
  DeviceFrame push;
  push.mutable_push()->set_log_id(std::string(16, 'l'));
  push.mutable_push()->set_first_count(1);
  Intent intent;
  intent.set_batch_size(2);
  push.mutable_push()->add_intents(intent.SerializeAsString());
  push.mutable_push()->add_intents("");
  ServerFrame feed;
  feed.mutable_feed()->set_scope("shop");
  feed.mutable_feed()->set_block("block");
  return {{"hello", {{0, hello.SerializeAsString()}}},
          {"push", {{0, push.SerializeAsString()}}},
          {"feed", {{0, feed.SerializeAsString()}}}};
}

}  // namespace intentlog::fuzz
