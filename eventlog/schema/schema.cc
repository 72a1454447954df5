#include "eventlog/schema/schema.h"

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/descriptor_set.h"
#include "eventlog/schema/former_check.h"
#include "eventlog/schema/pair_check.h"
#include "eventlog/schema/rule_check.h"
#include "eventlog/schema/schema_digest.h"
#include "google/protobuf/dynamic_message.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::MessageFactory;

}  // namespace

// ---- making a Schema

// Prototypes of the factory use the pool, so it comes first.
struct Schema::Dynamic {
  explicit Dynamic(const DescriptorPool* below) : pool(below) {
    factory.SetDelegateToGeneratedFactory(true);
  }

  DescriptorPool pool;
  google::protobuf::DynamicMessageFactory factory{&pool};
};

Schema::Schema(std::unique_ptr<Dynamic> dynamic) : dynamic_(std::move(dynamic)) {}
Schema::~Schema() = default;

std::shared_ptr<const Schema> Schema::Compiled(std::initializer_list<const FileDescriptor*> files,
                                               const Upcasters& upcasters) {
  std::shared_ptr<Schema> schema(new Schema(nullptr));
  const absl::Status status = schema->Load(files, upcasters, *MessageFactory::generated_factory());
  if (!status.ok()) CheckFailed(__FILE__, __LINE__, status.ToString().c_str());
  return schema;
}

// On top of the program's own files: where a set holds one of them, the program's is used, so that
// code that knows its messages finds them in payloads.
absl::StatusOr<std::shared_ptr<const Schema>> Schema::FromDescriptorSet(
    std::string_view bytes, const Upcasters& upcasters) {
  return Make(bytes, upcasters, std::make_unique<Dynamic>(DescriptorPool::generated_pool()));
}

absl::StatusOr<std::shared_ptr<const Schema>> Schema::FromDescriptorSetAlone(
    std::string_view bytes, const Upcasters& upcasters) {
  return Make(bytes, upcasters, std::make_unique<Dynamic>(nullptr));
}

absl::StatusOr<std::shared_ptr<const Schema>> Schema::Make(std::string_view bytes,
                                                           const Upcasters& upcasters,
                                                           std::unique_ptr<Dynamic> dynamic) {
  std::shared_ptr<Schema> schema(new Schema(std::move(dynamic)));
  ASSIGN_OR_RETURN(const auto files, BuildFiles(bytes, schema->dynamic_->pool));
  RETURN_IF_ERROR(schema->Load(files, upcasters, schema->dynamic_->factory));
  return std::shared_ptr<const Schema>(std::move(schema));
}

absl::Status Schema::Load(const std::vector<const FileDescriptor*>& files,
                          const Upcasters& upcasters, MessageFactory& factory) {
  ASSIGN_OR_RETURN(const RuleBook book, RuleBook::Read(files));
  files_ = book.files();
  validators_ = std::make_unique<ValidatorSet>(book);
  for (const Descriptor* message : book.events()) {
    const auto [added, is_new] = types_.try_emplace(
        message->full_name(), book, validators_->Of(message), *factory.GetPrototype(message));
    if (!is_new) {
      return Invalid("event type ", message->full_name(), " of ", message->file()->name(),
                     " is declared in another file too");
    }
    AddShortName(added->second);
  }
  for (const RuleBook::Former& former : book.formers()) {
    RETURN_IF_ERROR(AddFormer(former, factory));
  }
  for (auto& [name, type] : types_) RETURN_IF_ERROR(CompleteFormers(type, upcasters));
  for (auto& [name, type] : types_) RETURN_IF_ERROR(ResolveOverrides(type));
  for (const auto& [name, type] : types_) RETURN_IF_ERROR(CheckOverrides(type));
  for (auto& [name, type] : types_) AskOf(type);
  for (const auto& [name, type] : types_) RETURN_IF_ERROR(CheckAgainst(type, PeersOf(type)));
  std::vector<const Descriptor*> roots = book.events();
  for (const RuleBook::Former& former : book.formers()) roots.push_back(former.message);
  digest_ = SchemaDigest(roots);
  return absl::OkStatus();
}

void Schema::AddShortName(const EventType& type) {
  const std::string& package = type.descriptor()->file()->package();
  if (package.empty()) return;
  const auto [added, is_new] = short_names_.emplace(type.name().substr(package.size() + 1), &type);
  if (!is_new) added->second = nullptr;
}

