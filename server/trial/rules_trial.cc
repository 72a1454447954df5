#include "server/trial/rules_trial.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "google/protobuf/message.h"
#include "server/admit/admit.h"
#include "server/admit/batch.h"
#include "server/admit/clock.h"
#include "server/admit/content.h"
#include "server/admit/summary.h"
#include "server/trial/recorded_clock.h"
#include "server/trial/trial_state.h"

namespace intentlog {
namespace {

// Of every event that may have stood in the log: types that are not the application's.
constexpr std::string_view kControls[] = {"intentlog.Resolve", "intentlog.Amend",
                                          "intentlog.Dismiss"};
constexpr std::string_view kServers[] = {"intentlog.Settlement", "intentlog.SchemaAdopted",
                                         "intentlog.Unpark"};

template <size_t N>
bool IsOneOf(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(names, names + N, name) != names + N;
}

// An event on its way to the trial's decision.
struct Candidate {
  Header header;
  Intent intent;
  std::array<ClockFacts, 3> clock;
  // ---- found
  Verdict verdict;
  Footprint footprint;
  uint64_t key_hash = 0;
  uint64_t content = 0;
  std::optional<int64_t> trusted_time_us;
  bool has_first = false;
  bool gave_scope = false;
};

bool SameWithout(const Header& header, const Verdict& verdict) {
  if (header.without_all() || verdict.without_all) {
    return header.without_all() == verdict.without_all;
  }
  std::vector<uint32_t> was(header.without().begin(), header.without().end());
  std::vector<uint32_t> is = verdict.without;
  std::sort(was.begin(), was.end());
  std::sort(is.begin(), is.end());
  return was == is;
}

bool Same(const Candidate& one) {
  return one.header.decision() == one.verdict.decision &&
         (!IsEffective(one.verdict.decision) || SameWithout(one.header, one.verdict));
}

bool AllSame(const std::vector<Candidate>& batch) {
  return std::all_of(batch.begin(), batch.end(), Same);
}

}  // namespace

struct RulesTrial::Rep {
  Rep(std::shared_ptr<const Schema> the_schema, std::vector<Epoch> the_epochs,
      const TrialOptions& the_options)
      : schema(std::move(the_schema)), epochs(std::move(the_epochs)), options(the_options) {}

  // The payload in today's form. Null if it cannot be read; then `unreadable` may say why.
  const google::protobuf::Message* Parse(const Intent& intent, const EventType** type);
  std::string_view EpochAt(uint64_t position) const;

  bool Continues(const Candidate& next) const;
  absl::Status DecideBatch();
  void AdmitAll(size_t facts);
  void AdmitOne(Candidate& one, size_t facts, uint64_t batch_content);
  void FindKey(const EventType& type, const google::protobuf::Message& payload,
               uint64_t batch_content, AdmitInput& input, Candidate& one);
  uint64_t BatchContentOf();
  void NoteKey(const Candidate& one);
  void Note(const Candidate& one);
  void AddSettlement(const Header& header, const Intent& intent);

