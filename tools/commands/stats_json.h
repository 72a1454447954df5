// A server's figures as the object that `events stats` prints. Pure.
#pragma once

#include "proto/store.pb.h"
#include "tools/commands/json.h"

namespace intentlog {

Json StatsJson(const StatsReply& stats);

}  // namespace intentlog
