// A TestEntity is one entity, kept twice: as the summary that Admit sees, and as the whole list
// that the naive rules see. For tests.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/schema/schema.h"
#include "proto/store.pb.h"
#include "server/admit/admission.h"
#include "server/admit/naive_admit.h"

namespace intentlog {

LogId TestLog(int number);
// Clocks that agree, at this server time, and never stepped.
ClockFacts GoodClock(int64_t server_now_us);

// What a user did. Fields by name: text as it is, numbers in decimal.
struct Deed {
  std::string type;
  std::map<std::string, std::string> fields;
  std::vector<OwnLog> own_logs = {TestLog(0)};
  uint64_t base = 0;
  int64_t device_time_us = 1000;
  ClockFacts clock = GoodClock(1'000'000);
};

class TestEntity {
 public:
  // Types of `schema` have `key` as their key, and are about `entity_type`.
  TestEntity(std::shared_ptr<const Schema> schema, std::string entity_type, std::string key)
      : schema_(std::move(schema)), entity_type_(std::move(entity_type)), key_(std::move(key)) {}

  Verdict Ask(const Deed& deed) const;
  NaiveVerdict AskNaively(const Deed& deed) const;
  // At the next position, if it is effective by that verdict.
  void Add(const Deed& deed, const Verdict& verdict);
  // Asks, adds, and says what became of it.
  Verdict Do(const Deed& deed);

  // Fields by name, so that it can be compared.
  NaiveVerdict Plain(const Deed& deed, const Verdict& verdict) const;

  uint64_t position() const { return position_; }
  const EntitySummary& summary() const { return summary_; }
  EntitySummary& summary() { return summary_; }
  void Use(std::shared_ptr<const Schema> schema) {
    earlier_.push_back(std::exchange(schema_, std::move(schema)));
  }
  std::shared_ptr<google::protobuf::Message> PayloadOf(const Deed& deed) const;
  const EventType& TypeOf(const Deed& deed) const { return *schema_->Find(deed.type); }

 private:
  Intent IntentOf(const Deed& deed) const;
  NaiveEvent EventOf(const Deed& deed) const;

  // Payloads of events point into the schema they were made with.
  std::vector<std::shared_ptr<const Schema>> earlier_;
  std::shared_ptr<const Schema> schema_;
  const std::string entity_type_;
  const std::string key_;
  EntitySummary summary_;
  std::vector<NaiveEvent> effective_;
  uint64_t position_ = 0;
};

}  // namespace intentlog
