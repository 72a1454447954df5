// A device's folder: the feed as it came, the device's own intents, and its views.
#include <algorithm>
#include <utility>

#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "tools/commands/feed_reader.h"
#include "tools/commands/folder.h"
#include "tools/commands/open_device.h"
#include "tools/commands/source.h"
#include "tools/commands/status_json.h"

namespace intentlog {
namespace {

// Intents are read in steps of this many.
constexpr size_t kStep = 500;

class DeviceFolder final : public Source {
 public:
  DeviceFolder(Domain domain, OpenDevice device, bool confirmed)
      : Source(std::move(domain)),
        device_(std::move(device)),
        reading_(confirmed ? Client::Reading::kConfirmed : Client::Reading::kOptimistic) {}

  absl::Status ReadEvents(const EventsWanted& wanted, const TakeEvent& take) override {
    uint64_t left = wanted.limit == 0 ? UINT64_MAX : wanted.limit;
    FeedReader feed(client().store(), Scopes(), std::max(wanted.from, Position(1)));
    for (; left > 0; --left) {
      ASSIGN_OR_RETURN(const EventRef* event, feed.Next());
      if (event == nullptr) break;
      if (!take(*event)) return absl::OkStatus();
    }
    return EachIntent([&](const Client::RecordedIntent& intent) {
      if (intent.position.value() != 0) return true;
      if (left == 0) return false;
      --left;
      const std::string bytes = intent.intent.SerializeAsString();
      EventRef event;
      event.scope = intent.intent.scope();
      event.intent = bytes;
      return take(event);
    });
  }

  absl::StatusOr<Reach> EventsThrough() override {
    const std::vector<ScopeStatus> scopes = client().Status().scopes;
    if (scopes.empty()) return Reach();
    const auto by_cursor = [](const auto& a, const auto& b) { return a.cursor < b.cursor; };
    const auto [least, most] = std::minmax_element(scopes.begin(), scopes.end(), by_cursor);
    Reach reach{least->cursor, least->scope, most->cursor, Position(), ""};
    for (const ScopeStatus& scope : scopes) {
      if (scope.held_after <= reach.held_after) continue;
      reach.held_after = scope.held_after;
      reach.held_scope = scope.scope;
    }
    return reach;
  }

  absl::StatusOr<Json> Stats() override {
    Json json = StatusJson(client().Status());
    FeedReader feed(client().store(), Scopes(), Position(1));
    uint64_t events = 0;
    while (true) {
      ASSIGN_OR_RETURN(const EventRef* event, feed.Next());
      if (event == nullptr) break;
      ++events;
    }
    json["feed_events"] = events;
    json["feed_blocks"] = feed.blocks();
    return json;
  }

  absl::StatusOr<Verified> Verify() override {
    Verified verified;
    FeedReader feed(client().store(), Scopes(), Position(1));
    while (true) {
      const absl::StatusOr<const EventRef*> event = feed.Next();
      if (!event.ok()) {
        verified.problems.push_back(std::string(MessageOf(event.status())));
        break;
      }
      if (*event == nullptr) break;
      if ((*event)->position <= verified.head) {
        verified.problems.push_back(Cat("position ", (*event)->position, " is there twice"));
      }
      verified.head = (*event)->position;
      ++verified.events;
    }
    verified.blocks = feed.blocks();
    LogPlace wanted;
    const absl::Status intents = EachIntent([&](const Client::RecordedIntent& intent) {
      ++verified.intents;
      // What comes before the first one that is kept was trimmed.
      const bool first = verified.intents == 1 || intent.priority != wanted.priority;
      wanted = {intent.priority, first ? intent.count : wanted.count.Next()};
      if (intent.count != wanted.count) {
        verified.problems.push_back(
            Cat("count ", wanted.count, " of class ", int{wanted.priority}, " is missing"));
        return false;
      }
      return true;
    });
    if (!intents.ok()) verified.problems.push_back(std::string(MessageOf(intents)));
    RETURN_IF_ERROR(AddRows(client().models().Freeze(), verified));
    return verified;
  }

  absl::StatusOr<std::vector<ViewSummary>> Views() override {
    std::vector<ViewSummary> views;
    for (const auto& projection : domain().projections) {
      const ProjectionInfo info = projection->info();
      ASSIGN_OR_RETURN(std::vector<ScopeState> scopes, client().Digests(info.name));
      views.push_back({info.name, info.version, std::move(scopes)});
    }
    return views;
  }

  absl::StatusOr<Position> Dump(const std::string& view, const TakeRow& take) override {
    ASSIGN_OR_RETURN(const Reach reach, EventsThrough());
    ASSIGN_OR_RETURN(const auto cursor, client().Scan(view, "", reading_));
    while (true) {
      ASSIGN_OR_RETURN(const MergedRow* row, cursor->Next());
      if (row == nullptr) return reach.last;
      RETURN_IF_ERROR(take(row->key, row->row));
    }
  }

  absl::StatusOr<std::optional<Row>> Get(const std::string& view, const std::string& key) override {
    return client().Get(view, key, reading_);
  }

  absl::StatusOr<RowPage> Page(const std::string& view, const PageWanted& wanted) override {
    return client().Page(view, wanted, reading_);
  }

 private:
  Client& client() const { return *device_.client; }

  std::vector<std::string> Scopes() const {
    std::vector<std::string> scopes;
    for (const ScopeStatus& scope : client().Status().scopes) scopes.push_back(scope.scope);
    return scopes;
  }

  template <class Take>
  absl::Status EachIntent(Take take) const {
    for (LogPlace from;;) {
      ASSIGN_OR_RETURN(const auto intents, client().List(from, kStep));
      if (intents.empty()) return absl::OkStatus();
      for (const Client::RecordedIntent& intent : intents) {
        if (!take(intent)) return absl::OkStatus();
      }
      from = intents.back().next();
    }
  }

  OpenDevice device_;
  const Client::Reading reading_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> OpenDeviceFolderSource(const SourceOptions& options) {
  ASSIGN_OR_RETURN(Domain domain, LoadDomain(options.schema_file));
  DeviceFolderOptions folder;
  folder.dir = options.dir;
  folder.schema_file = options.schema_file;
  absl::StatusOr<OpenDevice> device = OpenDeviceFolder(folder);
  if (!device.ok()) return device.status();
  return std::unique_ptr<Source>(
      std::make_unique<DeviceFolder>(std::move(domain), std::move(*device), options.confirmed));
}

}  // namespace intentlog
