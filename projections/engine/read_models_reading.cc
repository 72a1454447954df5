#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/read_models_rep.h"

namespace intentlog {

absl::StatusOr<const OpenProjection*> ReadModels::Rep::View(std::string_view name) const {
  for (const OpenProjection& one : open) {
    if (one.info.name == name) return &one;
  }
  std::string names;
  for (const OpenProjection& one : open) names += Cat(names.empty() ? "" : ", ", one.info.name);
  return NotFound("there is no view ", Quoted(name), "; there are: ", names);
}

absl::StatusOr<const OpenProjection*> ReadModels::Rep::Readable(std::string_view name) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, View(name));
  if (one->build != 0) return one;
  return Unavailable("view ", name, " is being made and has no rows yet: try again later");
}

absl::StatusOr<Position> ReadModels::Through(std::string_view scope) const {
  const Published seen = rep_->Seen();
  Position through;
  bool first = true;
  for (const OpenProjection& one : rep_->open) {
    if (!one.is_folded) continue;
    ASSIGN_OR_RETURN(const FoldState state, ReadState(*seen.snapshot, one.build, scope));
    through = first ? state.position : std::min(through, state.position);
    first = false;
  }
  return through;
}

namespace {

ScopeState ToScopeState(std::string_view scope, const FoldState& state) {
  return {std::string(scope), state.position, state.digest, state.rows, state.parked};
}

}  // namespace

absl::StatusOr<std::vector<ScopeState>> ReadModels::Scopes(std::string_view view) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  const Published seen = rep_->Seen();
  std::vector<ScopeState> states;
  RETURN_IF_ERROR(
      ForEachCheckpoint(*seen.snapshot, one->build,
                        [&](std::string_view scope, std::string_view bytes) -> absl::Status {
                          ASSIGN_OR_RETURN(const FoldState state, ParseCheckpoint(bytes));
                          states.push_back(ToScopeState(scope, state));
                          return absl::OkStatus();
                        }));
  return states;
}

absl::StatusOr<ScopeState> ReadModels::InScope(std::string_view view,
                                               std::string_view scope) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  ASSIGN_OR_RETURN(const FoldState state, ReadState(*rep_->Seen().snapshot, one->build, scope));
  return ToScopeState(scope, state);
}

absl::StatusOr<Position> ReadModels::Latest(std::string_view view) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  return rep_->ReaderOf(*one).position();
}

absl::StatusOr<std::vector<ParkedRow>> ReadModels::Parked(std::string_view view, size_t limit,
                                                          std::optional<BuildId> build) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  return ReadParked(*rep_->Seen().snapshot, build.value_or(one->build), limit);
}

ViewReader ReadModels::Rep::ReaderOf(const OpenProjection& one) const {
  const size_t i = static_cast<size_t>(&one - open.data());
  const Published seen = Seen();
  return ViewReader(shared[i], seen.snapshot, seen.scopes, (*seen.latest)[i]);
}

absl::StatusOr<ViewReader> ReadModels::Read(std::string_view view) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->Readable(view));
  return rep_->ReaderOf(*one);
}

absl::StatusOr<std::optional<Row>> ReadModels::Get(std::string_view view,
                                                   std::string_view key) const {
  ASSIGN_OR_RETURN(const ViewReader reader, Read(view));
  return reader.Get(key);
}

absl::StatusOr<std::optional<Row>> ReadModels::GetInScope(std::string_view view,
                                                          std::string_view scope,
                                                          std::string_view key) const {
  ASSIGN_OR_RETURN(const ViewReader reader, Read(view));
  RETURN_IF_ERROR(CheckScope(scope));
  return reader.GetInScope(scope, key);
}

absl::StatusOr<std::unique_ptr<RowCursor>> ReadModels::Scan(std::string_view view,
                                                            std::string_view from_key) const {
  ASSIGN_OR_RETURN(const ViewReader reader, Read(view));
  RowRange range;
  range.from = from_key;
  return reader.Scan(range);
}

absl::StatusOr<RowPage> ReadModels::Page(std::string_view view, const PageWanted& wanted) const {
  ASSIGN_OR_RETURN(const ViewReader reader, Read(view));
  return reader.Page(wanted);
}

absl::StatusOr<std::unique_ptr<RowWatch>> ReadModels::Watch(std::string_view view,
                                                            std::string_view prefix,
                                                            const RowWatchLimits& limits,
                                                            bool begins) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->Readable(view));
  return rep_->watches->Add(std::string(view), std::string(prefix), one->build, limits, begins);
}

absl::StatusOr<std::optional<ReadModels::Changes>> ReadModels::TakeChanges(RowWatch& watch) const {
  INTENTLOG_CHECK(Serves(watch));
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->Readable(watch.view()));
  const std::lock_guard<std::mutex> lock(rep_->watches->mutex_);
  if (rep_->watches->IsStale(rep_->opening)) return std::optional<Changes>();
  ChangedKeys::Taken taken = rep_->watches->Take(watch, one->build);
  return std::optional<Changes>({rep_->ReaderOf(*one), taken.begins, std::move(taken.keys)});
}

bool ReadModels::Serves(const RowWatch& watch) const { return watch.watches_ == rep_->watches; }

std::shared_ptr<RowWatches> ReadModels::watches() const { return rep_->watches; }

std::vector<std::string> ReadModels::ScopeNames() const { return *rep_->Seen().scopes; }

uint32_t ReadModels::ShownVersion(std::string_view view) const {
  const auto one = rep_->View(view);
  if (!one.ok()) return 0;
  return (*one)->is_folded ? (*one)->info.version : (*one)->shown_version;
}

bool ReadModels::IsFolded(std::string_view view) const {
  const auto one = rep_->View(view);
  return one.ok() && (*one)->is_folded;
}

std::optional<BuildId> ReadModels::LiveBuild(std::string_view view) const {
  if (!rep_->builds_written) return std::nullopt;
  const auto one = rep_->View(view);
  return one.ok() ? std::optional<BuildId>((*one)->build) : std::nullopt;
}

FrozenRows ReadModels::Freeze() const {
  FrozenRows frozen{rep_->Seen().snapshot, {}};
  for (size_t i = 0; i < rep_->listed.size(); ++i) {
    const OpenProjection& one = rep_->open[i];
    if (one.is_folded) frozen.views.push_back({one.info, one.build});
  }
  return frozen;
}

absl::StatusOr<BuildComparison> ReadModels::Compare(std::string_view view, BuildId build,
                                                    size_t limit) const {
  ASSIGN_OR_RETURN(const OpenProjection* one, rep_->View(view));
  return CompareBuilds(*rep_->Seen().snapshot, one->build, build, limit);
}

}  // namespace intentlog
