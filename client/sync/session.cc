#include "client/sync/session.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "client/outbox/intent_reader.h"
#include "client/scope_load.h"
#include "client/sync/meet_history.h"
#include "client/sync/reconcile.h"
#include "client/trim.h"
#include "eventlog/log/feed_view.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/mark.h"
#include "eventlog/runtime/parse_cost.h"
#include "eventlog/runtime/text.h"
#include "eventlog/schema/entity.h"

namespace intentlog {
namespace {

constexpr uint32_t kProtocol = 1;
constexpr size_t kDigestSize = 16;

// A server can not make a device wait for longer with one word than this, so that no number
// overflows.
absl::Duration Millis(uint64_t ms) {
  constexpr uint64_t kMillisMax = 24 * 3600 * 1000;
  return absl::Milliseconds(static_cast<int64_t>(std::min(ms, kMillisMax)));
}

absl::Status NoFrame(size_t bytes) {
  return Invalid("the server sent ", bytes, " bytes that are no frame");
}

// Of two reports, only what differs here is worth a frame: the time since when moves by itself.
std::string Comparable(QueueHealth health) {
  health.clear_blocked_since_us();
  return health.SerializeAsString();
}

}  // namespace

Session::Session(Device& device, const SessionOptions& options, const Clock& clock,
                 const InstanceId& instance, DigestCheck& digests, SessionHost& host)
    : device_(device),
      options_(options),
      clock_(clock),
      instance_(instance),
      digests_(digests),
      host_(host),
      bootstrap_(device, options.bootstrap),
      download_(device, digests, options.download) {
  for (const DeviceLogs::Named& log : device.logs->All()) {
    uploads_.emplace_back(*device.outbox, log, options.upload);
  }
}

absl::Status Session::Start(const QueueHealth& health) {
  last_heard_ = last_report_ = clock_.Passed();
  {
    // What a cut interrupted: a Hello with the cursor of before would get all of it again, over
    // rows that are half replaced.
    const std::lock_guard<std::mutex> lock(device_.folding);
    RETURN_IF_ERROR(FinishLoads(device_));
  }
  outgoing_.Clear();
  Hello& hello = *outgoing_.mutable_hello();
  hello.set_protocol(kProtocol);
  hello.set_tenant(device_.identity.tenant());
  hello.set_device(device_.identity.device());
  hello.set_instance(std::string(instance_.bytes()));
  NameLogs(hello);
  for (const auto& [scope, cursor] : device_.cursors->All()) {
    Cursor& known = *hello.add_cursors();
    known.set_scope(scope);
    if (cursor.position == Position() || cursor.anew) continue;
    known.set_epoch_id(std::string(cursor.epoch.bytes()));
    known.set_position(cursor.position.value());
    known.set_chain(std::string(Bytes(cursor.chain)));
  }
  *hello.mutable_history() = device_.history;
  hello.set_all_scopes(device_.identity.all_scopes());
  hello.set_schema_digest(device_.schema->digest());
  hello.set_wall_time_us(clock_.WallMicros());
  hello.set_clock_steps(device_.clock->steps());
  *hello.mutable_health() = health;
  reported_ = Comparable(health);
  for (const auto& projection : device_.models->projections()) {
    const ProjectionInfo info = projection->info();
    ProjectionVersion& version = *hello.add_projections();
    version.set_name(info.name);
    version.set_version(info.version);
    version.set_fingerprint(projection->fingerprint());
  }
  hello.set_app_version(options_.app_version);
  hello.set_takes_packed(true);
  hello.set_initial_credit_bytes(host_.GrantCredit(options_.feed_credit_bytes));
  RETURN_IF_ERROR(bootstrap_.AddTo(hello));
  SendFrame(outgoing_);
  return absl::OkStatus();
}

// Those that may be pushed, and what some of them go on from: it is not pushed any more, and says
// what that one went on from.
void Session::NameLogs(Hello& hello) const {
  const auto add = [&hello](const DeviceLogs::Named& named, Count last, Count receipted,
                            Count last_receipted = Count()) {
    DeviceLog& log = *hello.add_logs();
    log.set_log_id(std::string(named.id.bytes()));
    log.set_priority_class(named.priority);
    log.set_highest_count(named.OnWire(last));
    log.set_receipted(named.OnWire(receipted));
    if (last_receipted > receipted) log.set_receipted_last(named.OnWire(last_receipted));
    if (named.continues.nil()) return;
    log.set_continues_log_id(std::string(named.continues.bytes()));
    log.set_continues_count(named.continues_count.value());
  };
  std::array<Count, kClasses> before;
  for (const Upload& upload : uploads_) {
    const OutboxView view = upload.view();
    add(upload.log(), view.last, view.receipted,
        view.islands.empty() ? Count() : view.islands.back().last);
    before[upload.priority()] = upload.log().before;
  }
  for (const DeviceLogs::Named& former : device_.logs->Former()) {
    // What was trimmed is not asked back of a server that lacks it.
    const auto first = IntentReader(*device_.store, former.priority).First();
    const bool trimmed = first.ok() && *first > before[former.priority];
    add(former, before[former.priority], trimmed ? former.before : before[former.priority]);
  }
}

void Session::FoldSoon() {
  if (!fold_asked_) host_.FoldSoon();
  fold_asked_ = true;
}

absl::Status Session::OnFrame(std::string bytes) {
  last_heard_ = clock_.Passed();
  if (!IsCheapToParse(*ServerFrame::descriptor(), bytes)) {
    return Invalid("the server sent ", bytes.size(),
                   " bytes that are no frame, or of too many elements");
  }
  auto held = std::make_unique<const std::string>(std::move(bytes));
  const auto feed = ParseFeedFrame(*held);
  if (!feed.ok()) return NoFrame(held->size());
  if (!*feed) return OnOther(*held);
  RETURN_IF_ERROR(CheckTurn(ServerFrame::kFeed));
  return OnFeed(std::move(held), **feed);
}

absl::Status Session::CheckTurn(ServerFrame::FrameCase kind) const {
  const bool first = kind == ServerFrame::kWelcome;
  const bool any_time = kind == ServerFrame::kThrottle || kind == ServerFrame::kGoodbye ||
                        kind == ServerFrame::FRAME_NOT_SET;
  if (any_time || first != open_) return absl::OkStatus();
  return Invalid(first ? "the server said Welcome twice" : "the server spoke before its Welcome");
}

absl::Status Session::OnOther(std::string_view bytes) {
  ServerFrame& frame = incoming_;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return NoFrame(bytes.size());
  }
  RETURN_IF_ERROR(CheckTurn(frame.frame_case()));
  switch (frame.frame_case()) {
    case ServerFrame::kWelcome:
      return OnWelcome(frame.welcome());
    case ServerFrame::kReceipts:
      return OnReceipts(*frame.mutable_receipts());
    case ServerFrame::kFeed:  // is read where it lies
      return NoFrame(bytes.size());
    case ServerFrame::kSnapshotHead:
      return OnSnapshot(
          bootstrap_.AddHead(std::move(*frame.mutable_snapshot_head()), bytes.size(), epoch_));
    case ServerFrame::kSnapshotChunk:
      return OnSnapshot(bootstrap_.AddChunk(frame.snapshot_chunk(), bytes.size()));
    case ServerFrame::kDigest:
      return OnDigest(frame.digest());
    case ServerFrame::kResend:
      return OnResend(frame.resend());
    case ServerFrame::kForked:
      return OnForked(frame.forked());
    case ServerFrame::kThrottle:
      return OnThrottle(frame.throttle());
    case ServerFrame::kGoodbye:
      return OnGoodbye(frame.goodbye());
    case ServerFrame::kEnds:
      return OnEnds(frame.ends());
    case ServerFrame::FRAME_NOT_SET:  // of a later version
      break;
  }
  return absl::OkStatus();
}

