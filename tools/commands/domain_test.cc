#include "tools/commands/domain.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "proto/commerce.pb.h"
#include "proto/rules.pb.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

google::protobuf::FileDescriptorSet Shop() {
  const auto schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
  google::protobuf::FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromString(schema->DescriptorSet()));
  return set;
}

std::string Written(const google::protobuf::FileDescriptorSet& set) {
  const std::string file = testing::TempDir() + "/shop.binpb";
  std::ofstream(file, std::ios::binary | std::ios::trunc) << set.SerializeAsString();
  return file;
}

TEST(DomainTest, ASetThatHoldsTheShopAsItIsLoads) {
  const auto domain = LoadDomain(Written(Shop()));
  ASSERT_TRUE(domain.ok()) << domain.status();
  EXPECT_NE(domain->schema->Find("PriceSet"), nullptr);
}

TEST(DomainTest, OtherRulesForTheShopAreRefusedAndNotPassedOver) {
  google::protobuf::FileDescriptorSet set = Shop();
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      if (message.name() != "PriceSet") continue;
      message.mutable_options()->MutableExtension(event)->set_concurrent(LAST_WRITER_WINS);
    }
  }
  const std::string file = Written(set);
  const auto domain = LoadDomain(file);
  EXPECT_EQ(domain.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(domain.status().ToString(),
              HasSubstr(file + ": proto/commerce.proto says something"));
  const auto rules = LoadRules(file);  // to be tried, they are taken as they are
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ((*rules)->Find("PriceSet")->rules().concurrent(), LAST_WRITER_WINS);
}

}  // namespace
}  // namespace intentlog
