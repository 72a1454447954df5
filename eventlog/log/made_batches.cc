#include "eventlog/log/made_batches.h"

namespace intentlog {

void MadeBatches::Add(EventGroup& group, char device, const std::string& scope, uint32_t events) {
  Device& state = devices_[device];
  Run run;
  run.set_first_count(state.count + 1);
  run.set_first_position(group.next().value());
  run.set_length(events);
  for (uint32_t i = 0; i < events; ++i) {
    Header header;
    header.set_position(group.next().value());
    header.set_server_time_us(static_cast<int64_t>(1000 + group.next().value()));
    header.set_log_id(std::string(MadeLog(device).bytes()));
    header.set_count(++state.count);
    header.set_decision(ACCEPTED);
    Intent intent;
    intent.set_scope(scope);
    intent.set_payload(std::string(100, device));
    const std::string bytes = intent.SerializeAsString();
    state.hash = NextLogHash(state.hash, bytes);
    group.Add(header, header.SerializeAsString(), bytes, scope);
  }
  run.set_hash_after(std::string(Bytes(state.hash)));
  group.AddRun(MadeLog(device), run);
}

}  // namespace intentlog
