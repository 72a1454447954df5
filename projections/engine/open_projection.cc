#include "projections/engine/open_projection.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/engine/row_access.h"

namespace intentlog {
namespace {

absl::Status CheckIndexes(const OpenProjection& one) {
  if (one.indexes.empty()) return absl::OkStatus();
  const std::string& view = one.info.name;
  if (one.projection->merges()) {
    return Invalid("view ", view, " merges rows of several scopes and can have no index: ",
                   "the index keys of a sum are not those of its parts");
  }
  for (auto name = one.indexes.begin(); name != one.indexes.end(); ++name) {
    if (name->empty() || name->find('\0') != std::string::npos) {
      return Invalid("view ", view,
                     ": the name of an index is empty or contains NUL: ", Quoted(*name));
    }
    if (std::find(one.indexes.begin(), name, *name) != name) {
      return Invalid("view ", view, ": two indexes are named ", *name);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OpenProjection> OpenOne(std::shared_ptr<const Projection> projection,
                                       BuildId build) {
  OpenProjection one;
  one.info = projection->info();
  one.indexes = projection->Indexes();
  one.projection = std::move(projection);
  one.build = build;
  ASSIGN_OR_RETURN(one.prototype, RowAccess::Prototype(one.info));
  RETURN_IF_ERROR(CheckIndexes(one));
  return one;
}

}  // namespace intentlog
