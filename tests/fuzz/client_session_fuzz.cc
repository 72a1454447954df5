// Frames of a server against the device's session: each as it comes, or made by a server that keeps
// to the words, of events that do not.
//
//   tag bits 0 to 1:  0: a frame as it is   1: an intent of another device, in a feed
//                     2: the device records something, and what the server says of it
//                     3: a feed of one event: a piece of header, and the intent of the next piece
//   tag bits 2 to 4:  a decision     bit 5: the connection is cut before it     bit 6: time passes
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "client/client.h"
#include "client/sync/fake_server.h"
#include "client/sync/loopback_channel.h"
#include "eventlog/log/block.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/runtime/manual_executor.h"
#include "eventlog/runtime/random.h"
#include "eventlog/store/memory_disk.h"
#include "projections/views/shared_views.h"
#include "proto/commerce.pb.h"
#include "tests/fuzz/fuzz_target.h"

namespace intentlog::fuzz {
namespace {

constexpr uint8_t kRole = 3;
constexpr uint8_t kFrame = 0;
constexpr uint8_t kByOthers = 1;
constexpr uint8_t kByDevice = 2;
constexpr uint8_t kEvent = 3;
constexpr uint8_t kCut = 32;
constexpr uint8_t kWait = 64;
constexpr int kDecisionAt = 2;

Decision DecisionOf(uint8_t tag) {
  const int value = (tag >> kDecisionAt & 7) + 1;
  return Decision_IsValid(value) ? static_cast<Decision>(value) : ACCEPTED;
}

// A device with one intent of its own and one of another device, in session with a server.
class World {
 public:
  World() : executor_(clock_), network_(executor_), server_(network_) {
    ClientOptions options;
    options.dir = "/tmp/client-session-fuzz";
    std::filesystem::remove_all(options.dir);
    options.memory = &disk_;
    options.device = "till";
    options.scopes = {"shop"};
    static const auto* const schema = new std::shared_ptr<const Schema>(
        Schema::Compiled({commerce::OrderOpened::descriptor()->file()}));
    options.schema = *schema;
    options.projections = SharedViews();
    options.runtime = {&clock_, &executor_, &random_};
    auto client = Client::Open(options);
    INTENTLOG_CHECK(client.ok());
    client_ = *std::move(client);
    server_.Decide([this](const Intent&) { return decision_; });
    Record();
    INTENTLOG_CHECK(client_->StartSync(network_).ok());
    server_.Append("shop", ByOthers());
    executor_.RunUntilIdle();
  }
  ~World() {
    client_.reset();
    executor_.RunUntilIdle();
  }

  static commerce::StockMoved Move() {
    commerce::StockMoved moved;
    moved.set_product_id("milk");
    moved.set_delta(-1);
    return moved;
  }
  static Intent ByOthers() {
    Intent intent;
    intent.set_intent_id(std::string(16, 'o'));
    intent.set_type("intentlog.commerce.StockMoved");
    intent.set_entity_type("stock");
    intent.set_entity_id("milk");
    intent.set_scope("shop");
    intent.set_payload(Move().SerializeAsString());
    return intent;
  }

  void Take(const Piece& piece) {
    if ((piece.tag & kCut) != 0 && network_.connected()) {
      network_.CloseWith(absl::UnavailableError("connection lost"));
    }
    if ((piece.tag & kWait) != 0) executor_.RunFor(absl::Seconds(3));
    decision_ = DecisionOf(piece.tag);
    switch (piece.tag & kRole) {
      case kFrame:
        return TakeFrame(piece.bytes);
      case kByOthers:
        return TakeIntent(piece.bytes);
      case kByDevice:
        return Record();
      default:
        header_ = piece.bytes;
    }
  }

  // What the device recorded is all there, whatever the server said.
  void Check() {
    executor_.RunFor(absl::Seconds(1));
    if (client_->Status().counts.recorded != recorded_) Fail("an intent is lost");
    (void)client_->Get("stock", "milk");
  }

  FakeServer& server() { return server_; }

 private:
  void Record() {
    if (client_->Append(Move()).ok()) ++recorded_;
    executor_.RunUntilIdle();
  }
  void TakeFrame(const std::string& bytes) {
    if (!network_.connected()) return;
    Hostile(bytes.size(), [&] {
      network_.SendBytes(bytes);
      executor_.RunUntilIdle();
    });
  }
  void TakeIntent(const std::string& bytes) {
    if (!header_.empty()) return TakeEvent(std::exchange(header_, {}), bytes);
    Intent intent;
    if (!intent.ParseFromString(bytes)) return;
    server_.Append("shop", intent, decision_);
    executor_.RunUntilIdle();
  }
  void TakeEvent(const std::string& header, const std::string& intent) {
    if (!network_.connected()) return;
    const uint64_t from = server_.head();
    BlockBuilder builder;
    builder.Add({Position(from + 1), "shop", true, header, intent});
    ServerFrame frame;
    Feed& feed = *frame.mutable_feed();
    feed = server_.MakeFeed("shop", from, from);
    feed.set_scope("shop");
    feed.set_from(from);
    feed.set_through(from + 1);
    feed.set_chain(std::string(32, 'c'));
    feed.set_epoch_id(std::string(16, 'E'));
    feed.set_block(builder.Finish(ChainValue()));
    TakeFrame(frame.SerializeAsString());
  }

