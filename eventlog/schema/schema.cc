#include "eventlog/schema/schema.h"

#include <algorithm>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/descriptor_set.h"
#include "eventlog/schema/rule_check.h"
#include "eventlog/schema/schema_digest.h"
#include "google/protobuf/dynamic_message.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

int Strictness(Rule rule) {
  switch (rule) {
    case COMMUTES:
      return 1;
    case LAST_WRITER_WINS:
      return 2;
    case FIELDWISE:
      return 3;
    case SAME_IS_DUPLICATE:
      return 4;
    case FIRST_WRITER_WINS:
      return 6;
    default:
      return 5;  // REVIEW
  }
}

}  // namespace

// ---- EventType

EventType::EventType(const RuleBook& book, const Validator& validator, const Message& prototype)
    : name_(prototype.GetDescriptor()->full_name()),
      rules_(*book.Find(prototype.GetDescriptor())),
      prototype_(&prototype),
      key_field_(prototype.GetDescriptor()->FindFieldByName(rules_.key())),
      validator_(&validator),
      compiled_(prototype.GetDescriptor()->file()->pool() == DescriptorPool::generated_pool()) {
  for (int i = 0; i < descriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = descriptor()->field(i);
    const FieldRules* const rules = book.Find(field);
    if (rules != nullptr) field_rules_.emplace(field->number(), *rules);
  }
}

const FieldRules* EventType::field_rules(int number) const {
  const auto found = field_rules_.find(number);
  return found == field_rules_.end() ? nullptr : &found->second;
}

std::string EventType::EntityId(const Message& payload) const {
  const Reflection* const reflection = payload.GetReflection();
  switch (key_field_->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->GetString(payload, key_field_);
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(reflection->GetInt32(payload, key_field_));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection->GetUInt32(payload, key_field_));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection->GetUInt64(payload, key_field_));
    default:
      return std::to_string(reflection->GetInt64(payload, key_field_));
  }
}

bool EventType::IsAbout(const Message& payload, std::string_view id) const {
  if (key_field_->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return EntityId(payload) == id;
  std::string scratch;
  return payload.GetReflection()->GetStringReference(payload, key_field_, &scratch) == id;
}

std::optional<Violation> EventType::Validate(const Message& payload) const {
  // Generated code knows its size in less time than it takes to look at two texts by reflection.
  return validator_->Validate(payload, compiled_ ? payload.ByteSizeLong() : SIZE_MAX);
}

std::optional<Violation> EventType::Read(std::string_view bytes, Message& payload) const {
  if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Violation{Reason::MALFORMED, "",
                     Cat("the payload of ", bytes.size(), " bytes does not parse as ", name_)};
  }
  return validator_->Validate(payload, bytes.size());
}

// ---- making a Schema

// On top of the program's own files: where a set holds one of them, the program's is used, so that
// code that knows its messages finds them in payloads. Prototypes of the factory use the pool, so
// it comes first.
struct Schema::Dynamic {
  Dynamic() { factory.SetDelegateToGeneratedFactory(true); }

  DescriptorPool pool{DescriptorPool::generated_pool()};
  google::protobuf::DynamicMessageFactory factory{&pool};
};

Schema::Schema(std::unique_ptr<Dynamic> dynamic) : dynamic_(std::move(dynamic)) {}
Schema::~Schema() = default;

std::shared_ptr<const Schema> Schema::Compiled(std::initializer_list<const FileDescriptor*> files) {
  std::shared_ptr<Schema> schema(new Schema(nullptr));
  const absl::Status status = schema->Load(files, *MessageFactory::generated_factory());
  if (!status.ok()) CheckFailed(__FILE__, __LINE__, status.ToString().c_str());
  return schema;
}

absl::StatusOr<std::shared_ptr<const Schema>> Schema::FromDescriptorSet(std::string_view bytes) {
  std::shared_ptr<Schema> schema(new Schema(std::make_unique<Dynamic>()));
  ASSIGN_OR_RETURN(const auto files, BuildFiles(bytes, schema->dynamic_->pool));
  RETURN_IF_ERROR(schema->Load(files, schema->dynamic_->factory));
  return std::shared_ptr<const Schema>(std::move(schema));
}

absl::Status Schema::Load(const std::vector<const FileDescriptor*>& files,
                          MessageFactory& factory) {
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
  for (auto& [name, type] : types_) RETURN_IF_ERROR(ResolveOverrides(type));
  for (const auto& [name, type] : types_) RETURN_IF_ERROR(CheckOverrides(type));
  digest_ = SchemaDigest(book.events());
  return absl::OkStatus();
}

void Schema::AddShortName(const EventType& type) {
  const std::string& package = type.descriptor()->file()->package();
  if (package.empty()) return;
  const auto [added, is_new] = short_names_.emplace(type.name().substr(package.size() + 1), &type);
  if (!is_new) added->second = nullptr;
}

absl::Status Schema::ResolveOverrides(EventType& type) const {
  const std::string& package = type.descriptor()->file()->package();
  for (const PairRule& pair : type.rules_.pair()) {
    auto other = types_.find(package.empty() ? pair.against() : Cat(package, '.', pair.against()));
    if (other == types_.end()) other = types_.find(pair.against());
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

// ---- asking a Schema

const EventType* Schema::Find(std::string_view name) const {
  const auto full = types_.find(name);
  if (full != types_.end()) return &full->second;
  const auto shortened = short_names_.find(name);
  return shortened == short_names_.end() ? nullptr : shortened->second;
}

Rule Schema::RuleFor(const EventType& later, const EventType& earlier) const {
  for (const auto& [name, rule] : later.overrides_) {
    if (name == earlier.name()) return rule;
  }
  for (const auto& [name, rule] : earlier.overrides_) {
    if (name == later.name()) return rule;
  }
  return Stricter(later.rules().concurrent(), earlier.rules().concurrent());
}

std::string Schema::DescriptorSet() const { return SerializeFiles(files_); }

Rule Stricter(Rule a, Rule b) {
  const Rule stricter = Strictness(a) >= Strictness(b) ? a : b;
  return stricter == RULE_UNSPECIFIED ? REVIEW : stricter;
}

}  // namespace intentlog
