// An Admitter asks Admit: it brings what Admit looks at (payloads by the schema, the first event
// with a duplicate key, the content of a batch) and decides a batch as one. It keeps the rows about
// duplicate keys and about the types that the log holds.
//
// Reads the log where a type has a duplicate key, and nowhere else. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "eventlog/schema/schema.h"
#include "eventlog/schema/violation.h"
#include "google/protobuf/message.h"
#include "proto/event.pb.h"
#include "proto/store.pb.h"
#include "server/admit/admission.h"
#include "server/admit/summary.h"
#include "server/sequencer/log_ahead.h"

namespace intentlog {

// One intent on its way to a decision.
struct Candidate {
  const Intent* intent = nullptr;     // null: it does not parse
  EntitySummary* summary = nullptr;   // null: it has no lane
  absl::Span<const OwnLog> own_logs;  // its own device log first, then those that it continues
  ClockFacts clock;
  Position base_least;  // of who decided about what was before it
  // Of an event that is admitted again; 0: a new one.
  uint64_t position = 0;
  bool asks_key = true;  // false: a person decided about its duplicate key

  // ---- what was found
  Verdict verdict;
  Footprint footprint;    // of what is effective
  uint64_t key_hash = 0;  // 0: it has no duplicate key
  uint64_t content = 0;   // of its whole batch; of those that have such a key
  std::optional<int64_t> trusted_time_us;
  std::optional<FirstWithKey> first;  // with the same key
  bool gave_scope = false;
};

class Admitter {
 public:
  // `ahead` must outlive the admitter.
  Admitter(std::shared_ptr<const Schema> schema, LogAhead& ahead);

  // Reads which types the log holds. FAILED_PRECONDITION names one that the schema lacks.
  absl::Status Load();
  const Schema& schema() const { return *schema_; }
  // From now on decides by it. FAILED_PRECONDITION, and nothing changes, if it lacks a type that
  // the log holds.
  absl::Status Adopt(std::shared_ptr<const Schema> schema);
  absl::Status MayAdopt(const Schema& schema) const;

  // Decides the members of one batch, in the group in hand.
  absl::Status Admit(absl::Span<Candidate> batch);

  // The event has its place now: it may be the first with its key.
  void NoteKey(const Candidate& candidate, uint64_t position);
  // The open event with this key was closed without effect; true if it was the first.
  absl::StatusOr<bool> DropKey(uint64_t key_hash, uint64_t position);

 private:
  struct Payload {
    const EventType* type = nullptr;
    std::unique_ptr<google::protobuf::Message> message;
  };

  Payload* PayloadOf(const std::string& type);
  // The payload in today's form. Null if it cannot be read; then `unreadable_` may say why.
  const google::protobuf::Message* Parse(const Intent& intent, const EventType** type);
  absl::Status AdmitOne(Candidate& candidate, uint64_t batch_content);
  absl::Status FindFirst(const EventType& type, const google::protobuf::Message& payload,
                         Candidate& candidate);
  uint64_t ContentOf(absl::Span<const Candidate> batch);
  void AskWithinBatch(absl::Span<const Candidate> batch);
  void Hold(const std::string& type);

  std::shared_ptr<const Schema> schema_;
  LogAhead& ahead_;
  std::set<std::string, std::less<>> held_;

  // Reused.
  std::unordered_map<std::string, Payload> payloads_;  // by full name; of known types
  std::string last_name_;
  Payload* last_ = nullptr;
  std::optional<Violation> unreadable_;
  std::vector<Verdict> verdicts_;
};

}  // namespace intentlog
