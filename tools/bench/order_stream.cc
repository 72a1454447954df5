#include "tools/bench/order_stream.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/schema/intent.h"

namespace intentlog::bench {
namespace {

constexpr uint64_t kProducts = 4070;
constexpr uint64_t kCustomers = 4372;
constexpr uint64_t kDays = 305;
constexpr double kLinesPerOrder = 21;
constexpr int64_t kFirstDayUs = 1291161600000000;  // 2010-12-01
constexpr int64_t kDayUs = 86400000000;
constexpr int64_t kMinuteUs = 60000000;

constexpr const char* kColours[] = {"RED",   "BLUE",    "GREEN",   "PINK", "IVORY",
                                    "WHITE", "VINTAGE", "ANTIQUE", "ZINC", "BLACK"};
constexpr const char* kPatterns[] = {"RETROSPOT", "HEART",  "PAISLEY",  "STAR", "ROSE",
                                     "POLKADOT",  "STRIPE", "SPACEBOY", "LACE", "DOLLY"};
constexpr const char* kThings[] = {"CAKE TIN",    "T-LIGHT HOLDER", "LUNCH BAG", "WATER BOTTLE",
                                   "DOORMAT",     "LANTERN",        "TEA TOWEL", "PICTURE FRAME",
                                   "JUMBO BAG",   "PARTY BUNTING",  "CUSHION",   "BAKING SET",
                                   "STORAGE TIN", "WRAP",           "CLOCK"};
constexpr const char* kCountries[] = {"Australia",
                                      "Austria",
                                      "Bahrain",
                                      "Belgium",
                                      "Brazil",
                                      "Canada",
                                      "Channel Islands",
                                      "Cyprus",
                                      "Czech Republic",
                                      "Denmark",
                                      "EIRE",
                                      "Finland",
                                      "France",
                                      "Germany",
                                      "Greece",
                                      "Hong Kong",
                                      "Iceland",
                                      "Israel",
                                      "Italy",
                                      "Japan",
                                      "Lebanon",
                                      "Lithuania",
                                      "Malta",
                                      "Netherlands",
                                      "Norway",
                                      "Poland",
                                      "Portugal",
                                      "RSA",
                                      "Saudi Arabia",
                                      "Singapore",
                                      "Spain",
                                      "Sweden",
                                      "Switzerland",
                                      "USA",
                                      "Unspecified",
                                      "United Arab Emirates",
                                      "European Community"};

template <size_t N>
const char* Word(const char* const (&words)[N], uint64_t number) {
  return words[number % N];
}

std::string Description(uint64_t product) {
  return std::string(Word(kColours, product)) + " " + Word(kPatterns, product / 10) + " " +
         Word(kThings, product / 7);
}

std::string ProductId(uint64_t product) {
  const std::string number = std::to_string(20000 + product * 17);
  return product % 3 == 0 ? number + static_cast<char>('A' + product % 5) : number;
}

// Few products sell most.
uint64_t PickProduct(Random& random) {
  const double unit = random.Unit();
  return static_cast<uint64_t>(unit * unit * static_cast<double>(kProducts));
}

}  // namespace

OrderStream::OrderStream(const OrderStreamOptions& options)
    : options_(options),
      random_(options.seed * 1000003 + static_cast<uint64_t>(options.till) + 1) {}

void OrderStream::BeginOrder() {
  left_in_order_ = 1 + static_cast<uint64_t>(-(kLinesPerOrder - 1) * std::log(1 - random_.Unit()));
  char id[32];
  std::snprintf(id, sizeof id, "%02d-%05llu", options_.till,
                static_cast<unsigned long long>(++orders_));
  line_.set_order_id(id);
  const uint64_t day = std::min(kDays - 1, made_ * kDays / std::max<uint64_t>(1, options_.lines));
  line_.set_sold_at_us(kFirstDayUs + static_cast<int64_t>(day) * kDayUs +
                       static_cast<int64_t>(480 + random_.Below(600)) * kMinuteUs);
  line_.clear_customer_id();
  if (random_.Below(4) != 0) {
    line_.set_customer_id(std::to_string(12346 + random_.Below(kCustomers)));
  }
  line_.set_country(random_.Below(100) < 91 ? "United Kingdom"
                                            : Word(kCountries, random_.Next() >> 8));
}

const commerce::OrderLineAdded& OrderStream::Next() {
  if (left_in_order_ == 0) BeginOrder();
  --left_in_order_;
  ++made_;
  const uint64_t product = PickProduct(random_);
  line_.set_product_id(ProductId(product));
  line_.set_description(Description(product));
  line_.set_quantity(static_cast<int64_t>(1 + random_.Below(24)));
  line_.set_unit_price_micros(static_cast<int64_t>(290 + product % 900 * 10) * 1000);
  return line_;
}

std::shared_ptr<const Schema> ShopSchema() {
  static const std::shared_ptr<const Schema> schema =
      Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()});
  return schema;
}

IntentStream::IntentStream(std::unique_ptr<EventStream> events, std::string scope, uint64_t seed)
    : schema_(ShopSchema()),
      scope_(std::move(scope)),
      events_(std::move(events)),
      random_(seed),
      ids_(SystemClock(), random_) {}

IntentStream::IntentStream(const OrderStreamOptions& options, std::string scope)
    : IntentStream(std::make_unique<OrderStream>(options), std::move(scope),
                   options.seed * 7919 + static_cast<uint64_t>(options.till)) {}

IntentStream::Made IntentStream::Next() {
  Made made;
  INTENTLOG_CHECK(Next(made));
  return made;
}

bool IntentStream::Next(Made& made) {
  const google::protobuf::Message* const event = events_->NextEvent();
  if (event == nullptr) return false;
  made.id = ids_.Make();
  const int64_t now_us = SystemClock().WallMicros();
  Envelope envelope;
  envelope.intent_id = made.id;
  envelope.scope = scope_;
  envelope.device_time_us = now_us;
  envelope.hlc = static_cast<uint64_t>(now_us / 1000) << 16;
  const EventType* const type = schema_->Find(event->GetDescriptor()->full_name());
  INTENTLOG_CHECK(type != nullptr);
  FillIntent(*type, *event, envelope, intent_);
  made.bytes = intent_.SerializeAsString();
  return true;
}

}  // namespace intentlog::bench
