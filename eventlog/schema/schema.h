// A Schema is the set of event types that an application has, with the product's rules for each, as
// read from descriptors. Immutable after it is made; safe to share between threads.
//
//   auto schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
//   auto schema = Schema::FromDescriptorSet(bytes);  // protoc --include_imports
//   --descriptor_set_out const EventType* type = schema->Find("intentlog.commerce.OrderLineAdded");
//   if (auto violation = type->Validate(payload)) return ToStatus(*violation);
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/schema/event_type.h"
#include "eventlog/schema/shop_upcasters.h"
#include "eventlog/schema/upcast.h"
#include "eventlog/schema/validator.h"
#include "google/protobuf/descriptor.h"
#include "proto/rules.pb.h"

namespace intentlog {

class Schema {
 public:
  // Every message with event rules in these generated files, which this binary was built with, and
  // in what they import. CHECK-fails if their rules contradict themselves, or if a version lacks
  // its upcaster.
  static std::shared_ptr<const Schema> Compiled(
      std::initializer_list<const google::protobuf::FileDescriptor*> files,
      const Upcasters& upcasters = ShopUpcasters());
  // From a serialized google.protobuf.FileDescriptorSet. Protobuf's own files and rules.proto may
  // be missing in it. INVALID_ARGUMENT names file, message and field of what is contradictory or
  // unknown, and the version of a type that lacks its upcaster.
  static absl::StatusOr<std::shared_ptr<const Schema>> FromDescriptorSet(
      std::string_view bytes, const Upcasters& upcasters = ShopUpcasters());
  // As FromDescriptorSet, but the set is all there is: where it holds one of this program's own
  // files its rules count, and payloads are not of generated code. To look at other rules.
  static absl::StatusOr<std::shared_ptr<const Schema>> FromDescriptorSetAlone(
      std::string_view bytes, const Upcasters& upcasters = ShopUpcasters());
  ~Schema();

  // Null if there is no such type. `name` may lack its package where that is unambiguous.
  const EventType* Find(std::string_view name) const;
  // By full name.
  const std::map<std::string, EventType, std::less<>>& types() const { return types_; }

  // What the pair's rule is, whichever came first: an override of either type, otherwise the
  // stricter of the two defaults.
  Rule RuleFor(const EventType& later, const EventType& earlier) const {
    return RuleBetween(later, earlier);
  }

  // 32 bytes; equal for equal event types (and what their fields hold), wherever they came from and
  // in whatever files they are declared.
  const std::string& digest() const { return digest_; }
  // A serialized google.protobuf.FileDescriptorSet that gives this schema again.
  std::string DescriptorSet() const;

 private:
  struct Dynamic;  // pool and factory of a schema that was not compiled in
  explicit Schema(std::unique_ptr<Dynamic> dynamic);
  static absl::StatusOr<std::shared_ptr<const Schema>> Make(std::string_view bytes,
                                                            const Upcasters& upcasters,
                                                            std::unique_ptr<Dynamic> dynamic);

  absl::Status Load(const std::vector<const google::protobuf::FileDescriptor*>& files,
                    const Upcasters& upcasters, google::protobuf::MessageFactory& factory);
  void AddShortName(const EventType& type);
  // The type that a message of this file means by that name.
  std::map<std::string, EventType, std::less<>>::iterator FindBeside(
      const google::protobuf::FileDescriptor& file, const std::string& name);
  absl::Status AddFormer(const RuleBook::Former& former, google::protobuf::MessageFactory& factory);
  static absl::Status CompleteFormers(EventType& type, const Upcasters& upcasters);
  absl::Status ResolveOverrides(EventType& type);
  absl::Status CheckOverrides(const EventType& type) const;
  // The types of the same entity, itself included.
  std::vector<const EventType*> PeersOf(const EventType& type) const;
  void AskOf(EventType& type) const;

  const std::unique_ptr<Dynamic> dynamic_;  // first: all else points into it
  std::vector<const google::protobuf::FileDescriptor*> files_;
  std::unique_ptr<const ValidatorSet> validators_;
  std::map<std::string, EventType, std::less<>> types_;               // by full name
  std::map<std::string, const EventType*, std::less<>> short_names_;  // null: ambiguous
  std::string digest_;
};

}  // namespace intentlog
