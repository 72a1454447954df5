#include "server/session/hello_check.h"

#include <set>
#include <utility>

#include "eventlog/log/chain.h"
#include "eventlog/log/epochs.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/ids.h"
#include "eventlog/runtime/parse_cost.h"
#include "eventlog/runtime/text.h"
#include "eventlog/runtime/wire_fields.h"
#include "eventlog/schema/entity.h"
#include "server/tenant/tenant_stores.h"

namespace intentlog {
namespace {

constexpr uint32_t kProtocol = 1;
constexpr int kDeviceLogsMax = 8;  // four classes, and as many that they continue
constexpr uint32_t kClasses = 4;
constexpr size_t kDeviceNameSizeMax = 100;
constexpr size_t kAppVersionSizeMax = 200;
constexpr size_t kHealthTextSizeMax = 4096;
constexpr int kProjectionsMax = 1000;

absl::Status CheckDeviceName(std::string_view name) {
  if (name.empty() || name.size() > kDeviceNameSizeMax) {
    return Invalid("the device's name has ", name.size(), " bytes; allowed are 1 to ",
                   kDeviceNameSizeMax);
  }
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Invalid("the device's name contains a control character");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLogs(const Hello& hello) {
  if (hello.logs_size() == 0 || hello.logs_size() > kDeviceLogsMax) {
    return Invalid("a Hello names 1 to ", kDeviceLogsMax, " device logs, not ", hello.logs_size());
  }
  std::set<std::string_view> seen;
  for (const DeviceLog& log : hello.logs()) {
    if (log.log_id().size() != LogId::kSize || LogId::FromBytes(log.log_id()).nil()) {
      return Invalid("a log_id is not 16 random bytes");
    }
    if (!seen.insert(log.log_id()).second) return Invalid("a log_id is named twice");
    if (log.priority_class() >= kClasses) {
      return Invalid("priority class ", log.priority_class(), " is above ", kClasses - 1);
    }
    if (!log.continues_log_id().empty() && log.continues_log_id().size() != LogId::kSize) {
      return Invalid("a continues_log_id is not 16 bytes");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCursors(const Hello& hello, const ServerOptions& options) {
  if (static_cast<size_t>(hello.cursors_size()) > options.cursors_max) {
    return Invalid("a Hello names at most ", options.cursors_max, " cursors, not ",
                   hello.cursors_size());
  }
  std::set<std::string_view> seen;
  for (const Cursor& cursor : hello.cursors()) {
    RETURN_IF_ERROR(ValidScope(cursor.scope()));
    if (!seen.insert(cursor.scope()).second) {
      return Invalid("scope ", cursor.scope(), " has two cursors");
    }
    if (!cursor.epoch_id().empty() && cursor.epoch_id().size() != EpochId::kSize) {
      return Invalid("the cursor of ", cursor.scope(), " has an epoch_id of ",
                     cursor.epoch_id().size(), " bytes, not 16");
    }
    if (!cursor.chain().empty() && cursor.chain().size() != sizeof(ChainValue)) {
      return Invalid("the cursor of ", cursor.scope(), " has a chain value of ",
                     cursor.chain().size(), " bytes, not 32");
    }
    if (cursor.position() > 0 && (cursor.epoch_id().empty() || cursor.chain().empty())) {
      return Invalid("the cursor of ", cursor.scope(), " has a position, but no epoch or chain");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSnapshots(const Hello& hello, const ServerOptions& options) {
  for (const int named : {hello.feed_only_size(), hello.snapshots_size()}) {
    if (static_cast<size_t>(named) <= options.cursors_max) continue;
    return Invalid("a Hello speaks of the snapshots of at most ", options.cursors_max,
                   " scopes, not ", named);
  }
  return absl::OkStatus();
}

absl::Status CheckRest(const Hello& hello) {
  RETURN_IF_ERROR(CheckEpochs(hello.history()));
  if (hello.instance().size() != InstanceId::kSize) return Invalid("instance is not 16 bytes");
  if (!hello.schema_digest().empty() && hello.schema_digest().size() != 32) {
    return Invalid("schema_digest is not 32 bytes");
  }
  if (hello.app_version().size() > kAppVersionSizeMax) {
    return Invalid("app_version has more than ", kAppVersionSizeMax, " bytes");
  }
  if (hello.health().last_error().size() + hello.health().blocked_by().size() >
      kHealthTextSizeMax) {
    return Invalid("the texts of the queue's health have more than ", kHealthTextSizeMax, " bytes");
  }
  return absl::OkStatus();
}

Goodbye Of(Goodbye::Code code, std::string text) {
  Goodbye goodbye;
  goodbye.set_code(code);
  goodbye.set_text(std::move(text));
  return goodbye;
}

}  // namespace

absl::Status CheckHelloSize(std::string_view device_frame, const ServerOptions& options) {
  WireFields outer(device_frame);
  size_t elements = 0;
  while (outer.Next()) {
    if (!outer.is_bytes()) continue;
    WireFields inner(outer.bytes());
    while (inner.Next()) ++elements;
  }
  // Cursors, and what it has of their snapshots.
  const size_t elements_max =
      3 * options.cursors_max + kDeviceLogsMax + kProjectionsMax + kEpochsMax + 64;
  if (elements > elements_max) return Invalid("the frame has ", elements, " elements");
  if (!IsCheapToParse(*DeviceFrame::descriptor(), device_frame)) {
    return Invalid("the frame does not parse: a length goes beyond its end, or it is of too many ",
                   "elements");
  }
  return absl::OkStatus();
}

std::optional<Goodbye> CheckHello(const Hello& hello, const ServerOptions& options) {
  if (hello.protocol() != kProtocol) {
    return Of(Goodbye::UNSUPPORTED_PROTOCOL,
              Cat("protocol ", hello.protocol(), " is not known here, only ", kProtocol));
  }
  const absl::Status tenant = CheckTenantName(hello.tenant());
  if (!tenant.ok()) return Of(Goodbye::UNKNOWN_TENANT, std::string(MessageOf(tenant)));
  for (const absl::Status& status :
       {CheckDeviceName(hello.device()), CheckLogs(hello), CheckCursors(hello, options),
        CheckSnapshots(hello, options), CheckRest(hello)}) {
    if (!status.ok()) return Of(Goodbye::BAD_FRAME, std::string(MessageOf(status)));
  }
  return std::nullopt;
}

}  // namespace intentlog
