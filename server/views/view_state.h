// What an operator asks of a view, and is told of it. Values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "eventlog/runtime/numbers.h"
#include "proto/store.pb.h"

namespace intentlog {

enum class RebuildFrom {
  kStart,          // the first event: what a rebuild after a bug or damage must begin with
  kSnapshot,       // the newest one of the same code
  kSnapshotIfAny,  // that, or the first event
};

struct RebuildWanted {
  size_t workers = 1;                  // threads; no more than the server has for it
  uint64_t events_per_second_max = 0;  // 0: as fast as it goes
  RebuildFrom from = RebuildFrom::kStart;
};

enum class ViewSwitch {
  kActivate,  // the shadow takes the place of the live build
  kRollBack,  // what was live before is live again, and the other way round
  kCancel,    // the shadow goes away, whether it is ready or not
};

struct ViewState {
  ViewRecord record;
  Position folded;  // through which the live build is folded
  Position head;    // of the log
  // Of the shadow.
  bool rebuilding = false;
  Position through;
  double events_per_second = 0;
  absl::Status last;               // how the last rebuild ended
  int64_t roll_back_until_us = 0;  // server time; 0: there is nothing to roll back to
};

}  // namespace intentlog
