#include "eventlog/schema/entity.h"

#include <string>
#include <unordered_set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

using testing::HasSubstr;

TEST(EntityTest, TextAndEntityAreOneAndTheSame) {
  const auto entity = ParseEntity("order/581482");
  ASSERT_TRUE(entity.ok());
  EXPECT_EQ(entity->type, "order");
  EXPECT_EQ(entity->id, "581482");
  EXPECT_EQ(ToText(*entity), "order/581482");
}

TEST(EntityTest, TheIdMayContainSlashes) {
  EXPECT_EQ(ParseEntity("file/a/b/")->id, "a/b/");
  EXPECT_EQ(ParseEntity("file//")->id, "/");
}

TEST(EntityTest, TextThatIsNoEntityIsRefused) {
  EXPECT_THAT(std::string(ParseEntity("order").status().message()),
              HasSubstr("\"order\" is no entity: expected type/id"));
  EXPECT_EQ(ParseEntity("order/").status().message(), "entity id is empty");
  EXPECT_EQ(ParseEntity("/5").status().message(), "entity type is empty");
}

TEST(EntityTest, NamesHaveLimits) {
  EXPECT_TRUE(ValidScope(std::string(100, 's')).ok());
  EXPECT_EQ(ValidScope(std::string(101, 's')).message(),
            "scope has 101 bytes; the most allowed is 100");
  EXPECT_TRUE(ValidTenant("default").ok());
  EXPECT_FALSE(ValidTenant("").ok());
  EXPECT_FALSE(ValidTenant(std::string(101, 't')).ok());
  EXPECT_EQ(ValidScope(std::string_view("a\0b", 3)).message(), "scope contains a NUL byte");
  EXPECT_EQ(ValidScope("\xff").message(), "scope is not UTF-8 (bytes ff)");
  EXPECT_TRUE(ValidEntityType(std::string(100, 't')).ok());
  EXPECT_FALSE(ValidEntityType(std::string(101, 't')).ok());
  EXPECT_TRUE(ValidEntityId(std::string(512, 'i')).ok());
  EXPECT_FALSE(ValidEntityId(std::string(513, 'i')).ok());
}

TEST(EntityTest, EntitiesCompareByTypeAndThenById) {
  EXPECT_LT((Entity{"order", "9"}), (Entity{"product", "1"}));
  EXPECT_LT((Entity{"order", "10"}), (Entity{"order", "9"}));
  std::unordered_set<Entity> set = {{"a", "b"}, {"b", "a"}, {"a", "b"}};
  EXPECT_EQ(set.size(), 2u);
}

TEST(Utf8Test, WellFormedTextIsTaken) {
  for (const std::string_view text :
       {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "Caf\xc3\xa9 \xe2\x82\xac",
        "12345678\xc3\xa9", "1234567\xc3\xa9"}) {
    EXPECT_TRUE(IsUtf8(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8Test, IllFormedTextIsNot) {
  for (const std::string_view text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xe2\x82", "\xe2\x82 ", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "abc\xf0\x90\x80", "12345678\xff", "1234567\xff"}) {
    EXPECT_FALSE(IsUtf8(text)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace intentlog
