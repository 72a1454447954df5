// intentlog rules try --schema FILE --dir DIR
#include <cstdio>
#include <memory>
#include <string>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/trial/rules_trial.h"
#include "tools/commands/command.h"
#include "tools/commands/domain.h"
#include "tools/commands/rules.h"
#include "tools/commands/server_log.h"
#include "tools/commands/table.h"
#include "tools/commands/terminal.h"

namespace intentlog {
namespace {

struct Options {
  std::string schema_file;
  std::string dir;
  std::string tenant = "default";
  uint64_t examples = 3;
  bool json = false;
};

absl::StatusOr<TrialResult> Replay(const EventLog& log, std::shared_ptr<const Schema> schema,
                                   const TrialOptions& options) {
  RulesTrial trial(std::move(schema), log.epochs(), options);
  ProgressBar bar("replaying", log.head().position.value());
  const auto reader = log.Read(Position(1));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    for (size_t i = reader->begin(); i < reader->block().size(); ++i) {
      RETURN_IF_ERROR(trial.Add(reader->block().event(i)));
    }
    bar.Update(reader->block().last().value());
  }
  RETURN_IF_ERROR(trial.Finish());
  return trial.result();
}

absl::StatusOr<TrialResult> Run(const Options& options) {
  ASSIGN_OR_RETURN(auto schema, LoadRules(options.schema_file));
  ASSIGN_OR_RETURN(const ServerLogFolder folder, OpenServerLogFolder(options.dir, options.tenant));
  TrialOptions trial;
  trial.examples_max = options.examples;
  return Replay(*folder.log, std::move(schema), trial);
}

std::string Became(const TrialTransition& transition) {
  if (transition.was == transition.would_be) {
    return Cat(DecisionWord(transition.was), ", with other fields lost");
  }
  return Cat(DecisionWord(transition.was), " -> ", DecisionWord(transition.would_be));
}

Json ExampleJson(const TrialExample& example) {
  return {{"position", example.position},
          {"entity", Text(example.entity)},
          {"was_why", Text(example.was_why)},
          {"why", Text(example.why)}};
}

Json ResultJson(const TrialResult& result) {
  Json types = Json::array();
  for (const auto& [name, type] : result.types) {
    Json changes = Json::array();
    for (const auto& [transition, change] : type.changes) {
      Json examples = Json::array();
      for (const TrialExample& example : change.examples) examples.push_back(ExampleJson(example));
      changes.push_back({{"was", DecisionWord(transition.was)},
                         {"would_be", DecisionWord(transition.would_be)},
                         {"events", change.events},
                         {"examples", std::move(examples)}});
    }
    types.push_back({{"type", Text(name)},
                     {"events", type.events},
                     {"changed", type.changed},
                     {"changes", std::move(changes)}});
  }
  return {{"events", result.events},           {"decided", result.decided},
          {"changed", result.changed},         {"settled", result.settled},
          {"not_settled", result.not_settled}, {"still_open", result.still_open},
          {"entities", result.entities},       {"types", std::move(types)}};
}

void PrintExamples(const TrialResult& result) {
  for (const auto& [name, type] : result.types) {
    for (const auto& [transition, change] : type.changes) {
      std::printf("\n%s: %s\n", name.c_str(), Became(transition).c_str());
      for (const TrialExample& example : change.examples) {
        std::printf(
            "  position %llu, %s\n    was:      %s\n    would be: %s\n",
            static_cast<unsigned long long>(example.position), example.entity.c_str(),
            example.was_why.empty() ? DecisionWord(transition.was).c_str()
                                    : example.was_why.c_str(),
            example.why.empty() ? DecisionWord(transition.would_be).c_str() : example.why.c_str());
      }
    }
  }
}

void PrintResult(const TrialResult& result) {
  Table table({"event type", "events", "changed", "was -> would be", "how many"});
  for (const auto& [name, type] : result.types) {
    std::string shown = name, events = Grouped(static_cast<int64_t>(type.events)),
                changed = Grouped(static_cast<int64_t>(type.changed));
    if (type.changes.empty()) table.Add({shown, events, changed, "", ""});
    for (const auto& [transition, change] : type.changes) {
      table.Add({shown, events, changed, Became(transition),
                 Grouped(static_cast<int64_t>(change.events))});
      shown = events = changed = "";
    }
  }
  table.Print();
  PrintExamples(result);
  std::printf("\n%s of %s decisions would be others",
              Grouped(static_cast<int64_t>(result.changed)).c_str(),
              Grouped(static_cast<int64_t>(result.decided)).c_str());
  if (result.settled + result.not_settled > 0) {
    std::printf("; of %s settlements %s would have had nothing to settle",
                Grouped(static_cast<int64_t>(result.settled + result.not_settled)).c_str(),
                Grouped(static_cast<int64_t>(result.not_settled)).c_str());
  }
  std::printf("; %s events would be open at the end\n",
              Grouped(static_cast<int64_t>(result.still_open)).c_str());
}

absl::Status Try(const Options& options) {
  ASSIGN_OR_RETURN(const TrialResult result, Run(options));
  if (options.json) {
    PrintJson(ResultJson(result));
  } else {
    PrintResult(result);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterRulesTry(CLI::App& rules, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(
      rules, "try", "What other rules would have made of a recorded log. Changes nothing.");
  AddText(command, "--schema", &options->schema_file,
          "FILE: the rules to try, made by protoc --include_imports --descriptor_set_out=FILE",
          kRequired);
  AddText(command, "--dir", &options->dir, "the data folder of a server that is not running",
          kRequired);
  AddText(command, "--tenant", &options->tenant, "whose log (default: default)");
  AddNumber(command, "--examples", &options->examples, 0, 1000, "of each change (default 3)");
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Try(*options); });
}

}  // namespace intentlog
