// A MadeShop is a log of made events, and what a naive fold of it gives at any position: for tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/log/event_log.h"
#include "eventlog/log/memory_engine.h"
#include "projections/asof/as_of.h"
#include "projections/engine/made_event.h"
#include "projections/engine/made_lines.h"
#include "projections/engine/naive_fold.h"
#include "projections/engine/row_access.h"
#include "proto/event.pb.h"

namespace intentlog {

inline const std::vector<std::string> kShopScopes = {"east", "shared", "west"};
inline constexpr uint64_t kShopEvents = 300;
inline constexpr int64_t kShopStart = 1'700'000'000'000'000;

// A log of made events, some without effect, some that decide about rows that stand still. Two in a
// row have one server time, then half a second passes.
class MadeShop {
 public:
  MadeShop(uint32_t seed, Projections views) : views_(std::move(views)), lines_(seed) {
    EventLogOptions options;
    options.block_bytes = 3000;
    log_ = *EventLog::Open(engine_, "shop", EpochId::FromBytes(std::string(16, 'e')), options);
    EXPECT_TRUE(log_->Fence().ok());
    EventGroup group(log_->head(), options);
    for (uint64_t position = 1; position <= kShopEvents; ++position) Add(position, group);
    EXPECT_TRUE(log_->Append(std::move(group)).ok());
  }

  static int64_t TimeOf(uint64_t position) {
    return kShopStart + static_cast<int64_t>(position / 2) * 500'000;
  }
  const Projections& views() const { return views_; }
  uint32_t Roll(uint32_t n) { return lines_.Roll(n); }

  ReadLog reader() {
    return [this](Position from, uint64_t limit, const TakeEvent& take) -> absl::Status {
      ++reads_;
      const auto reader = log_->Read(from);
      while (limit > 0) {
        ASSIGN_OR_RETURN(const bool more, reader->Next());
        if (!more) break;
        for (size_t i = reader->begin(); i < reader->block().size() && limit > 0; ++i, --limit) {
          if (!take(reader->block().event(i))) return absl::OkStatus();
        }
      }
      return absl::OkStatus();
    };
  }
  int reads() const { return reads_; }
  const EventLog& log() const { return *log_; }

  // The oracle, from zero.
  NaiveFold Naive(const std::shared_ptr<const Projection>& view, Position through) const {
    NaiveFold naive({view});
    for (size_t i = 0; i < through.value(); ++i) naive.Add(made_[i]->event());
    return naive;
  }
  std::unique_ptr<AsOf> Open(const std::shared_ptr<const Projection>& view, AsOfOptions options,
                             AsOfBases* bases = nullptr, Position at = {}) {
    auto as_of = AsOf::Open(view, CommerceSchema(), reader(), std::move(options), bases, at);
    EXPECT_TRUE(as_of.ok()) << as_of.status();
    return *std::move(as_of);
  }

 private:
  void Add(uint64_t position, EventGroup& group) {
    const std::string& scope = kShopScopes[Roll(3)];
    std::unique_ptr<google::protobuf::Message> payload = lines_.Next();
    if (Roll(25) == 0) {
      auto decision = std::make_unique<Unpark>();
      decision->set_view(views_[Roll(static_cast<uint32_t>(views_.size()))]->info().name);
      decision->set_all_keys(true);
      payload = std::move(decision);
    }
    const MadeEvent& made =
        *made_.emplace_back(std::make_unique<MadeEvent>(position, scope, *payload, Roll(20) != 0));
    Header header = made.event().header();
    header.set_server_time_us(TimeOf(position));
    group.Add(header, header.SerializeAsString(), made.IntentBytes(), scope);
  }

  const Projections views_;
  MemoryEngine engine_;
  std::unique_ptr<EventLog> log_;
  std::vector<std::unique_ptr<MadeEvent>> made_;
  MadeLines lines_;
  int reads_ = 0;
};

inline std::map<std::string, std::string> MergedRows(const ReadModels& models,
                                                     const std::string& view) {
  std::map<std::string, std::string> rows;
  const auto cursor = models.Scan(view);
  EXPECT_TRUE(cursor.ok()) << cursor.status();
  while (true) {
    const auto row = (*cursor)->Next();
    EXPECT_TRUE(row.ok()) << row.status();
    if (!row.ok() || *row == nullptr) return rows;
    rows[(*row)->key] = RowBytes((*row)->row);
  }
}

// Of a view whose scopes are folded through `at`, each of them.
inline void ExpectAsFoldedFromZero(const MadeShop& shop, const ReadModels& models,
                                   const std::shared_ptr<const Projection>& view, Position at) {
  SCOPED_TRACE("view " + view->info().name + " at " + std::to_string(at.value()));
  const std::string name = view->info().name;
  NaiveFold naive = shop.Naive(view, at);
  EXPECT_EQ(MergedRows(models, name), naive.Merged(name));
  const auto scopes = models.Scopes(name);
  ASSERT_TRUE(scopes.ok()) << scopes.status();
  for (const ScopeState& state : *scopes) {
    EXPECT_EQ(state.position, at);
    EXPECT_EQ(state.digest, naive.Digest(name, state.scope)) << state.scope;
    EXPECT_EQ(state.rows, naive.Rows(name, state.scope).size()) << state.scope;
    EXPECT_EQ(state.parked, naive.Parked(name, state.scope).size()) << state.scope;
  }
}

inline void ExpectAsFoldedFromZero(const MadeShop& shop, const AsOf& as_of,
                                   const std::shared_ptr<const Projection>& view, Position at) {
  EXPECT_EQ(as_of.position(), at);
  ExpectAsFoldedFromZero(shop, as_of.rows(), view, at);
}

}  // namespace intentlog
