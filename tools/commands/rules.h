// intentlog rules show|try
//
// The product's rules as they take effect, and what other rules would have made of a recorded log.
#pragma once

#include <string>

#include "eventlog/schema/schema.h"
#include "tools/commands/json.h"

namespace CLI {
class App;
}

namespace intentlog {

void RegisterRules(CLI::App& app, int* exit_code);

// ---- one for each subcommand; `rules` is the parent
void RegisterRulesShow(CLI::App& rules, int* exit_code);
void RegisterRulesTry(CLI::App& rules, int* exit_code);

// "first_writer_wins" …; what nobody specified counts as review.
std::string EffectiveRuleWord(Rule rule);
// Every event type with its effective rules. Pure.
Json RulesJson(const Schema& schema);

}  // namespace intentlog
