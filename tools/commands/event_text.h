// Events as one line for people and as objects for --json. Pure.
#pragma once

#include <memory>
#include <string>

#include "eventlog/log/block.h"
#include "eventlog/schema/schema.h"
#include "tools/commands/json.h"

namespace intentlog {

// position  time  device log  count  decision  entity  type  payload, cut to `columns` (0: whole).
std::string EventLine(const EventRef& event, const Schema& schema, size_t columns);
Json EventJson(const EventRef& event, const Schema& schema);

}  // namespace intentlog