std::map<std::string, EventType, std::less<>>::iterator Schema::FindBeside(
    const FileDescriptor& file, const std::string& name) {
  const auto beside = types_.find(file.package().empty() ? name : Cat(file.package(), '.', name));
  return beside != types_.end() ? beside : types_.find(name);
}

absl::Status Schema::AddFormer(const RuleBook::Former& former, MessageFactory& factory) {
  const Descriptor* const message = former.message;
  const std::string place = PlaceOf(*message);
  const auto found = FindBeside(*message->file(), former.version.type());
  if (found == types_.end()) {
    return Invalid(place, ": former.type: there is no event type ", former.version.type());
  }
  EventType& type = found->second;
  RETURN_IF_ERROR(CheckFormer(type, *message));
  const uint32_t version = former.version.version();
  if (type.former_.Add(version, *factory.GetPrototype(message), validators_->Of(message))) {
    return absl::OkStatus();
  }
  return Invalid(place, ": version ", version, " of ", type.name(), " has two messages, this one ",
                 "and ", type.former_.descriptor(version)->full_name());
}

absl::Status Schema::CompleteFormers(EventType& type, const Upcasters& upcasters) {
  const uint32_t newest = type.schema_version();
  const uint32_t lowest = upcasters.LowestFrom(type.name(), 1);
  const bool changed = !type.former_.empty() || (lowest != 0 && lowest < newest);
  uint32_t as_is_since = type.rules_.as_is_since();
  if (as_is_since == 0) as_is_since = changed ? newest : 1;
  type.former_below_ = as_is_since == 1 ? 0 : as_is_since;
  const absl::Status status = type.former_.Complete(type.name(), as_is_since, newest, upcasters);
  if (status.ok()) return status;
  return Invalid(PlaceOf(*type.descriptor()), ": ", status);
}

absl::Status Schema::ResolveOverrides(EventType& type) {
  for (const PairRule& pair : type.rules_.pair()) {
    const auto other = FindBeside(*type.descriptor()->file(), pair.against());
    const std::string place = PlaceOf(*type.descriptor());
    if (other == types_.end()) {
      return Invalid(place, ": pair.against: there is no event type ", pair.against());
    }
    if (other->second.entity_type() != type.entity_type()) {
      return Invalid(place, ": pair.against: ", other->first, " is about entity ",
                     other->second.entity_type(), " and this is about ", type.entity_type(),
                     ", so they never meet");
    }
    for (const auto& [name, rule] : type.overrides_) {
      if (name == other->first) {
        return Invalid(place, ": there are two pair rules against ", name);
      }
    }
    type.overrides_.emplace_back(other->first, pair.rule());
  }
  return absl::OkStatus();
}

absl::Status Schema::CheckOverrides(const EventType& type) const {
  for (const auto& [name, rule] : type.overrides_) {
    const EventType& other = types_.find(name)->second;
    for (const auto& [back, back_rule] : other.overrides_) {
      if (back != type.name() || back_rule == rule) continue;
      return Invalid(PlaceOf(*type.descriptor()), ": pair against ", name, " says ",
                     Rule_Name(rule), ", and ", PlaceOf(*other.descriptor()), " says ",
                     Rule_Name(back_rule), " about the same pair");
    }
  }
  return absl::OkStatus();
}

std::vector<const EventType*> Schema::PeersOf(const EventType& type) const {
  std::vector<const EventType*> peers;
  for (const auto& [name, other] : types_) {
    if (other.entity_type() == type.entity_type()) peers.push_back(&other);
  }
  return peers;
}

void Schema::AskOf(EventType& type) const {
  type.asks_content_ = RuleBetween(type, type) == SAME_IS_DUPLICATE;
  type.asks_time_ = type.duplicate_period_us() > 0;
  for (const EventType* peer : PeersOf(type)) {
    type.asks_fields_ = type.asks_fields_ || RuleBetween(type, *peer) == FIELDWISE;
    type.asks_time_ = type.asks_time_ || ComparesTimes(type, *peer);
  }
}

// ---- asking a Schema

const EventType* Schema::Find(std::string_view name) const {
  const auto full = types_.find(name);
  if (full != types_.end()) return &full->second;
  const auto shortened = short_names_.find(name);
  return shortened == short_names_.end() ? nullptr : shortened->second;
}

std::string Schema::DescriptorSet() const { return SerializeFiles(files_); }

}  // namespace intentlog
