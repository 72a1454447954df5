#include "tools/commands/intent_json.h"

#include "absl/strings/ascii.h"
#include "client/outbox/intent_view.h"
#include "eventlog/log/decision.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/status_json.h"

namespace intentlog {
namespace {

Json SideJson(const Conflict::Side& side, const Schema& schema) {
  Json json;
  json["position"] = side.position.value();
  json["type"] = side.type;
  json["own"] = side.own;
  json["payload"] = PayloadJson(schema, side.type, side.payload);
  return json;
}

std::string VerdictWord(Resolve::Verdict verdict) {
  return absl::AsciiStrToLower(Resolve::Verdict_Name(verdict));
}

// Older programs do not say it.
template <class Control>
std::optional<uint32_t> VersionIn(const Control& control) {
  if (control.replacement_version() == 0) return std::nullopt;
  return control.replacement_version();
}

Json ControlJson(const Intent& intent, const Schema& schema) {
  Resolve resolve;
  Amend amend;
  Dismiss dismiss;
  Json json = Json::object();
  if (intent.type() == resolve.GetTypeName() && resolve.ParseFromString(intent.payload())) {
    json["of"] = resolve.of();
    json["verdict"] = VerdictWord(resolve.verdict());
    json["followers_too"] = resolve.followers_too();
    if (resolve.verdict() == Resolve::REPLACE) {
      json["replacement"] = PayloadJson(schema, resolve.replacement_type(), resolve.replacement(),
                                        VersionIn(resolve));
    }
  } else if (intent.type() == amend.GetTypeName() && amend.ParseFromString(intent.payload())) {
    json["of"] = amend.of();
    json["replacement"] =
        PayloadJson(schema, amend.replacement_type(), amend.replacement(), VersionIn(amend));
  } else if (intent.type() == dismiss.GetTypeName() && dismiss.ParseFromString(intent.payload())) {
    json["of"] = dismiss.of();
    json["followers_too"] = dismiss.followers_too();
  }
  return json;
}

Json UnparkJson(const Intent& intent) {
  Unpark decision;
  if (!decision.ParseFromString(intent.payload())) return Json::object();
  Json json = {{"view", decision.view()}};
  if (decision.all_keys()) {
    json["all_keys"] = true;
  } else {
    json["key"] = decision.key();
  }
  if (decision.skip() != 0) {
    json["skip"] = decision.skip();
    json["reason"] = decision.reason();
  }
  json["by"] = decision.by();
  return json;
}

}  // namespace

Json ReasonJson(const Reason& reason) {
  Json json;
  json["code"] = Reason::Code_Name(reason.code());
  json["field"] = reason.field();
  json["fields"] = Json::array();
  for (const std::string& field : reason.fields()) json["fields"].push_back(field);
  json["rule"] = RuleWord(reason.rule());
  json["text"] = reason.text();
  json["other_position"] = reason.other_position();
  return json;
}

std::string ReasonText(const Reason& reason) {
  if (reason.code() == Reason::CODE_UNSPECIFIED) return reason.text();
  std::string text = Reason::Code_Name(reason.code());
  if (!reason.field().empty()) text += Cat(", ", reason.field());
  if (!reason.text().empty()) text += Cat(": ", reason.text());
  return text;
}

std::string RuleWord(Rule rule) {
  return rule == RULE_UNSPECIFIED ? "" : absl::AsciiStrToLower(Rule_Name(rule));
}

Json ConflictJson(const Conflict& conflict, const Schema& schema) {
  Json json;
  json["position"] = conflict.position.value();
  json["entity"] = ToText(conflict.entity);
  json["scope"] = conflict.scope;
  json["type"] = conflict.mine.type;
  json["intent_id"] = conflict.intent_id.nil() ? "" : ToText(conflict.intent_id);
  json["rule"] = RuleWord(conflict.rule);
  json["fields"] = conflict.fields;
  json["reason"] = ReasonJson(conflict.reason);
  const bool known = conflict.since > absl::InfinitePast();
  json["since"] = known ? Json(TimeText(absl::ToUnixMicros(conflict.since))) : Json();
  json["mine"] = SideJson(conflict.mine, schema);
  json["theirs"] = conflict.theirs ? SideJson(*conflict.theirs, schema) : Json();
  json["base"] = conflict.base ? SideJson(*conflict.base, schema) : Json();
  if (conflict.said) {
    json["said"] = {{"intent_id", ToText(conflict.said->intent_id)},
                    {"refused", conflict.said->refused},
                    {"reason", ReasonJson(conflict.said->reason)}};
  } else {
    json["said"] = Json();
  }
  return json;
}

std::string NoteOf(const Client::RecordedIntent& intent) {
  const std::string reason = ReasonText(intent.reason);
  if (intent.is_control) {
    return intent.decision == REJECTED ? Cat("refused: ", reason) : std::string();
  }
  switch (intent.state) {
    case RecordState::kFailed:
      return Cat(reason.empty() ? "rejected" : reason, "; amend or dismiss it");
    case RecordState::kConflicted:
      return Cat(reason.empty() ? "conflicted" : reason, "; resolve ", intent.position);
    case RecordState::kPending:
      if (intent.decision != PARKED) return "";
      return intent.pointer == 0 ? reason : Cat("waits behind ", intent.pointer);
    case RecordState::kSynced:
      break;
  }
  if (intent.decision == DUPLICATE) return Cat("duplicate of ", intent.pointer);
  if (intent.settled_at == Position()) return "";
  return Cat(intent.decision == REJECTED ? "given up" : "took effect", " at ", intent.settled_at);
}

Json IntentPayloadJson(const Intent& intent, const Schema& schema) {
  if (IsControl(intent.type())) return ControlJson(intent, schema);
  if (intent.type() == kUnparkType) return UnparkJson(intent);
  return PayloadJson(schema, intent.type(), intent.payload(), intent.schema_version());
}

Json IntentJson(const Client::RecordedIntent& intent, const Schema& schema) {
  Json json;
  json["count"] = intent.count.value();
  json["class"] = intent.priority;
  json["intent_id"] = UuidText(intent.intent.intent_id());
  json["state"] = StateWord(intent.state);
  json["entity"] = Cat(intent.intent.entity_type(), "/", intent.intent.entity_id());
  json["type"] = intent.intent.type();
  json["scope"] = intent.intent.scope();
  json["device_time"] = TimeText(intent.intent.device_time_us());
  json["position"] = intent.position.value();
  json["decision"] = DecisionWord(intent.decision);
  if (intent.reason.code() != Reason::CODE_UNSPECIFIED) {
    json["reason"] = ReasonJson(intent.reason);
  }
  if (intent.pointer != 0) {
    json[intent.first_decision == DUPLICATE ? "duplicate_of" : "behind"] = intent.pointer;
  }
  if (intent.settled_at > Position()) {
    json["first_decision"] = DecisionWord(intent.first_decision);
    json["settled_at"] = intent.settled_at.value();
  }
  const std::string note = NoteOf(intent);
  if (!note.empty()) json["note"] = note;
  json["payload"] = IntentPayloadJson(intent.intent, schema);
  return json;
}

}  // namespace intentlog
