// What a Server is made with, and its limits: each with a default and its reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "eventlog/schema/schema.h"
#include "projections/engine/read_models.h"
#include "server/snapshots/snapshot_policy.h"

namespace rocksdb {
class Env;
}

namespace intentlog {

class MemoryDisk;

struct ServerOptions {
  std::string dir;  // DIR/log, and DIR/views/TENANT, DIR/snapshots/TENANT for each tenant
  std::shared_ptr<const Schema> schema;
  Projections projections;
  rocksdb::Env* env = nullptr;   // the file system; null: the machine's
  MemoryDisk* memory = nullptr;  // for tests: StoreOptions::memory

  // ---- limits told to devices, and enforced
  // One frame must hold the largest batch (512 KiB).
  uint32_t frame_bytes_max = 1 << 20;
  // Per session, pushed and not receipted: keeps the sequencer busy during a sync, bounds memory.
  uint32_t push_window_bytes = 2 << 20;
  uint32_t batch_intents_max = 2048;
  uint32_t batch_bytes_max = 512 << 10;

  // ---- the sequencer
  // One group commit takes at most this; more waits for the next one.
  size_t group_bytes_max = 4 << 20;
  // Memory for unflushed writes of each store: the log's, and a tenant's read models.
  size_t write_buffer_bytes = 16 << 20;
  // Groups decided but not yet durable: one syncs while the next is decided.
  int groups_in_flight_max = 2;
  // While a group syncs, the next one is taken at this size; less waits for the sync to end,
  // because two small groups cost two syncs.
  size_t group_bytes_early = 256 << 10;
  // Pushes that wait to be decided, per tenant; above it devices are asked to push again later.
  size_t waiting_bytes_max = 256 << 20;
  // Entities kept in memory for deciding, per tenant.
  size_t summary_cache_entities = 20000;
  // Device logs kept in memory for deciding, per tenant.
  size_t log_cache_entries = 20000;
  // Events admitted again in one group, after what they waited for was closed: a lane that waited
  // for long does not hold up the others. The rest goes on with the next groups.
  size_t readmissions_max = 4096;
  // Operators' intents that wait to be decided, per tenant; more are refused.
  size_t own_intents_max = 1000;
  // Small appends after which their blocks are merged.
  int small_blocks_merge_after = 64;

  // ---- the feed
  // A feed frame is filled up to this from history.
  size_t feed_frame_bytes = 256 << 10;
  // Serialized feed frames kept for sharing, per tenant.
  size_t feed_cache_bytes = 16 << 20;
  // A session's frames not yet taken by its transport; feed waits above it.
  size_t unsent_bytes_max = 512 << 10;
  // A quiet scope's cursor moves at most this often.
  absl::Duration quiet_cursor_interval = absl::Seconds(10);
  // A scope's digests are sent at most this often.
  absl::Duration digest_interval = absl::Seconds(1);

  // A device that lacks fewer events of a scope than this gets them, not a snapshot: some hundred
  // milliseconds of folding, and it keeps its feed.
  uint64_t snapshot_events_min = 20'000;
  // … and one that would get more rows than this for each event: they would be more bytes.
  uint64_t snapshot_rows_per_event_max = 4;

  // ---- backups, and what comes after a restore
  // A backup is accepted for a restore while fewer than this many newer ones are there. Devices
  // keep what the oldest of them does not cover: more means that an older one will do, and more
  // kept.
  int backups_accepted = 2;
  // Without backups nothing is ever restored: devices may trim whatever is durable here. Holds
  // until the first backup was taken.
  bool backups_off = true;
  // After a restore, for so long what devices bring back waits for those that had what lies before
  // it, and new work with it. Some minutes bring back whoever is online.
  absl::Duration heal_wait = absl::Minutes(10);
  // Events that wait then; beyond, a device is asked to push again later.
  size_t heal_waiting_bytes_max = size_t{256} << 20;
  // … and new work waits for so long for the first device that tells of a loss: about as long as
  // devices take to come back that are online.
  absl::Duration heal_grace = absl::Seconds(15);
  // A log that went back without a word begins a new epoch, at most this often.
  absl::Duration epochs_apart_min = absl::Minutes(10);

  // ---- the projector
  // Events folded in one step: the executor serves others in between.
  size_t fold_events_max = 4096;
  // Steps that fold less begin at most this often: a commit for each small group would take a third
  // of the processor from ingest. Nobody sees rows later than this because of it.
  absl::Duration fold_interval = absl::Milliseconds(20);

  // ---- snapshots of read models
  SnapshotPolicy snapshots;
  // ---- views that are rebuilt
  // Rows in memory before they are written: one that changes often is written once for all its
  // changes. A rebuild that is interrupted does again what it had not written.
  size_t rebuild_commit_bytes = 32 << 20;
  // What was live before a switch follows for so long, to be rolled back to. A week of work shows
  // what a new version gets wrong; until then the view costs twice the folding and the room.
  absl::Duration roll_back_window = absl::Hours(7 * 24);

  // ---- sessions
  size_t sessions_max = 20000;
  // Scopes that one device names in its Hello.
  size_t cursors_max = 4096;
  // Intents in one frame: a frame of tiny ones may not grow into a log of large headers.
  size_t frame_intents_max = 16384;
  size_t tenants_max = 1000;
  // A session without any frame from its device for this long is cut. gRPC's keepalive finds dead
  // connections earlier; this finds devices that hang.
  absl::Duration silence_max = absl::Seconds(60);
  // What a device reports of its queue is kept at most this often, and when its session ends: each
  // time is a write.
  absl::Duration device_record_interval = absl::Seconds(10);
  // Open events of its own that a device may ask about at a time: two reads of the store for each.
  uint32_t asked_max = 256;
  // After a failed write the stores are opened again at this interval until it works.
  absl::Duration reopen_interval = absl::Seconds(2);
};

// Where a server keeps what.
inline std::string ServerLogDir(const std::string& dir) { return dir + "/log"; }
inline std::string ServerViewsDir(const std::string& dir, const std::string& tenant) {
  return dir + "/views/" + tenant;
}
inline std::string ServerSnapshotsDir(const std::string& dir, const std::string& tenant) {
  return dir + "/snapshots/" + tenant;
}

}  // namespace intentlog
