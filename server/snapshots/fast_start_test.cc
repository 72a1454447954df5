// Read models that begin at a snapshot: those that are lost, and rebuilt ones.
#include "server/snapshots/fast_start.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/text.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/view_records.h"
#include "projections/snapshot/snapshot_writer.h"
#include "server/life_world.h"

namespace intentlog {
namespace {

ServerOptions Options() {
  ServerOptions options;
  options.snapshots.free_bytes_min = 0;
  return options;
}

class FastStartTest : public testing::Test {
 protected:
  FastStartTest() : world_(Options()) { world_.Connect({&till_}); }

  void Sell(int lines) {
    for (int i = 0; i < lines; ++i) {
      const std::string product = Cat("product-", sold_++ % 7);
      world_.Do(till_, Moved(product, 1), "stock", product);
    }
    Settle();
  }
  void Settle() { world_.server().RunFor(absl::Milliseconds(500)); }
  std::shared_ptr<const SnapshotFile> Take() {
    std::shared_ptr<const SnapshotFile> file;
    world_.server()->TakeSnapshot("default", [&](const absl::StatusOr<FoundSnapshot>& taken) {
      ASSERT_TRUE(taken.ok()) << taken.status();
      file = taken->file;
    });
    world_.Run();
    return file;
  }
  // Every digest of every view.
  std::string Digests() {
    std::string all;
    const auto models = *world_.server()->Models("default");
    for (const auto& view : models->projections()) {
      const std::string name = view->info().name;
      const std::vector<ScopeState> scopes = *models->Scopes(name);
      for (const ScopeState& state : scopes) {
        all += Cat(name, " ", state.scope, " ", Hex(state.digest.Bytes()), " ", state.rows, "\n");
      }
    }
    return all;
  }
  std::string ViewsDir() { return ServerViewsDir(world_.server().options().dir, "default"); }
  // The server is stopped, and opened again, but nothing has run yet.
  void ReopenWith(const std::function<void()>& meanwhile) {
    ASSERT_TRUE(world_.server().Stop());
    meanwhile();
    world_.server().Open();
  }
  absl::Status Rebuild(RebuildFrom from) {
    RebuildWanted wanted;
    wanted.from = from;
    std::optional<absl::Status> begun;
    world_.server()->RebuildView("default", "stock", wanted,
                                 [&](absl::Status status) { begun = std::move(status); });
    Settle();
    return begun.value_or(absl::UnknownError("no answer"));
  }
  ViewState State() { return *world_.server()->StateOfView("default", "stock"); }
  BuildComparison Compare() {
    return *(*world_.server()->Models("default"))
                ->Compare("stock", State().record.shadow().build(), 10);
  }
  // The file again, with other rows of stock: what begins there differs from what begins at the
  // first event.
  void Forge(const SnapshotFile& file) {
    SnapshotWriterOptions options;
    options.free_bytes_min = 0;
    options.replace = true;
    const std::string dir = std::filesystem::path(file.path()).parent_path();
    const auto writer = *SnapshotWriter::Create(dir, file.info(), options);
    const int stock = file.FindView("stock");
    for (const SnapshotScope& scope : file.info().scopes()) {
      writer->BeginScope(scope.scope());
      for (const SnapshotPart& part : scope.parts()) {
        writer->BeginPart(part.view());
        Digest128 digest;
        std::string first;
        ASSERT_TRUE(file.ForEachRow(part,
                                    [&](std::string_view key, std::string_view row) {
                                      if (first.empty()) first = row;
                                      const bool forged = static_cast<int>(part.view()) == stock;
                                      const std::string written(forged ? first : std::string(row));
                                      digest.Add(key, written);
                                      return writer->Add(key, written);
                                    })
                        .ok());
        ASSERT_TRUE(writer->EndPart(digest, part.rows(), part.parked()).ok());
      }
    }
    ASSERT_TRUE(writer->Finish().ok());
  }

