// The fields that an event sets, and where they meet those of events that are there already. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "eventlog/schema/event_type.h"
#include "google/protobuf/message.h"
#include "proto/store.pb.h"

namespace intentlog {

// Those set in `payload`, less the key: `optional` ones and members of oneofs that are present, and
// others that are not empty or zero.
std::vector<const ClashField*> FieldsSet(const EventType& type,
                                         const google::protobuf::Message& payload);

// One field of an intent beside the events of a type. Fields of two types are the same where their
// names are.
struct Meeting {
  const EntitySummary::FieldSummary* writers = nullptr;  // null: none of them set it
  Rule on_clash = LAST_WRITER_WINS;                      // of both types, the stricter
};
Meeting MeetingOf(const ClashField& mine, const EventType& type,
                  const EntitySummary::TypeSummary& theirs, const EventType& their_type);

// The greatest position of an event of that type whose fields the summary was not told, because the
// rules of that time did not ask, or fields had other numbers then: it may have set any. 0: none.
uint64_t FieldsUntold(const EntitySummary::TypeSummary& theirs, const EventType& their_type);

}  // namespace intentlog
