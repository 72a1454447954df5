// An OutboxInMemory is a test with a device log on a disk in memory, whose intents are all about
// one order. What it tries may fail, and says how.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/outbox/outbox.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/manual_clock.h"
#include "eventlog/store/memory_disk.h"
#include "gtest/gtest.h"

namespace intentlog {

class OutboxInMemory : public testing::Test {
 protected:
  ~OutboxInMemory() override { Close(); }

  // Again, if it is open.
  absl::Status TryOpen() {
    Close();
    StoreOptions options;
    options.role = "device";
    options.memory = &disk_;
    auto store = Store::Open("till", options);
    INTENTLOG_CHECK(store.ok());
    store_ = *std::move(store);
    auto outbox = Outbox::Open(*store_, clock_, OutboxOptions());
    if (!outbox.ok()) return outbox.status();
    outbox_ = *std::move(outbox);
    return absl::OkStatus();
  }
  void Close() {
    outbox_.reset();
    store_.reset();
  }
  // So many as one append, with the next ids.
  absl::Status TryRecord(size_t intents, bool durable = true) {
    std::vector<EncodedIntent> batch;
    while (batch.size() < intents) {
      const IntentId id = IdOf(++made_);
      Intent intent;
      intent.set_intent_id(std::string(id.bytes()));
      intent.set_type("t");
      intent.set_entity_type("order");
      intent.set_entity_id("1");
      intent.set_scope("shop");
      batch.push_back({id, false, {"order", "1"}, intent.SerializeAsString()});
    }
    return outbox_->Append(batch, durable).status();
  }
  static IntentId IdOf(char made) { return IntentId::FromBytes(std::string(15, 'i') + made); }

  absl::Status TrySettle(std::vector<Outcome> outcomes, std::vector<SettlementSeen> settlements) {
    StoreBatch batch;
    Settled settled;
    const auto commit = [&](StoreBatch& whole) { return store_->Commit(whole, Sync::kBuffered); };
    return outbox_->Settle({std::move(outcomes), std::move(settlements)}, batch, commit, &settled);
  }
  static Outcome Decided(uint64_t first, uint32_t length, uint64_t position, Decision decision) {
    Outcome outcome;
    outcome.first = Count(first);
    outcome.length = length;
    outcome.position = Position(position);
    outcome.decision = decision;
    return outcome;
  }
  static SettlementSeen Closing(uint64_t of, uint64_t position, Decision decision) {
    SettlementSeen seen;
    seen.of = Position(of);
    seen.position = Position(position);
    seen.decision = decision;
    seen.entity = {"order", "1"};
    return seen;
  }
  // `written` is what becomes of the write.
  absl::Status TryLose(const LostReceipts& lost, const absl::Status& written = absl::OkStatus()) {
    StoreBatch batch;
    return outbox_->Lose(lost, batch, [&](StoreBatch& all) {
      return written.ok() ? store_->Commit(all, Sync::kDurable) : written;
    });
  }

  MemoryDisk disk_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Outbox> outbox_;
  char made_ = 0;
};

}  // namespace intentlog
