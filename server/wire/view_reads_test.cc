// Rows as they change, told by a running server: chunk by chunk, as slowly as the test likes.
#include "server/wire/view_reads.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"
#include "server/life_world.h"
#include "server/wire/server_backend.h"

namespace intentlog {
namespace {

using Rows = std::map<std::string, std::string>;

class ViewReadsTest : public testing::Test {
 protected:
  ViewReadsTest() {
    options_.chunk_bytes = 1;  // a row each
    world_.Connect({&till_});
    OpenBackend();
  }
  void OpenBackend() { backend_ = BackendOf(*world_.server(), world_.server().core()); }

  void Count(const std::string& product) {
    world_.Do(till_, Moved(product, 1), "stock", product);
    Settle();
  }
  void Settle() { world_.server().RunFor(absl::Milliseconds(500)); }
  void Rebuild(const std::string& view) {
    world_.server()->RebuildView("default", view, RebuildWanted(), [](const absl::Status& status) {
      EXPECT_TRUE(status.ok()) << status;
    });
    Settle();
  }
  void Switch(const std::string& view, ViewSwitch how) {
    world_.server()->SwitchView("default", view, how, [](const absl::Status& status) {
      EXPECT_TRUE(status.ok()) << status;
    });
    Settle();
  }
  Position Head() { return (*world_.server()->Log("default"))->head().position; }
  Rows Live() {
    Rows rows;
    const auto models = *world_.server()->Models("default");
    const auto cursor = *models->Scan("stock");
    while (const MergedRow* row = *cursor->Next()) rows[row->key] = RowBytes(row->row);
    return rows;
  }

  LifeWorld world_;
  ScriptedDevice till_{"till", {"shared"}};
  ReaderServiceOptions options_;
  std::unique_ptr<Backend> backend_;
};

// Somebody far away, who takes a chunk when the test says so.
class FarWatcher {
 public:
  FarWatcher(const Backend& backend, const std::string& view, const ReaderServiceOptions& options,
             uint32_t keys_max = 0) {
    WatchRowsRequest request;
    request.set_tenant("default");
    request.set_view(view);
    request.set_keys_max(keys_max);
    source_ = WatchSource(backend, request, options);
  }
  // False if there is nothing to take.
  bool Take() {
    WatchChunk chunk;
    const absl::StatusOr<Step> step = source_(chunk);
    EXPECT_TRUE(step.ok()) << step.status();
    if (!step.ok() || *step != Step::kWrite) return false;
    if (chunk.begins()) {
      rows_.clear();
      ++begun_;
    }
    for (const WatchedRow& row : chunk.rows()) {
      if (row.removed()) rows_.erase(row.key());
      if (!row.removed()) rows_[row.key()] = row.row();
      ++taken_;
    }
    EXPECT_GE(chunk.position(), position_.value());
    position_ = Position(chunk.position());
    whole_ = chunk.whole();
    return true;
  }
  void TakeAll() {
    while (Take()) {
    }
    EXPECT_TRUE(whole_);
  }
  const Rows& rows() const { return rows_; }
  Position position() const { return position_; }
  bool whole() const { return whole_; }
  int begun() const { return begun_; }
  int taken() const { return taken_; }

 private:
  std::function<absl::StatusOr<Step>(WatchChunk&)> source_;
  Rows rows_;
  Position position_;
  bool whole_ = false;
  int begun_ = 0;
  int taken_ = 0;
};

TEST_F(ViewReadsTest, ARoundIsTheViewAtItsPositionHoweverLongItTakes) {
  for (const char* product : {"a", "b", "c"}) Count(product);
  const Rows first = Live();
  const Position head = Head();
  FarWatcher watcher(*backend_, "stock", options_);
  EXPECT_TRUE(watcher.Take());
  for (const char* product : {"a", "b", "d", "d", "d"}) Count(product);
  while (!watcher.whole()) ASSERT_TRUE(watcher.Take());
  EXPECT_EQ(watcher.rows(), first);
  EXPECT_EQ(watcher.position(), head);
  const int taken = watcher.taken();
  watcher.TakeAll();
  EXPECT_EQ(watcher.rows(), Live());
  EXPECT_EQ(watcher.position(), Head());
  EXPECT_EQ(watcher.taken(), taken + 3);  // each row once
  EXPECT_EQ(watcher.begun(), 1);
  EXPECT_FALSE(watcher.Take());
}

TEST_F(ViewReadsTest, OneThatMissesMoreThanItsLimitBeginsAnewAndHasAllRows) {
  FarWatcher watcher(*backend_, "stock", options_, /*keys_max=*/3);
  watcher.TakeAll();
  for (int i = 0; i < 10; ++i) Count(Cat("product-", i % 5));
  watcher.TakeAll();
  EXPECT_EQ(watcher.begun(), 2);
  EXPECT_EQ(watcher.rows().size(), 5u);
  EXPECT_EQ(watcher.rows(), Live());
}

TEST_F(ViewReadsTest, ASwitchBeginsTheViewAnewAndDisturbsNoOther) {
  Count("a");
  FarWatcher stock(*backend_, "stock", options_);
  FarWatcher orders(*backend_, "orders", options_);
  stock.TakeAll();
  orders.TakeAll();
  Rebuild("stock");
  Count("b");
  stock.TakeAll();
  EXPECT_EQ(stock.begun(), 1);  // the shadow is nobody's yet
  EXPECT_EQ(stock.rows(), Live());
  Switch("stock", ViewSwitch::kActivate);
  Count("c");
  stock.TakeAll();
  EXPECT_EQ(stock.begun(), 2);
  EXPECT_EQ(stock.rows(), Live());
  Switch("stock", ViewSwitch::kRollBack);
  stock.TakeAll();
  EXPECT_EQ(stock.begun(), 3);
  EXPECT_EQ(stock.rows(), Live());
  orders.TakeAll();
  EXPECT_EQ(orders.begun(), 1);
}

TEST_F(ViewReadsTest, AnUnknownViewAndAPositionThatDoesNotComeEndTheCall) {
  WatchRowsRequest request;
  request.set_tenant("default");
  request.set_view("sails");
  WatchChunk chunk;
  EXPECT_EQ(WatchSource(*backend_, request, options_)(chunk).status().code(),
            absl::StatusCode::kNotFound);
  Count("a");
  request.set_view("stock");
  request.set_at_least_position(99);
  request.set_wait_ms(50);
  const auto late = WatchSource(*backend_, request, options_);
  int waited = 0;
  absl::StatusOr<Step> step = late(chunk);
  for (; step.ok() && *step == Step::kWait; step = late(chunk)) ++waited;
  EXPECT_EQ(step.status(), absl::DeadlineExceededError(Cat("view stock is at position ", Head(),
                                                           ", not yet at 99, after 50 ms")));
  EXPECT_EQ(waited, 3);  // of 20 ms
}

}  // namespace
}  // namespace intentlog
