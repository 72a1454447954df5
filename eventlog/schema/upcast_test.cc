#include "eventlog/schema/upcast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>

#include "eventlog/runtime/random.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/intent.h"
#include "eventlog/schema/parcel_versions.h"
#include "eventlog/schema/parcels.pb.h"
#include "eventlog/schema/schema.h"
#include "google/protobuf/descriptor.pb.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FileDescriptorSet;
using parcels::ParcelWeighed;
using parcels::ParcelWeighedV1;
using parcels::ParcelWeighedV2;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kType = kParcelType;

std::shared_ptr<const Schema> Parcels() {
  static const auto schema = ParcelSchema();
  return schema;
}

UpcastFunction First() { return ParcelUpcasters().Find(kType, 1); }
UpcastFunction Second() { return ParcelUpcasters().Find(kType, 2); }

ParcelWeighedV1 Old(std::string_view weight) {
  ParcelWeighedV1 old;
  old.set_parcel_id("p-1");
  old.set_weight(std::string(weight));
  old.set_scales("gate");
  return old;
}

std::string Today(uint32_t version, std::string_view bytes, const LostFields& lost = {}) {
  std::string scratch;
  const auto upcast = Parcels()->Find(kType)->Upcast(version, bytes, lost, scratch);
  if (!upcast.ok()) return upcast.status().ToString();
  ParcelWeighed today;
  EXPECT_TRUE(today.ParseFromString(std::string(*upcast)));
  return today.ShortDebugString();
}

std::optional<Violation> Read(uint32_t version, std::string_view bytes) {
  ParcelWeighed payload;
  return Parcels()->Find(kType)->Read(version, bytes, payload);
}

// Why the parcels' schema is refused, after a change to its descriptors or upcasters.
std::string Refused(const std::function<void(google::protobuf::FileDescriptorProto&)>& change,
                    const Upcasters& upcasters = ParcelUpcasters()) {
  FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromString(Parcels()->DescriptorSet()));
  for (auto& file : *set.mutable_file()) {
    if (file.package() == "parcels") change(file);
  }
  const auto schema = Schema::FromDescriptorSetAlone(set.SerializeAsString(), upcasters);
  return schema.ok() ? "" : schema.status().ToString();
}

std::string Refused(const Upcasters& upcasters) {
  return Refused([](auto&) {}, upcasters);
}

// ---- the chain

TEST(UpcastTest, EachVersionGoesThroughAllThatCameAfterIt) {
  ParcelWeighedV2 second;
  second.set_parcel_id("p-2");
  second.set_grams(7);
  EXPECT_EQ(Today(1, Old("12 kg").SerializeAsString()),
            R"(parcel_id: "p-1" scales: "gate" weight { grams: 12000 })");
  EXPECT_EQ(Today(0, Old("12 kg").SerializeAsString()),
            Today(1, Old("12 kg").SerializeAsString()));  // 0 counts as 1
  EXPECT_EQ(Today(2, second.SerializeAsString()), R"(parcel_id: "p-2" weight { grams: 7 })");
}

TEST(UpcastTest, VersionsOfTodaysFormAreReadAsTheyAre) {
  const EventType& type = *Parcels()->Find(kType);
  EXPECT_TRUE(type.IsFormer(0));
  EXPECT_TRUE(type.IsFormer(2));
  EXPECT_FALSE(type.IsFormer(3));
  EXPECT_FALSE(type.IsNewer(4));
  EXPECT_TRUE(type.IsNewer(5));
  ParcelWeighed today;
  today.set_parcel_id("p-3");
  today.mutable_weight()->set_grams(5);
  for (const uint32_t version : {3u, 4u}) {
    EXPECT_EQ(Read(version, today.SerializeAsString()), std::nullopt);
  }
  const auto shop = Schema::Compiled({parcels::ParcelWeighed::descriptor()->file()},
                                     ShopUpcasters().With(ParcelUpcasters()));
  EXPECT_FALSE(type.form() == 0 || shop->Find(kType)->form() != type.form());
}

TEST(UpcastTest, FieldsThatLostAreClearedInTheVersionThatHasTheirNumbers) {
  google::protobuf::RepeatedField<uint32_t> scales, weight;
  const std::string bytes = Old("12 kg").SerializeAsString();
  scales.Add(6);
  EXPECT_EQ(Today(1, bytes, {&scales, 1}), R"(parcel_id: "p-1" weight { grams: 12000 })");
  weight.Add(2);
  EXPECT_EQ(Today(1, bytes, {&weight, 2}), R"(parcel_id: "p-1" scales: "gate")");
  EXPECT_EQ(Today(1, bytes, {&scales, 2}), Today(1, bytes));  // no field of that version
}

