#include "tests/simulation/people.h"

#include "eventlog/schema/parcels.pb.h"
#include "proto/control.pb.h"
#include "tests/scenario/shop.h"

namespace intentlog::simulation {

using scenario::Cancel;
using scenario::CountStock;
using scenario::Describe;
using scenario::Line;
using scenario::Move;
using scenario::Open;
using scenario::Price;

std::string People::Name(const char* kind) {
  return Cat(kind, "-", random().Below(plan_.entities));
}

std::unique_ptr<google::protobuf::Message> People::OfDevice(
    const std::string& device, const google::protobuf::Message& event) {
  const auto schema = world_.device(device).schema();
  const EventType* const type = schema->Find(event.GetDescriptor()->full_name());
  INTENTLOG_CHECK(type != nullptr);
  auto payload = type->NewPayload();
  INTENTLOG_CHECK(payload->ParseFromString(event.SerializeAsString()));
  return payload;
}

void People::Work(const std::string& device) {
  const uint64_t what = random().Below(16);
  if (plan_.one_order) return WorkUponOrder(device, what);
  if (plan_.people_decide && random().Below(4) == 0) {
    return what < 10 ? Decide(device) : DecideRejected(device);
  }
  if (what < 3) return RecordBatch(device);
  if (what == 6) return world_.device(device).SyncNow(Ask::kAnyway).IgnoreError();
  if (what == 7) return Flush(device);
  RecordOne(device);
}

void People::WorkUponOrder(const std::string& device, uint64_t what) {
  if (what < 2) return Decide(device);
  const auto line = Line(Name("order"), "milk", static_cast<int64_t>(what));
  const auto cancel = Cancel(Name("order"));
  if (what < 4) return Record(device, {&cancel}, "shared");
  Record(device, {&line}, "shared");
}

void People::Flush(const std::string& device) {
  const absl::Status status = world_.device(device).Flush();
  if (world_.life(device) == nullptr) return;  // it died, and told nobody
  if (status.ok()) checkers_.OnFlushed(device);
  Judge(device, status, 0, IntentId());
}

void People::Sell(const std::string& device) {
  const auto move = Move(Name("moved"), 1);
  Record(device, {&move}, "shared");
}

bool People::IsUnsure(const std::string& device) const {
  const auto again = again_.find(device);
  return again != again_.end() && !again->second.empty();
}

void People::RecordOne(const std::string& device) {
  const auto amount = static_cast<int64_t>(random().Below(4));
  const auto record = [&](const google::protobuf::Message& event, const std::string& scope) {
    Record(device, {&event}, scope);
  };
  switch (random().Below(13)) {
    case 12: {
      parcels::ParcelWeighed weighed;
      weighed.set_parcel_id(Name("parcel"));
      weighed.mutable_weight()->set_grams(amount + 1);
      const auto schema = world_.device(device).schema();
      if (schema->Find(weighed.GetDescriptor()->full_name()) == nullptr) return;
      return record(weighed, "shared");
    }
    case 0:
      return record(Price(Name("product"), amount), "shared");
    case 1:
      return record(Describe(Name("product"), Cat("words ", amount)), "shared");
    case 2:
    case 3:
      return record(Move(Name("moved"), amount - 2), "shared");
    case 4:
      return record(CountStock(Name("product"), amount), "shared");
    case 5:
      return record(Cancel(Name("order")), "shared");
    case 6:
      return record(scenario::Redeem(Name("voucher"), Name("order")), "shared");
    case 7:
      return record(Open(Name("order"), Cat("c-", amount % 2)), "shared");
    case 8:
      return record(amount < 2 ? scenario::Credited(Name("customer"), amount)
                               : scenario::Named(Name("customer"), Cat("name ", amount)),
                    "shared");
    case 9:  // an entity that lives elsewhere, as often as not: rejected then
      return record(Line(Name("order"), "milk"), device);
    case 10:
      return record(Line(Name("order"), "milk", amount + 1), "shared");
    default:
      return record(Line(Cat(device, "-", random().Below(plan_.entities)), "tea"), device);
  }
}

void People::RecordBatch(const std::string& device) {
  const uint64_t size = 2 + random().Below(plan_.batch_max);
  std::vector<std::unique_ptr<google::protobuf::Message>> events;
  const std::string order = Cat(device, "-", random().Below(plan_.entities));
  const bool moves = random().Below(2) == 0;
  for (uint64_t i = 0; i < size; ++i) {
    if (moves) {
      events.push_back(std::make_unique<commerce::StockMoved>(Move(Name("moved"), 1)));
    } else {
      events.push_back(std::make_unique<commerce::OrderLineAdded>(Line(order, "tea")));
    }
  }
  std::vector<const google::protobuf::Message*> batch;
  for (const auto& event : events) batch.push_back(event.get());
  Record(device, batch, moves ? "shared" : device);
}

void People::Record(const std::string& device,
                    const std::vector<const google::protobuf::Message*>& what,
                    const std::string& scope) {
  Retry record;
  for (const auto* event : what) record.events.push_back(OfDevice(device, *event));
  record.options.scope = scope;
  if (random().Below(3) == 0) record.options.durability = Durability::kBuffered;
  if (random().Below(2) == 0) {
    record.options.intent_id = IntentId::FromBytes(random().Bytes(IntentId::kSize));
  }
  Append(device, std::move(record), /*again=*/false);
}

void People::Append(const std::string& device, Retry what, bool again) {
  std::vector<const google::protobuf::Message*> events;
  for (const auto& event : what.events) events.push_back(event.get());
  absl::Status status;
  if (events.size() == 1) {
    const auto appended = world_.TryAppend(device, *events[0], what.options);
    status = appended.status();
    const IntentId& id = what.options.intent_id;
    if (appended.ok() && !id.nil() && appended->intent_id != id) {
      checkers_.OnAppendFailed(device, absl::InternalError("it recorded another id than given"));
    }
  } else {
    const auto appended = world_.TryAppendAll(device, events, what.options);
    if (appended.ok()) checkers_.OnBatch(device, *appended);
    status = appended.status();
  }
  Judge(device, status, events.size(), what.options.intent_id);
  // Who gave an id tries again with that id; who gave none does not.
  const bool unsure = absl::IsUnavailable(status) || (again && absl::IsResourceExhausted(status));
  if (unsure && !what.options.intent_id.nil()) again_[device].push_back(std::move(what));
}

// Where nobody knows, it may be there.
void People::Judge(const std::string& device, const absl::Status& status, size_t intents,
                   const IntentId& id) {
  if (status.ok()) return;
  checkers_.OnAppendFailed(device, status);
  if (!absl::IsUnavailable(status)) return;
  checkers_.history().devices()[device].in_doubt += intents;
  if (!id.nil()) checkers_.history().doubted().insert(id);
}

void People::TryAgain(const std::string& device) {
  std::vector<Retry> again;
  again.swap(again_[device]);
  for (Retry& what : again) {
    // The application may have become another version meanwhile.
    for (auto& event : what.events) event = OfDevice(device, *event);
    Append(device, std::move(what), /*again=*/true);
  }
}

void People::Decide(const std::string& device) {
  const auto conflicts = world_.device(device).Conflicts();
  if (!conflicts.ok() || conflicts->empty()) return;
  const Conflict& conflict = (*conflicts)[random().Below(conflicts->size())];
  DecideOptions options;
  std::unique_ptr<google::protobuf::Message> instead;
  Verdict verdict = random().Below(2) == 0 ? Verdict::kApply : Verdict::kDrop;
  if (random().Below(3) == 0 && conflict.entity.type == "product") {
    instead = OfDevice(device, Price(conflict.entity.id, 77));
    options.replacement = instead.get();
    verdict = Verdict::kReplace;
  } else {
    options.followers_too = verdict == Verdict::kDrop && random().Below(2) == 0;
  }
  const auto said = world_.Resolve(device, conflict.position, verdict, options);
  if (absl::IsUnavailable(said.status())) Judge(device, said.status(), 1, IntentId());
}

void People::DecideRejected(const std::string& device) {
  const auto listed = world_.device(device).List(Count(1), 1000);
  if (!listed.ok()) return;
  for (const auto& own : *listed) {
    if (own.state != RecordState::kFailed || own.is_control || random().Below(2) == 0) continue;
    const IntentId id = IntentId::FromBytes(own.intent.intent_id());
    absl::StatusOr<Appended> said = absl::UnknownError("");
    if (own.intent.entity_type() == "order" && random().Below(2) == 0) {
      said = world_.Amend(device, id, *OfDevice(device, Line(own.intent.entity_id(), "tea", 7)));
    } else {
      said = world_.Dismiss(device, id);
    }
    if (absl::IsUnavailable(said.status())) Judge(device, said.status(), 1, IntentId());
    return;
  }
}

void People::Operate() {
  if (world_.life(std::string(kServerNode)) == nullptr) return;
  if (plan_.poison && random().Below(2) == 0) return Unpark();
  if (!plan_.people_decide) return;
  const auto open = world_.server().OpenEvents("shop", Position(), 20);
  if (!open.ok() || open->empty()) return;
  const OpenEvent& chosen = (*open)[random().Below(open->size())];
  if (chosen.decision() != CONFLICTED) return;
  intentlog::Resolve resolve;
  resolve.set_of(chosen.position());
  resolve.set_verdict(random().Below(2) == 0 ? intentlog::Resolve::APPLY
                                             : intentlog::Resolve::DROP);
  Intent intent;
  intent.set_type("intentlog.Resolve");
  intent.set_payload(resolve.SerializeAsString());
  world_.server().Settle("shop", intent, "", [](const OwnReceipt&) {}).IgnoreError();
}

void People::Unpark() {
  const auto models = world_.server().Models("shop");
  if (!models.ok()) return;
  const auto& views = (*models)->projections();
  intentlog::Unpark decision;
  decision.set_view(views[random().Below(views.size())]->info().name);
  const auto parked = (*models)->Parked(decision.view(), 1000);
  if (!parked.ok() || parked->empty()) return;
  const ParkedRow& row = (*parked)[random().Below(parked->size())];
  decision.set_key(row.key);
  if (random().Below(2) == 0) decision.set_skip(row.position.value());
  if (random().Below(4) == 0) decision.set_all_keys(true);
  Intent intent;
  intent.set_type("intentlog.Unpark");
  intent.set_scope(row.scope);
  intent.set_payload(decision.SerializeAsString());
  world_.server().Settle("shop", intent, "", [](const OwnReceipt&) {}).IgnoreError();
}

}  // namespace intentlog::simulation
