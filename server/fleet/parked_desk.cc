#include "server/fleet/parked_desk.h"

#include <set>
#include <utility>

#include "eventlog/log/event.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

Intent IntentOf(const std::string& scope, const Unpark& decision) {
  Intent intent;
  intent.set_type(std::string(kUnparkType));
  intent.set_scope(scope);
  decision.SerializeToString(intent.mutable_payload());
  return intent;
}

std::vector<Intent> RetryAll(const OperateViewRequest& request,
                             const std::vector<ParkedRowInfo>& parked) {
  Unpark decision;
  decision.set_view(request.view());
  decision.set_all_keys(true);
  decision.set_by("operator");
  std::set<std::string> scopes;
  for (const ParkedRowInfo& row : parked) scopes.insert(row.scope());
  std::vector<Intent> intents;
  for (const std::string& scope : scopes) intents.push_back(IntentOf(scope, decision));
  return intents;
}

// In the live build or in the shadow, and since `position` if that is not 0.
absl::Status CheckRow(const OperateViewRequest& request, const std::vector<ParkedRowInfo>& parked) {
  uint64_t since = 0;
  for (const ParkedRowInfo& row : parked) {
    if (row.scope() != request.scope() || row.key() != request.key()) continue;
    if (request.position() == 0 || request.position() == row.position()) return absl::OkStatus();
    since = row.position();
  }
  const std::string name = Cat("row ", Quoted(request.key()), " of scope ", request.scope(),
                               " in view ", request.view());
  if (since == 0) return NotFound(name, " does not stand still");
  return FailedPrecondition(name, " stands still since event ", since, ", not ", request.position(),
                            ": look at it again");
}

}  // namespace

absl::StatusOr<std::vector<ParkedRowInfo>> ParkedOf(const ReadModels& models,
                                                    const ViewRecord& record, size_t limit) {
  std::vector<ParkedRowInfo> all;
  const auto add = [&](BuildId build, bool shadow) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<ParkedRow> rows,
                     models.Parked(record.name(), limit - all.size(), build));
    for (const ParkedRow& row : rows) {
      ParkedRowInfo& info = all.emplace_back();
      info.set_scope(row.scope);
      info.set_key(row.key);
      info.set_position(row.position.value());
      info.set_waiting(row.waiting);
      info.set_why(std::string(row.why.message()));
      info.set_shadow(shadow);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(add(record.build(), false));
  if (record.shadow_follows()) RETURN_IF_ERROR(add(record.shadow().build(), true));
  return all;
}

absl::StatusOr<std::vector<Intent>> UnparkIntents(const OperateViewRequest& request,
                                                  const std::vector<ParkedRowInfo>& parked) {
  const bool skip = request.action() == SKIP_PARKED;
  if (request.all_keys() && !skip) {
    if (!parked.empty()) return RetryAll(request, parked);
    return NotFound("no row of view ", request.view(), " stands still");
  }
  if (request.scope().empty()) return Invalid("say which row: its scope and its key");
  if (skip && request.reason().empty()) return Invalid("say why the event is left out: a reason");
  if (skip && request.position() == 0) {
    return Invalid("say which event is left out: its position, as view parked list shows it");
  }
  RETURN_IF_ERROR(CheckRow(request, parked));
  Unpark decision;
  decision.set_view(request.view());
  decision.set_key(request.key());
  decision.set_by("operator");
  if (skip) {
    decision.set_skip(request.position());
    decision.set_reason(request.reason());
  }
  return std::vector<Intent>{IntentOf(request.scope(), decision)};
}

}  // namespace intentlog