// ---- validation

TEST(UpcastTest, APayloadIsValidatedByTheRulesOfItsOwnVersion) {
  EXPECT_EQ(Read(1, Old("").SerializeAsString()), std::nullopt);  // today it is required
  const auto violation = Read(1, Old("00000000012 kg").SerializeAsString());
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->field, "weight");
  EXPECT_EQ(violation->code, Reason::FIELD_TOO_LONG);
}

TEST(UpcastTest, AFailureNamesTypeAndVersions) {
  const std::string bytes = Old("12 lb").SerializeAsString();
  EXPECT_EQ(Today(1, bytes),
            "INVALID_ARGUMENT: parcels.ParcelWeighed of version 1 does not become version 2: its "
            "weight is not in kg");
  const auto violation = Read(1, bytes);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::MALFORMED);
  EXPECT_THAT(violation->text, HasSubstr("version 1 does not become version 2"));
}

TEST(UpcastTest, ANewerVersionIsNotGuessed) {
  ParcelWeighed payload;
  Intent intent;
  intent.set_type(kType);
  intent.set_schema_version(5);
  const auto violation = CheckPayload(*Parcels()->Find(kType), intent, payload);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->code, Reason::NEWER_SCHEMA);
}

// ---- hostile bytes

TEST(UpcastTest, I33_AnyBytesAreReadOrRefused) {
  SeededRandom random(33);
  const std::string sound = Old("12 kg").SerializeAsString();
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = i % 2 == 0 ? sound : std::string(random.Below(40), '\0');
    for (uint64_t flips = random.Below(4); flips > 0 && !bytes.empty(); --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    bytes.resize(random.Below(bytes.size() + 1));
    const auto version = static_cast<uint32_t>(1 + random.Below(2));
    std::string scratch;
    const auto upcast = Parcels()->Find(kType)->Upcast(version, bytes, {}, scratch);
    if (!upcast.ok()) {
      EXPECT_THAT(std::string(upcast.status().message()), HasSubstr(kType));
    }
    Read(version, bytes);
  }
}

TEST(UpcastTest, I33_WhatAnUpcasterMakesIsBounded) {
  const Upcasters growing = {{kType, 1,
                              [](std::string_view, std::string& to) {
                                to.assign(kUpcastSizeMax + 1, '\0');
                                return absl::OkStatus();
                              }},
                             {kType, 2, Second()}};
  const auto schema = Schema::Compiled({ParcelWeighed::descriptor()->file()}, growing);
  std::string scratch;
  const auto upcast = schema->Find(kType)->Upcast(1, "", {}, scratch);
  EXPECT_EQ(upcast.status().code(), absl::StatusCode::kResourceExhausted);
  ParcelWeighed large;
  large.set_scales(std::string(kUpcastSizeMax, 's'));
  EXPECT_EQ(SerializeUpcast(large, scratch).code(), absl::StatusCode::kResourceExhausted);
}

// ---- what is refused when a schema is loaded

TEST(UpcastTest, AGapInTheChainIsNamed) {
  EXPECT_EQ(Refused(ParcelUpcasters()), "");
  EXPECT_THAT(Refused({{kType, 1, First()}}),
              HasSubstr("version 2 of parcels.ParcelWeighed has no upcaster to version 3"));
  EXPECT_THAT(Refused({{kType, 2, Second()}}),
              HasSubstr("version 1 of parcels.ParcelWeighed has no upcaster to version 2"));
  EXPECT_THAT(Refused([](auto& file) { file.mutable_message_type()->RemoveLast(); }),
              AllOf(HasSubstr("parcels.ParcelWeighed"), HasSubstr("version 1"),
                    HasSubstr("no message that says what it was")));
  EXPECT_DEATH(Schema::Compiled({ParcelWeighed::descriptor()->file()}), "has no upcaster");
}

TEST(UpcastTest, WhatIsReadAsItIsHasNoUpcaster) {
  EXPECT_THAT(Refused({{kType, 1, First()}, {kType, 2, Second()}, {kType, 3, Second()}}),
              HasSubstr("version 3 of parcels.ParcelWeighed has an upcaster, and is read as it"));
  // Of a version that this schema does not have yet.
  EXPECT_EQ(Refused({{kType, 1, First()}, {kType, 2, Second()}, {kType, 4, Second()}}), "");
  const auto since = [](uint32_t version) {
    return [version](auto& file) {
      file.mutable_message_type(0)->mutable_options()->MutableExtension(event)->set_as_is_since(
          version);
    };
  };
  EXPECT_THAT(Refused(since(2)), HasSubstr("version 2 of parcels.ParcelWeighed has a message of"));
  EXPECT_THAT(Refused(since(5)), HasSubstr("as_is_since is 5, and schema_version is 4"));
}

