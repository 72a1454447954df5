// Whose digests are compared with whose.
#include "client/sync/digest_check.h"

#include "gtest/gtest.h"

namespace intentlog {
namespace {

using Result = DigestCheck::Result;

// A digest of stock at position 5, of a server whose code has this fingerprint.
Digest Told(uint32_t version, const std::string& fingerprint) {
  Digest digest;
  digest.set_projection("stock");
  digest.set_version(version);
  digest.set_fingerprint(fingerprint);
  digest.set_scope("shared");
  digest.set_position(5);
  digest.set_digest(Digest128::Of("milk", "row").Bytes());
  return digest;
}

TEST(DigestCheckTest, OnlyWhatEqualCodeHasFoldedIsCompared) {
  DigestCheck check;
  check.Reached("stock", {"shared", Position(5), Digest128::Of("milk", "row"), 1, 0});
  EXPECT_EQ(check.Compare(Told(2, "one code"), 2, "one code"), Result::kEqual);
  EXPECT_EQ(check.Compare(Told(2, "one code"), 2, "another"), Result::kNotComparable);
  EXPECT_EQ(check.Compare(Told(3, "one code"), 2, "one code"), Result::kNotComparable);
  // Who does not tell is known by the version alone.
  EXPECT_EQ(check.Compare(Told(2, ""), 2, "one code"), Result::kEqual);
  EXPECT_EQ(check.Compare(Told(2, "one code"), 2, ""), Result::kEqual);
  EXPECT_EQ(check.equal(), 3u);
  EXPECT_EQ(check.unequal(), 0u);
}

// A server that went back to an earlier copy comes to other rows at the same position.
TEST(DigestCheckTest, WhatAFormerSessionSaidOfAMomentToComeIsForgotten) {
  DigestCheck check;
  check.Reached("stock", {"shared", Position(4), Digest128::Of("milk", "before"), 1, 0});
  EXPECT_EQ(check.Compare(Told(2, "one code"), 2, "one code"), Result::kWaiting);
  check.ForgetWaiting();
  check.Reached("stock", {"shared", Position(5), Digest128::Of("milk", "other"), 1, 0});
  EXPECT_EQ(check.unequal(), 0u);
  EXPECT_EQ(check.Compare(Told(2, "one code"), 2, "one code"), Result::kUnequal);
}

}  // namespace
}  // namespace intentlog
