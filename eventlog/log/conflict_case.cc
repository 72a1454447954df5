#include "eventlog/log/conflict_case.h"

#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/descriptor.h"

namespace intentlog {

struct ConflictCaseMaker::Work {
  ConflictCase made;
  Position base_through;
  bool by_field = false;  // the base is merged field by field
  std::unique_ptr<google::protobuf::Message> merged;
};

namespace {

// Sets in `into` what `later` sets, as a whole for each field.
void MergeFields(const google::protobuf::Message& later, google::protobuf::Message& into) {
  std::vector<const google::protobuf::FieldDescriptor*> set;
  later.GetReflection()->ListFields(later, &set);
  for (const auto* field : set) into.GetReflection()->ClearField(&into, field);
  into.MergeFrom(later);
}

}  // namespace

ConflictCaseMaker::ConflictCaseMaker(std::shared_ptr<const Schema> schema)
    : schema_(schema), decoder_(std::move(schema)) {}
ConflictCaseMaker::~ConflictCaseMaker() = default;

absl::Status ConflictCaseMaker::Want(const OpenEvent& open) {
  INTENTLOG_CHECK(seen_.empty());
  Work& work = works_[Position(open.position())];
  work = Work();
  work.made.open = open;
  Intent& mine = work.made.mine;
  if (!mine.ParseFromString(open.intent())) {
    works_.erase(Position(open.position()));
    return DataLoss("the open event at position ", open.position(), " does not parse");
  }
  const EventType* type = schema_->Find(mine.type());
  if (ToToday(mine.type(), mine.schema_version(), mine.mutable_payload())) {
    mine.set_schema_version(type->schema_version());
  }
  work.by_field = type != nullptr && type->rules().concurrent() == FIELDWISE;
  work.base_through = Position(mine.based_on().position());
  const Position theirs(open.reason().other_position());
  if (work.base_through > Position()) {
    of_entity_[{mine.entity_type(), mine.entity_id()}].push_back(&work);
  }
  if (theirs > Position()) of_theirs_[theirs].push_back(&work);
  through_ = std::max({through_, work.base_through, theirs});
  return absl::OkStatus();
}

absl::Status ConflictCaseMaker::See(const BlockView& block) {
  if (block.first() > through_) return absl::OkStatus();
  for (size_t i = 0; i < block.size() && block.position(i) <= through_; ++i) {
    const EventRef ref = block.event(i);
    auto seen = seen_.find(ref.scope);
    if (seen == seen_.end()) seen = seen_.emplace(std::string(ref.scope), Position()).first;
    if (ref.position <= seen->second) continue;
    seen->second = ref.position;
    RETURN_IF_ERROR(SeeEvent(ref));
  }
  return absl::OkStatus();
}

absl::Status ConflictCaseMaker::SeeEvent(const EventRef& ref) {
  const auto theirs = of_theirs_.find(ref.position);
  const bool parsed =
      envelope_.ParseFromArray(ref.intent.data(), static_cast<int>(ref.intent.size()));
  const auto entity =
      parsed ? of_entity_.find({envelope_.entity_type(), envelope_.entity_id()}) : of_entity_.end();
  if (theirs == of_theirs_.end() && entity == of_entity_.end()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Event* event, decoder_.Decode(ref));
  if (theirs != of_theirs_.end()) {
    for (Work* work : theirs->second) work->made.theirs = SideOf(*event);
  }
  if (entity == of_entity_.end() || !event->effective) return absl::OkStatus();
  for (Work* work : entity->second) {
    if (event->position <= work->base_through) RETURN_IF_ERROR(AddBase(*work, *event));
  }
  return absl::OkStatus();
}

absl::Status ConflictCaseMaker::AddBase(Work& work, const Event& event) {
  ConflictSide side = SideOf(event);
  if (side.type != work.made.mine.type()) return absl::OkStatus();
  if (event.header().without_all()) return absl::OkStatus();
  work.made.base = std::move(side);
  if (!work.by_field || event.payload == nullptr) return absl::OkStatus();
  if (work.merged == nullptr) work.merged = event.type->NewPayload();
  MergeFields(*event.payload, *work.merged);
  work.made.base->payload = work.merged->SerializeAsString();
  return absl::OkStatus();
}

// As it takes effect, or as it was recorded if it does not.
ConflictSide ConflictCaseMaker::SideOf(const Event& event) const {
  ConflictSide side;
  side.position = event.position;
  side.log = LogId::FromBytes(event.header().log_id());
  side.count = Count(event.header().count());
  side.server_time_us = event.header().server_time_us();
  side.type = event.intent().type();
  side.payload = event.intent().payload();
  uint32_t version = event.intent().schema_version();
  Settlement settlement;
  if (event.header().settlement_of() != 0 && settlement.ParseFromString(side.payload)) {
    side.type = settlement.type();
    side.payload = settlement.payload();
    version = settlement.schema_version();
  }
  if (event.payload != nullptr) {
    side.payload = event.payload->SerializeAsString();
  } else {
    ToToday(side.type, version, &side.payload);
  }
  return side;
}

// Whether the payload was of a former version, and is not any more. One that cannot be upcast is
// shown as it is.
bool ConflictCaseMaker::ToToday(const std::string& type, uint32_t version,
                                std::string* payload) const {
  const EventType* const known = schema_->Find(type);
  if (known == nullptr || !known->IsFormer(version)) return false;
  std::string scratch;
  const auto upcast = known->Upcast(version, *payload, LostFields(), scratch);
  if (!upcast.ok()) return false;
  *payload = std::string(*upcast);
  return true;
}

std::vector<ConflictCase> ConflictCaseMaker::Take() {
  std::vector<ConflictCase> cases;
  cases.reserve(works_.size());
  for (auto& [position, work] : works_) cases.push_back(std::move(work.made));
  works_.clear();
  of_entity_.clear();
  of_theirs_.clear();
  seen_.clear();
  through_ = Position();
  return cases;
}

}  // namespace intentlog
