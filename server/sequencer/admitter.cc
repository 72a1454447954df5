#include "server/sequencer/admitter.h"

#include <map>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "server/admit/admit.h"
#include "server/admit/batch.h"
#include "server/admit/clock.h"
#include "server/admit/content.h"
#include "server/admit/decided.h"
#include "server/admit/settle.h"
#include "server/sequencer/server_rows.h"

namespace intentlog {

Admitter::Admitter(std::shared_ptr<const Schema> schema, LogAhead& ahead)
    : schema_(std::move(schema)), ahead_(ahead) {}

// ---- the schema

absl::Status Admitter::Load() {
  held_.clear();
  last_ = nullptr;
  last_name_.clear();
  payloads_.clear();
  ASSIGN_OR_RETURN(const std::optional<TypesHeld> row,
                   ahead_.index().GetRow<TypesHeld>(TypesKey()));
  if (row) held_.insert(row->types().begin(), row->types().end());
  return MayAdopt(*schema_);
}

absl::Status Admitter::MayAdopt(const Schema& schema) const {
  for (const std::string& type : held_) {
    if (schema.types().find(type) != schema.types().end()) continue;
    return FailedPrecondition("the schema lacks ", type,
                              ", of which the log holds events; a type may change, and stays");
  }
  return absl::OkStatus();
}

absl::Status Admitter::Adopt(std::shared_ptr<const Schema> schema) {
  RETURN_IF_ERROR(MayAdopt(*schema));
  last_ = nullptr;
  last_name_.clear();
  payloads_.clear();
  schema_ = std::move(schema);
  return absl::OkStatus();
}

void Admitter::Hold(const std::string& type) {
  if (!held_.insert(type).second) return;
  TypesHeld row;
  for (const std::string& name : held_) row.add_types(name);
  ahead_.index().Put(TypesKey(), row.SerializeAsString());
}

// ---- payloads

Admitter::Payload* Admitter::PayloadOf(const std::string& type) {
  if (last_name_ == type) return last_;
  last_name_ = type;
  const auto known = payloads_.find(type);
  if (known != payloads_.end()) return last_ = &known->second;
  const EventType* const found = schema_->Find(type);
  // Short names serve people; what is recorded carries the full one.
  if (found == nullptr || found->name() != type) return last_ = nullptr;
  Hold(type);
  Payload& payload = payloads_[type];
  payload.type = found;
  payload.message = found->NewPayload();
  return last_ = &payload;
}

const google::protobuf::Message* Admitter::Parse(const Intent& intent, const EventType** type) {
  Payload* const payload = PayloadOf(intent.type());
  unreadable_.reset();
  *type = payload == nullptr ? nullptr : payload->type;
  if (payload == nullptr) return nullptr;
  google::protobuf::Message* const message = payload->message.get();
  if (!payload->type->IsFormer(intent.schema_version())) {
    return message->ParseFromString(intent.payload()) ? message : nullptr;
  }
  unreadable_ = payload->type->Read(intent.schema_version(), intent.payload(), *message);
  return unreadable_ ? nullptr : message;
}

// ---- admitting

absl::Status Admitter::FindFirst(const EventType& type, const google::protobuf::Message& payload,
                                 Candidate& candidate) {
  const std::optional<uint64_t> hash = DuplicateKeyHash(type, payload);
  if (!hash) return absl::OkStatus();
  candidate.key_hash = *hash;
  candidate.trusted_time_us = TrustedTime(type, *candidate.intent, candidate.clock);
  ASSIGN_OR_RETURN(candidate.first, ahead_.index().GetRow<FirstWithKey>(FirstWithKeyKey(*hash)));
  return absl::OkStatus();
}

absl::Status Admitter::AdmitOne(Candidate& candidate, uint64_t batch_content) {
  AdmitInput input;
  input.schema = schema_.get();
  input.own_logs = candidate.own_logs;
  input.intent = candidate.intent;
  input.entity = candidate.summary;
  input.clock = candidate.clock;
  input.batch_content = batch_content;
  if (candidate.intent != nullptr) {
    const Intent& intent = *candidate.intent;
    if (IsControlType(intent.type()) || IsServersType(intent.type())) {
      candidate.verdict =
          Decided(REJECTED, Reason::MALFORMED, "type",
                  IsServersType(intent.type())
                      ? Cat("only the server writes ", intent.type())
                      : Cat(intent.type(), " is decided by itself, and cannot be one of a batch"));
      return absl::OkStatus();
    }
    input.payload = Parse(intent, &input.type);
    if (unreadable_) input.unreadable = &*unreadable_;
    ASSIGN_OR_RETURN(const LogAhead::Place base, ahead_.PlaceOf(intent.based_on()));
    input.base_ahead = base.ahead;
    input.base = std::max(base.at, candidate.base_least);
    if (input.payload != nullptr && !input.type->duplicate_key().empty()) {
      RETURN_IF_ERROR(FindFirst(*input.type, *input.payload, candidate));
      candidate.content =
          batch_content != 0 ? batch_content : ContentHash(*input.type, *input.payload);
      const bool is_itself = candidate.first && candidate.first->position() == candidate.position;
      if (candidate.first && candidate.asks_key && !is_itself) {
        input.first_with_key = &*candidate.first;
      }
    }
  }
  candidate.verdict = intentlog::Admit(input);
  // A person may let take effect what Admit would not.
  const bool may_take_effect = IsEffective(candidate.verdict.decision) || candidate.position != 0;
  if (may_take_effect && input.payload != nullptr) {
    candidate.footprint = FootprintOf(*input.type, *input.payload, *input.intent, input.clock);
  }
  // Later members of the same batch see the scope already.
  if (candidate.summary != nullptr && candidate.summary->scope().empty() &&
      candidate.verdict.decision != REJECTED) {
    candidate.summary->set_scope(candidate.intent->scope());
    candidate.gave_scope = true;
  }
  return absl::OkStatus();
}

// Of the whole batch, if any of its members has a duplicate key; otherwise nobody asks.
uint64_t Admitter::ContentOf(absl::Span<const Candidate> batch) {
  bool asked = false;
  for (const Candidate& one : batch) {
    if (one.intent == nullptr) return 0;
    const Payload* const payload = PayloadOf(one.intent->type());
    asked = asked || (payload != nullptr && !payload->type->duplicate_key().empty());
  }
  if (!asked) return 0;
  std::vector<uint64_t> contents;
  contents.reserve(batch.size());
  for (const Candidate& one : batch) {
    const EventType* type = nullptr;
    const google::protobuf::Message* const payload = Parse(*one.intent, &type);
    contents.push_back(payload == nullptr ? 0 : ContentHash(*type, *payload));
  }
  return BatchContent(contents);
}

// Each member was asked for its duplicate key before the others were there.
void Admitter::AskWithinBatch(absl::Span<const Candidate> batch) {
  std::map<uint64_t, size_t> first_with;  // members, by key
  for (size_t m = 0; m < batch.size(); ++m) {
    if (batch[m].key_hash == 0 || !batch[m].asks_key) continue;
    const auto [first, added] = first_with.emplace(batch[m].key_hash, m);
    if (added || !IsEffective(verdicts_[m].decision)) continue;
    verdicts_[m] = Decided(CONFLICTED, Reason::SUSPECTED_DUPLICATE, "",
                           Cat("has the duplicate key of member ", first->second + 1,
                               " of its batch; a person decides"));
  }
}

absl::Status Admitter::Admit(absl::Span<Candidate> batch) {
  if (batch.size() == 1) {
    RETURN_IF_ERROR(AdmitOne(batch[0], 0));
  } else {
    const uint64_t content = ContentOf(batch);
    verdicts_.clear();
    for (Candidate& member : batch) {
      RETURN_IF_ERROR(AdmitOne(member, content));
      verdicts_.push_back(std::move(member.verdict));
    }
    AskWithinBatch(batch);
    DecideAsOne(absl::MakeSpan(verdicts_));
    for (size_t m = 0; m < batch.size(); ++m) batch[m].verdict = std::move(verdicts_[m]);
  }
  for (Candidate& member : batch) {
    if (member.gave_scope && member.verdict.decision == REJECTED) member.summary->clear_scope();
  }
  return absl::OkStatus();
}

// ---- duplicate keys

// What is parked or rejected is not the first: it is admitted again before it takes effect, and
// then asks again.
void Admitter::NoteKey(const Candidate& candidate, uint64_t position) {
  const Decision decision = candidate.verdict.decision;
  if (candidate.key_hash == 0 || !(IsEffective(decision) || decision == CONFLICTED)) return;
  const bool is_itself = candidate.first && candidate.first->position() == position;
  // One that was admitted although there is a first comes after its period, and begins a new one.
  const bool begins_period = IsEffective(decision) && candidate.asks_key;
  if (candidate.first && !is_itself && !begins_period) return;
  FirstWithKey row;
  row.set_position(position);
  row.set_decision(decision);
  row.set_content(candidate.content);
  row.set_time_trusted(candidate.trusted_time_us.has_value());
  row.set_device_time_us(candidate.trusted_time_us.value_or(0));
  ahead_.index().Put(FirstWithKeyKey(candidate.key_hash), row.SerializeAsString());
}

absl::StatusOr<bool> Admitter::DropKey(uint64_t key_hash, uint64_t position) {
  if (key_hash == 0) return false;
  const std::string key = FirstWithKeyKey(key_hash);
  ASSIGN_OR_RETURN(const std::optional<FirstWithKey> first,
                   ahead_.index().GetRow<FirstWithKey>(key));
  if (!first || first->position() != position) return false;
  ahead_.index().Delete(key);
  return true;
}

}  // namespace intentlog
