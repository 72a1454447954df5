#include "server/views/view_models.h"

#include <optional>
#include <utility>

#include "eventlog/runtime/check.h"
#include "projections/engine/view_records.h"

namespace intentlog {

absl::StatusOr<std::shared_ptr<ReadModels>> OpenViewModels(Store& store,
                                                           const Projections& projections,
                                                           Term term,
                                                           std::shared_ptr<RowWatches> watches) {
  ReadModelsOptions options;
  options.watches = std::move(watches);
  options.show_other_versions = true;
  options.term = term;
  for (const auto& projection : projections) {
    const ProjectionInfo info = projection->info();
    ASSIGN_OR_RETURN(const std::optional<ViewRecord> record, ReadViewRecord(store, info.name));
    if (!record) continue;
    const auto follow = [&](const ProjectionBuild& build) {
      if (build.version() == info.version) options.followers.push_back({projection, build.build()});
    };
    if (record->shadow_follows()) follow(record->shadow());
    if (record->has_previous()) follow(record->previous());
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ReadModels> models,
                   ReadModels::Open(store, projections, options));
  return std::shared_ptr<ReadModels>(std::move(models));
}

}  // namespace intentlog