  LifeWorld world_;
  ScriptedDevice till_{"till", {"shared"}};
  int sold_ = 0;
};

TEST_F(FastStartTest, I20_LostReadModelsBeginAtTheNewestSnapshot) {
  Sell(25);
  Take();
  Sell(5);
  const std::string live = Digests();
  ReopenWith([&] { std::filesystem::remove_all(ViewsDir()); });
  EXPECT_EQ(world_.server()->ViewPosition("default"), Position(25));
  Settle();
  EXPECT_EQ(world_.server()->ViewPosition("default"), Position(30));
  EXPECT_EQ(Digests(), live);
  EXPECT_FALSE(world_.server()->IsMakingViews("default"));
  // And again after a crash, from what it has now.
  world_.CrashAndReopen();
  Settle();
  EXPECT_EQ(Digests(), live);
}

TEST_F(FastStartTest, ACrashWhileRowsWereLoadedLeavesNothingOfThem) {
  Sell(25);
  Take();
  const std::string live = Digests();
  ReopenWith([&] {
    std::filesystem::remove_all(ViewsDir());
    StoreOptions options;
    options.role = "server-views";
    const auto views = *Store::Open(ViewsDir(), options);
    StoreBatch batch;  // a row that no event gives, and no record of its build
    batch.Put(Space::kMeta, kBuildsKey, BuildBytes(3));
    PutLoading(2, batch);
    batch.Put(Space::kRows, Cat(RowPrefix(2, "shared"), "product-9"), "row");
    ASSERT_TRUE(views->Commit(batch, Sync::kDurable).ok());
  });
  EXPECT_EQ(world_.server()->ViewPosition("default"), Position(25));
  Settle();
  EXPECT_EQ(Digests(), live);
  EXPECT_GT(State().record.build(), 3u);
  ASSERT_TRUE(world_.server().Stop());
  StoreOptions options;
  options.role = "server-views";
  const auto views = *Store::Open(ViewsDir(), options);
  std::string row;
  EXPECT_FALSE(*views->Get(Space::kRows, Cat(RowPrefix(2, "shared"), "product-9"), &row));
  EXPECT_FALSE(*IsLoading(*views, 2));
}

TEST_F(FastStartTest, WithoutASnapshotThatFitsTheyBeginAtTheFirstEvent) {
  Sell(9);
  const auto file = Take();
  const std::string live = Digests();
  ReopenWith([&] {
    std::filesystem::remove_all(ViewsDir());
    std::filesystem::resize_file(file->path(), 100);
  });
  EXPECT_EQ(world_.server()->ViewPosition("default"), Position());
  EXPECT_FALSE(world_.server()->degraded().ok());
  Settle();
  EXPECT_EQ(Digests(), live);
  EXPECT_TRUE(std::filesystem::exists(file->path()));
}

TEST_F(FastStartTest, ARebuildBeginsAtTheSnapshotIfItIsToldTo) {
  Sell(20);
  EXPECT_TRUE(absl::IsFailedPrecondition(Rebuild(RebuildFrom::kSnapshot)));  // there is none
  EXPECT_FALSE(State().record.has_shadow());
  const auto file = Take();
  Sell(8);
  ASSERT_TRUE(Rebuild(RebuildFrom::kSnapshot).ok());
  ASSERT_TRUE(State().record.shadow_follows());
  EXPECT_TRUE(Compare().equal);
  Sell(4);
  EXPECT_TRUE(Compare().equal);
  const auto switch_to = [&](ViewSwitch how) {
    world_.server()->SwitchView("default", "stock", how,
                                [](const absl::Status& done) { EXPECT_TRUE(done.ok()) << done; });
    Settle();
  };
  switch_to(ViewSwitch::kActivate);
  Forge(*file);
  ASSERT_TRUE(Rebuild(RebuildFrom::kSnapshot).ok());
  EXPECT_FALSE(Compare().equal);  // so it did begin there
  switch_to(ViewSwitch::kCancel);
  ASSERT_TRUE(Rebuild(RebuildFrom::kStart).ok());
  EXPECT_TRUE(Compare().equal);
}

TEST_F(FastStartTest, ARebuildThatACrashInterruptsAnywhereBeginsAgainAndIsEqual) {
  Sell(20);
  Take();
  Sell(8);
  RebuildWanted wanted;
  wanted.from = RebuildFrom::kSnapshot;
  for (int steps = 0; steps < 12; ++steps) {
    world_.server()->RebuildView("default", "stock", wanted, [](const absl::Status&) {});
    for (int i = 0; i < steps; ++i) world_.server().RunOneOfEach();
    world_.CrashAndReopen();
    Settle();
    // By itself it goes on with what was begun.
    if (State().record.has_shadow()) {
      ASSERT_TRUE(State().record.shadow_follows()) << steps;
      EXPECT_TRUE(Compare().equal) << steps;
      world_.server()->SwitchView("default", "stock", ViewSwitch::kCancel,
                                  [](const absl::Status&) {});
      Settle();
    }
  }
}

}  // namespace
}  // namespace intentlog
