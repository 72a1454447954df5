#include "tools/commands/device.h"

#include <cstdio>

#include "eventlog/runtime/text.h"
#include "eventlog/schema/json.h"
#include "tools/commands/command.h"
#include "tools/commands/json.h"

namespace intentlog {

void AddDeviceArguments(CLI::App& command, DeviceArguments* arguments) {
  AddText(command, "--dir", &arguments->folder.dir, "the device's folder", kRequired);
  AddSchema(command, &arguments->folder.schema_file);
  AddDuration(command, "--clock-ahead", &arguments->folder.clock_ahead,
              "as if the device's clock were set wrong by so much, to see what rules make of it");
  AddNumber(command, "--log-quota", &arguments->folder.quota_bytes, 4096, UINT64_MAX,
            "bytes that its log may hold (default: 1073741824)");
  AddJson(command, &arguments->json);
}

void AddWhat(CLI::App& command, DeviceArguments* arguments, const std::string& help) {
  AddText(command, "WHAT", &arguments->what, help);
}

absl::StatusOr<std::unique_ptr<google::protobuf::Message>> ReadPayloadOf(const Client& client,
                                                                         const std::string& type,
                                                                         const std::string& json) {
  const EventType* known = client.schema()->Find(type);
  if (known == nullptr) {
    return NotFound("this schema has no event type ", type, "; name its file with --schema");
  }
  return PayloadFromJson(*known, json);
}

void PrintDecision(const Appended& done, bool json) {
  const std::string id = ToText(done.intent_id);
  if (json) {
    PrintJson({{"intent_id", id}, {"count", done.count.value()}, {"repeated", done.repeated}});
    return;
  }
  std::printf("%s  count %s; %s\n", id.c_str(), std::to_string(done.count.value()).c_str(),
              done.repeated ? "recorded before" : "the next sync brings it to the server");
}

void RegisterDevice(CLI::App& app, int* exit_code) {
  CLI::App& device =
      AddGroup(app, "device", "Record on a device, sync it, and ask what became of it.");
  for (const Register add :
       {RegisterDeviceAppend, RegisterDeviceSync, RegisterDeviceStatus, RegisterDeviceShow,
        RegisterDeviceConflicts, RegisterDeviceResolve, RegisterDeviceAmend, RegisterDeviceDismiss,
        RegisterDeviceWhy, RegisterDeviceRepair}) {
    add(device, exit_code);
  }
}

}  // namespace intentlog