absl::Status Session::OnFeed(FrameBytes bytes, const FeedView& feed) {
  const auto cursor = device_.cursors->Find(feed.scope);
  if (cursor && cursor->anew && feed.from == 0 && !download_.Expects(feed.scope)) {
    RETURN_IF_ERROR(ValidScope(feed.scope));
    bootstrap_.Empty(std::string(feed.scope));
    RETURN_IF_ERROR(OnSnapshot(absl::OkStatus()));
  }
  RETURN_IF_ERROR(download_.Add(std::move(bytes), feed, epoch_));
  head_ = std::max(head_, download_.highest());
  FoldSoon();
  return absl::OkStatus();
}

absl::Status Session::OnSnapshot(const absl::Status& added) {
  RETURN_IF_ERROR(added);
  while (const auto ready = bootstrap_.TakeReady()) download_.Expect(ready->scope, ready->cursor);
  FoldSoon();
  return absl::OkStatus();
}

absl::Status Session::OnWelcome(const Welcome& welcome) {
  if (welcome.epoch_id().size() != EpochId::kSize) {
    return Invalid("welcome: the epoch's id has ", welcome.epoch_id().size(), " bytes");
  }
  epoch_ = EpochId::FromBytes(welcome.epoch_id());
  RETURN_IF_ERROR(MeetServer(welcome));
  for (Upload& upload : uploads_) {
    Count highest;
    for (const HighestCount& log : welcome.highest()) {
      if (log.log_id() == upload.log_id().bytes()) highest = Count(log.count());
    }
    const bool leaving = device_.superseded > 0 || device_.leaving.count(upload.priority()) > 0;
    RETURN_IF_ERROR(upload.Start(highest, welcome.limits(), leaving));
    NoteServerAhead(upload);
    RETURN_IF_ERROR(LeaveIfTrimmed(upload, highest));
  }
  RETURN_IF_ERROR(SeedDigests());
  head_ = head_at_welcome_ = Position(welcome.head());
  asked_max_ = options_.asked_max;
  if (const uint32_t max = welcome.limits().max_asked(); max > 0) {
    asked_max_ = std::min<size_t>(asked_max_, max);
  }
  StoreBatch batch;
  device_.NoteDurable(Position(std::min(welcome.durable_through(), welcome.head())), batch);
  if (!batch.empty()) RETURN_IF_ERROR(device_.store->Commit(batch, Sync::kBuffered));
  open_ = true;
  host_.Changed();
  RETURN_IF_ERROR(AskForEnds());
  return Pump();
}

