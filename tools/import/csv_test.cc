#include "tools/import/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventlog/runtime/random.h"

namespace intentlog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Record = std::vector<std::string>;

absl::StatusOr<std::vector<Record>> Read(const std::string& bytes, size_t piece = 64 << 10,
                                         const CsvOptions& options = {}) {
  auto source = SourceFromMemory("f.csv", bytes, piece);
  CsvReader csv(*source, options);
  std::vector<Record> records;
  for (;;) {
    auto more = csv.Next();
    if (!more.ok()) return more.status();
    if (!*more) return records;
    Record& record = records.emplace_back();
    for (size_t i = 0; i < csv.size(); ++i) record.emplace_back(csv.field(i));
  }
}

std::string ErrorOf(const std::string& bytes, const CsvOptions& options = {}) {
  const std::string whole(Read(bytes, 64 << 10, options).status().message());
  EXPECT_EQ(whole, Read(bytes, 1, options).status().message()) << "in pieces of a byte";
  return whole;
}

TEST(Csv, ReadsFieldsAndQuotes) {
  auto records = Read("a,b,c\n1,\"x, \"\"y\"\"\",\n,,\n");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*records, ElementsAre(ElementsAre("a", "b", "c"), ElementsAre("1", "x, \"y\"", ""),
                                    ElementsAre("", "", "")));
}

TEST(Csv, LinesEndWithLfOrCrLfAndTheLastMayNotEnd) {
  auto records = Read("a,b\r\n1,2\n3,\"4\"\r\n5,6");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*records, ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2"),
                                    ElementsAre("3", "4"), ElementsAre("5", "6")));
}

TEST(Csv, AQuotedFieldKeepsItsLineEndsAndBlanks) {
  auto records = Read("\" a\r\nb \n\",c\n");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*records, ElementsAre(ElementsAre(" a\r\nb \n", "c")));
}

TEST(Csv, AByteOrderMarkIsSkippedAndHalfOfOneIsText) {
  EXPECT_THAT(*Read("\xEF\xBB\xBFid\n"), ElementsAre(ElementsAre("id")));
  EXPECT_THAT(*Read("\xEF\xBB\xBF\"id\"\n", 1), ElementsAre(ElementsAre("id")));
  EXPECT_THAT(*Read("\xEF\xBC\xA9"
                    "d,x\n",
                    1),
              ElementsAre(ElementsAre("\xEF\xBC\xA9"
                                      "d",
                                      "x")));
  EXPECT_THAT(*Read("\xEF\xBB\xBF"), ElementsAre());
  EXPECT_THAT(*Read("\xEF"), ElementsAre(ElementsAre("\xEF")));
}

TEST(Csv, AnEmptyFileHasNoRecordAndAnEmptyLineIsOneEmptyField) {
  EXPECT_THAT(*Read(""), ElementsAre());
  EXPECT_THAT(*Read("\n\na\n"), ElementsAre(ElementsAre(""), ElementsAre(""), ElementsAre("a")));
}

TEST(Csv, ErrorsNameTheirPlace) {
  EXPECT_THAT(ErrorOf("a,b\n1,2\" plate\n"), StartsWith("f.csv:2:4: a quote inside a field"));
  EXPECT_THAT(ErrorOf("a,b\n1,\"2\"x\n"), StartsWith("f.csv:2:6: text after the closing quote"));
  EXPECT_THAT(ErrorOf("a,b\n1,\"never\n\n"), StartsWith("f.csv:2:3: this quote is never closed"));
  EXPECT_THAT(ErrorOf("a\rb\n"), StartsWith("f.csv:1:3: a carriage return without"));
  EXPECT_THAT(ErrorOf("a,b\r"), StartsWith("f.csv:1:5: a carriage return without"));
}

TEST(Csv, ColumnsCountCharactersAndLinesCountThoseInsideQuotes) {
  EXPECT_THAT(ErrorOf("\xC2\xA3\xC2\xA3,x\"\n"), StartsWith("f.csv:1:5: "));
  EXPECT_THAT(ErrorOf("\"\xC2\xA3\n\n\xC2\xA3\",x\"\n"), StartsWith("f.csv:3:5: "));
  auto source = SourceFromMemory("f.csv", "\xC2\xA3,\"\n\xE2\x82\xAC\",last\n");
  CsvReader csv(*source);
  ASSERT_TRUE(*csv.Next());
  EXPECT_EQ(csv.line(1), 1u);
  EXPECT_EQ(csv.column(1), 3u);
  EXPECT_EQ(csv.line(2), 2u);
  EXPECT_EQ(csv.column(2), 4u);
  EXPECT_EQ(csv.Error(2, "no").message(), "f.csv:2:4: no");
}

TEST(Csv, ARecordAboveItsLimitsIsRefusedWithThePlaceWhereItBegan) {
  const CsvOptions small = {.field_bytes_max = 10, .record_bytes_max = 15};
  EXPECT_TRUE(Read("0123456789,01234\n", 64, small).ok());
  EXPECT_THAT(ErrorOf("a\nb,01234567890\n", small), HasSubstr("f.csv:2:3: a field of more than"));
  EXPECT_THAT(ErrorOf("0123456789,012345\n", small), HasSubstr("f.csv:1:12: a record of more"));
  EXPECT_THAT(ErrorOf("\"\n\n\n\n\n\n\n\n\n\n\n\n", small), HasSubstr("f.csv:1:1: a field of"));
  const CsvOptions narrow = {.fields_max = 3};
  EXPECT_TRUE(Read("a,b,c\n,,\n", 64, narrow).ok());
  EXPECT_THAT(ErrorOf("a\n,,,\n", narrow), HasSubstr("f.csv:2:4: a record of more than 3 fields"));
}

std::string Quoted(const std::string& field) {
  std::string out = "\"";
  for (const char c : field) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

TEST(Csv, RandomRecordsComeBackAsTheyWereWritten) {
  SeededRandom random(7);
  const std::string alphabet = "ab ,\"\r\n\xC2\xA3";
  for (int run = 0; run < 300; ++run) {
    std::vector<Record> records(1 + random.Below(5));
    std::string bytes;
    for (Record& record : records) {
      record.resize(1 + random.Below(4));
      for (size_t i = 0; i < record.size(); ++i) {
        for (uint64_t n = random.Below(6); n > 0; --n) {
          record[i] += alphabet[random.Below(alphabet.size())];
        }
        const bool plain = record[i].find_first_of(",\"\r\n") == std::string::npos;
        bytes += (i > 0 ? "," : "") + (plain && random.Below(2) ? record[i] : Quoted(record[i]));
      }
      bytes += random.Below(2) ? "\n" : "\r\n";
    }
    auto read = Read(bytes, 1 + random.Below(9));
    ASSERT_TRUE(read.ok()) << read.status() << "\n" << bytes;
    EXPECT_EQ(*read, records) << bytes;
  }
}

}  // namespace
}  // namespace intentlog
