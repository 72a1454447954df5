// What is recorded in a World, and the memory of what was acknowledged.
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tests/simulation/world.h"

namespace intentlog::simulation {

// Remembers what was acknowledged, and how. A dying process tells nobody.
absl::StatusOr<Appended> World::Note(const std::string& name, absl::StatusOr<Appended> appended,
                                     Durability durability) {
  DeviceNode& node = devices_.at(name);
  if (node.life->dying()) return Unavailable(name, " died");
  trace_.Step(name, "records ",
              appended.ok() ? Cat("count ", appended->count, " of class ", int{appended->priority})
                            : Cat("nothing: ", appended.status()));
  if (appended.ok() && !appended->repeated) {
    node.acknowledged.emplace_back(LogPlace{appended->priority, appended->count},
                                   appended->intent_id);
  }
  if (appended.ok() && watcher_ != nullptr) watcher_->OnAppended(name, *appended, durability);
  return appended;
}

absl::StatusOr<Appended> World::Resolve(const std::string& name, Position conflict,
                                        intentlog::Verdict verdict, const DecideOptions& options) {
  return Note(name, device(name).Resolve(conflict, verdict, options));
}

absl::StatusOr<Appended> World::Amend(const std::string& name, const IntentId& intent,
                                      const google::protobuf::Message& event) {
  return Note(name, device(name).Amend(intent, event));
}

absl::StatusOr<Appended> World::Dismiss(const std::string& name, const IntentId& intent,
                                        const DecideOptions& options) {
  return Note(name, device(name).Dismiss(intent, options));
}

Appended World::Append(const std::string& name, const google::protobuf::Message& event,
                       const AppendOptions& options) {
  return AppendOwn(name, *Convert(event), options);
}

Appended World::AppendOwn(const std::string& name, const google::protobuf::Message& event,
                          const AppendOptions& options) {
  const auto appended = Note(name, device(name).Append(event, options), options.durability);
  if (!appended.ok()) CheckFailed(__FILE__, __LINE__, appended.status().ToString().c_str());
  return *appended;
}

absl::StatusOr<Appended> World::TryAppend(const std::string& name,
                                          const google::protobuf::Message& event,
                                          const AppendOptions& options) {
  return Note(name, device(name).Append(event, options), options.durability);
}

absl::StatusOr<std::vector<Appended>> World::TryAppendAll(
    const std::string& name, const std::vector<const google::protobuf::Message*>& events,
    const AppendOptions& options) {
  std::vector<NewIntent> intents;
  intents.reserve(events.size());
  for (const auto* event : events) intents.push_back({event, IntentId(), options.scope});
  auto appended = device(name).AppendAll(intents, options);
  if (!appended.ok()) return Note(name, appended.status()).status();
  for (const Appended& one : *appended) {
    RETURN_IF_ERROR(Note(name, one, options.durability).status());
  }
  return appended;
}

void World::AppendAll(const std::string& name,
                      const std::vector<const google::protobuf::Message*>& events,
                      const std::string& scope) {
  std::vector<std::unique_ptr<google::protobuf::Message>> converted;
  std::vector<const google::protobuf::Message*> own;
  for (const auto* event : events) {
    converted.push_back(Convert(*event));
    own.push_back(converted.back().get());
  }
  AppendOptions options;
  options.scope = scope;
  INTENTLOG_CHECK(TryAppendAll(name, own, options).ok());
}

std::unique_ptr<google::protobuf::Message> World::Convert(
    const google::protobuf::Message& event) const {
  const EventType* const type = schema_->Find(event.GetDescriptor()->full_name());
  INTENTLOG_CHECK(type != nullptr);
  auto converted = type->NewPayload();
  INTENTLOG_CHECK(converted->ParseFromString(event.SerializeAsString()));
  return converted;
}

}  // namespace intentlog::simulation
