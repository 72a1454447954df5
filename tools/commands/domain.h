// A Domain is what a command knows of the application: event types and read models. Every command
// knows the shop's; --schema FILE adds another application's event types.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/read_models.h"

namespace CLI {
class App;
}

namespace intentlog {

struct Domain {
  std::shared_ptr<const Schema> schema;
  Projections projections;
};

// Adds --schema, the same in every subcommand.
void AddSchema(CLI::App& command, std::string* file);

// `schema_file` may be empty. INVALID_ARGUMENT or NOT_FOUND names the file.
absl::StatusOr<Domain> LoadDomain(const std::string& schema_file);

// The rules of a file, with those of the shop beside them. Unlike LoadDomain, where the file has
// the shop's event types itself, its rules hold for them: what they say is only looked at, so that
// no read model has to be compiled with them.
absl::StatusOr<std::shared_ptr<const Schema>> LoadRules(const std::string& schema_file);

// The whole of a file of at most `bytes_max`. NOT_FOUND, RESOURCE_EXHAUSTED; each names the file.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t bytes_max);

}  // namespace intentlog
