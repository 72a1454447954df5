// Snapshots of a made shop, against a naive fold from the first event on.
#include "projections/snapshot/snapshot_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/runtime/text.h"
#include "projections/asof/as_of.h"
#include "projections/asof/made_shop.h"
#include "projections/engine/log_event_finder.h"
#include "projections/engine/made_store.h"
#include "projections/engine/poisoned.h"
#include "projections/engine/read_models.h"
#include "projections/engine/view_records.h"
#include "projections/snapshot/load_snapshot.h"
#include "projections/snapshot/snapshot_bases.h"
#include "projections/snapshot/take_snapshot.h"
#include "projections/views/commerce_views.h"

namespace intentlog {
namespace {

// The shop's views in a store, folded from its log.
class Live {
 public:
  Live(const std::string& name, MadeShop& shop)
      : shop_(shop), store_(name), events_(shop.log(), CommerceSchema()) {
    Open();
  }

  void Open() {
    auto models = ReadModels::Open(*store_, shop_.views());
    ASSERT_TRUE(models.ok()) << models.status();
    models_ = *std::move(models);
    models_->FindEventsIn(&events_);
  }

  void FoldThrough(Position through) {
    EventDecoder decoder(CommerceSchema());
    const absl::Status read =
        shop_.reader()(Position(1), through.value(), [&](const EventRef& ref) {
          if (!ref.in_feed || ref.position <= *models_->Through(ref.scope)) return true;
          EXPECT_TRUE(models_->Add(**decoder.Decode(ref)).ok());
          return true;
        });
    ASSERT_TRUE(read.ok()) << read;
    StoreBatch batch;
    for (const std::string& scope : kShopScopes) {
      ASSERT_TRUE(models_->Finish(scope, through, batch).ok());
    }
    ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
    models_->Committed();
  }

  // Every view as the snapshot has it; the store is empty before.
  void Load(const SnapshotFile& file) {
    models_.reset();
    StoreBatch batch;
    BuildId build = 0;
    for (const auto& view : shop_.views()) {
      ViewRecord record;
      record.set_name(view->info().name);
      record.set_version(view->info().version);
      record.set_build(++build);
      PutViewRecord(record, batch);
      const absl::Status loaded = LoadSnapshot(file, *OpenOne(view, build), *store_, batch,
                                               {.commit_bytes_max = 500, .before_commit = {}});
      ASSERT_TRUE(loaded.ok()) << loaded;
    }
    batch.Put(Space::kMeta, kBuildsKey, BuildBytes(build));
    ASSERT_TRUE(store_->Commit(batch, Sync::kBuffered).ok());
    Open();
  }

  ReadModels& models() { return *models_; }

 private:
  MadeShop& shop_;
  MadeStore store_;
  LogEventFinder events_;
  std::unique_ptr<ReadModels> models_;
};

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() { std::filesystem::remove_all(dir_); }

