// Intents and what became of them, conflicts and what people said of them: as objects for --json
// and in words. Pure.
#pragma once

#include <string>

#include "client/client.h"
#include "eventlog/schema/schema.h"
#include "proto/event.pb.h"
#include "tools/commands/json.h"

namespace intentlog {

Json ReasonJson(const Reason& reason);
// "FIELD_TOO_LONG, quantity: at most 5"; empty if there is none.
std::string ReasonText(const Reason& reason);
// "review", "fieldwise" …; empty: no rule asked.
std::string RuleWord(Rule rule);

Json ConflictJson(const Conflict& conflict, const Schema& schema);
Json IntentJson(const Client::RecordedIntent& intent, const Schema& schema);
// Its payload: of an application's event, of a Resolve, Amend or Dismiss, or of a decision about
// parked rows.
Json IntentPayloadJson(const Intent& intent, const Schema& schema);
// What a person should know of an intent besides its state: why it failed, what it waits behind,
// why a decision was refused. Empty: nothing.
std::string NoteOf(const Client::RecordedIntent& intent);

}  // namespace intentlog
