#include "eventlog/schema/rule_book.h"

#include <string>

#include "eventlog/runtime/check.h"
#include "eventlog/schema/descriptor_set.h"
#include "eventlog/schema/rule_check.h"

namespace intentlog {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// Protobuf's own files, and the one that declares the options: they say nothing about the product.
bool IsForeign(const FileDescriptor& file) {
  return file.package() == "google.protobuf" ||
         (file.package() == "intentlog" && file.FindMessageTypeByName("EventRules") != nullptr);
}

// The options as this program's own code reads them, whichever pool they came from.
template <class Options>
Options Reread(const Options& options) {
  Options read;
  INTENTLOG_CHECK(read.ParsePartialFromString(options.SerializePartialAsString()));
  return read;
}

}  // namespace

absl::StatusOr<RuleBook> RuleBook::Read(const std::vector<const FileDescriptor*>& files) {
  RuleBook book;
  book.files_ = WithImports(files);
  for (const FileDescriptor* file : book.files_) {
    if (!IsForeign(*file)) RETURN_IF_ERROR(book.AddMessagesOf(file));
  }
  return book;
}

absl::Status RuleBook::AddMessagesOf(const FileDescriptor* file) {
  std::vector<const Descriptor*> waiting;  // last first
  for (int i = file->message_type_count(); i-- > 0;) waiting.push_back(file->message_type(i));
  while (!waiting.empty()) {
    const Descriptor* message = waiting.back();
    waiting.pop_back();
    RETURN_IF_ERROR(AddMessage(message));
    for (int i = message->nested_type_count(); i-- > 0;) waiting.push_back(message->nested_type(i));
  }
  return absl::OkStatus();
}

absl::Status RuleBook::AddMessage(const Descriptor* message) {
  messages_.push_back(message);
  const auto options = Reread(message->options());
  const bool is_event = options.HasExtension(intentlog::event);
  const bool is_former = options.HasExtension(intentlog::former);
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    const auto field_options = Reread(field->options());
    if (!field_options.HasExtension(intentlog::field)) continue;
    const FieldRules& rules = field_options.GetExtension(intentlog::field);
    RETURN_IF_ERROR(CheckFieldRules(*field, rules, is_event || is_former));
    field_rules_.emplace(field, rules);
  }
  if (is_former) {
    formers_.push_back({message, options.GetExtension(intentlog::former)});
    RETURN_IF_ERROR(CheckFormerVersion(*message, formers_.back().version, is_event));
  }
  if (!is_event) return absl::OkStatus();
  const EventRules& rules = options.GetExtension(intentlog::event);
  RETURN_IF_ERROR(CheckEventRules(*message, rules));
  event_rules_.emplace(message, rules);
  events_.push_back(message);
  return absl::OkStatus();
}

const EventRules* RuleBook::Find(const Descriptor* message) const {
  const auto found = event_rules_.find(message);
  return found == event_rules_.end() ? nullptr : &found->second;
}

const FieldRules* RuleBook::Find(const FieldDescriptor* field) const {
  const auto found = field_rules_.find(field);
  return found == field_rules_.end() ? nullptr : &found->second;
}

}  // namespace intentlog
