#include "tools/commands/rules.h"

#include "tools/commands/command.h"

namespace intentlog {

void RegisterRules(CLI::App& app, int* exit_code) {
  CLI::App& rules = AddGroup(
      app, "rules", "The product's rules: what merges, what needs a person; and others, tried.");
  RegisterRulesShow(rules, exit_code);
  RegisterRulesTry(rules, exit_code);
}

}  // namespace intentlog
