#include "tools/commands/domain.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/descriptor_set.h"
#include "google/protobuf/descriptor.pb.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"
#include "tools/commands/command.h"

namespace intentlog {

void AddSchema(CLI::App& command, std::string* file) {
  AddText(command, "--schema", file,
          "FILE: an application's own event types, made by protoc --include_imports "
          "--descriptor_set_out=FILE");
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t bytes_max) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (file == nullptr) {
    return NotFound("cannot read ", path, ": ", std::string_view(std::strerror(errno)));
  }
  std::string bytes(bytes_max + 1, '\0');
  const size_t size = std::fread(bytes.data(), 1, bytes.size(), file.get());
  if (std::ferror(file.get()) != 0) {
    return Unavailable("cannot read ", path, ": ", std::string_view(std::strerror(errno)));
  }
  if (size > bytes_max) {
    return Exhausted(path, " has more than ", bytes_max, " bytes");
  }
  bytes.resize(size);
  return bytes;
}

namespace {

// The set with the shop's own files before it. What is no set is left as it is, to be refused.
std::string WithShop(const std::string& bytes) {
  google::protobuf::FileDescriptorSet set, added;
  set.ParseFromString(SerializeFiles({commerce::OrderOpened::descriptor()->file()}));
  if (!added.ParseFromString(bytes) || added.file_size() == 0) return bytes;
  const google::protobuf::FileDescriptorSet own = set;
  for (const auto& file : added.file()) {
    const bool known = std::any_of(own.file().begin(), own.file().end(),
                                   [&](const auto& one) { return one.name() == file.name(); });
    if (!known) *set.add_file() = file;
  }
  return set.SerializeAsString();
}

// The shop's read models are compiled in, and with them its types. Rules of the shop's file that
// say something else would not count, and who wrote them would not know.
absl::Status CheckShop(const std::string& schema_file, const std::string& bytes) {
  const auto* const own = commerce::OrderOpened::descriptor()->file();
  google::protobuf::FileDescriptorSet set, shop;
  if (!set.ParseFromString(bytes)) return absl::OkStatus();  // refused where it is loaded
  for (const auto& file : set.file()) {
    if (file.name() == own->name()) *shop.add_file() = file;
  }
  if (shop.file().empty()) return absl::OkStatus();
  const auto theirs = Schema::FromDescriptorSetAlone(shop.SerializeAsString());
  if (!theirs.ok()) return Invalid(schema_file, ": ", theirs.status());
  if ((*theirs)->digest() == Schema::Compiled({own})->digest()) return absl::OkStatus();
  return Invalid(schema_file, ": ", own->name(), " says something else than this program's own, ",
                 "which is compiled in and holds: leave that file out, or see what its rules would "
                 "change with rules try");
}

}  // namespace

absl::StatusOr<Domain> LoadDomain(const std::string& schema_file) {
  Domain domain;
  domain.projections = CommerceViews();
  if (schema_file.empty()) {
    domain.schema = Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
    return domain;
  }
  ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(schema_file, kDescriptorSetSizeMax));
  RETURN_IF_ERROR(CheckShop(schema_file, bytes));
  absl::StatusOr<std::shared_ptr<const Schema>> schema = Schema::FromDescriptorSet(WithShop(bytes));
  if (!schema.ok()) return Invalid(schema_file, ": ", schema.status());
  domain.schema = std::move(*schema);
  return domain;
}

absl::StatusOr<std::shared_ptr<const Schema>> LoadRules(const std::string& schema_file) {
  if (schema_file.empty()) {
    return Schema::Compiled({commerce::OrderOpened::descriptor()->file()});
  }
  ASSIGN_OR_RETURN(std::string bytes, ReadWholeFile(schema_file, kDescriptorSetSizeMax));
  google::protobuf::FileDescriptorSet set;
  const std::string& shop = commerce::OrderOpened::descriptor()->file()->package();
  const bool has_shop =
      set.ParseFromString(bytes) &&
      std::any_of(set.file().begin(), set.file().end(), [&shop](const auto& file) {
        return file.package() == shop && file.message_type_size() > 0;
      });
  auto schema = Schema::FromDescriptorSetAlone(has_shop ? bytes : WithShop(bytes));
  if (!schema.ok()) return Invalid(schema_file, ": ", schema.status());
  return schema;
}

}  // namespace intentlog
