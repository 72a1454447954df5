// A LogWalk goes through a server's whole log and counts: how each event was decided first, and how
// often each count of each device log occurs. It is how a story proves that nothing was lost or
// doubled. Thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/wire/reader_client.h"
#include "proto/event.pb.h"

namespace intentlog {

class LogWalk {
 public:
  // Reads everything. DATA_LOSS if a header does not parse; otherwise as ReaderClient::ReadEvents.
  absl::Status Read(const ReaderClient& reader);
  void Add(const Header& header);

  uint64_t events() const { return events_; }
  uint64_t settlements() const { return settlements_; }
  // First decisions; settlements are not counted.
  uint64_t decided(Decision decision) const { return decided_[static_cast<size_t>(decision)]; }

  // Events that a server had lost, and those of them that have the position that they had.
  uint64_t returned() const { return returned_; }
  uint64_t as_they_were() const { return as_they_were_; }

  // Of a device log (hexadecimal id) that acknowledged the counts 1 … `acknowledged`:
  uint64_t Lost(const std::string& log_id, uint64_t acknowledged) const;  // without a position
  uint64_t Doubled(const std::string& log_id) const;                      // with more than one

 private:
  uint64_t events_ = 0;
  uint64_t settlements_ = 0;
  uint64_t returned_ = 0;
  uint64_t as_they_were_ = 0;
  std::array<uint64_t, 16> decided_ = {};
  std::map<std::string, std::vector<uint8_t>> times_;  // by log id in bytes: by count - 1
};

}  // namespace intentlog