  SnapshotAbout About(const MadeShop& shop, Position position) const {
    SnapshotAbout about;
    about.epoch = EpochId::FromBytes(shop.log().epochs()[0].id());
    about.position = position;
    about.chain = *shop.log().ChainAt(position);
    about.taken_us = MadeShop::TimeOf(position.value());
    about.fingerprint = fingerprint_;
    return about;
  }
  std::shared_ptr<const SnapshotFile> Take(const FrozenRows& frozen, const SnapshotAbout& about) {
    auto file = TakeSnapshot(frozen, about, dir_, {});
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  SnapshotFolder Folder(const MadeShop& shop) {
    alarms_.clear();
    return SnapshotFolder(
        dir_, [&shop](const SnapshotInfo& info) { return CheckOfLog(shop.log(), info); },
        fingerprint_,
        [this](const std::string& path, const absl::Status& why) { alarms_[path] = Cat(why); });
  }

  const std::string dir_ = testing::TempDir() + "/snapshots";
  FingerprintLookup fingerprint_;
  std::map<std::string, std::string> alarms_;  // by file
};

TEST_F(SnapshotTest, I20_ASnapshotAndTheTailGiveWhatAFullFoldGives) {
  MadeShop shop(/*seed=*/51, CommerceViews());
  Live live("live", shop);
  Position at;
  for (int i = 0; i < 6; ++i) {
    at = Position(at.value() + 1 + shop.Roll(45));
    live.FoldThrough(at);
    const FrozenRows frozen = live.models().Freeze();
    live.FoldThrough(at.Plus(4));  // the projector goes on meanwhile
    const auto file = Take(frozen, About(shop, at));
    at = at.Plus(4);
    Live loaded("loaded", shop);
    loaded.Load(*file);
    for (const auto& view : shop.views()) {
      ExpectAsFoldedFromZero(shop, loaded.models(), view, file->position());
    }
    loaded.FoldThrough(Position(kShopEvents));
    for (const auto& view : shop.views()) {
      ExpectAsFoldedFromZero(shop, loaded.models(), view, Position(kShopEvents));
    }
  }
}

TEST_F(SnapshotTest, I18_AsOfBeginsAtTheNearestSnapshotAndIsTheSame) {
  MadeShop shop(/*seed=*/52, CommerceViews());
  Live live("live", shop);
  const std::vector<uint64_t> taken = {70, 150, 299};
  for (const uint64_t at : taken) {
    live.FoldThrough(Position(at));
    Take(live.models().Freeze(), About(shop, Position(at)));
  }
  const SnapshotFolder folder = Folder(shop);
  SnapshotBases bases(folder);
  for (int i = 0; i < 12; ++i) {  // over 100 positions; each goes on from the one before
    std::multiset<uint64_t> positions;
    while (positions.size() < 12) positions.insert(shop.Roll(kShopEvents + 1));
    const auto& view = shop.views()[shop.Roll(static_cast<uint32_t>(shop.views().size()))];
    const uint64_t first = *std::next(positions.begin(), i / 2);  // so that they begin anywhere
    const auto as_of = shop.Open(view, {}, &bases, Position(first));
    uint64_t nearest = 0;
    for (const uint64_t one : taken) nearest = one <= first ? one : nearest;
    EXPECT_EQ(as_of->began(), Position(nearest));
    for (const uint64_t at : positions) {
      if (at < first) continue;
      ASSERT_TRUE(as_of->FoldThrough(Position(at)).ok());
      ExpectAsFoldedFromZero(shop, *as_of, view, Position(at));
    }
  }
  EXPECT_TRUE(alarms_.empty());
}

TEST_F(SnapshotTest, AViewWithRowsThatStandStillIsNoBaseAndOthersAre) {
  MadeShop healthy(/*seed=*/53, CommerceViews());
  Projections views = CommerceViews();
  views[0] = std::make_shared<Poisoned>(views[0], OneIn(40));
  MadeShop shop(/*seed=*/53, views);
  Live live("live", shop);
  live.FoldThrough(Position(200));
  Take(live.models().Freeze(), About(shop, Position(200)));
  const SnapshotFolder folder = Folder(shop);
  EXPECT_EQ(folder.Newest(views[0]->info(), Position(250)), nullptr);
  ASSERT_EQ(alarms_.size(), 1u);
  EXPECT_NE(alarms_.begin()->second.find("stand still"), std::string::npos);
  EXPECT_NE(folder.Newest(views[1]->info(), Position(250)), nullptr);
}

void Flip(const std::string& path, std::streamoff at) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at).put(static_cast<char>(byte ^ 16));
}

TEST_F(SnapshotTest, I20_WhatIsDamagedOrForeignIsSkippedWithAnAlarmAndStays) {
  MadeShop shop(/*seed=*/54, CommerceViews());
  Live live("live", shop);
  std::map<uint64_t, std::string> paths;
  for (uint64_t at = 10; at <= 60; at += 10) {
    live.FoldThrough(Position(at));
    SnapshotAbout about = About(shop, Position(at));
    if (at == 50) about.epoch = EpochId::FromBytes(std::string(16, 'x'));
    if (at == 40) about.chain = *shop.log().ChainAt(Position(at + 1));
    paths[at] = Take(live.models().Freeze(), about)->path();
  }
  Flip(paths[60], 3);   // not even a snapshot
  Flip(paths[30], 30);  // a block: found when its rows are read
  const ProjectionInfo view = shop.views()[0]->info();
  const SnapshotFolder folder = Folder(shop);
  const auto found = folder.Newest(view, Position(kShopEvents));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->position(), Position(20));
  EXPECT_EQ(alarms_.size(), 4u);
  EXPECT_NE(alarms_[paths[60]].find("does not begin"), std::string::npos);
  EXPECT_NE(alarms_[paths[50]].find("epoch is unknown"), std::string::npos);
  EXPECT_NE(alarms_[paths[40]].find("chain there differs"), std::string::npos);
  EXPECT_NE(alarms_[paths[30]].find("checksum of a snapshot block differs"), std::string::npos);
  const auto listed = folder.List();
  ASSERT_EQ(listed.size(), 6u);
  EXPECT_EQ(listed[0].position, Position(60));
  EXPECT_TRUE(Superseded(listed, {.newest = 3, .days = 0}, 0).empty());
}

