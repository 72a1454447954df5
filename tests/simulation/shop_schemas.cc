#include "tests/simulation/shop_schemas.h"

#include <google/protobuf/descriptor.pb.h>

#include <array>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/random.h"
#include "eventlog/schema/parcel_versions.h"
#include "eventlog/schema/parcels.pb.h"
#include "eventlog/schema/shop_upcasters.h"
#include "proto/commerce.pb.h"
#include "proto/rules.pb.h"

namespace intentlog::simulation {
namespace {

std::shared_ptr<const Schema> Vary(const Schema& shop, uint64_t variant) {
  SeededRandom random(variant);
  constexpr std::array kRules = {COMMUTES, LAST_WRITER_WINS, FIRST_WRITER_WINS, REVIEW,
                                 SAME_IS_DUPLICATE};
  google::protobuf::FileDescriptorSet set;
  INTENTLOG_CHECK(set.ParseFromString(shop.DescriptorSet()));
  for (auto& file : *set.mutable_file()) {
    if (file.package() != "intentlog.commerce") continue;
    for (auto& type : *file.mutable_message_type()) {
      const bool plain = type.name() == "PriceSet" || type.name() == "ProductDescribed" ||
                         type.name() == "OrderLineAdded";
      if (!plain) continue;
      type.mutable_options()->MutableExtension(event)->set_concurrent(
          kRules[random.Below(kRules.size())]);
    }
  }
  auto schema = Schema::FromDescriptorSetAlone(set.SerializeAsString());
  INTENTLOG_CHECK(schema.ok());
  return *schema;
}

}  // namespace

std::shared_ptr<const Schema> ShopWithRules(uint64_t variant) {
  static const auto variants = [] {
    std::array<std::shared_ptr<const Schema>, kRuleVariants> made;
    made[0] = Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()});
    for (uint64_t i = 1; i < kRuleVariants; ++i) made[i] = Vary(*made[0], i);
    return made;
  }();
  return variants[variant];
}

std::shared_ptr<const Schema> NewShop() {
  static const auto shop = [] {
    return Schema::Compiled({commerce::OrderLineAdded::descriptor()->file(),
                             parcels::ParcelWeighed::descriptor()->file()},
                            ShopUpcasters().With(ParcelUpcasters()));
  }();
  return shop;
}

std::shared_ptr<const Schema> OldShop() {
  static const auto old =
      AtVersionOne(*ShopWithRules(0), commerce::StockCounted::descriptor()->full_name());
  return old;
}

}  // namespace intentlog::simulation
