// An upcaster makes the payload of the next version of its event type from that of one version. It
// is pure: from equal bytes it makes equal bytes, on every machine, for good. What it gets is
// whatever was recorded, and may be anything.
//
//   absl::Status AddWho(const CountedV1& from, Counted& to) { … }
//   const Upcasters upcasters = {{"shop.Counted", 1, UpcastMessage<CountedV1, Counted, AddWho>}};
//   auto schema = Schema::Compiled({Counted::descriptor()->file()}, upcasters);
//
// Immutable once made; safe to share between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace intentlog {

// The longest payload that an upcaster may make: twice what may be recorded (kPayloadSizeMax), so
// that what fits grows into any new form, and hostile bytes do not grow without end.
inline constexpr size_t kUpcastSizeMax = 1000 << 10;

// Makes `to` from `from`; it is empty before. An error says in one sentence what `from` lacks.
using UpcastFunction = absl::Status (*)(std::string_view from, std::string& to);

struct Upcaster {
  std::string type;      // full name of the event's message
  uint32_t version = 0;  // of what it reads; what it writes is one higher
  UpcastFunction upcast = nullptr;
};

// Those that a program was built with, of all its types. Versions that a schema does not have, and
// types that it does not have, do not matter to it.
class Upcasters {
 public:
  Upcasters() = default;
  // CHECK-fails if one type has two for one version, or one has no function.
  Upcasters(std::initializer_list<Upcaster> upcasters);  // NOLINT: a table

  // These and `more`, under the same conditions.
  Upcasters With(const Upcasters& more) const;
  // Null if there is none.
  UpcastFunction Find(std::string_view type, uint32_t version) const;
  // The lowest version, from this one on, that has one; 0: none has.
  uint32_t LowestFrom(std::string_view type, uint32_t version) const;

 private:
  void Add(const std::string& type, uint32_t version, UpcastFunction upcast);

  std::map<std::pair<std::string, uint32_t>, UpcastFunction> functions_;
};

// The bytes as `message`. INVALID_ARGUMENT.
absl::Status ParseFormer(std::string_view bytes, google::protobuf::Message& message);
// Equal messages have equal bytes. RESOURCE_EXHAUSTED above kUpcastSizeMax.
absl::Status SerializeUpcast(const google::protobuf::Message& message, std::string& bytes);

// An upcaster between two messages. What `From` does not know is left out: a field that it lacks
// may have its number in `To`, with another meaning.
template <class From, class To, absl::Status (*kConvert)(const From&, To&)>
absl::Status UpcastMessage(std::string_view from, std::string& to) {
  From before;
  To after;
  if (absl::Status status = ParseFormer(from, before); !status.ok()) return status;
  if (absl::Status status = kConvert(before, after); !status.ok()) return status;
  return SerializeUpcast(after, to);
}

}  // namespace intentlog