TEST(UpcastTest, WithoutAnyFormerVersionAllAreReadAsTheyAre) {
  const auto plain = [](auto& file) {
    while (file.message_type_size() > 1) file.mutable_message_type()->RemoveLast();
    file.mutable_message_type(0)->mutable_options()->MutableExtension(event)->clear_as_is_since();
  };
  EXPECT_EQ(Refused(plain, Upcasters()), "");
  EXPECT_THAT(Refused(plain, {{kType, 3, Second()}}), HasSubstr("version 1 of parcels.Parcel"));
  EXPECT_EQ(Refused(plain, {{kType, 4, Second()}}), "");
}

TEST(UpcastTest, WhatSaysNoVersionOfAnythingIsNamed) {
  const auto former = [](const std::function<void(DescriptorProto&, FormerVersion&)>& change) {
    return [change](auto& file) {
      DescriptorProto& message = *file.mutable_message_type(2);
      change(message, *message.mutable_options()->MutableExtension(intentlog::former));
    };
  };
  EXPECT_THAT(Refused(former([](auto&, auto& it) { it.set_version(0); })),
              HasSubstr("message parcels.ParcelWeighedV1: former.version is 0"));
  EXPECT_THAT(Refused(former([](auto&, auto& it) { it.set_type("Parcel"); })),
              HasSubstr("there is no event type Parcel"));
  EXPECT_THAT(Refused(former([](auto&, auto& it) { it.set_version(2); })),
              HasSubstr("has two messages"));
  EXPECT_THAT(
      Refused(former([](auto& message, auto&) { message.mutable_field(0)->set_number(9); })),
      HasSubstr("must have the same name, number and type in every version"));
}

// ---- golden files

// testdata/TYPE.VERSION.golden: pairs of lines, a payload of that version and what its upcaster
// makes of it, both in hexadecimal. Lines with # are for people.
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    hex.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return hex;
}

Pairs ReadGolden(const std::string& type, uint32_t version) {
  std::ifstream file(Cat("eventlog/schema/testdata/", type, ".", version, ".golden"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.substr(0, 1) != "#") lines.push_back(FromHex(line));
  }
  Pairs pairs;
  for (size_t i = 0; i + 1 < lines.size(); i += 2) pairs.emplace_back(lines[i], lines[i + 1]);
  return pairs;
}

// What is wrong with the golden files of that type, a line each.
std::string GoldenProblems(const EventType& type, const Upcasters& upcasters) {
  std::string problems;
  // Without a word about it, nobody has looked whether the form is the same.
  const uint32_t said = type.rules().as_is_since();
  const uint32_t through = said == 0 ? type.schema_version() : said;
  for (uint32_t version = 1; version < through; ++version) {
    const Pairs pairs = ReadGolden(type.name(), version);
    if (pairs.empty()) problems += Cat("no golden file of ", type.name(), " ", version, "\n");
    for (const auto& [before, after] : pairs) {
      std::string made;
      const absl::Status status = upcasters.Find(type.name(), version)(before, made);
      if (!status.ok() || made != after) {
        problems += Cat(type.name(), " ", version, ": ", ToHex(before), " becomes ", ToHex(made),
                        ", not ", ToHex(after), " ", status, "\n");
      }
      const auto payload = type.NewPayload();
      if (const auto violation = type.Read(version, before, *payload)) problems += violation->text;
      if (!payload->GetReflection()->GetUnknownFields(*payload).empty()) {
        problems +=
            Cat(type.name(), " ", version, ": ", ToHex(before), " leaves what is unknown\n");
      }
    }
  }
  return problems;
}

TEST(UpcastGoldenTest, EveryFormerVersionOfTheShopIsReadAsItsGoldenFileSays) {
  const auto shop = Schema::Compiled({commerce::StockCounted::descriptor()->file()});
  for (const auto& [name, type] : shop->types()) {
    EXPECT_EQ(GoldenProblems(type, ShopUpcasters()), "");
  }
}

TEST(UpcastGoldenTest, AVersionWithoutAGoldenFileIsFound) {
  EXPECT_EQ(GoldenProblems(*Parcels()->Find(kType), ParcelUpcasters()),
            "no golden file of parcels.ParcelWeighed 1\n"
            "no golden file of parcels.ParcelWeighed 2\n");
}

}  // namespace
}  // namespace intentlog