  MemoryDisk disk_;
  ManualClock clock_;
  ManualExecutor executor_;
  SeededRandom random_{1};
  LoopbackConnector network_;
  FakeServer server_;
  std::unique_ptr<Client> client_;
  Decision decision_ = ACCEPTED;
  std::string header_;
  uint64_t recorded_ = 0;
};

Piece FramePiece(const ServerFrame& frame, uint8_t tag = kFrame) {
  return {tag, frame.SerializeAsString()};
}

uint8_t TagOf(uint8_t role, Decision decision) {
  return static_cast<uint8_t>(role | (static_cast<int>(decision) - 1) << kDecisionAt);
}

// One frame of each kind, about the device's own log.
std::vector<ServerFrame> Frames(const std::string& log_id, const Feed& feed) {
  std::vector<ServerFrame> frames(11);
  Welcome& welcome = *frames[0].mutable_welcome();
  welcome.set_session(2);
  welcome.set_epoch_number(1);
  welcome.set_epoch_id(std::string(16, 'E'));
  welcome.set_head(9);
  welcome.add_highest()->set_log_id(log_id);
  welcome.mutable_highest(0)->set_count(1);
  welcome.mutable_limits()->set_max_frame_bytes(1000);
  Receipts& receipts = *frames[1].mutable_receipts();
  receipts.set_log_id(log_id);
  ReceiptRun& run = *receipts.add_runs();
  run.set_first_count(2);
  run.set_first_position(4);
  run.set_length(1);
  run.set_decision(MERGED);
  *frames[2].mutable_feed() = feed;
  Digest& digest = *frames[3].mutable_digest();
  digest.set_projection("stock");
  digest.set_version(1);
  digest.set_scope("shop");
  digest.set_position(2);
  digest.set_digest(std::string(16, 'd'));
  frames[4].mutable_resend()->set_log_id(log_id);
  frames[4].mutable_resend()->set_from_count(1);
  frames[5].mutable_forked()->set_log_id(log_id);
  frames[5].mutable_forked()->set_first_differing_count(1);
  frames[6].mutable_throttle()->set_retry_after_ms(500);
  frames[7].mutable_goodbye()->set_code(Goodbye::SHUTTING_DOWN);
  SnapshotHead& head = *frames[8].mutable_snapshot_head();
  head.set_scope("shop");
  head.set_id(std::string(16, 's'));
  head.set_epoch_id(std::string(16, 'E'));
  head.set_position(7);
  head.set_chain(std::string(32, 'c'));
  head.set_chunks(1);
  head.set_bytes(20);
  Ends::End& closed = *frames[9].mutable_ends()->add_ends();
  closed.set_of(3);
  closed.set_settlement(5);
  closed.set_decision(REJECTED);
  closed.mutable_reason()->set_code(Reason::DROPPED);
  closed.set_resolved(true);
  Ends::End& turned = *frames[9].mutable_ends()->add_ends();
  turned.set_of(4);
  turned.set_decision(CONFLICTED);
  SnapshotChunk& chunk = *frames[10].mutable_snapshot_chunk();
  chunk.set_scope("shop");
  chunk.set_block("block");
  return frames;
}

}  // namespace

const bool kMessages = true;

void Run(const Pieces& pieces) {
  World world;
  for (const Piece& piece : pieces) world.Take(piece);
  world.Check();
}

std::vector<Seed> Seeds() {
  World world;
  const std::string log_id = world.server().hello().logs(0).log_id();
  const auto frames = Frames(log_id, world.server().MakeFeed("shop", 0, world.server().head()));
  const Piece others{TagOf(kByOthers, ACCEPTED), World::ByOthers().SerializeAsString()};
  Header header;
  header.set_position(3);
  header.set_log_id(log_id);
  header.set_count(1);
  header.set_decision(ACCEPTED);
  header.set_duplicate_of(1);
  std::vector<Seed> seeds = {
      {"day", {others, {TagOf(kByDevice, MERGED), ""}, {TagOf(kByDevice, CONFLICTED), ""}, others}},
      {"cut",
       {{TagOf(kByDevice, PARKED), ""}, {kByDevice | kCut, ""}, {kByOthers | kWait, others.bytes}}},
      {"own_event", {{kEvent, header.SerializeAsString()}, others}}};
  for (const ServerFrame& frame : frames) {
    const auto* field = frame.GetDescriptor()->FindFieldByNumber(frame.frame_case());
    const Piece open{TagOf(kByDevice, PARKED), ""};
    seeds.push_back({field->name(), {open, FramePiece(frame), FramePiece(frame, kFrame | kWait)}});
  }
  return seeds;
}

}  // namespace intentlog::fuzz
