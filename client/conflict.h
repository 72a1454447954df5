// What a person decides on a device, and what is said of it. Values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/numbers.h"
#include "eventlog/schema/entity.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"
#include "proto/rules.pb.h"

namespace intentlog {

// How safe an intent is.
enum class Safety {
  kRecorded,  // on this device
  kReceived,  // the server has it, whatever it decided
  kShown,     // it took effect, in the read model that others see, and this device shows it as such
};

enum class Verdict {
  kApply,    // mine takes effect after all
  kDrop,     // it does not
  kReplace,  // something else does, in its place
};

struct DecideOptions {
  // With kReplace: about the same entity.
  const google::protobuf::Message* replacement = nullptr;
  // With kDrop and Dismiss: what waits behind it goes too.
  bool followers_too = false;
  IntentId intent_id;  // nil: one is made. Give one to make a retry after a crash safe
};

// An open conflict, as a person must see it to decide.
struct Conflict {
  struct Side {
    Position position;
    std::string type;
    std::string payload;  // of that type, in the form that it has today
    bool own = false;     // recorded by this device
    absl::Time at;        // server time
  };

  Position position;  // names it
  Entity entity;
  std::string scope;
  IntentId intent_id;               // nil: not known here
  Side mine;                        // what waits for a decision, whoever recorded it
  std::optional<Side> theirs;       // what it clashed with
  std::optional<Side> base;         // what was there when mine was made
  std::vector<std::string> fields;  // in question, where the rule is about fields
  Rule rule = RULE_UNSPECIFIED;     // that asked
  Reason reason;
  absl::Time since = absl::InfinitePast();  // server time; infinite past: the feed has not told yet

  // The last Resolve of it by this device. None: nothing was said, or it was answered.
  struct Said {
    IntentId intent_id;
    bool refused = false;  // by the server; otherwise it is on its way, or about to take effect
    Reason reason;         // of the refusal
  };
  std::optional<Said> said;
};

}  // namespace intentlog
