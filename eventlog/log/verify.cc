#include "eventlog/log/verify.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "eventlog/log/decision.h"
#include "eventlog/log/event_log_keys.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr size_t kProblemsMax = 100;  // more would not be read, and one damage causes many
constexpr std::string_view kRestore = "; keep a copy of the folder and restore it from a backup";

class Verifier {
 public:
  explicit Verifier(const EventLog& log) : log_(log), end_(log.head()) {}

  absl::StatusOr<LogVerification> Run() {
    const auto cursor = log_.engine().Read(log_.tenant(), Position(1));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, cursor->Next());
      if (!more) break;
      RETURN_IF_ERROR(CheckBlock(cursor->block()));
    }
    CheckEnd();
    RETURN_IF_ERROR(CheckRowCounts());
    found_.device_logs = logs_.size();
    found_.head = last_;
    return std::move(found_);
  }

 private:
  // How far one device log has come in the scan.
  struct LogState {
    Count count;
    ChainValue hash = {};
    intentlog::Run run;  // that holds `count`
  };

  template <class... Parts>
  void Problem(const Parts&... parts) {
    if (found_.problems.size() < kProblemsMax) found_.problems.push_back(Cat(parts...));
  }

  absl::Status CheckBlock(std::string_view bytes) {
    const auto parsed = BlockView::Parse(bytes);
    if (!parsed.ok()) {
      Problem("after position ", last_, ": ", parsed.status(), kRestore);
      chain_known_ = false;
      return absl::OkStatus();
    }
    const BlockView& block = *parsed;
    ++found_.blocks;
    if (block.first() != last_.Next()) {
      Problem("positions ", last_.Next(), " to ", block.first().value() - 1,
              " are missing or doubled", kRestore);
      chain_known_ = false;
    }
    for (size_t i = 0; i < block.size(); ++i) {
      const EventRef event = block.event(i);
      if (event.position != block.first().Plus(i)) {
        Problem("position ", block.first().Plus(i), " is missing inside its block", kRestore);
      }
      chain_ = NextChain(chain_, event.header, event.intent);
      RETURN_IF_ERROR(CheckEvent(event));
    }
    if (chain_known_ && chain_ != block.chain()) {
      Problem("the chain breaks between positions ", block.first(), " and ", block.last(),
              ": an event was changed, or is missing before", kRestore);
    }
    chain_ = block.chain();
    chain_known_ = true;
    last_ = block.last();
    return CheckScopeRows(block);
  }

  absl::Status CheckEvent(const EventRef& event) {
    ++found_.events;
    if (!header_.ParseFromArray(event.header.data(), static_cast<int>(event.header.size()))) {
      Problem("the header at position ", event.position, " does not parse", kRestore);
      return absl::OkStatus();
    }
    // What a device sent that is no intent is on record as rejected.
    const bool malformed = header_.decision() == REJECTED && event.scope.empty();
    if (!intent_.ParseFromArray(event.intent.data(), static_cast<int>(event.intent.size())) &&
        !malformed) {
      Problem("the event at position ", event.position, " does not parse", kRestore);
      return absl::OkStatus();
    }
    if (header_.position() != event.position.value()) {
      Problem("the header at position ", event.position, " names position ", header_.position(),
              kRestore);
    }
    if (header_.server_time_us() < server_time_us_) {
      Problem("server time goes back at position ", event.position, kRestore);
    }
    server_time_us_ = header_.server_time_us();
    CheckSettlement(event);
    if ((event.scope != intent_.scope() && !malformed) || event.in_feed != IsInFeed(header_)) {
      Problem("the block's directory and the event at position ", event.position, " differ",
              kRestore);
    }
    return CheckRun(event);
  }

  // A settlement closes what is open, once; one that turned leaves it open.
  void CheckSettlement(const EventRef& event) {
    const uint64_t of = header_.settlement_of();
    const Decision decision = header_.decision();
    if (of == 0) {
      const bool open = decision == CONFLICTED || decision == PARKED || decision == REJECTED;
      if (open && !event.scope.empty()) open_.insert(event.position.value());
      return;
    }
    Settlement settlement;
    if (!settlement.ParseFromString(intent_.payload()) || settlement.of() != of) {
      Problem("the settlement at position ", event.position, " and its header differ", kRestore);
    }
    const bool known = settlement.turned() ? open_.contains(of) : open_.erase(of) > 0;
    if (!known) {
      Problem("the settlement at position ", event.position, " closes position ", of,
              ", which is not open", kRestore);
    }
  }

  // Counts are dense, and the run that the index names for them says what the blocks hold.
  absl::Status CheckRun(const EventRef& event) {
    const LogId log = LogId::FromBytes(header_.log_id());
    const Count count(header_.count());
    LogState& state = logs_[log];
    if (count != state.count.Next()) {
      Problem("device log ", ToText(log), " goes from count ", state.count, " to ", count,
              " at position ", event.position, kRestore);
    }
    state.hash = NextLogHash(state.hash, event.intent);
    const bool in_run = count.value() >= state.run.first_count() &&
                        count.value() - state.run.first_count() < state.run.length();
    if (!in_run) {
      ASSIGN_OR_RETURN(const auto row, log_.GetIndex(RunKey(log, count)));
      state.run.Clear();
      if (!row.has_value() || !state.run.ParseFromString(*row)) {
        Problem("no run of device log ", ToText(log), " begins at count ", count, ", position ",
                event.position, kRestore);
        state.run.set_first_count(count.value());  // said once
        state.run.set_first_position(event.position.value());
        state.run.set_length(1);
      } else {
        ++runs_;
      }
    }
    state.count = count;
    CheckAgainstRun(event, log, state);
    return absl::OkStatus();
  }

  void CheckAgainstRun(const EventRef& event, const LogId& log, const LogState& state) {
    const uint64_t step = state.count.value() - state.run.first_count();
    if (state.run.first_count() > state.count.value() ||
        state.run.first_position() + step != event.position.value()) {
      Problem("the run of device log ", ToText(log), " puts count ", state.count,
              " elsewhere than position ", event.position, kRestore);
    }
    if (step + 1 == state.run.length() && !state.run.hash_after().empty() &&
        state.run.hash_after() != Bytes(state.hash)) {
      Problem("the hash of device log ", ToText(log), " at count ", state.count, ", position ",
              event.position, ", differs from its run's", kRestore);
    }
  }

  absl::Status CheckScopeRows(const BlockView& block) {
    for (const std::string_view scope : block.scopes()) {
      ASSIGN_OR_RETURN(const auto row, log_.GetIndex(ScopeKey(scope, block.last())));
      if (row.has_value()) {
        ++scope_rows_;
      } else {
        Problem("scope ", scope, " does not know the block that ends at position ", block.last(),
                kRestore);
      }
    }
    return absl::OkStatus();
  }

  void CheckEnd() {
    if (last_ < end_.position) {
      Problem("positions ", last_.Next(), " to ", end_.position, ", the head, are missing",
              kRestore);
    } else if (last_ == end_.position && last_ != Position() && chain_ != end_.chain) {
      Problem("the chain value at the head, ", last_, ", is not the one kept beside it", kRestore);
    }
    for (const auto& [log, state] : logs_) {
      if (state.count.value() + 1 != state.run.first_count() + state.run.length()) {
        Problem("the last run of device log ", ToText(log), " goes beyond count ", state.count,
                kRestore);
      }
    }
  }

  // Rows that no block accounts for.
  absl::Status CheckRowCounts() {
    ASSIGN_OR_RETURN(const uint64_t runs, CountRows(kRunPrefix));
    ASSIGN_OR_RETURN(const uint64_t scope_rows, CountRows(kScopePrefix));
    if (runs > runs_) Problem(runs - runs_, " runs lie beyond position ", last_, kRestore);
    if (scope_rows > scope_rows_) {
      Problem(scope_rows - scope_rows_, " scope rows up to position ", last_, " name no block",
              kRestore);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> CountRows(std::string_view prefix) {
    constexpr size_t kRowsAtATime = 1000;
    uint64_t count = 0;
    std::string from(prefix);
    while (true) {
      ASSIGN_OR_RETURN(const auto rows,
                       log_.engine().ScanIndex(log_.tenant(), prefix, from, kRowsAtATime));
      count += rows.size();
      if (rows.size() < kRowsAtATime) return count;
      from = rows.back().key + '\0';
    }
  }

  const EventLog& log_;
  const LogEnd end_;
  LogVerification found_;
  Position last_;
  ChainValue chain_ = {};
  bool chain_known_ = true;
  int64_t server_time_us_ = INT64_MIN;
  uint64_t runs_ = 0;
  uint64_t scope_rows_ = 0;
  Header header_;
  Intent intent_;
  std::unordered_map<LogId, LogState> logs_;
  std::unordered_set<uint64_t> open_;  // positions
};

}  // namespace

absl::StatusOr<LogVerification> VerifyLog(const EventLog& log) { return Verifier(log).Run(); }

}  // namespace intentlog
