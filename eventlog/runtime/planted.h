// Planted bugs: mistakes that a program like this could have, each in its place behind a switch, so
// that it can be shown that the tests find them (tests/README.md).
//
//   if (Planted(Bug::kGapAccepted)) …   // nothing of it is in a release: a constant that is false
//
// With INTENTLOG_PLANTED_BUGS one at a time can be switched on, before anything runs.
#pragma once

namespace intentlog {

enum class Bug {
  kNone,
  // ---- a device
  kAcknowledgedBeforeSync,  // an append that should be durable is not synced
  kSyncErrorIgnored,        // a sync that failed counts as one that did not
  kGoesOnAfterFailedWrite,  // store and outbox do not stop
  kPushedBeforeSync,        // what a power cut may take is sent
  kCursorFirst,             // a cursor moves in a write before that of its rows
  kRepeatNotFound,          // an intent_id that was recorded is recorded again
  kReconcileDropsLast,      // the last run of receipts is not noted
  kSettlementForgotten,     // how an open intent ended is not noted
  kOverlayDropsReceipted,   // pending work vanishes before its feed has come
  kOverlayKeepsConfirmed,   // … or stays when that has come
  kTrimsUnsafe,             // intents go that are not known to be safe
  kPushCutsBatch,           // a push ends within a batch
  kWaitsByWallClock,        // a wall clock that is set back keeps a device waiting
  kLostScopesStay,          // rows of a scope that is not followed any more stay
  kLossIgnored,             // what a restored server lost counts as synced
  // ---- a server
  kReceiptBeforeSync,    // the log's writes are not synced
  kReceiptBeforeCommit,  // receipts leave while the write is on its way
  kGapAccepted,          // counts may be left out
  kForgetsOldCounts,     // what lies three counts back is new again
  kForgetsOnRestart,     // the highest count is known in memory alone
  kSessionNotCounted,    // every session of a device has the same number
  kServerTimeFalls,      // server time is the wall clock's
  kReopensNever,         // after a failed write the stores stay closed
  kReleaseForgotten,     // what waited behind a closed event stays parked
  kReleasedOvertakes,    // … or is overtaken before its turn comes
  kUnknownTypeRejected,  // an event of a newer type is refused, not parked
  kSchemaWaitForgotten,  // … or parked for good
  kHistorySkipsOne,      // the first event of a stretch of history is left out
  kLiveSkipsScopes,      // live feed tells each scope's first event of a group alone
  kCheckpointFirst,      // read models count as folded before they are
  kPoisonBlocks,         // an event that can not be folded stops everything
  kForkUnseen,           // other work under a count that is known counts as a repeat
  kWentBackUnseen,       // a log that went back without a word begins no new epoch
  kRestoredIsRefused,    // what had taken effect before a restore is admitted like what is new
  kCount,
};

#if defined(INTENTLOG_PLANTED_BUGS)
inline Bug planted_bug = Bug::kNone;
inline bool Planted(Bug bug) { return planted_bug == bug; }
#else
constexpr bool Planted(Bug) { return false; }
#endif

}  // namespace intentlog
