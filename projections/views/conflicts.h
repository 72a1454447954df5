// The view "conflicts": where conflicts happen most, how long they stay open, and who resolves
// them. It is folded from decisions, not from payloads, so it serves every application.
//
// The key is text: entity type / event type / fields in question / rule / day of opening, such as
//
//   customer/shop.CustomerUpdated/credit_limit/review/2011-12-09
//
// "*" stands for an event as a whole. A conflict counts once, in one row, from its opening to its
// resolution: several fields in question are one text, joined by commas. Where no rule asked, the
// reason's code stands in its place: "batch_member" counts what conflicts only with its batch.
//
// What was parked or rejected and turns into a conflict opens one, as of its first decision: the
// work has waited since then. Over scopes, rows add up.
#pragma once

#include <memory>

#include "projections/engine/projection.h"

namespace intentlog {

// Resolvers that one row of one scope counts by name; resolutions by further ones are counted
// together. Far more than the people who resolve one kind of conflict in a day.
inline constexpr int kResolversPerRow = 64;

std::shared_ptr<const Projection> ConflictsView();

}  // namespace intentlog
