#include "projections/asof/as_of.h"

#include <map>
#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/digest.h"
#include "projections/engine/open_projection.h"
#include "projections/engine/row_fold.h"
#include "projections/engine/row_index.h"
#include "projections/engine/row_keys.h"
#include "projections/engine/view_records.h"
#include "proto/store.pb.h"

namespace intentlog {
namespace {

// The only build of the temporary place.
constexpr BuildId kBuild = 1;
constexpr size_t kLoadBytes = 4 << 20;

}  // namespace

class AsOf::Again final : public EventFinder {
 public:
  Again(const ReadLog& read, std::shared_ptr<const Schema> schema)
      : read_(read), decoder_(std::move(schema)) {}

  absl::StatusOr<const Event*> At(std::string_view scope, Position position) override {
    bool found = false;
    RETURN_IF_ERROR(read_(position, 1, [&](const EventRef& event) {
      found = event.position == position && event.scope == scope;
      scope_ = event.scope;
      header_ = event.header;
      intent_ = event.intent;
      return false;
    }));
    if (!found) return NotFound("there is no event ", position, " of scope ", scope);
    return decoder_.Decode({position, scope_, true, header_, intent_});
  }

 private:
  const ReadLog& read_;
  EventDecoder decoder_;
  std::string scope_, header_, intent_;
};

AsOf::AsOf(std::shared_ptr<const Schema> schema, ReadLog read, AsOfOptions options)
    : schema_(std::move(schema)),
      read_(std::move(read)),
      options_(std::move(options)),
      again_(std::make_unique<Again>(read_, schema_)),
      decoder_(schema_) {}

absl::StatusOr<std::unique_ptr<AsOf>> AsOf::Open(std::shared_ptr<const Projection> view,
                                                 std::shared_ptr<const Schema> schema, ReadLog read,
                                                 AsOfOptions options, AsOfBases* bases,
                                                 Position at) {
  std::unique_ptr<AsOf> as_of(new AsOf(std::move(schema), std::move(read), std::move(options)));
  ASSIGN_OR_RETURN(as_of->store_, TemporaryStore::Make(as_of->options_.write_buffer_bytes));
  if (bases != nullptr) {
    ASSIGN_OR_RETURN(const auto base, bases->Nearest(view->info(), at));
    if (base != nullptr) RETURN_IF_ERROR(as_of->Load(view, *base));
  }
  ReadModelsOptions kept;
  kept.kept_rows_bytes_max = as_of->options_.kept_rows_bytes_max;
  ASSIGN_OR_RETURN(as_of->models_, ReadModels::Open(**as_of->store_, {std::move(view)}, kept));
  as_of->models_->FindEventsIn(as_of->again_.get());
  return as_of;
}

// The rows become those of a build, as if it had folded them.
absl::Status AsOf::Load(const std::shared_ptr<const Projection>& view, const AsOfBase& base) {
  began_ = position_ = base.position();
  ASSIGN_OR_RETURN(const OpenProjection into, OpenOne(view, kBuild));
  std::map<std::string, FoldState, std::less<>> states;
  std::map<std::string, ScopeIndexes, std::less<>> indexes;
  StoreBatch batch;
  ViewRecord record;
  record.set_name(into.info.name);
  record.set_version(into.info.version);
  record.set_build(kBuild);
  PutViewRecord(record, batch);
  batch.Put(Space::kMeta, kBuildsKey, BuildBytes(kBuild));
  RETURN_IF_ERROR(base.ForEachRow(
      [&](std::string_view scope, std::string_view key, std::string_view row) -> absl::Status {
        RETURN_IF_ERROR(CheckScope(scope));
        batch.Put(Space::kRows, Cat(RowPrefix(kBuild, scope), key), row);
        const auto index = indexes.try_emplace(std::string(scope), into, scope).first;
        RETURN_IF_ERROR(index->second.WriteOf(key, std::nullopt, row, batch));
        FoldState& state = states[std::string(scope)];
        state.digest.Add(key, row);
        ++state.rows;
        if (batch.bytes() < kLoadBytes) return absl::OkStatus();
        RETURN_IF_ERROR((*store_)->Commit(batch, Sync::kBuffered));
        batch.Clear();
        return absl::OkStatus();
      }));
  for (auto& [scope, state] : states) {
    state.position = position_;
    batch.Put(Space::kMeta, CheckpointKey(kBuild, scope), CheckpointBytes(state));
    scopes_.insert(scope);
  }
  return (*store_)->Commit(batch, Sync::kBuffered);
}

absl::Status AsOf::FoldThrough(Position position) {
  INTENTLOG_CHECK(position >= position_);
  Position last = position_;
  bool ended = last == position;
  absl::Status folded;
  while (!ended) {
    uint64_t taken = 0;
    RETURN_IF_ERROR(read_(last.Next(), options_.read_events_max, [&](const EventRef& event) {
      ended = event.position > position;
      if (ended) return false;
      last = event.position;
      ++taken;
      folded = Fold(event);
      return folded.ok();
    }));
    RETURN_IF_ERROR(folded);
    ended = ended || last == position || taken < options_.read_events_max;
  }
  return Commit(position);
}

absl::Status AsOf::Fold(const EventRef& ref) {
  if (++folded_ % options_.progress_events == 0 && options_.progress != nullptr) {
    RETURN_IF_ERROR(options_.progress(ref.position));
  }
  if (!ref.in_feed) return absl::OkStatus();  // changes no read model
  ASSIGN_OR_RETURN(const Event* const event, decoder_.Decode(ref));
  RETURN_IF_ERROR(models_->Add(*event));
  if (scopes_.find(ref.scope) == scopes_.end()) scopes_.insert(std::string(ref.scope));
  if (models_->pending_bytes() < options_.commit_bytes_max) return absl::OkStatus();
  return Commit(ref.position);
}

absl::Status AsOf::Commit(Position through) {
  StoreBatch batch;
  for (const std::string& scope : scopes_) RETURN_IF_ERROR(models_->Finish(scope, through, batch));
  RETURN_IF_ERROR((*store_)->Commit(batch, Sync::kBuffered));
  models_->Committed();
  position_ = through;
  return absl::OkStatus();
}

}  // namespace intentlog
