// A LazyEnvelope is the header and the intent of one event as bytes, parsed when somebody asks: who
// folds events needs few of their fields, and parsing all of them costs more than folding.
//
// Reading is thread-safe; Reset and Set need the only reference. The bytes must outlive their use.
#pragma once

#include <atomic>
#include <mutex>
#include <string_view>

#include "proto/event.pb.h"

namespace intentlog {

class LazyEnvelope {
 public:
  // What follows is read from these. REQUIRES: both are well-formed as wire fields; a part that
  // does not parse reads as far as it does.
  void Reset(std::string_view header, std::string_view intent);
  // A header that is in no log: of a pending intent.
  void Reset(const Header& header, std::string_view intent);

  const Header& header() const { return header_.Get(); }
  const Intent& intent() const { return intent_.Get(); }

 private:
  template <class Message>
  class Lazy {
   public:
    void Reset(std::string_view bytes);
    void Reset(const Message& message);
    const Message& Get() const {
      if (!parsed_.load(std::memory_order_acquire)) Parse();
      return message_;
    }

   private:
    void Parse() const;

    std::string_view bytes_;
    mutable std::mutex mutex_;
    mutable Message message_;  // protected by mutex_ until parsed_
    mutable std::atomic<bool> parsed_{true};
  };

  Lazy<Header> header_;
  Lazy<Intent> intent_;
};

}  // namespace intentlog
