#include "eventlog/log/lazy_envelope.h"

namespace intentlog {

template <class Message>
void LazyEnvelope::Lazy<Message>::Reset(std::string_view bytes) {
  bytes_ = bytes;
  parsed_.store(false, std::memory_order_relaxed);
}

template <class Message>
void LazyEnvelope::Lazy<Message>::Reset(const Message& message) {
  message_ = message;
  parsed_.store(true, std::memory_order_relaxed);
}

template <class Message>
void LazyEnvelope::Lazy<Message>::Parse() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (parsed_.load(std::memory_order_relaxed)) return;
  message_.Clear();
  static_cast<void>(message_.ParsePartialFromArray(bytes_.data(), static_cast<int>(bytes_.size())));
  parsed_.store(true, std::memory_order_release);
}

template class LazyEnvelope::Lazy<Header>;
template class LazyEnvelope::Lazy<Intent>;

void LazyEnvelope::Reset(std::string_view header, std::string_view intent) {
  header_.Reset(header);
  intent_.Reset(intent);
}

void LazyEnvelope::Reset(const Header& header, std::string_view intent) {
  header_.Reset(header);
  intent_.Reset(intent);
}

}  // namespace intentlog
