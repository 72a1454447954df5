// The schemas that simulated shops have, made once.
#pragma once

#include <cstdint>
#include <memory>

#include "eventlog/schema/schema.h"

namespace intentlog::simulation {

inline constexpr uint64_t kRuleVariants = 6;

// 0: the shop's own; above: with other default rules for some types.
std::shared_ptr<const Schema> ShopWithRules(uint64_t variant);
// As it was when counts of stock had their first form. It can record, and not fold.
std::shared_ptr<const Schema> OldShop();
// A shop of next year, which has parcels too.
std::shared_ptr<const Schema> NewShop();

}  // namespace intentlog::simulation
