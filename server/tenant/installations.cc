#include "server/tenant/installations.h"

#include <algorithm>

#include "eventlog/runtime/text.h"

namespace intentlog {
namespace {

constexpr char kMark = '#';
constexpr size_t kMarkBytes = 4;  // of the log_id

bool Has(const std::vector<std::string>& log_ids, std::string_view log_id) {
  return std::find(log_ids.begin(), log_ids.end(), log_id) != log_ids.end();
}

}  // namespace

std::vector<const DeviceLog*> PushedLogs(const Hello& hello) {
  std::vector<const DeviceLog*> pushed;
  for (const DeviceLog& log : hello.logs()) {
    const bool former =
        std::any_of(hello.logs().begin(), hello.logs().end(),
                    [&](const DeviceLog& one) { return one.continues_log_id() == log.log_id(); });
    if (!former) pushed.push_back(&log);
  }
  return pushed;
}

std::string OthersPrefix(std::string_view device) { return Cat(device, kMark); }

std::string NameInstallation(const Hello& hello, const std::vector<KnownInstallation>& known,
                             const std::vector<std::string>& left) {
  const std::vector<const DeviceLog*> pushed = PushedLogs(hello);
  for (const DeviceLog* log : pushed) {
    for (const KnownInstallation& one : known) {
      if (Has(one.log_ids, log->log_id())) return one.name;
    }
  }
  for (const std::string& log_id : left) {
    for (const KnownInstallation& one : known) {
      if (!one.live && Has(one.log_ids, log_id)) return one.name;
    }
  }
  const bool taken = std::any_of(known.begin(), known.end(), [&](const KnownInstallation& one) {
    return one.name == hello.device();
  });
  if (!taken || pushed.empty()) return hello.device();
  return Cat(OthersPrefix(hello.device()), Hex(pushed.front()->log_id().substr(0, kMarkBytes)));
}

}  // namespace intentlog
