// A RuleBook is what the product's options say about the messages and fields of some files, read
// from their descriptors and checked: a rule that contradicts itself, or that this program does not
// know, is never passed over. Immutable after it is read; the descriptors must outlive it.
//
// It makes no difference where the descriptors come from. Options are serialized and parsed again,
// so that those of a pool made at run time are read as well as generated ones.
#pragma once

#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "proto/rules.pb.h"

namespace intentlog {

class RuleBook {
 public:
  // A message that says what payloads of an event type were.
  struct Former {
    const google::protobuf::Descriptor* message = nullptr;
    FormerVersion version;
  };

  // Of these files and all that they import, less protobuf's own and rules.proto.
  // INVALID_ARGUMENT names file, message and field.
  static absl::StatusOr<RuleBook> Read(
      const std::vector<const google::protobuf::FileDescriptor*>& files);

  // The files and all that they import: imports first, each once.
  const std::vector<const google::protobuf::FileDescriptor*>& files() const { return files_; }
  // Messages with event rules, in the order of files and declarations.
  const std::vector<const google::protobuf::Descriptor*>& events() const { return events_; }
  // Messages of former versions of events, in that order.
  const std::vector<Former>& formers() const { return formers_; }
  // Every message, nested ones too.
  const std::vector<const google::protobuf::Descriptor*>& messages() const { return messages_; }

  // Null if there are none.
  const EventRules* Find(const google::protobuf::Descriptor* message) const;
  const FieldRules* Find(const google::protobuf::FieldDescriptor* field) const;

 private:
  absl::Status AddMessagesOf(const google::protobuf::FileDescriptor* file);
  absl::Status AddMessage(const google::protobuf::Descriptor* message);

  std::vector<const google::protobuf::FileDescriptor*> files_;
  std::vector<const google::protobuf::Descriptor*> events_;
  std::vector<Former> formers_;
  std::vector<const google::protobuf::Descriptor*> messages_;
  std::unordered_map<const google::protobuf::Descriptor*, EventRules> event_rules_;
  std::unordered_map<const google::protobuf::FieldDescriptor*, FieldRules> field_rules_;
};

}  // namespace intentlog
