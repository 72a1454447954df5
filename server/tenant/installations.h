// An installation is a device's folder, and what a server keeps a DeviceRecord of. Devices are
// named by people or by their hosts, so two of them may have one name: one that was installed
// again, a copy of a folder that went its own way. Each is told apart by the device logs that it
// pushes to, and by a name of the server's own where the device's is taken:
//
//   till-1            the first one
//   till-1#3fa2b1c0   another one, by the beginning of its log's log_id
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/store.pb.h"
#include "proto/sync.pb.h"

namespace intentlog {

// The logs that a session pushes to: those that no other log of the Hello goes on from.
std::vector<const DeviceLog*> PushedLogs(const Hello& hello);

// With which the names begin of all that call themselves `device`, but for the first.
std::string OthersPrefix(std::string_view device);

struct KnownInstallation {
  std::string name;
  std::vector<std::string> log_ids;  // that it pushes to
  bool live = false;
};
// Which of `known`, all named like the Hello's device, says this Hello; or the name of a new one.
// `left` are log_ids that a log of the Hello goes on from and that nobody else writes to: the same
// installation goes on there, unless it is live elsewhere.
std::string NameInstallation(const Hello& hello, const std::vector<KnownInstallation>& known,
                             const std::vector<std::string>& left);

}  // namespace intentlog
