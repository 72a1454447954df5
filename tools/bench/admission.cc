// admit_…: what it costs to decide one intent, and that it does not grow with what is concurrent.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/schema.h"
#include "proto/commerce.pb.h"
#include "server/admit/admit.h"
#include "server/admit/summary.h"
#include "tools/bench/benches.h"
#include "tools/bench/stopwatch.h"

namespace intentlog::bench {
namespace {

constexpr int kPairs = 11;
constexpr int kIntents = 20'000;  // of each side of a pair; about 10 ms
constexpr int kOtherLogs = 7;     // more than a summary names

LogId Log(int number) { return LogId::FromBytes(std::string(LogId::kSize, 'a' + number)); }

// One intent on one entity, decided again and again as its device log's next.
class Admission {
 public:
  Admission(const google::protobuf::Message& payload, std::string scope)
      : schema_(Schema::Compiled({commerce::OrderOpened::descriptor()->file()})),
        type_(*schema_->Find(payload.GetDescriptor()->full_name())),
        payload_(payload.New()) {
    payload_->CopyFrom(payload);
    intent_.set_intent_id(std::string(IntentId::kSize, 'i'));
    intent_.set_type(type_.name());
    intent_.set_entity_type(type_.entity_type());
    intent_.set_entity_id(type_.EntityId(payload));
    intent_.set_scope(std::move(scope));
    intent_.set_payload(payload.SerializeAsString());
  }

  // Effective events of other logs that the intent has not seen.
  void AddConcurrent(const google::protobuf::Message& payload, int events) {
    for (int i = 0; i < events; ++i) {
      Verdict verdict;
      verdict.decision = MERGED;
      const LogId log = Log(1 + i % kOtherLogs);
      AddToSummary(intent_, verdict, FootprintOf(type_, payload, intent_, {}), log,
                   Position(++position_), summary_);
    }
  }

  // Nanoseconds for each decision, with what it leaves in the summary. Fails unless it is
  // `expected`.
  absl::StatusOr<double> Decide(Decision expected) {
    AdmitInput input;
    input.intent = &intent_;
    input.type = &type_;
    input.payload = payload_.get();
    input.schema = schema_.get();
    input.entity = &summary_;
    input.own_logs = own_;
    const Stopwatch watch;
    for (int i = 0; i < kIntents; ++i) {
      const Verdict verdict = Admit(input);
      if (verdict.decision != expected) {
        return Unavailable("decided ", Decision_Name(verdict.decision), ": ",
                           verdict.reason.text());
      }
      AddToSummary(intent_, verdict, FootprintOf(type_, *payload_, intent_, input.clock),
                   own_[0].id, Position(++position_), summary_);
    }
    return watch.Seconds() * 1e9 / kIntents;
  }

  // Nanoseconds for reading the same envelope and payload.
  absl::StatusOr<double> Parse() {
    const std::string bytes = intent_.SerializeAsString();
    Intent intent;
    const Stopwatch watch;
    for (int i = 0; i < kIntents; ++i) {
      if (!intent.ParseFromString(bytes) || !payload_->ParseFromString(intent.payload())) {
        return Unavailable("an intent does not parse");
      }
    }
    return watch.Seconds() * 1e9 / kIntents;
  }

 private:
  const std::shared_ptr<const Schema> schema_;
  const EventType& type_;
  const std::unique_ptr<google::protobuf::Message> payload_;
  const std::array<OwnLog, 1> own_ = {Log(0)};
  Intent intent_;
  EntitySummary summary_;
  uint64_t position_ = 0;
};

BenchRow RowOf(const std::string& name, const std::string& beside, double target, bool of_value) {
  BenchRow row;
  row.name = name;
  row.unit = "ns";
  row.durability = "none: in memory, once parsed; decides and updates the entity's summary";
  row.beside_name = beside;
  row.target = target;
  row.aim = Aim::kAtMost;
  row.of_value = of_value;
  return row;
}

// Customers' details: both set fields, some of them the same.
commerce::CustomerUpdated Details(bool country) {
  commerce::CustomerUpdated update;
  update.set_customer_id("c-17");
  update.set_phone("+44 20 7946 0100");
  if (country) update.set_country("United Kingdom");
  if (!country) update.set_name("Ann Customer");
  return update;
}

}  // namespace

absl::StatusOr<std::vector<BenchRow>> AdmitNoConflict(BenchContext&) {
  commerce::OrderLineAdded line;
  line.set_order_id("581482");
  line.set_product_id("85123A");
  line.set_description("WHITE HANGING HEART T-LIGHT HOLDER");
  line.set_quantity(6);
  line.set_unit_price_micros(2'550'000);
  line.set_sold_at_us(1'291'191'960'000'000);
  line.set_customer_id("17850");
  line.set_country("United Kingdom");
  Admission admission(line, "shop/1");
  std::vector<Pair> pairs;
  for (int i = 0; i < kPairs; ++i) {
    Pair pair;
    ASSIGN_OR_RETURN(pair.ours, admission.Decide(ACCEPTED));
    ASSIGN_OR_RETURN(pair.beside, admission.Parse());
    pairs.push_back(pair);
  }
  BenchRow row = RowOf("admit_no_conflict", "parsing envelope and payload", 2000, true);
  FillFromPairs(pairs, row);
  return std::vector<BenchRow>{row};
}

absl::StatusOr<std::vector<BenchRow>> AdmitFieldwise(BenchContext&) {
  std::vector<BenchRow> rows;
  for (const int events : {1, 100, 10'000}) {
    Admission admission(Details(/*country=*/false), "shared");
    admission.AddConcurrent(Details(/*country=*/true), events);
    Admission alone(Details(/*country=*/false), "shared");
    alone.AddConcurrent(Details(/*country=*/true), 1);
    std::vector<Pair> pairs;
    for (int i = 0; i < kPairs; ++i) {
      Pair pair;
      ASSIGN_OR_RETURN(pair.ours, admission.Decide(MERGED));
      ASSIGN_OR_RETURN(pair.beside, events == 1 ? alone.Parse() : alone.Decide(MERGED));
      pairs.push_back(pair);
    }
    const std::string name = Cat("admit_fieldwise_", events);
    rows.push_back(events == 1 ? RowOf(name, "parsing envelope and payload", 2000, true)
                               : RowOf(name, "against one concurrent event", 1.5, false));
    FillFromPairs(pairs, rows.back());
  }
  return rows;
}

}  // namespace intentlog::bench
