#include "tests/simulation/checkers.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace intentlog::simulation {
namespace {

// Most frames are digests, and no checker asks for one: the member of a choice begins its frame.
bool IsDigest(std::string_view frame) {
  constexpr int kLengthDelimited = 2;
  return !frame.empty() && frame[0] == (ServerFrame::kDigestFieldNumber << 3 | kLengthDelimited);
}

}  // namespace

Checkers::Checkers(World& world, bool folds_fail) : world_(world) {
  const auto add = [this](std::vector<std::unique_ptr<Checker>> some) {
    std::move(some.begin(), some.end(), std::back_inserter(checkers_));
  };
  add(LogCheckers());
  add(DeviceCheckers(folds_fail));
  add(CopyCheckers());
  add(ViewCheckers());
  add(RunCheckers());
  world_.Watch(this);
}

Checkers::~Checkers() { world_.Watch(nullptr); }

std::string Checkers::Problems() const {
  std::string problems = other_;
  for (const auto& checker : checkers_) problems += checker->problems();
  return problems;
}

// I12: what was seen stays.
bool Checkers::Read(bool all) {
  if (!world_.server_runs()) return false;
  const auto log = world_.server().Log("shop");
  if (!log.ok()) return false;
  std::string problems;
  const std::vector<SeenEvent> fresh = history_.Read(**log, all, problems);
  if (!problems.empty()) other_ += "I12OneImmutableOrder: " + problems;
  for (const SeenEvent& event : fresh) {
    for (const auto& checker : checkers_) checker->OnEvent(history_, event);
  }
  for (const auto& [device, bytes] : std::exchange(held_, {})) OnFrameTo(device, bytes);
  return true;
}

void Checkers::ReadStarted() {
  const auto log = world_.server().Log("shop");
  if (!log.ok()) return;
  const uint64_t head = (**log).head().position.value();
  Read(/*all=*/true);
  for (const auto& checker : checkers_) checker->OnServerStarted(history_, head);
}

void Checkers::Step() {
  Read(/*all=*/false);
  for (const auto& checker : checkers_) checker->OnStep(world_, history_);
}

void Checkers::End() {
  Read(/*all=*/true);
  const auto log = world_.server().Log("shop");
  if (!log.ok()) return void(other_ += Cat("the log cannot be read: ", log.status(), "\n"));
  const Lanes lanes(**log, continued_);
  for (const auto& checker : checkers_) checker->AtEnd(world_, history_, lanes);
}

// A server whose stores have failed still sends what it had, and cannot be asked for its log.
void Checkers::OnFrame(std::string_view from, std::string_view to, std::string_view bytes) {
  if (from != kServerNode) return OnFrameOf(std::string(from), bytes);
  if (Read(/*all=*/false)) return OnFrameTo(std::string(to), bytes);
  held_.emplace_back(to, bytes);
}

void Checkers::OnFrameTo(const std::string& device, std::string_view bytes) {
  const auto feed = ParseFeedFrame(bytes);
  if (feed.ok() && feed->has_value()) {
    for (const auto& checker : checkers_) checker->OnFeed(history_, device, **feed);
    return;
  }
  if (IsDigest(bytes)) return;
  ServerFrame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  for (const auto& checker : checkers_) {
    if (frame.has_welcome()) checker->OnWelcome(world_, history_, device, frame.welcome());
    if (frame.has_receipts()) checker->OnReceipts(history_, device, frame.receipts());
    if (frame.has_snapshot_head()) checker->OnSnapshot(history_, device, frame.snapshot_head());
  }
}

void Checkers::OnFrameOf(const std::string& device, std::string_view bytes) {
  DeviceFrame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  for (const DeviceLog& log : frame.hello().logs()) {
    if (!log.continues_log_id().empty()) continued_[log.log_id()] = log.continues_log_id();
  }
  if (!frame.has_push()) return;
  for (const auto& checker : checkers_) checker->OnPush(device, frame.push());
}