// UNAVAILABLE after something was lost: another session begins upon what is left.
absl::Status Session::MeetServer(const Welcome& welcome) {
  ASSIGN_OR_RETURN(const bool went_back, GoBackBehindLosses(welcome));
  if (went_back) {
    outgrown_ = true;
    return Unavailable("the server was restored: a device log goes on from an earlier count");
  }
  const absl::StatusOr<bool> lost = MeetHistory(device_, welcome);
  refused_ = absl::IsFailedPrecondition(lost.status());
  RETURN_IF_ERROR(lost.status());
  if (!*lost) return absl::OkStatus();
  digests_.Forget();
  outgrown_ = true;
  return Unavailable("the server was restored: what it lost goes to it again");
}

// Rows of a history that a restored server lost stay until their scope has begun anew; they are at
// positions that mean something else by now.
absl::Status Session::SeedDigests() {
  digests_.ForgetWaiting();
  for (const auto& projection : device_.models->projections()) {
    const std::string name = projection->info().name;
    ASSIGN_OR_RETURN(const std::vector<ScopeState> states, device_.models->Scopes(name));
    for (const ScopeState& state : states) {
      const auto cursor = device_.cursors->Find(state.scope);
      if (!cursor || !cursor->lost()) digests_.Reached(name, state);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Upload*> Session::UploadOf(std::string_view frame, std::string_view log_id) {
  for (Upload& upload : uploads_) {
    if (upload.log_id().bytes() == log_id) return &upload;
  }
  return Invalid(frame, ": log ", Hex(log_id), " is not this device's");
}

bool Session::forked(PriorityClass priority) const {
  return std::any_of(uploads_.begin(), uploads_.end(), [&](const Upload& upload) {
    return upload.priority() == priority && upload.stopped();
  });
}

bool Session::has_feed() const {
  const auto cursors = device_.cursors->All();
  return std::all_of(cursors.begin(), cursors.end(), [&](const auto& cursor) {
    return cursor.second.position >= head_at_welcome_ && !cursor.second.anew;
  });
}

absl::Status Session::OnReceipts(Receipts& receipts) {
  ASSIGN_OR_RETURN(Upload * upload, UploadOf("receipts", receipts.log_id()));
  for (ReceiptRun& run : *receipts.mutable_runs()) {
    const auto first = upload->Pushed(run.first_count());
    if (!first) {
      return Invalid("receipts: count ", run.first_count(), " was never pushed");
    }
    run.set_first_count(first->value());
  }
  DeviceChange change;
  ASSIGN_OR_RETURN(change.settling.outcomes, ReconcileReceipts(upload->view(), receipts));
  // The feed may have told of all of them before.
  StoreBatch batch;
  device_.NoteDurable(Position(receipts.durable_through()), batch);
  if (!change.settling.outcomes.empty()) {
    // Not synced: a lost receipt is learned again.
    RETURN_IF_ERROR(device_.Apply(std::move(change), batch));
  }
  upload->Receipted();
  if (!receipts.runs().empty()) {
    const ReceiptRun& last = *receipts.runs().rbegin();
    upload->Compared(Count(last.first_count() + last.length() - 1));
  }
  host_.Changed();
  return Pump();
}

absl::Status Session::OnResend(const Resend& resend) {
  ASSIGN_OR_RETURN(Upload * upload, UploadOf("resend", resend.log_id()));
  const absl::Status status = upload->Resend(resend.from_count());
  refused_ = absl::IsFailedPrecondition(status);
  RETURN_IF_ERROR(status);
  return Pump();
}

absl::Status Session::OnDigest(const Digest& digest) {
  if (digest.digest().size() != kDigestSize || digest.position() == 0) {
    return Invalid("digest of \"", digest.projection(), "\": ", digest.digest().size(),
                   " bytes at position ", digest.position());
  }
  const Projection* projection = device_.models->Find(digest.projection());
  if (projection == nullptr) return absl::OkStatus();
  digests_.Compare(digest, projection->info().version, projection->fingerprint());
  host_.Changed();
  return absl::OkStatus();
}

absl::Status Session::OnThrottle(const Throttle& throttle) {
  server_delay_ = Millis(throttle.retry_after_ms());
  throttled_until_ = clock_.Passed() + server_delay_;
  host_.PumpAfter(server_delay_);
  host_.Changed();
  return absl::OkStatus();
}

absl::Status Session::OnGoodbye(const Goodbye& goodbye) {
  server_delay_ = Millis(goodbye.retry_after_ms());
  refused_ = goodbye.code() == Goodbye::EPOCH_MISMATCH ||
             goodbye.code() == Goodbye::UNSUPPORTED_PROTOCOL ||
             goodbye.code() == Goodbye::UNKNOWN_TENANT;
  if (goodbye.code() == Goodbye::SUPERSEDED) RETURN_IF_ERROR(OnSuperseded());
  const absl::StatusCode code =
      refused_ ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kUnavailable;
  return StatusOf(code, "the server ended the session: ", Goodbye::Code_Name(goodbye.code()),
                  goodbye.text().empty() ? "" : ", ", goodbye.text());
}

absl::Status Session::Fold() {
  fold_asked_ = false;
  const std::lock_guard<std::mutex> lock(device_.folding);
  if (bootstrap_.waiting()) return StepBootstrap();
  if (!download_.waiting()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Download::Folded folded, download_.Fold());
  RETURN_IF_ERROR(TrimLog(device_).status());
  GiveCredit(folded.frame_bytes);
  if (folded.own) {
    for (Upload& upload : uploads_) upload.Receipted();
  }
  if (download_.waiting()) FoldSoon();
  host_.Changed();
  return folded.own ? Pump() : absl::OkStatus();
}

absl::Status Session::StepBootstrap() {
  ASSIGN_OR_RETURN(const Bootstrap::Stepped stepped, bootstrap_.Step());
  GiveCredit(stepped.frame_bytes);
  if (stepped.loaded) RETURN_IF_ERROR(download_.NoteDigests({*stepped.loaded}));
  if (folding()) FoldSoon();
  host_.Changed();
  return absl::OkStatus();
}

void Session::GiveCredit(uint64_t bytes) {
  const uint64_t granted = host_.GrantCredit(bytes);
  if (granted == 0) return;
  outgoing_.Clear();
  outgoing_.mutable_credit()->set_bytes(granted);
  SendFrame(outgoing_);
}

absl::Status Session::Pump() {
  if (!open_) return absl::OkStatus();
  if (throttled()) return absl::OkStatus();
  while (host_.unsent_bytes() < options_.unsent_bytes_max) {
    ASSIGN_OR_RETURN(const bool more, PushNext());
    if (!more) break;
  }
  RETURN_IF_ERROR(LeaveSettledLogs());
  const auto logs = device_.logs->All();
  if (logs.size() == uploads_.size()) return absl::OkStatus();
  outgrown_ = std::any_of(logs.begin(), logs.end(), [&](const DeviceLogs::Named& log) {
    return !UploadOf("", log.id.bytes()).ok() && host_.PushAllowance(log.priority) > 0;
  });
  if (!outgrown_) return absl::OkStatus();
  return Unavailable("a device log began that the server was not told of");
}

// One frame of the first log that has one: lower classes go first.
absl::StatusOr<bool> Session::PushNext() {
  const size_t in_flight = BytesInFlight();
  for (Upload& upload : uploads_) {
    const uint64_t allowed = host_.PushAllowance(upload.priority());
    if (allowed == 0) continue;
    outgoing_.Clear();
    ASSIGN_OR_RETURN(const bool more, upload.Next(in_flight - upload.bytes_in_flight(), allowed,
                                                  outgoing_.mutable_push()));
    if (!more) continue;
    host_.Pushed();
    SendFrame(outgoing_);
    return true;
  }
  return false;
}

// The server's window is one for all logs.
size_t Session::BytesInFlight() const {
  size_t bytes = 0;
  for (const Upload& upload : uploads_) bytes += upload.bytes_in_flight();
  return bytes;
}

absl::Status Session::Tick(const QueueHealth& health) {
  const absl::Duration now = clock_.Passed();
  const bool waits = !open_ || BytesInFlight() > 0;
  if (waits && !throttled() && now - last_heard_ >= options_.silence_max) {
    return Unavailable("the server has not answered for ", absl::ToInt64Seconds(now - last_heard_),
                       " s");
  }
  if (open_ && now - last_ask_ >= options_.ask_interval) RETURN_IF_ERROR(AskForEnds());
  const absl::Duration since = now - last_report_;
  if (!open_ || since < options_.report_interval) return absl::OkStatus();
  if (since >= options_.sign_of_life || Comparable(health) != reported_) SendReport(health);
  return absl::OkStatus();
}

void Session::SendReport(const QueueHealth& health) {
  reported_ = Comparable(health);
  last_report_ = clock_.Passed();
  outgoing_.Clear();
  Report& report = *outgoing_.mutable_report();
  *report.mutable_health() = health;
  for (const Upload& upload : uploads_) {
    HighestCount& highest = *report.add_highest();
    highest.set_log_id(std::string(upload.log_id().bytes()));
    highest.set_count(upload.log().OnWire(upload.view().last));
  }
  SendFrame(outgoing_);
}

// Where a scope has no feed here, nothing else would tell.
absl::Status Session::AskForEnds() {
  last_ask_ = clock_.Passed();
  const OutboxCounts counts = device_.outbox->counts();
  const bool any_open = counts.parked + counts.conflicted + counts.failed > 0;
  if (!any_open || device_.cursors->all_scopes()) return absl::OkStatus();
  outgoing_.Clear();
  Inquiry& inquiry = *outgoing_.mutable_inquiry();
  const Position after = asked_through_;
  asked_through_ = Position();
  RETURN_IF_ERROR(device_.outbox->ForEachOpen(after, [&](const Outbox::OpenAt& open) {
    if (device_.cursors->Find(open.scope)) return true;
    Inquiry::Open& one = *inquiry.add_open();
    one.set_position(open.position.value());
    one.set_decision(open.decision);
    if (static_cast<size_t>(inquiry.open_size()) < asked_max_) return true;
    asked_through_ = open.position;
    return false;
  }));
  if (inquiry.open_size() > 0) SendFrame(outgoing_);
  return absl::OkStatus();
}

absl::Status Session::OnEnds(const Ends& ends) {
  DeviceChange change;
  for (const Ends::End& end : ends.ends()) {
    const bool turned = end.settlement() == 0;
    if (end.of() == 0 || (turned && !IsOpen(end.decision(), /*resolved=*/false))) {
      return Invalid("ends: position ", end.of(), " is open, and ", Decision_Name(end.decision()));
    }
    SettlementSeen seen;
    seen.position = Position(end.settlement());
    seen.of = Position(end.of());
    seen.decision = end.decision();
    seen.reason = end.reason();
    seen.resolved = end.resolved();
    seen.turned = turned;
    change.settling.settlements.push_back(std::move(seen));
    if (!turned) change.conflicts.push_back({Position(end.of()), "", /*settled=*/true});
  }
  INTENTLOG_MARK("session: own intents ended in a scope that is not followed");
  StoreBatch batch;
  // Not synced: what is lost is asked for again.
  RETURN_IF_ERROR(device_.Apply(std::move(change), batch));
  host_.Changed();
  return Pump();
}

void Session::SendFrame(const DeviceFrame& frame) { host_.Send(frame.SerializeAsString()); }

}  // namespace intentlog
