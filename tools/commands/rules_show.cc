// intentlog rules show [--schema FILE]
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/fleet/device_health.h"
#include "tools/commands/command.h"
#include "tools/commands/domain.h"
#include "tools/commands/intent_json.h"
#include "tools/commands/rules.h"
#include "tools/commands/table.h"

namespace intentlog {
namespace {

struct Options {
  std::string schema_file;
  bool json = false;
};

std::string ShortName(const std::string& name) { return name.substr(name.rfind('.') + 1); }

// What clashes how with which other types of the entity, where that is not the type's default.
Json PairsOf(const EventType& type, const Schema& schema) {
  Json pairs = Json::object();
  for (const auto& [name, peer] : schema.types()) {
    if (peer.entity_type() != type.entity_type()) continue;
    const std::string rule = EffectiveRuleWord(schema.RuleFor(type, peer));
    if (rule != EffectiveRuleWord(type.rules().concurrent())) pairs[name] = rule;
  }
  return pairs;
}

Json FieldJson(const google::protobuf::FieldDescriptor& field, const EventType& type) {
  Json json = {{"name", std::string(field.name())}, {"number", field.number()}};
  if (type.key_field() == &field) json["key"] = true;
  const FieldRules* const rules = type.field_rules(field.number());
  if (rules != nullptr) {
    if (rules->required()) json["required"] = true;
    if (rules->has_min()) json["min"] = rules->min();
    if (rules->has_max()) json["max"] = rules->max();
    if (rules->max_len() != 0) json["max_len"] = rules->max_len();
    if (rules->volatile_()) json["volatile"] = true;
  }
  if (type.rules().concurrent() == FIELDWISE && type.key_field() != &field) {
    const bool said = rules != nullptr && rules->on_clash() != RULE_UNSPECIFIED;
    json["on_clash"] = EffectiveRuleWord(said ? rules->on_clash() : LAST_WRITER_WINS);
  }
  return json;
}

Json TypeJson(const EventType& type, const Schema& schema) {
  Json json = {{"type", type.name()},
               {"entity", type.entity_type()},
               {"key", std::string(type.key_field()->name())},
               {"version", type.schema_version()},
               {"rule", EffectiveRuleWord(type.rules().concurrent())},
               {"pairs", PairsOf(type, schema)},
               {"clock", type.has_device_clock() ? "device" : "server"}};
  if (type.has_device_clock()) json["max_skew_ms"] = type.rules().max_skew_ms();
  if (const DuplicateKey& key = type.rules().duplicate_key(); key.fields_size() > 0) {
    Json fields = Json::array();
    for (const std::string& field : key.fields()) fields.push_back(field);
    json["duplicate_key"] = {
        {"fields", std::move(fields)},
        {"period_ms", key.period_ms()},
        {"outcome", key.outcome() == SAME_IS_DUPLICATE ? "duplicate" : "review"}};
  }
  json["fields"] = Json::array();
  for (int i = 0; i < type.descriptor()->field_count(); ++i) {
    json["fields"].push_back(FieldJson(*type.descriptor()->field(i), type));
  }
  return json;
}

std::string Joined(const Json& list) {
  std::string text;
  for (const Json& one : list) text += (text.empty() ? "" : ", ") + one.get<std::string>();
  return text;
}

std::string PairsText(const Json& pairs) {
  std::string text;
  for (const auto& [name, rule] : pairs.items()) {
    text += Cat(text.empty() ? "" : ", ", ShortName(name), ": ", rule.get<std::string>());
  }
  return text;
}

std::string ClockText(const Json& type) {
  if (type["clock"] != "device") return "server";
  return Cat("device, skew to ", AgeWords(absl::Milliseconds(type["max_skew_ms"].get<int64_t>())));
}

std::string DuplicateText(const Json& type) {
  if (!type.contains("duplicate_key")) return "";
  const Json& key = type["duplicate_key"];
  const int64_t period_ms = key["period_ms"].get<int64_t>();
  return Cat(Joined(key["fields"]), ": ", key["outcome"].get<std::string>(), ", ",
             period_ms == 0 ? "for good" : AgeWords(absl::Milliseconds(period_ms)));
}

std::string Cell(const Json& field, const char* name) {
  if (!field.contains(name)) return "";
  const Json& value = field[name];
  if (value.is_boolean()) return "yes";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void PrintTables(const Json& types) {
  Table rules({"event type", "entity", "key", "rule", "with others", "clock", "duplicate key"});
  Table fields({"field", "on clash", "required", "min", "max", "max len", "volatile"});
  for (const Json& type : types) {
    const std::string name = ShortName(type["type"]);
    rules.Add({name, type["entity"], type["key"], type["rule"], PairsText(type["pairs"]),
               ClockText(type), DuplicateText(type)});
    for (const Json& field : type["fields"]) {
      const bool key = field.contains("key");
      fields.Add({Cat(name, ".", field["name"].get<std::string>(), key ? " (key)" : ""),
                  Cell(field, "on_clash"), key ? "yes" : Cell(field, "required"),
                  Cell(field, "min"), Cell(field, "max"), Cell(field, "max_len"),
                  Cell(field, "volatile")});
    }
  }
  rules.Print();
  std::printf("\n");
  fields.Print();
}

absl::Status Show(const Options& options) {
  ASSIGN_OR_RETURN(const auto schema, LoadRules(options.schema_file));
  const Json types = RulesJson(*schema);
  if (options.json) {
    PrintJson({{"schema", Hex(schema->digest())}, {"types", types}});
  } else {
    PrintTables(types);
  }
  return absl::OkStatus();
}

}  // namespace

std::string EffectiveRuleWord(Rule rule) {
  return RuleWord(rule == RULE_UNSPECIFIED ? REVIEW : rule);
}

Json RulesJson(const Schema& schema) {
  Json types = Json::array();
  for (const auto& [name, type] : schema.types()) types.push_back(TypeJson(type, schema));
  return types;
}

void RegisterRulesShow(CLI::App& rules, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      AddCommand(rules, "show", "The rules of every event type and field, as they take effect.");
  AddSchema(command, &options->schema_file);
  AddJson(command, &options->json);
  OnRun(command, exit_code, [options] { return Show(*options); });
}

}  // namespace intentlog