void Checkers::OnAppended(const std::string& name, const Appended& appended,
                          Durability durability) {
  DeviceHistory& device = history_.devices()[name];
  for (const auto& checker : checkers_) checker->OnAppended(device, name, appended);
  auto& log = device.logs[appended.priority];
  const size_t count = appended.count.value();
  if (log.size() < count) log.resize(count);
  log[count - 1] = {appended.intent_id, count, 1};
  if (durability == Durability::kDurable) OnFlushed(name);
}

void Checkers::OnFlushed(const std::string& name) {
  DeviceHistory& device = history_.devices()[name];
  for (const auto& [priority, noted] : device.logs) device.synced[priority] = noted.size();
}

void Checkers::OnBatch(const std::string& name, const std::vector<Appended>& batch) {
  auto& log = history_.devices()[name].logs[batch.front().priority];
  for (const Appended& one : batch) {
    NotedIntent& noted = log[one.count.value() - 1];
    noted.batch_first = batch.front().count.value();
    noted.batch_size = static_cast<uint32_t>(batch.size());
  }
}

void Checkers::OnAppendFailed(const std::string& device, const absl::Status& status) {
  for (const auto& checker : checkers_) checker->OnAppendFailed(device, status);
}

void Checkers::OnNotStarted(const std::string& node, const absl::Status& status) {
  for (const auto& checker : checkers_) checker->OnNotStarted(node, status);
}

void Checkers::OnUnsettled(absl::Duration within) {
  for (const auto& checker : checkers_) checker->OnUnsettled(world_, within);
}

void Checkers::OnRebuilt() {
  for (const auto& checker : checkers_) checker->OnRebuilt(world_);
}

void Checkers::OnServerCopied() {
  Read(/*all=*/false);
  copied_head_ = history_.log().size();
}

void Checkers::OnServerRestored() {
  held_.clear();  // what they tell of is lost
  history_.Shorten(copied_head_);
  for (const auto& checker : checkers_) checker->OnServerRestored(history_);
}

void Checkers::OnServerStopped() {
  Read(/*all=*/false);
  for (const auto& checker : checkers_) checker->OnStopped(history_);
}

void Checkers::OnDiskCopied(const std::string& device, const std::string& copy) {
  copies_[copy] = {device, history_.devices()[device]};
}

void Checkers::OnDiskReplaced(const std::string& device, const std::string& copy) {
  const auto found = copies_.find(copy);
  const bool erased = found == copies_.end();
  history_.devices()[device] = erased ? DeviceHistory() : found->second.device;
  for (const auto& checker : checkers_) {
    checker->OnDiskReplaced(device, erased ? "" : found->second.of);
  }
}

void Checkers::OnStarted(const std::string& node) {
  if (node == kServerNode) return ReadStarted();
  for (const auto& checker : checkers_) checker->OnStarted(world_, history_, node);
  Learn(node);
}

// What a device has now is what counts: opening it made it durable, but on a full disk, where it is
// opened to be read.
void Checkers::Learn(const std::string& name) {
  DeviceHistory& device = history_.devices()[name];
  const bool durable = world_.device(name).store().failed().ok();
  std::map<PriorityClass, size_t> recorded;
  for (const LogStatus& status : world_.device(name).Status().logs) {
    recorded[status.priority] = status.counts.recorded;
    device.logs[status.priority];
  }
  for (auto& [priority, log] : device.logs) {
    log.resize(recorded[priority]);  // a power cut may take the name of an empty log, too
    size_t& synced = device.synced[priority];
    synced = durable ? log.size() : std::min(synced, log.size());
  }
  device.in_doubt = 0;
  device.cut = device.failed = false;
}

void Checkers::OnEnded(const std::string& node, Ending how) {
  for (const auto& checker : checkers_) checker->OnEnded(node, how);
  if (node == kServerNode) return;
  history_.devices()[node].cut = how == Ending::kPowerCut;
}

}  // namespace intentlog::simulation