  const std::shared_ptr<const Schema> schema;
  const std::vector<Epoch> epochs;
  const TrialOptions options;
  RecordedClocks clocks;
  TrialState state;
  TrialResult result;
  std::vector<Candidate> batch;  // being gathered
  size_t batch_size = 0;
  std::unordered_map<std::string, std::unique_ptr<google::protobuf::Message>> payloads;
  std::optional<Violation> unreadable;
};

RulesTrial::RulesTrial(std::shared_ptr<const Schema> schema, std::vector<Epoch> epochs,
                       const TrialOptions& options)
    : rep_(std::make_unique<Rep>(std::move(schema), std::move(epochs), options)) {}
RulesTrial::~RulesTrial() = default;

const TrialResult& RulesTrial::result() const { return rep_->result; }

absl::Status RulesTrial::Add(const EventRef& event) {
  Rep& rep = *rep_;
  Candidate one;
  if (!one.header.ParseFromArray(event.header.data(), static_cast<int>(event.header.size()))) {
    return DataLoss("the header at position ", event.position, " does not parse; run verify");
  }
  const bool parsed =
      one.intent.ParseFromArray(event.intent.data(), static_cast<int>(event.intent.size()));
  ++rep.result.events;
  // What does not parse is rejected by any rules, and has no lane.
  if (!parsed) return rep.DecideBatch();
  if (one.header.settlement_of() != 0) {
    RETURN_IF_ERROR(rep.DecideBatch());
    rep.AddSettlement(one.header, one.intent);
    return absl::OkStatus();
  }
  if (!rep.Continues(one)) RETURN_IF_ERROR(rep.DecideBatch());
  if (rep.batch.empty() &&
      (IsOneOf(one.intent.type(), kControls) || one.intent.entity_type().empty())) {
    return absl::OkStatus();
  }
  if (rep.batch.empty()) rep.batch_size = std::max<size_t>(1, one.intent.batch_size());
  one.clock = rep.clocks.Facts(one.header, one.intent);
  rep.batch.push_back(std::move(one));
  return rep.batch.size() < rep.batch_size ? absl::OkStatus() : rep.DecideBatch();
}

absl::Status RulesTrial::Finish() {
  RETURN_IF_ERROR(rep_->DecideBatch());
  rep_->result.still_open = rep_->state.open();
  rep_->result.entities = rep_->state.entities();
  return absl::OkStatus();
}

const google::protobuf::Message* RulesTrial::Rep::Parse(const Intent& intent,
                                                        const EventType** type) {
  unreadable.reset();
  *type = schema->Find(intent.type());
  // Short names serve people; what is recorded carries the full one.
  if (*type != nullptr && (*type)->name() != intent.type()) *type = nullptr;
  if (*type == nullptr) return nullptr;
  std::unique_ptr<google::protobuf::Message>& payload = payloads[intent.type()];
  if (payload == nullptr) payload = (*type)->NewPayload();
  if (!(*type)->IsFormer(intent.schema_version())) {
    return payload->ParseFromString(intent.payload()) ? payload.get() : nullptr;
  }
  unreadable = (*type)->Read(intent.schema_version(), intent.payload(), *payload);
  return unreadable ? nullptr : payload.get();
}

std::string_view RulesTrial::Rep::EpochAt(uint64_t position) const {
  std::string_view id;
  for (const Epoch& epoch : epochs) {
    if (epoch.first_position() <= position) id = epoch.id();
  }
  return id;
}

// Whether the event is the next one of the batch in hand.
bool RulesTrial::Rep::Continues(const Candidate& next) const {
  if (batch.empty()) return false;
  const Header& last = batch.back().header;
  return next.header.log_id() == last.log_id() && next.header.count() == last.count() + 1 &&
         next.header.position() == last.position() + 1;
}

// ---- deciding

void RulesTrial::Rep::FindKey(const EventType& type, const google::protobuf::Message& payload,
                              uint64_t batch_content, AdmitInput& input, Candidate& one) {
  if (type.duplicate_key().empty()) return;
  const std::optional<uint64_t> hash = DuplicateKeyHash(type, payload);
  one.content = batch_content != 0 ? batch_content : ContentHash(type, payload);
  if (!hash) return;
  one.key_hash = *hash;
  one.trusted_time_us = TrustedTime(type, one.intent, input.clock);
  input.first_with_key = state.FirstOf(*hash);
  one.has_first = input.first_with_key != nullptr;
}

void RulesTrial::Rep::AdmitOne(Candidate& one, size_t facts, uint64_t batch_content) {
  one.gave_scope = false;
  one.key_hash = 0;
  one.has_first = false;
  one.footprint = Footprint();
  if (IsOneOf(one.intent.type(), kControls) || IsOneOf(one.intent.type(), kServers)) {
    one.verdict = Verdict();
    one.verdict.decision = REJECTED;
    one.verdict.reason.set_text(Cat(one.intent.type(), " is no event of the application"));
    return;
  }
  const LogId log = LogId::FromBytes(one.header.log_id());
  const OwnLog own(log);
  EntitySummary* const summary = HasLane(one.intent) ? state.SummaryOf(one.intent) : nullptr;
  AdmitInput input;
  input.intent = &one.intent;
  input.schema = schema.get();
  input.entity = summary;
  input.own_logs = absl::MakeConstSpan(&own, 1);
  input.clock = one.clock[facts];
  input.batch_content = batch_content;
  input.payload = Parse(one.intent, &input.type);
  if (unreadable) input.unreadable = &*unreadable;
  const HistoryPoint& base = one.intent.based_on();
  if (!base.epoch_id().empty() && base.epoch_id() == EpochAt(one.header.position())) {
    input.base = Position(base.position());
    input.base_ahead = base.position() >= one.header.position();
  }
  if (input.payload != nullptr) FindKey(*input.type, *input.payload, batch_content, input, one);
  one.verdict = Admit(input);
  if (input.payload != nullptr) {
    one.footprint = FootprintOf(*input.type, *input.payload, one.intent, input.clock);
  }
  // Later members of the same batch see the scope already.
  if (summary != nullptr && summary->scope().empty() && one.verdict.decision != REJECTED) {
    summary->set_scope(one.intent.scope());
    one.gave_scope = true;
  }
}

// Of the whole batch, if any of its members has a duplicate key; otherwise nobody asks.
uint64_t RulesTrial::Rep::BatchContentOf() {
  if (batch.size() == 1) return 0;
  bool asked = false;
  std::vector<uint64_t> contents;
  for (const Candidate& one : batch) {
    const EventType* type = nullptr;
    const google::protobuf::Message* const payload = Parse(one.intent, &type);
    asked = asked || (type != nullptr && !type->duplicate_key().empty());
    contents.push_back(payload == nullptr ? 0 : ContentHash(*type, *payload));
  }
  return asked ? BatchContent(contents) : 0;
}

// Decides the batch by one of the clock facts that each member may have had.
void RulesTrial::Rep::AdmitAll(size_t facts) {
  const uint64_t content = BatchContentOf();
  for (Candidate& one : batch) AdmitOne(one, facts, content);
  if (batch.size() > 1) {
    std::vector<Verdict> verdicts;
    verdicts.reserve(batch.size());
    for (Candidate& one : batch) verdicts.push_back(std::move(one.verdict));
    DecideAsOne(absl::MakeSpan(verdicts));
    for (size_t i = 0; i < batch.size(); ++i) batch[i].verdict = std::move(verdicts[i]);
  }
  for (const Candidate& one : batch) {
    if (one.gave_scope) state.SummaryOf(one.intent)->clear_scope();
  }
}

absl::Status RulesTrial::Rep::DecideBatch() {
  if (batch.empty()) return absl::OkStatus();
  size_t facts = 0;
  AdmitAll(facts);
  while (!AllSame(batch) && facts + 1 < batch.front().clock.size()) AdmitAll(++facts);
  if (!AllSame(batch)) AdmitAll(0);
  for (Candidate& one : batch) {
    Note(one);
    NoteKey(one);
    TrialEvent event;
    event.position = Position(one.header.position());
    event.log = LogId::FromBytes(one.header.log_id());
    event.key_hash = one.key_hash;
    event.recorded = one.header.decision();
    event.footprint = std::move(one.footprint);
    event.verdict = std::move(one.verdict);
    one.intent.clear_payload();
    event.intent = std::move(one.intent);
    if (!HasLane(event.intent)) event.intent.clear_entity_type();
    state.Add(std::move(event));
  }
  batch.clear();
  if (state.entities() + state.keys() <= options.entities_max) return absl::OkStatus();
  return Exhausted(
      "the log has more than ", options.entities_max,
      " entities and duplicate keys; give the trial a larger limit, and memory for it");
}

// The first with a key is the first that took effect or that a person decides about.
void RulesTrial::Rep::NoteKey(const Candidate& one) {
  const Decision decision = one.verdict.decision;
  if (one.key_hash == 0 || !(IsEffective(decision) || decision == CONFLICTED)) return;
  // One that took effect although there is a first comes after its period, and begins a new one.
  if (one.has_first && !IsEffective(decision)) return;
  FirstWithKey first;
  first.set_position(one.header.position());
  first.set_decision(decision);
  first.set_content(one.content);
  first.set_time_trusted(one.trusted_time_us.has_value());
  first.set_device_time_us(one.trusted_time_us.value_or(0));
  state.SetFirst(one.key_hash, first);
}

// ---- what is told

void RulesTrial::Rep::Note(const Candidate& one) {
  TrialOfType& type = result.types[one.intent.type()];
  ++type.events;
  ++result.decided;
  if (Same(one)) return;
  ++type.changed;
  ++result.changed;
  TrialChange& change = type.changes[{one.header.decision(), one.verdict.decision}];
  ++change.events;
  if (change.examples.size() >= options.examples_max) return;
  change.examples.push_back({one.header.position(),
                             Cat(one.intent.entity_type(), "/", one.intent.entity_id()),
                             one.header.reason().text(), one.verdict.reason.text()});
}

void RulesTrial::Rep::AddSettlement(const Header& header, const Intent& intent) {
  Settlement settlement;
  if (!settlement.ParseFromString(intent.payload())) return;
  // What takes effect, by the trial's own schema.
  Intent effect = intent;
  effect.set_type(settlement.type());
  effect.set_schema_version(settlement.schema_version());
  effect.set_payload(settlement.payload());
  Footprint footprint;
  const EventType* type = nullptr;
  if (const google::protobuf::Message* const payload = Parse(effect, &type)) {
    footprint = FootprintOf(*type, *payload, effect, ClockFacts());
  }
  const bool held = state.Settle(Position(header.settlement_of()), Position(header.position()),
                                 settlement, footprint);
  ++(held ? result.settled : result.not_settled);
}

}  // namespace intentlog