TEST_F(SnapshotTest, I20_OtherCodeIsSkippedViewByView) {
  MadeShop shop(/*seed=*/55, CommerceViews());
  fingerprint_ = [](const ProjectionInfo& view) { return Cat("code of ", view.name); };
  Live live("live", shop);
  live.FoldThrough(Position(90));
  Take(live.models().Freeze(), About(shop, Position(90)));
  const ProjectionInfo info = shop.views()[0]->info();
  EXPECT_NE(Folder(shop).Newest(info, Position(90)), nullptr);
  ProjectionInfo newer = info;
  ++newer.version;
  EXPECT_EQ(Folder(shop).Newest(newer, Position(90)), nullptr);
  ProjectionInfo other_row = info;
  other_row.row = SnapshotInfo::descriptor();
  EXPECT_EQ(Folder(shop).Newest(other_row, Position(90)), nullptr);
  EXPECT_EQ(alarms_.size(), 1u);
  fingerprint_ = [&](const ProjectionInfo& view) {
    return view.name == info.name ? "other code" : Cat("code of ", view.name);
  };
  const SnapshotFolder folder = Folder(shop);
  EXPECT_EQ(folder.Newest(info, Position(90)), nullptr);
  EXPECT_NE(alarms_.begin()->second.find("with other code"), std::string::npos);
  EXPECT_NE(folder.Newest(shop.views()[1]->info(), Position(90)), nullptr);
}

TEST_F(SnapshotTest, AViewThatIsFurtherThanOthersIsNotWritten) {
  MadeShop shop(/*seed=*/56, CommerceViews());
  Live live("live", shop);
  live.FoldThrough(Position(90));
  const auto file = TakeSnapshot(live.models().Freeze(), About(shop, Position(80)), dir_, {});
  EXPECT_TRUE(absl::IsFailedPrecondition(file.status())) << file.status();
}

TEST_F(SnapshotTest, OnlyWholeFilesThatNewerOnesReplaceAreRemovedAndADayKeepsItsLast) {
  MadeShop shop(/*seed=*/57, CommerceViews());
  Live live("live", shop);
  constexpr int64_t kHour = int64_t{3600} * 1'000'000;
  for (uint64_t i = 1; i <= 10; ++i) {  // one each six hours, from 06:00 of day 100
    live.FoldThrough(Position(10 * i));
    SnapshotAbout about = About(shop, Position(10 * i));
    about.taken_us = (100 * 24 + 6 * static_cast<int64_t>(i)) * kHour;
    Take(live.models().Freeze(), about);
  }
  std::ofstream(dir_ + "/00000000000000000005.snapshot.tmp") << "half";
  const SnapshotFolder folder = Folder(shop);
  const int64_t now = (102 * 24 + 13) * kHour;
  const auto positions = [&](const SnapshotKeep& keep) {
    std::string all;
    for (const auto& one : Superseded(folder.List(), keep, now)) all += Cat(" ", one.position);
    return all;
  };
  EXPECT_EQ(positions({.newest = 3, .days = 0}), " 70 60 50 40 30 20 10");
  EXPECT_EQ(positions({.newest = 2, .days = 7}), " 80 60 50 40 20 10");  // 70 and 30 end their days
  EXPECT_EQ(positions({.newest = 2, .days = 1}), " 80 60 50 40 30 20 10");
  EXPECT_EQ(folder.Remove(Superseded(folder.List(), {.newest = 3, .days = 0}, now)), 7u);
  EXPECT_EQ(folder.List().size(), 3u);
  folder.RemoveUnfinished();
  size_t files = 0;
  for (const auto& one : std::filesystem::directory_iterator(dir_)) files += one.exists();
  EXPECT_EQ(files, 3u);
}

}  // namespace
}  // namespace intentlog
