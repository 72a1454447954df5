#include "eventlog/schema/descriptor_set.h"

#include <map>
#include <unordered_set>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/parse_cost.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/descriptor.pb.h"
#include "proto/rules.pb.h"

namespace intentlog {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::Message;

// Keeps the first error of a pool: the others follow from it.
class FirstError final : public DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& filename, const std::string& element_name, const Message*,
                ErrorLocation, const std::string& message) override {
    if (text_.empty()) text_ = Cat(filename, ": ", element_name, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// How many message types there are, nested ones included. Parsing has limited the depth.
template <class Messages>
int CountMessages(const Messages& messages) {
  int count = messages.size();
  for (const auto& message : messages) count += CountMessages(message.nested_type());
  return count;
}

absl::StatusOr<FileDescriptorSet> ParseSet(std::string_view bytes) {
  if (bytes.size() > kDescriptorSetSizeMax) {
    return Invalid("the descriptor set has ", bytes.size(), " bytes; the most allowed is ",
                   kDescriptorSetSizeMax);
  }
  FileDescriptorSet set;
  if (!IsCheapToParse(*FileDescriptorSet::descriptor(), bytes) ||
      !set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Invalid("the ", bytes.size(),
                   " bytes are no descriptor set, or one of too many elements; make one with "
                   "protoc --include_imports --descriptor_set_out=FILE");
  }
  if (set.file_size() == 0) return Invalid("the descriptor set has no files");
  if (set.file_size() > kDescriptorSetFilesMax) {
    return Invalid("the descriptor set has ", set.file_size(), " files; the most allowed is ",
                   kDescriptorSetFilesMax);
  }
  int messages = 0;
  for (const FileDescriptorProto& file : set.file()) messages += CountMessages(file.message_type());
  if (messages > kDescriptorSetMessagesMax) {
    return Invalid("the descriptor set has ", messages, " messages; the most allowed is ",
                   kDescriptorSetMessagesMax);
  }
  return set;
}

// Builds the files of a set in an order in which every import comes first.
class Builder {
 public:
  explicit Builder(DescriptorPool& pool) : pool_(pool) {}

  absl::Status Add(const FileDescriptorProto& file) {
    if (files_.emplace(file.name(), &file).second) return absl::OkStatus();
    return Invalid("the descriptor set holds file ", file.name(), " twice");
  }

  absl::Status BuildWithImports(const FileDescriptorProto& file) {
    if (started_.insert(file.name()).second) path_.emplace_back(&file, 0);
    while (!path_.empty()) {
      auto& [top, visited] = path_.back();
      if (visited == top->dependency_size()) {
        RETURN_IF_ERROR(Build(*top));
        path_.pop_back();
        continue;
      }
      const std::string& import = top->dependency(visited++);
      if (!started_.insert(import).second) continue;  // a circle is the pool's to report
      const auto found = files_.find(import);
      if (found != files_.end()) {
        path_.emplace_back(found->second, 0);
      } else {
        RETURN_IF_ERROR(BuildOwn(import, top->name()));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Build(const FileDescriptorProto& file) {
    // The program's own file: the set's is taken for equal.
    if (pool_.FindFileByName(file.name()) != nullptr) return absl::OkStatus();
    FirstError error;
    if (pool_.BuildFileCollectingErrors(file, &error) != nullptr) return absl::OkStatus();
    return Invalid("the descriptor set is not sound: ", error.text());
  }

  // A file that every program here has, with its imports.
  absl::Status BuildOwn(const std::string& name, const std::string& importer) {
    const FileDescriptor* own = DescriptorPool::generated_pool()->FindFileByName(name);
    const bool common = own != nullptr && (own->package() == "google.protobuf" ||
                                           own == EventRules::descriptor()->file());
    if (!common) {
      return Invalid("the descriptor set lacks file ", name, ", which ", importer,
                     " imports: make it with protoc --include_imports");
    }
    for (const FileDescriptor* file : WithImports({own})) {
      started_.insert(file->name());
      FileDescriptorProto proto;
      file->CopyTo(&proto);
      RETURN_IF_ERROR(Build(proto));
    }
    return absl::OkStatus();
  }

  DescriptorPool& pool_;
  std::map<std::string, const FileDescriptorProto*> files_;
  std::unordered_set<std::string> started_;
  std::vector<std::pair<const FileDescriptorProto*, int>> path_;  // file, imports visited
};

}  // namespace

std::vector<const FileDescriptor*> WithImports(const std::vector<const FileDescriptor*>& files) {
  std::vector<const FileDescriptor*> ordered;
  std::unordered_set<const FileDescriptor*> seen;
  std::vector<std::pair<const FileDescriptor*, int>> path;  // file, imports visited
  for (const FileDescriptor* file : files) {
    if (seen.insert(file).second) path.emplace_back(file, 0);
    while (!path.empty()) {
      auto& [top, visited] = path.back();
      if (visited == top->dependency_count()) {
        ordered.push_back(top);
        path.pop_back();
        continue;
      }
      const FileDescriptor* const import = top->dependency(visited++);
      if (seen.insert(import).second) path.emplace_back(import, 0);
    }
  }
  return ordered;
}

absl::StatusOr<std::vector<const FileDescriptor*>> BuildFiles(std::string_view bytes,
                                                              DescriptorPool& pool) {
  ASSIGN_OR_RETURN(const FileDescriptorSet set, ParseSet(bytes));
  Builder builder(pool);
  for (const FileDescriptorProto& file : set.file()) RETURN_IF_ERROR(builder.Add(file));
  std::vector<const FileDescriptor*> files;
  for (const FileDescriptorProto& file : set.file()) {
    RETURN_IF_ERROR(builder.BuildWithImports(file));
    const FileDescriptor* const built = pool.FindFileByName(file.name());
    INTENTLOG_CHECK(built != nullptr);
    files.push_back(built);
  }
  return files;
}

std::string SerializeFiles(const std::vector<const FileDescriptor*>& files) {
  FileDescriptorSet set;
  for (const FileDescriptor* file : WithImports(files)) file->CopyTo(set.add_file());
  return set.SerializeAsString();
}

}  // namespace intentlog
