#include "projections/engine/projection.h"

#include <typeinfo>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {

void KeySink::Add(std::string_view key) {
  for (size_t i = 0; i < size_; ++i) {
    if (keys_[i] == key) return;
  }
  if (size_ == keys_.size()) keys_.emplace_back();
  keys_[size_++].assign(key);
}

google::protobuf::Message& Row::Mutable(const google::protobuf::Message& prototype) {
  if (message_ == nullptr) message_.reset(prototype.New());
  google::protobuf::Message& message = *message_;
  INTENTLOG_CHECK(typeid(message) == typeid(prototype));
  exists_ = changed_ = true;
  return message;
}

const google::protobuf::Message& Row::Constant(const google::protobuf::Message& prototype) const {
  if (!exists_) return prototype;
  const google::protobuf::Message& message = *message_;
  INTENTLOG_CHECK(typeid(message) == typeid(prototype));
  return message;
}

void Row::Remove() {
  if (!exists_) return;
  message_->Clear();
  exists_ = false;
  changed_ = true;
}

absl::Status Projection::Merge(const Row&, Row&) const {
  return StatusOf(absl::StatusCode::kUnimplemented, "projection ", info().name,
                  " does not merge rows of several scopes");
}

void Projection::IndexKeys(size_t, std::string_view, const Row&, KeySink&) const {}

}  // namespace intentlog
