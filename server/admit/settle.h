// What becomes of an open event when a person decides about it. Pure: the intent that asks
// (Resolve, Amend, Dismiss), the open event and what Admit says of it go in; a settlement or a
// refusal comes out.
//
//   ParseControl ─► CheckControl ─► Admit, upon what the person had seen ─► SettledAs
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/types/span.h"
#include "eventlog/runtime/ids.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/admit/admission.h"
#include "server/admit/own_log.h"

namespace intentlog {

// An intent by which a person closes an open event, whichever of the three types it has.
struct Control {
  enum class Kind : uint8_t { kApply, kDrop, kReplace, kAmend, kDismiss };
  Kind kind = Kind::kApply;
  uint64_t of = 0;  // position of the open event
  // Of kReplace and kAmend: what takes effect in its place. No type: the open event's own.
  std::string type;
  std::string payload;
  uint32_t schema_version = 0;  // 0: as the open event's, or 1 if that is of another type
  bool followers_too = false;

  bool closes_without_effect() const { return kind == Kind::kDrop || kind == Kind::kDismiss; }
  bool replaces() const { return kind == Kind::kReplace || kind == Kind::kAmend; }
};

// Whether intents of this type close open events. They pass by their lane, alone.
bool IsControlType(std::string_view type);
// Whether only the server writes events of this type.
bool IsServersType(std::string_view type);

// The reason is MALFORMED, with the field. REQUIRES: IsControlType(intent.type()).
std::variant<Control, Reason> ParseControl(const Intent& intent);

// Who asks, and about what.
struct ControlFacts {
  const Intent* intent = nullptr;       // that asks
  absl::Span<const OwnLog> own_logs;    // of who asks
  bool by_operator = false;             // may do whatever the recording device may
  bool base_ahead = false;              // based on what is not there
  const OpenEvent* open = nullptr;      // null: nothing is open there
  const Intent* open_intent = nullptr;  // of `open`
  const ClosedEvent* closed = nullptr;  // null: nothing was closed there
  uint64_t waits_behind = 0;            // position of what stops the lane before it; 0: nothing
};
// Why it may not be asked: NOT_OPEN, ENTITY_MISMATCH, SCOPE_MISMATCH, NOT_YOURS, BASE_AHEAD,
// WRONG_TYPE. Nothing: it may.
std::optional<Reason> CheckControl(const Control& control, const ControlFacts& facts);

// The intent as it is to take effect: with the type and payload of `control`, and the clock of the
// device that asks.
Intent Replaced(const Intent& open, const Control& control, const Intent& asking);

// A settlement: with `turned`, the event stays open with another decision.
struct Settled {
  Decision decision = ACCEPTED;
  bool turned = false;
};
// `original` is Admit's verdict for the open event as it was recorded, `admitted` for what is to
// take effect, both upon what the person had seen, without lanes; of a batch, each time the
// strictest member's. Refusals: STALE with the newest event that clashes, or what Admit says of a
// replacement.
std::variant<Settled, Reason> SettledAs(const Control& control, const Verdict& original,
                                        const Verdict& admitted);

// REJECTED, with DROPPED.
Verdict Dropped(std::string_view resolver);

}  // namespace intentlog
