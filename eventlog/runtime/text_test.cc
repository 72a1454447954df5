#include "eventlog/runtime/text.h"

#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/clock.h"
#include "eventlog/runtime/runtime.h"
#include "gtest/gtest.h"

namespace intentlog {
namespace {

TEST(TextTest, CatJoinsTextNumbersAndStatuses) {
  const std::string_view view = "line ";
  EXPECT_EQ(Cat(view, 7, ':', std::string(" at "), Position(12), " of ", uint64_t{3}),
            "line 7: at 12 of 3");
  EXPECT_EQ(Cat("store: ", absl::UnavailableError("disk full")), "store: disk full");
  EXPECT_EQ(Cat(), "");
}

TEST(TextTest, ErrorsCarryTheirCodeAndText) {
  const absl::Status status = Invalid("quantity \"", "x", "\" is no number");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(status), "quantity \"x\" is no number");
  EXPECT_EQ(NotFound("a").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FailedPrecondition("a").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DataLoss("a").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Unavailable("a").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Exhausted("a").code(), absl::StatusCode::kResourceExhausted);
}

TEST(TextTest, HexIsLowerCaseAndTakesEveryByte) {
  EXPECT_EQ(Hex(std::string_view("\0\x7f\x80\xff", 4)), "007f80ff");
}

TEST(NumbersTest, NumbersCountAndCompare) {
  EXPECT_EQ(Position().value(), 0u);
  EXPECT_EQ(Position(4).Next(), Position(5));
  EXPECT_EQ(Position(4).Plus(6), Position(10));
  EXPECT_EQ(Position(10).Since(Position(4)), 6u);
  EXPECT_LT(Count(1), Count(2));
  static_assert(!std::is_convertible_v<Count, Position>);
  static_assert(!std::is_convertible_v<uint64_t, Count>);
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return Invalid(number, " is odd");
  return number / 2;
}
absl::StatusOr<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}
absl::Status IsFourfold(int number) {
  RETURN_IF_ERROR(Quarter(number).status());
  return absl::OkStatus();
}

TEST(CheckTest, TheStatusMacrosReturnTheFirstError) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(MessageOf(Quarter(6).status()), "3 is odd");
  EXPECT_TRUE(IsFourfold(8).ok());
  EXPECT_FALSE(IsFourfold(7).ok());
}

TEST(CheckDeathTest, AFailedCheckNamesItself) {
  const int number = 3;
  EXPECT_DEATH(INTENTLOG_CHECK(number == 4), "text_test.cc:[0-9]+: CHECK failed: number == 4");
}

TEST(ClockTest, TheSystemsPassedTimeNeverFalls) {
  const absl::Duration first = SystemClock().Passed();
  EXPECT_GE(SystemClock().Passed(), first);
  EXPECT_GT(SystemClock().WallNow(), absl::FromUnixSeconds(1'600'000'000));
}

}  // namespace
}  // namespace intentlog
