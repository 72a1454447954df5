// Pieces: any bytes are some, and changed messages still parse.
#include "tests/fuzz/pieces.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

#include "proto/event.pb.h"

namespace intentlog::fuzz {
namespace {

void AppendOne(std::string& bytes) { bytes.push_back('x'); }

TEST(PiecesTest, WhatIsJoinedComesApartAgain) {
  const Pieces pieces = {{3, "abc"}, {0, ""}, {255, std::string(300, 'y')}};
  const std::string bytes = JoinPieces(pieces);
  EXPECT_EQ(JoinPieces(ParsePieces(bytes)), bytes);
  ASSERT_EQ(ParsePieces(bytes).size(), 3u);
  EXPECT_EQ(ParsePieces(bytes)[2].bytes, pieces[2].bytes);
}

TEST(PiecesTest, AnyBytesAreSomePieces) {
  Dice dice(7);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes;
    for (size_t size = Below(dice, 40); size > 0; --size)
      bytes.push_back(static_cast<char>(dice()));
    const Pieces pieces = ParsePieces(bytes);
    EXPECT_EQ(JoinPieces(ParsePieces(JoinPieces(pieces))), JoinPieces(pieces));
  }
}

TEST(PiecesTest, AChangedMessageIsStillAMessageAndNotAlwaysTheSame) {
  Intent intent;
  intent.set_entity_type("order");
  intent.set_scope("shop");
  intent.mutable_based_on()->set_position(7);
  intent.mutable_based_on()->set_epoch_id("epoch");
  intent.set_hlc(123456789);
  std::set<std::string> seen;
  Dice dice(8);
  int parsed = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = intent.SerializeAsString();
    MutateMessage(bytes, dice, AppendOne);
    seen.insert(bytes);
    parsed += Intent().ParseFromString(bytes) ? 1 : 0;
  }
  EXPECT_GT(seen.size(), 200u);
  EXPECT_GT(parsed, 500);  // a sub-message whose bytes were replaced may be none
}

TEST(PiecesTest, WhatIsNoMessageIsLeftToTheOtherMutator) {
  std::string bytes = "\xff\xff";
  Dice dice(9);
  MutateMessage(bytes, dice, AppendOne);
  EXPECT_EQ(bytes, "\xff\xffx");
}

}  // namespace
}  // namespace intentlog::fuzz
