// Events of a whole log, as a server has it.
#pragma once

#include <memory>

#include "eventlog/log/event_log.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/event_finder.h"

namespace intentlog {

// The log must outlive it. Keeps the block that it read last: neighbours cost little.
class LogEventFinder final : public EventFinder {
 public:
  LogEventFinder(const EventLog& log, std::shared_ptr<const Schema> schema)
      : log_(log), decoder_(std::move(schema)) {}
  absl::StatusOr<const Event*> At(std::string_view scope, Position position) override;

 private:
  const EventLog& log_;
  EventDecoder decoder_;
  std::unique_ptr<BlockReader> reader_;
};

}  // namespace intentlog
