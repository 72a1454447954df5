// A Projector folds a tenant's durable events into its read models. What it writes is not synced: a
// power cut takes some of it, and it is folded again from the log.
//
// An event that can not be folded into a row parks that row alone. What cannot be read stops it,
// with a status that says where; the log goes on growing.
//
// Methods on the core executor; it folds on its own. Destroy it when idle() only, or when the
// executors run nothing more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eventlog/log/event.h"
#include "eventlog/log/event_log.h"
#include "eventlog/runtime/executor.h"
#include "eventlog/store/store.h"
#include "projections/engine/log_event_finder.h"
#include "projections/engine/read_models.h"
#include "server/feed/feed_hub.h"
#include "server/options.h"

namespace intentlog {

class Projector {
 public:
  struct Hooks {
    // Everything through `position` is folded; `changed` has the digests of scopes, once in a
    // while.
    std::function<void(Position position, std::vector<ScopeDigests> changed)> folded;
    // Once in a while: how many rows of all views stand still; OK if none does, otherwise an
    // example.
    std::function<void(const absl::Status& status)> parked;
    std::function<void(const absl::Status& status)> failed;
  };
  struct Executors {
    Executor* core;
    Executor* projector;
  };

  // All must outlive the projector.
  Projector(const EventLog& log, Store& views, std::shared_ptr<ReadModels> models,
            const ServerOptions& options, Executors executors, Hooks hooks);

  // Reads the checkpoint. Before anything else.
  absl::Status Load();
  // The log has grown.
  void Wake();
  // What is folded from now on is read by this schema.
  void Adopt(std::shared_ptr<const Schema> schema);
  void Stop();
  bool idle() const { return tasks_ == 0; }

  // ---- on the projector executor
  // Folds into `models` from now on, and again what comes after `from`, if that is less far than
  // this has folded. REQUIRES: nothing is folded and not committed.
  void UseModels(std::shared_ptr<ReadModels> models, Position from);
  const ReadModels& models() const { return *models_; }
  // Through which all of `models` are folded.
  Position folded() const { return folded_; }
  // Folds again what readers have seen folded.
  bool behind() const { return folded_ < position(); }
  void PutCheckpoint(Position through, StoreBatch& batch) const;

  // Any thread. Never goes back.
  Position position() const { return Position(position_.load(std::memory_order_acquire)); }
  // Of the log, read by this process; any thread.
  uint64_t folded_bytes() const { return folded_bytes_.load(std::memory_order_relaxed); }

 private:
  struct StepResult {
    absl::Status status;
    bool more = false;
    Position through;
    std::vector<ScopeDigests> digests;
    std::optional<absl::Status> parked;
  };

  void PostStep();
  void Rest();
  StepResult Step();
  absl::Status FoldSome(StepResult& result);
  absl::Status FoldBlock(const BlockView& block, size_t begin);
  absl::Status Commit(Position through);
  absl::Status Look(StepResult& result);
  absl::Status CountParked();
  void NoteParked(const std::string& view, const ScopeState& state);
  // Empty: nothing.
  absl::StatusOr<std::string> WhatStandsStill() const;
  absl::StatusOr<std::string> ParkedExample(std::string_view view) const;
  absl::StatusOr<Position> FoldedBefore(std::string_view scope);
  void OnStep(StepResult result);

  const EventLog& log_;
  Store& views_;
  const ServerOptions& options_;
  const Executors executors_;
  const Hooks hooks_;

  bool stopped_ = false;
  bool stepping_ = false;
  bool woken_ = false;
  Executor::TimerId rest_ = 0;  // until it fires, no step begins
  int tasks_ = 0;
  std::atomic<uint64_t> position_{0};
  std::atomic<uint64_t> folded_bytes_{0};

  // Owned by the projector executor.
  std::shared_ptr<ReadModels> models_;
  Position folded_;
  std::unique_ptr<BlockReader> reader_;
  std::unique_ptr<EventDecoder> decoder_;
  std::unique_ptr<LogEventFinder> events_;
  std::map<std::string, Position, std::less<>> folded_before_;  // by scope, before this process
  std::set<std::string, std::less<>> touched_;                  // of the batch in hand
  std::set<std::string, std::less<>> digests_due_;
  // Rows that stand still, by view and scope; a scope that has none is not there.
  std::map<std::string, std::map<std::string, uint64_t>, std::less<>> parked_;
  bool parked_counted_ = false;  // of all scopes
};

}  // namespace intentlog
